//! What a run shows while it goes on: one line that changes on a terminal, now and then a line elsewhere.
//!
//! The changing line is drawn here and not by a library: it has to leave the cursor right behind its text.
//! A terminal echoes Ctrl-C there as `^C`, and a line that fills the terminal's width would have it on the
//! next line, out of reach of the next drawing.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tidemill_core::End;
use tidemill_embedded::{Ended, Endpoint, Event, Observer, secret_variable};

use crate::human::{self, clean, count};
use crate::say;

/// How often the changing line is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// How often a line is written where none can change.
const EVERY: Duration = Duration::from_secs(10);

/// How many lines about single items are written before the rest is only counted.
const LINES: u64 = 10;

/// The columns that stay free behind the changing line, for an echoed `^C` and the cursor.
const FREE: usize = 4;

/// The longest bar, in characters.
const BAR: usize = 30;

/// Follows a run.
pub(crate) struct Progress(Arc<Mutex<State>>);

struct State {
    pipeline: String,
    watch: bool,
    /// Whether a line can change.
    redraw: bool,
    frame: usize,
    queued: u64,
    ended: u64,
    dead: u64,
    /// Lines about single items since the last rest.
    retries: u64,
    buried: u64,
    /// Deliveries that ended since the last rest.
    fresh: u64,
    /// Whether there was a rest already.
    rested: bool,
    resting: bool,
    stopping: bool,
    /// When the work began after the last rest.
    begun: Instant,
    /// When a line was last written where none can change.
    told: Instant,
}

/// A line about an item that was given up.
pub(crate) fn dead_line(stage: &str, subject: &str, reason: &str) -> String {
    format!("{} {stage}: {}: {}", say::paint("dead:", "1;31"), clean(subject), clean(reason))
}

/// A rate as a person reads it.
pub(crate) fn per_second(rate: f64) -> String {
    if rate < 9.95 { format!("{rate:.1}/s") } else { format!("{}/s", count(rate.round() as u64)) }
}

impl Progress {
    /// The progress of `pipeline`.
    pub(crate) fn new(pipeline: &str, watch: bool) -> Self {
        let state = Arc::new(Mutex::new(State::new(pipeline, watch, say::can_redraw())));
        let seen = Arc::downgrade(&state);
        if lock(&state).redraw {
            // Without a thread the line still changes, only not between events.
            let _ = std::thread::Builder::new().name("progress".to_owned()).spawn(move || animate(&seen));
        }
        Self(state)
    }

    /// Says that the run ends soon.
    pub(crate) fn stopping(&self) {
        let mut state = lock(&self.0);
        state.stopping = true;
        state.say("stopping: what is under way ends or is left for the next run; Ctrl-C again stops at once");
    }

    /// Takes the changing line away for good.
    pub(crate) fn clear(&self) {
        let mut state = lock(&self.0);
        state.erase();
        state.redraw = false;
    }
}

/// The state stays whole whatever a thread did that held it: every change is a number.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Draws until the line is taken away.
fn animate(seen: &Weak<Mutex<State>>) {
    while let Some(state) = seen.upgrade() {
        let mut state = lock(&state);
        if !state.redraw {
            return;
        }
        state.frame += 1;
        state.draw();
        drop(state);
        std::thread::sleep(FRAME);
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        let mut state = lock(&self.0);
        match event {
            Event::Queued(more) => {
                state.work();
                state.queued += more;
            }
            Event::Listening { address, endpoints } => {
                for line in listening(*address, endpoints) {
                    state.say(&line);
                }
            }
            Event::Ended(ended) => state.ended(ended),
            Event::Idle => state.idle(),
            Event::Waiting { stage, subject, reason, delay } => {
                state.retries += 1;
                let (number, delay) = (state.retries, human::seconds(delay.as_secs_f64()));
                state.limited(number, || {
                    format!("{stage}: {}: {}; trying again in {delay}", clean(subject), clean(reason))
                });
            }
        }
    }
}

