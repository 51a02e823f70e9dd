//! A function's answer about a batch.

use serde_json::Value;

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// Everything was done.
    Success,
    /// Nothing counts as done.
    Failure,
    /// These were not done.
    Failed(Vec<String>),
}

fn read(answer: &str) -> Answer {
    let Ok(answer) = serde_json::from_str::<Value>(answer) else { return Answer::Failure };
    // No answer, an empty one, none or an empty list: a success.
    let failures = match (&answer, answer.get("batchItemFailures")) {
        (Value::Null, _) | (Value::Object(_), None | Some(Value::Null)) => return Answer::Success,
        (Value::Object(_), Some(Value::Array(failures))) => failures,
        _ => return Answer::Failure,
    };
    let named = failures.iter().map(|failure| {
        let name = failure.get("itemIdentifier")?.as_str()?;
        Some(name.to_owned()).filter(|name| !name.is_empty())
    });
    match named.collect::<Option<Vec<String>>>() {
        None => Answer::Failure,
        Some(named) if named.is_empty() => Answer::Success,
        Some(named) => Answer::Failed(named),
    }
}

/// The messages of a queue's batch that stay: the identifiers are those of messages.
pub fn of_queue(answer: &str, batch: &[String]) -> Vec<String> {
    match read(answer) {
        Answer::Success => Vec::new(),
        Answer::Failed(named) if named.iter().all(|name| batch.contains(name)) => named,
        Answer::Failed(_) | Answer::Failure => batch.to_vec(),
    }
}

/// Where in a shard's batch the first record is that is not done; the identifiers are sequence numbers.
pub fn of_shard(answer: &str, batch: &[String]) -> Option<usize> {
    match read(answer) {
        Answer::Success => None,
        Answer::Failure => Some(0),
        Answer::Failed(named) => {
            let lowest = named.iter().min_by_key(|number| as_number(number)).unwrap();
            let from = batch.iter().position(|number| as_number(number) >= as_number(lowest));
            Some(from.unwrap_or_else(|| panic!("no page says what becomes of `{lowest}`, behind the batch")))
        }
    }
}

/// Decimal digits in the order of their numbers.
fn as_number(digits: &str) -> (usize, &str) {
    assert!(digits.bytes().all(|digit| digit.is_ascii_digit()), "no page says what becomes of `{digits}`");
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}
