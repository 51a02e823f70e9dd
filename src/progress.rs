//! What a run shows while it goes on: a bar on a terminal, now and then a line elsewhere.

use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tidemill_core::End;
use tidemill_embedded::{Ended, Event, Observer};

use crate::human::{self, clean, count};
use crate::say;

/// How often a line is written where there is no bar.
const EVERY: Duration = Duration::from_secs(10);

/// How many lines about single items are written before the rest is only counted.
const LINES: u64 = 10;

/// Follows a run.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    watch: bool,
    state: Mutex<State>,
}

struct State {
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
    started: Instant,
    told: Instant,
}

/// A line about an item that was given up.
pub(crate) fn dead_line(stage: &str, subject: &str, reason: &str) -> String {
    format!("{} {stage}: {}: {}", say::paint("dead:", "1;31"), clean(subject), clean(reason))
}

impl Progress {
    /// The progress of `pipeline`.
    pub(crate) fn new(pipeline: &str, watch: bool) -> Self {
        let bar = stderr().is_terminal().then(|| bar(pipeline));
        let now = Instant::now();
        let state = State {
            queued: 0,
            ended: 0,
            dead: 0,
            retries: 0,
            buried: 0,
            fresh: 0,
            rested: false,
            started: now,
            told: now,
        };
        Self { bar, watch, state: Mutex::new(state) }
    }

    /// A line that does not disturb the bar.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say::talk(text)),
            None => say::talk(text),
        }
    }

    /// Says that the run ends soon.
    pub(crate) fn stopping(&self) {
        self.line("stopping: what is under way ends or is left for the next run; Ctrl-C again stops at once");
        if let Some(bar) = &self.bar {
            bar.set_message("  stopping");
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, state: &mut State, ended: &Ended) {
        let reason = match &ended.end {
            End::Again(_) | End::Unsettled(_) => return,
            End::Dead(reason) => Some(reason),
            End::Done | End::Skipped(_) | End::Superseded => None,
        };
        state.ended += ended.count;
        state.fresh += ended.count;
        if let Some(reason) = reason {
            state.dead += ended.count;
            if self.watch {
                state.buried += 1;
                self.limited(state.buried, || dead_line(&ended.stage, &ended.subject, reason));
            }
            if let Some(bar) = &self.bar {
                bar.set_message(format!("  {} dead", count(state.dead)));
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_position(state.ended);
        } else if state.told.elapsed() >= EVERY {
            state.told = Instant::now();
            self.line(&state.line());
        }
    }

    /// The line number `number` of its kind, if there are not too many.
    fn limited(&self, number: u64, line: impl FnOnce() -> String) {
        match number {
            ..=LINES => self.line(&line()),
            _ if number == LINES + 1 => self.line("more of these are counted, but not shown"),
            _ => {}
        }
    }

    fn idle(&self, state: &mut State) {
        if let Some(bar) = &self.bar {
            let dead = if state.dead > 0 { format!("  {} dead", count(state.dead)) } else { String::new() };
            bar.set_message(format!("{dead}  waiting for changes, Ctrl-C ends"));
        } else if state.fresh > 0 {
            self.line(&format!("{}; waiting for changes", state.so_far()));
        } else if !state.rested {
            self.line("waiting for changes; Ctrl-C ends");
        }
        state.rested = true;
        (state.fresh, state.retries, state.buried) = (0, 0, 0);
    }
}

impl State {
    fn so_far(&self) -> String {
        let mut text = format!("{} of {} done", count(self.ended - self.dead), count(self.queued));
        if self.dead > 0 {
            let _ = write!(text, ", {} dead", count(self.dead));
        }
        text
    }

    fn line(&self) -> String {
        let elapsed = self.started.elapsed().as_secs_f64();
        let rate = self.ended as f64 / elapsed.max(0.001);
        let left = self.queued.saturating_sub(self.ended) as f64 / rate.max(0.001);
        format!("{}, {}, about {} left", self.so_far(), per_second(rate), human::seconds(left))
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        let mut state = self.lock();
        match event {
            Event::Queued(more) => {
                state.queued += more;
                if let Some(bar) = &self.bar {
                    if state.fresh == 0 && state.dead == 0 {
                        bar.set_message("");
                    }
                    bar.set_length(state.queued);
                }
            }
            Event::Ended(ended) => self.ended(&mut state, ended),
            Event::Idle => self.idle(&mut state),
            Event::Waiting { stage, subject, reason, delay } => {
                state.retries += 1;
                self.limited(state.retries, || {
                    format!(
                        "{stage}: {}: {}; trying again in {}",
                        clean(subject),
                        clean(reason),
                        human::seconds(delay.as_secs_f64())
                    )
                });
            }
        }
    }
}

/// A rate as a person reads it.
pub(crate) fn per_second(rate: f64) -> String {
    if rate < 9.95 { format!("{rate:.1}/s") } else { format!("{}/s", count(rate.round() as u64)) }
}

fn bar(pipeline: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    // With colours off (NO_COLOR) the template's colours are left out by the library itself.
    let template = "{spinner:.cyan} {prefix} {bar:30.cyan/dim} {done}  {rate}  {left}{msg}";
    let rest = |state: &ProgressState| state.len().is_some_and(|length| length > state.pos());
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
        .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
        .with_key("done", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}/{}", count(state.pos()), count(state.len().unwrap_or(0)));
        })
        .with_key("rate", move |state: &ProgressState, out: &mut dyn Write| {
            if rest(state) {
                let _ = write!(out, "{}", per_second(state.per_sec()));
            }
        })
        .with_key("left", move |state: &ProgressState, out: &mut dyn Write| {
            // The first guesses would only jump about.
            if rest(state) && state.pos() > 0 {
                let _ = write!(out, "{} left", human::age(state.eta().as_secs()));
            }
        });
    bar.set_style(style);
    bar.set_prefix(pipeline.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        assert_eq!(per_second(0.25), "0.2/s");
        assert_eq!(per_second(12.4), "12/s");
        assert_eq!(per_second(12_345.6), "12,346/s");
    }

    #[test]
    fn the_bar_can_be_drawn() {
        let bar = bar("p");
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_length(3);
        bar.set_position(2);
        bar.finish_and_clear();
    }
}
