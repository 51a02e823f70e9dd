//! What a deployment shows while it goes on: each resource that is done on a line of its own, and on a terminal
//! below them a line with those under way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tidemill_deploy::live::{Observer, State, Step, Work};

use crate::human::{self, clean};
use crate::say;

/// The columns that stay free behind the changing line, for an echoed `^C` and the cursor.
const FREE: usize = 4;

/// Follows a deployment or a removal.
pub(crate) struct Steps {
    redraw: bool,
    /// Resources under way, and since when.
    begun: Mutex<BTreeMap<(String, String), (Instant, String)>>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { redraw: say::can_redraw(), begun: Mutex::default() }
    }

    /// Takes the changing line away.
    pub(crate) fn clear(&self) {
        if self.redraw {
            say::redraw("");
        }
    }

    /// A line that stays.
    fn line(&self, text: &str) {
        self.clear();
        say::talk(text);
    }

    fn draw(&self, begun: &BTreeMap<(String, String), (Instant, String)>) {
        if !self.redraw || begun.is_empty() {
            return;
        }
        let titles: Vec<&str> = begun.values().map(|(_, title)| title.as_str()).collect();
        let text = format!("… {}: {}", human::of(titles.len() as u64, "resource"), titles.join(", "));
        say::redraw(&human::shorten(&text, say::width().saturating_sub(FREE)));
    }
}

impl Observer for Steps {
    fn say(&self, line: &str) {
        self.line(line);
    }

    fn step(&self, step: &Step) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (step.stack.clone(), step.id.clone());
        match step.state {
            State::Begun => {
                begun.entry(key).or_insert_with(|| (Instant::now(), clean(&step.title()))).1 =
                    clean(&step.title());
            }
            State::Done => {
                let since = begun.remove(&key).map(|(since, _)| since.elapsed().as_secs_f64());
                let took = since.filter(|since| *since >= 1.0);
                let took = took.map(|since| format!(" ({})", human::seconds(since))).unwrap_or_default();
                self.line(&format!("  {} {}{took}", past(step.work), clean(&step.title())));
            }
            State::Failed => {
                begun.remove(&key);
                let reason = step.reason.as_deref().unwrap_or("no reason is given");
                let word = say::paint("failed:", "1;31");
                self.line(&format!("  {word} {}: {}", clean(&step.title()), clean(reason)));
            }
        }
        self.draw(&begun);
    }
}

fn past(work: Work) -> &'static str {
    match work {
        Work::Make => "made",
        Work::Change => "changed",
        Work::Remove => "removed",
    }
}
