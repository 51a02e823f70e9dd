//! Waits for a stack, and tells of each resource as CloudFormation tells of it.

use std::collections::BTreeSet;

use aws_sdk_cloudformation::types::{EventFilter, StackEvent};

use super::account::{Account, problem};
use super::observer::{Observer, State, Step, Work, kind};
use super::stack::{LOOK, Stack};
use crate::Problem;

/// The events that there were before.
pub(crate) struct Since(BTreeSet<String>);

impl Since {
    /// All events up to now.
    pub(crate) async fn now(account: &Account, stack: &Stack) -> Result<Self, Problem> {
        let events = events(account, stack, &BTreeSet::new()).await?;
        Ok(Self(events.into_iter().filter_map(|event| event.event_id).collect()))
    }
}

/// How a stack ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: String,
    /// What failed by itself, in order; what was only cancelled because of it is not here.
    pub(crate) failed: Vec<Step>,
}

impl End {
    /// Which resource failed, and why.
    pub(crate) fn why(&self) -> String {
        match self.failed.first() {
            Some(step) => step.why(),
            None => format!("CloudFormation ended with {} and gives no reason", self.status),
        }
    }
}

/// Follows a stack until nothing goes on any more.
pub(crate) async fn follow(
    account: &Account,
    stack: &Stack,
    since: Since,
    observer: &dyn Observer,
) -> Result<End, Problem> {
    let mut seen = since.0;
    let mut failed = Vec::new();
    loop {
        // First the status, then the events: so the last look at the events is after the end.
        let status = status(account, stack).await?;
        for event in events(account, stack, &seen).await? {
            seen.extend(event.event_id.clone());
            if is_own(stack, &event) && says_rollback(&event) {
                observer.say(&format!("taking back what was changed in stack {}", stack.name));
            }
            let Some(step) = step(stack, &event) else { continue };
            if step.state == State::Failed && !cancelled(step.reason.as_deref()) {
                failed.push(step.clone());
            }
            observer.step(&step);
        }
        if !status.ends_with("_IN_PROGRESS") {
            // What is found wrong before any resource is touched is told in another place.
            if failed.is_empty() && (status.contains("ROLLBACK") || status.ends_with("FAILED")) {
                failed = refused(account, &stack.name, &stack.id, None).await;
                for step in &failed {
                    observer.step(step);
                }
            }
            return Ok(End { status, failed });
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn status(account: &Account, stack: &Stack) -> Result<String, Problem> {
    // By its id: a stack that is gone can still be asked for.
    let found = account.cloudformation.describe_stacks().stack_name(&stack.id).send().await;
    match found {
        Ok(found) => {
            let status = found.stacks().first().and_then(|stack| stack.stack_status());
            Ok(status.map_or_else(|| "DELETE_COMPLETE".to_owned(), |status| status.as_str().to_owned()))
        }
        Err(error) => {
            let text = tidemill_aws::explained(&error);
            if text.contains("does not exist") {
                return Ok("DELETE_COMPLETE".to_owned());
            }
            Err(problem("cloudformation:DescribeStacks", &stack.name, &error))
        }
    }
}

/// The events that are not in `seen`, oldest first.
async fn events(
    account: &Account,
    stack: &Stack,
    seen: &BTreeSet<String>,
) -> Result<Vec<StackEvent>, Problem> {
    let mut events = Vec::new();
    let mut next: Option<String> = None;
    'pages: loop {
        let call = account.cloudformation.describe_stack_events().stack_name(&stack.id);
        let page = match call.set_next_token(next).send().await {
            Ok(page) => page,
            // A stack that was only planned has none yet; one that is gone may have none any more.
            Err(error) if tidemill_aws::explained(&error).contains("does not exist") => break,
            Err(error) => return Err(problem("cloudformation:DescribeStackEvents", &stack.name, &error)),
        };
        next = page.next_token;
        // The newest come first.
        for event in page.stack_events.unwrap_or_default() {
            if event.event_id.as_ref().is_some_and(|id| seen.contains(id)) {
                break 'pages;
            }
            events.push(event);
        }
        if next.is_none() {
            break;
        }
    }
    events.reverse();
    Ok(events)
}

/// What CloudFormation found wrong with a stack, or with a change set, before it began (CloudFormation User Guide,
/// "Validate stack deployments"). Where that cannot be asked for, the status has to do.
pub(crate) async fn refused(
    account: &Account,
    name: &str,
    stack: &str,
    change_set: Option<&str>,
) -> Vec<Step> {
    let filter = EventFilter::builder().failed_events(true).build();
    let call = account.cloudformation.describe_events().filters(filter);
    let call = match change_set {
        Some(set) => call.change_set_name(set),
        None => call.stack_name(stack),
    };
    let Ok(found) = call.send().await else { return Vec::new() };
    let mut steps = Vec::new();
    for event in found.operation_events.unwrap_or_default() {
        let Some(reason) = event.validation_status_reason else { continue };
        steps.push(Step {
            stack: name.to_owned(),
            id: event.logical_resource_id.unwrap_or_default(),
            kind: kind(event.resource_type.as_deref().unwrap_or("resource")),
            name: event.physical_resource_id,
            work: Work::Make,
            state: State::Failed,
            reason: Some(reason),
        });
    }
    steps
}

/// What to do about a reason that CloudFormation gives.
pub(crate) fn advice(why: &str, account: &Account) -> String {
    let lower = why.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["already exists", "already owned", "alreadyexists"]) {
        "something of that name is there already: remove it, choose another name for the environment, or, if it is a \
         bucket or stream to be used as it is, name it under `aws:` in the manifest"
            .to_owned()
    } else if has(&["not authorized", "accessdenied", "access denied"]) {
        format!("allow that action to {}, or deploy with another profile (AWS_PROFILE)", account.caller)
    } else if has(&["limitexceeded", "limit exceeded", "quota", "too many"]) {
        "ask for a higher quota (Service Quotas in the console), or remove what nobody needs".to_owned()
    } else {
        "mend that, and deploy again".to_owned()
    }
}

/// An event of a resource as a step; one of the stack itself is none.
fn step(stack: &Stack, event: &StackEvent) -> Option<Step> {
    let resource_type = event.resource_type.as_deref()?;
    let name = event.physical_resource_id.clone().filter(|name| !name.is_empty());
    if is_own(stack, event) {
        return None;
    }
    let status = event.resource_status.as_ref()?.as_str();
    let (work, state) = parts(status)?;
    Some(Step {
        stack: stack.name.clone(),
        id: event.logical_resource_id.clone().unwrap_or_default(),
        kind: kind(resource_type),
        name,
        work,
        state,
        reason: event.resource_status_reason.clone(),
    })
}

/// Whether an event is of the stack itself.
fn is_own(stack: &Stack, event: &StackEvent) -> bool {
    event.physical_resource_id.as_deref() == Some(stack.id.as_str())
}

fn says_rollback(event: &StackEvent) -> bool {
    let status = event.resource_status.as_ref();
    status.is_some_and(|status| status.as_str().ends_with("ROLLBACK_IN_PROGRESS"))
}

/// `UPDATE_IN_PROGRESS` as what is done and how far it is.
fn parts(status: &str) -> Option<(Work, State)> {
    let (work, rest) = status.split_once('_')?;
    let work = match work {
        "CREATE" | "IMPORT" => Work::Make,
        "UPDATE" | "ROLLBACK" => Work::Change,
        "DELETE" => Work::Remove,
        _ => return None,
    };
    let state = match rest {
        rest if rest.ends_with("IN_PROGRESS") => State::Begun,
        rest if rest.ends_with("FAILED") => State::Failed,
        rest if rest.ends_with("COMPLETE") => State::Done,
        _ => return None,
    };
    Some((work, state))
}

/// Whether a resource failed only because another did.
fn cancelled(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| {
        let reason = reason.to_lowercase();
        reason.contains("creation cancelled") || reason.contains("update cancelled")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_statuses() {
        for (status, expected) in [
            ("CREATE_IN_PROGRESS", Some((Work::Make, State::Begun))),
            ("UPDATE_FAILED", Some((Work::Change, State::Failed))),
            ("DELETE_COMPLETE", Some((Work::Remove, State::Done))),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Some((Work::Change, State::Begun))),
            ("DELETE_SKIPPED", None),
            ("WHATEVER", None),
        ] {
            assert_eq!(parts(status), expected, "{status}");
        }
        assert!(cancelled(Some("Resource creation cancelled")) && !cancelled(Some("no")) && !cancelled(None));
    }
}