/// Where requests are taken, and one to try.
fn listening(address: SocketAddr, endpoints: &[Endpoint]) -> Vec<String> {
    let url = |endpoint: &Endpoint| format!("http://{address}/{}", endpoint.source);
    let urls: Vec<String> = endpoints.iter().map(url).collect();
    let mut lines = vec![format!("taking requests at {}", urls.join(" and "))];
    let json = "-H 'content-type: application/json'";
    if let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.secret.is_none()) {
        lines.push(format!("try: curl {json} -d '{{\"hello\":\"mill\"}}' {}", url(endpoint)));
    } else if let Some((endpoint, secret)) =
        endpoints.iter().find_map(|endpoint| Some((endpoint, endpoint.secret.as_ref()?)))
    {
        let sign = format!(
            "$(printf '{{\"hello\":\"mill\"}}' | openssl dgst -sha256 -hmac \"${}\" | sed 's/.* //')",
            secret_variable(secret)
        );
        lines.push(format!(
            "try: curl {json} -H \"x-hub-signature-256: sha256={sign}\" -d '{{\"hello\":\"mill\"}}' {}",
            url(endpoint)
        ));
    }
    lines
}

impl State {
    fn new(pipeline: &str, watch: bool, redraw: bool) -> Self {
        let now = Instant::now();
        Self {
            pipeline: pipeline.to_owned(),
            watch,
            redraw,
            frame: 0,
            queued: 0,
            ended: 0,
            dead: 0,
            retries: 0,
            buried: 0,
            fresh: 0,
            rested: false,
            resting: false,
            stopping: false,
            begun: now,
            told: now,
        }
    }

    /// The run is at work, perhaps after a rest.
    fn work(&mut self) {
        if self.resting {
            self.resting = false;
            self.begun = Instant::now();
        }
    }

