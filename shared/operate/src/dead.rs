//! What was given up in an environment, and the way back.

use std::collections::HashSet;

use tidemill_aws::{Letter, letters as of_stage, send_all};
use tidemill_core::Item;
use tidemill_core::plan::STATE_BUCKET;
use tidemill_core::ports::{Objects, StoreError};
use tidemill_deploy::Problem;

use crate::environment::{Environment, store};

/// All dead letters that nothing newer has settled, oldest first.
pub async fn letters(environment: &Environment) -> Result<Vec<Letter>, Problem> {
    let mut all = Vec::new();
    for stage in &environment.plan.stages {
        let output = stage.plan.output.as_ref().map(|output| output.bucket.as_str());
        let found = of_stage(&environment.buckets, &stage.plan.signature(), output).await;
        all.extend(found.map_err(|error| store(&error))?);
    }
    all.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    // An item that died at one revision and again at the next is one dead item: the last letter has the last word.
    let mut seen = HashSet::new();
    let mut last: Vec<Letter> = all.into_iter().rev().collect();
    last.retain(|letter| seen.insert((letter.stage.clone(), letter.item.id.clone())));
    last.reverse();
    Ok(last)
}

/// Puts dead letters back into their stages' queues, to be tried anew from the first attempt. Sent before the
/// letter goes: a crash between leaves both, and what is sent twice is done once.
pub async fn retry(environment: &Environment, letters: &[Letter]) -> Result<u64, Problem> {
    for letter in letters {
        let item = Item { attempt: 0, reason: None, ..letter.item.clone() };
        let text = serde_json::to_string(&item)
            .map_err(|error| Problem::new(format!("the item of {}: {error}", letter.id), "drop it"))?;
        let queue = environment.queue(&letter.stage);
        send_all(&environment.clients.sqs, queue, &[text]).await.map_err(|error| store(&error))?;
        remove(environment, letter).await?;
    }
    Ok(letters.len() as u64)
}

/// Drops dead letters for good.
pub async fn drop(environment: &Environment, letters: &[Letter]) -> Result<u64, Problem> {
    for letter in letters {
        remove(environment, letter).await?;
    }
    Ok(letters.len() as u64)
}

async fn remove(environment: &Environment, letter: &Letter) -> Result<(), Problem> {
    let signature = format!("{}/{}", environment.plan.name, letter.stage);
    let key = letter.key(&signature);
    let head = environment.buckets.head(STATE_BUCKET, &key).await.map_err(|error| store(&error))?;
    let Some(head) = head else { return Ok(()) };
    match environment.buckets.remove(STATE_BUCKET, &key, &head.etag).await {
        // Somebody else was faster.
        Ok(()) | Err(StoreError::Missing | StoreError::Conflict) => Ok(()),
        Err(error) => Err(store(&error)),
    }
}
