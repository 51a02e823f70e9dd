//! The books of a stage: its dead letters and its result documents.

use futures_util::{StreamExt, TryStreamExt, stream};
use tidemill_core::Generation;
use tidemill_core::document::{Document, State};
use tidemill_core::plan::STATE_BUCKET;
use tidemill_core::ports::{Objects, StoreError};

use crate::bucket::Buckets;
use crate::dead::Letter;

/// How many documents are read at once.
const AT_ONCE: usize = 32;

fn unreadable(key: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("{key}: {error}"))
}

/// The dead letters of the stage `signature` that nothing newer has settled. `output` is the bucket of its
/// result documents, if it writes any.
pub async fn letters(
    buckets: &Buckets,
    signature: &str,
    output: Option<&str>,
) -> Result<Vec<Letter>, StoreError> {
    let found = buckets.list(STATE_BUCKET, &Letter::prefix(signature)).await?;
    let read = stream::iter(found).map(|object| async move {
        let Some((_, bytes)) = buckets.get(STATE_BUCKET, &object.key).await? else { return Ok(None) };
        let letter = Letter::read(&bytes).map_err(|error| unreadable(&object.key, error))?;
        let open = !is_settled(buckets, signature, output, &letter).await?;
        Ok::<_, StoreError>(open.then_some(letter))
    });
    let letters: Vec<Option<Letter>> = read.buffered(AT_ONCE).try_collect().await?;
    Ok(letters.into_iter().flatten().collect())
}

/// Whether a newer event of the same key has come to an end, so that nothing is left to be done about this one.
async fn is_settled(
    buckets: &Buckets,
    signature: &str,
    output: Option<&str>,
    letter: &Letter,
) -> Result<bool, StoreError> {
    let (bucket, key) = letter.item.subject();
    let document = document(buckets, signature, output, bucket, key).await?;
    let Some(document) = document.filter(|document| document.state != State::Writing) else {
        return Ok(false);
    };
    // The letter does not hold the revision it died at: what died and was done since has the same sequence.
    let of_letter = (&letter.item.sequence, letter.item.repeat);
    Ok((&document.generation.sequence, document.generation.repeat) >= of_letter)
}

/// The result document of (stage, bucket, key).
pub async fn document(
    buckets: &Buckets,
    signature: &str,
    output: Option<&str>,
    bucket: &str,
    key: &str,
) -> Result<Option<Document>, StoreError> {
    let place = Document::key(signature, bucket, key);
    match buckets.get(output.unwrap_or(STATE_BUCKET), &place).await? {
        None => Ok(None),
        Some((_, bytes)) => Document::read(&bytes).map(Some).map_err(|fault| unreadable(&place, fault)),
    }
}

/// All result documents of the stage `signature`, tombstones too.
pub async fn documents(
    buckets: &Buckets,
    signature: &str,
    output: Option<&str>,
) -> Result<Vec<Document>, StoreError> {
    let bucket = output.unwrap_or(STATE_BUCKET);
    let found = buckets.list(bucket, &Document::prefix(signature)).await?;
    let read = stream::iter(found).map(|object| async move {
        match buckets.get(bucket, &object.key).await? {
            None => Ok(None),
            Some((_, bytes)) => {
                Document::read(&bytes).map(Some).map_err(|fault| unreadable(&object.key, fault))
            }
        }
    });
    let documents: Vec<Option<Document>> = read.buffered(AT_ONCE).try_collect().await?;
    Ok(documents.into_iter().flatten().collect())
}

/// What an item of a key has to say so that it counts as newer than what the books know: for the same bytes
/// the same place in history, for others the next repeat.
pub fn place_in_history(known: Option<&Document>, same: bool) -> Generation {
    match known {
        None => Generation::default(),
        Some(document) => Generation {
            repeat: document.generation.repeat + u64::from(!same),
            ..document.generation.clone()
        },
    }
}
