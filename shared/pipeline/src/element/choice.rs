//! A text that is one of a few.

use crate::diagnostic::{Finding, Sink};
use crate::fields::wrong_type;
use crate::near::{did_you_mean, list, quoted};
use crate::tree::{Kind, Pair, Scalar};

/// The choice that is written, out of those with their names.
pub(crate) fn read<T: Copy>(pair: &Pair, choices: &[(&str, T)], sink: &mut Sink) -> Option<T> {
    let key = &pair.key.value;
    let Kind::Scalar(Scalar::Text(written)) = &pair.value.kind else {
        let names = list(choices.iter().map(|(name, _)| *name), "or");
        wrong_type(key, &pair.value, pair.place(), &names, sink);
        return None;
    };
    let found = choices.iter().find(|(name, _)| name == written).map(|(_, choice)| *choice);
    if found.is_none() {
        let names = || choices.iter().map(|(name, _)| *name);
        let hint = did_you_mean(written, names()).unwrap_or_else(|| format!("write {}", list(names(), "or")));
        let message = format!("`{key}` cannot be {}", quoted(written));
        sink.report(Finding::new(pair.place(), message).hint(hint));
    }
    found
}
