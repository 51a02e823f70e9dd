//! A function's answer about a batch.

use serde_json::Value;

/// What an event source mapping makes of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Partial {
    /// Everything was done.
    Success,
    /// Nothing counts as done.
    Failure,
    /// These were not done.
    Failed(Vec<String>),
}

/// Reads an answer by the rules for `ReportBatchItemFailures`. `known` are the identifiers of the batch.
pub fn read(answer: &str, known: &[String]) -> Partial {
    let Ok(answer) = serde_json::from_str::<Value>(answer) else { return Partial::Failure };
    // No answer, an empty one, none or an empty list: a success.
    let failures = match (&answer, answer.get("batchItemFailures")) {
        (Value::Null, _) | (Value::Object(_), None | Some(Value::Null)) => return Partial::Success,
        (Value::Object(_), Some(Value::Array(failures))) => failures,
        _ => return Partial::Failure,
    };
    let named = failures.iter().map(|failure| {
        let name = failure.get("itemIdentifier")?.as_str()?;
        known.iter().find(|known| *known == name).cloned()
    });
    match named.collect::<Option<Vec<String>>>() {
        None => Partial::Failure,
        Some(named) if named.is_empty() => Partial::Success,
        Some(named) => Partial::Failed(named),
    }
}