    fn ended(&mut self, ended: &Ended) {
        let reason = match &ended.end {
            End::Again(_) | End::Unsettled(_) => return,
            End::Dead(reason) => Some(reason),
            End::Done | End::Skipped(_) | End::Superseded => None,
        };
        self.work();
        self.ended += ended.count;
        self.fresh += ended.count;
        if let Some(reason) = reason {
            self.dead += ended.count;
            // A run that ends by itself names them at its end.
            if self.watch {
                self.buried += 1;
                self.limited(self.buried, || dead_line(&ended.stage, &ended.subject, reason));
            }
        }
        if !self.redraw && self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            say::talk(&format!("{}{}", self.so_far(), self.pace()));
        }
    }

    fn idle(&mut self) {
        if !self.redraw {
            if self.fresh > 0 {
                say::talk(&format!("{}; waiting for changes", self.so_far()));
            } else if !self.rested {
                say::talk("waiting for changes; Ctrl-C ends");
            }
        }
        (self.rested, self.resting) = (true, true);
        (self.fresh, self.retries, self.buried) = (0, 0, 0);
    }

    /// The line number `number` of its kind, if there are not too many.
    fn limited(&self, number: u64, line: impl FnOnce() -> String) {
        match number {
            ..=LINES => self.say(&line()),
            _ if number == LINES + 1 => self.say("more of these are counted, but not shown"),
            _ => {}
        }
    }

    /// Writes a line that stays, above the one that changes.
    fn say(&self, text: &str) {
        self.erase();
        say::talk(text);
        self.draw();
    }

    fn erase(&self) {
        if self.redraw {
            say::redraw("");
        }
    }

    fn draw(&self) {
        if self.redraw {
            say::redraw(&self.changing(say::width(), say::colour()));
        }
    }

    /// What there is to do, as far as it is known: what an earlier run left is known when it ends.
    fn total(&self) -> u64 {
        self.queued.max(self.ended)
    }

    /// The changing line, shorter than `width`.
    fn changing(&self, width: usize, colour: bool) -> String {
        const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
        let dead = if self.dead > 0 { format!("  {} dead", count(self.dead)) } else { String::new() };
        let rest = match (self.stopping, self.resting) {
            (true, _) => "  stopping".to_owned(),
            (_, true) => "  waiting for changes, Ctrl-C ends".to_owned(),
            _ if self.total() == 0 => "  looking".to_owned(),
            _ => self.pace().replace(", ", "  "),
        };
        let before = format!("{} {} ", FRAMES[self.frame % FRAMES.len()], self.pipeline);
        let after = format!("{}/{}{dead}{rest}", count(self.ended), count(self.total()));
        let room = width.saturating_sub(before.chars().count() + after.chars().count() + 1 + FREE).min(BAR);
        let paint =
            |text: String, code: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
        if room < 8 {
            return human::shorten(&format!("{before}{after}"), width.saturating_sub(FREE));
        }
        let filled = match self.total() {
            0 => 0,
            total => (u128::from(self.ended) * room as u128 / u128::from(total)) as usize,
        };
        let (full, empty) = ("━".repeat(filled), "─".repeat(room - filled));
        format!("{before}{}{} {after}", paint(full, "36"), paint(empty, "2"))
    }

    fn so_far(&self) -> String {
        let dead = if self.dead > 0 { format!(", {} dead", count(self.dead)) } else { String::new() };
        format!("{} of {} done{dead}", count(self.ended - self.dead), count(self.total()))
    }

    /// How fast it goes and how long it takes, once there is something to tell by.
    fn pace(&self) -> String {
        let elapsed = self.begun.elapsed();
        let left = self.total() - self.ended;
        if self.fresh == 0 || left == 0 || elapsed < Duration::from_secs(1) {
            return String::new();
        }
        let rate = self.fresh as f64 / elapsed.as_secs_f64();
        format!(", {}, {} left", per_second(rate), human::age((left as f64 / rate).ceil() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(queued: u64, ended: u64, dead: u64) -> State {
        State { queued, ended, dead, ..State::new("photos", true, false) }
    }

    #[track_caller]
    fn check(state: &State, width: usize, expected: &str) {
        let line = state.changing(width, false);
        assert_eq!(line, expected);
        assert!(line.chars().count() + FREE <= width, "room for `^C`");
    }

    #[test]
    fn rates() {
        assert_eq!(per_second(0.25), "0.2/s");
        assert_eq!(per_second(12.4), "12/s");
        assert_eq!(per_second(12_345.6), "12,346/s");
    }

    #[test]
    fn the_changing_line() {
        check(&state(0, 0, 0), 60, "⠋ photos ────────────────────────────── 0/0  looking");
        check(&state(1_000, 500, 2), 70, "⠋ photos ━━━━━━━━━━━━━━━─────────────── 500/1,000  2 dead");
        // What an earlier run left was not counted when it was queued.
        check(&state(1, 3, 0), 60, "⠋ photos ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 3/3");
        let resting = State { resting: true, ..state(3, 3, 0) };
        check(&resting, 80, "⠋ photos ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 3/3  waiting for changes, Ctrl-C ends");
    }

    #[test]
    fn where_requests_are_taken() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8787));
        let open = Endpoint { source: "orders".to_owned(), secret: None };
        let signed = Endpoint { source: "pushes".to_owned(), secret: Some("web-hook".to_owned()) };
        assert_eq!(
            listening(address, &[open, signed.clone()]),
            [
                "taking requests at http://127.0.0.1:8787/orders and http://127.0.0.1:8787/pushes",
                "try: curl -H 'content-type: application/json' -d '{\"hello\":\"mill\"}' http://127.0.0.1:8787/orders",
            ]
        );
        let line = listening(address, &[signed]).pop().unwrap();
        assert!(line.contains("-hmac \"$TIDEMILL_SECRET_WEB_HOOK\""), "{line}");
    }

    #[test]
    fn a_narrow_terminal_has_a_shorter_bar_or_none() {
        check(&state(10, 5, 1), 40, "⠋ photos ━━━━━━━─────── 5/10  1 dead");
        check(&state(10, 5, 1), 30, "⠋ photos 5/10  1 dead");
        check(&state(10, 5, 1), 15, "⠋ photos 5…");
        assert_eq!(state(10, 5, 1).changing(0, false), "…");
    }

    #[test]
    fn pace() {
        let mut state = state(30, 10, 0);
        assert_eq!(state.pace(), "", "nothing to tell by");
        state.fresh = 10;
        if let Some(begun) = Instant::now().checked_sub(Duration::from_secs(5)) {
            state.begun = begun;
            let pace = state.pace();
            assert!(pace.ends_with(" left") && pace.contains("/s, "), "{pace}");
        }
        assert_eq!(state.so_far(), "10 of 30 done");
    }
}
