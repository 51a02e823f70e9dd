//! A stack as it stands, and the way out of states in which CloudFormation takes no change.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{Stack as Described, TemplateStage};
use serde_json::Value;

use super::account::{Account, problem};
use super::follow;
use super::observer::Observer;
use crate::Problem;
use crate::names::Names;

/// The tags that tell whose a stack is.
pub(crate) const PIPELINE_TAG: &str = "tidemill:pipeline";
pub(crate) const ENVIRONMENT_TAG: &str = "tidemill:environment";

/// A stack that is there.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) name: String,
    /// Names this very stack, also after it is gone.
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

/// What can be done with a stack in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It takes changes.
    Ready,
    /// Nothing was ever made of it: it is changed as if it were not there.
    Planned,
    /// It holds nothing that works and takes no change: it has to go first.
    Leftover,
    /// An update could not be taken back.
    Halfway,
    /// Something goes on.
    Busy,
}

/// What a status of CloudFormation means ("Stack status codes", CloudFormation User Guide).
pub(crate) fn condition(status: &str) -> Condition {
    match status {
        "REVIEW_IN_PROGRESS" => Condition::Planned,
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED" => Condition::Leftover,
        "UPDATE_ROLLBACK_FAILED" => Condition::Halfway,
        status if status.ends_with("_IN_PROGRESS") => Condition::Busy,
        _ => Condition::Ready,
    }
}

impl Stack {
    /// The stack with a name, if it is there.
    pub(crate) async fn find(account: &Account, name: &str) -> Result<Option<Self>, Problem> {
        let found = account.cloudformation.describe_stacks().stack_name(name).send().await;
        match found {
            Ok(found) => {
                let stack = found.stacks.unwrap_or_default().into_iter().next();
                Ok(stack.map(Self::of).filter(|stack| stack.status != "DELETE_COMPLETE"))
            }
            // CloudFormation has no code of its own for it.
            Err(error)
                if error.code() == Some("ValidationError")
                    && error.message().is_some_and(|message| message.contains("does not exist")) =>
            {
                Ok(None)
            }
            Err(error) => Err(problem("cloudformation:DescribeStacks", name, &error)),
        }
    }

    pub(crate) fn of(stack: Described) -> Self {
        let pairs = |pairs: Vec<(Option<String>, Option<String>)>| {
            pairs.into_iter().filter_map(|(key, value)| Some((key?, value?))).collect()
        };
        Self {
            name: stack.stack_name.unwrap_or_default(),
            id: stack.stack_id.unwrap_or_default(),
            status: stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            parameters: pairs(
                stack
                    .parameters
                    .unwrap_or_default()
                    .into_iter()
                    .map(|one| (one.parameter_key, one.parameter_value))
                    .collect(),
            ),
            outputs: pairs(
                stack
                    .outputs
                    .unwrap_or_default()
                    .into_iter()
                    .map(|one| (one.output_key, one.output_value))
                    .collect(),
            ),
            tags: pairs(stack.tags.unwrap_or_default().into_iter().map(|one| (one.key, one.value)).collect()),
        }
    }

    /// Whether the stack belongs to this environment: `a-b` in `c` and `a` in `b-c` have stacks of one name.
    pub(crate) fn belongs(&self, names: &Names) -> Result<(), Problem> {
        let (pipeline, environment) = (self.tags.get(PIPELINE_TAG), self.tags.get(ENVIRONMENT_TAG));
        match (pipeline, environment) {
            (Some(pipeline), Some(environment))
                if pipeline == names.pipeline() && environment == names.environment() =>
            {
                Ok(())
            }
            (Some(pipeline), Some(environment)) => Err(Problem::new(
                format!(
                    "stack `{}` belongs to environment `{environment}` of pipeline `{pipeline}`",
                    self.name
                ),
                "give the environment or the pipeline another name",
            )),
            // What was only planned may not show its tags yet, and holds nothing.
            (None, None) if condition(&self.status) == Condition::Planned => Ok(()),
            _ => Err(Problem::new(
                format!("there is a stack `{}` that Tidemill did not make", self.name),
                "give the environment or the pipeline another name, or remove that stack",
            )),
        }
    }

    /// The template as it was deployed.
    pub(crate) async fn template(&self, account: &Account) -> Result<Value, Problem> {
        let call = account.cloudformation.get_template().stack_name(&self.name);
        let found = call.template_stage(TemplateStage::Original).send().await;
        let found = found.map_err(|error| problem("cloudformation:GetTemplate", &self.name, &error))?;
        Ok(serde_json::from_str(found.template_body().unwrap_or_default()).unwrap_or_default())
    }

    /// What the stack consists of: type and physical name of each resource.
    pub(crate) async fn resources(&self, account: &Account) -> Result<Vec<(String, String)>, Problem> {
        let mut pages =
            account.cloudformation.list_stack_resources().stack_name(&self.name).into_paginator().send();
        let mut resources = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| problem("cloudformation:ListStackResources", &self.name, &error))?;
            for one in page.stack_resource_summaries.unwrap_or_default() {
                let gone = one.resource_status.is_some_and(|status| status.as_str() == "DELETE_COMPLETE");
                if let (Some(kind), Some(name), false) = (one.resource_type, one.physical_resource_id, gone) {
                    resources.push((kind, name));
                }
            }
        }
        Ok(resources)
    }
}

/// The stack in a state that takes changes, or none: what is in the way is cleared.
pub(crate) async fn ready(
    account: &Account,
    names: &Names,
    name: &str,
    observer: &dyn Observer,
) -> Result<Option<Stack>, Problem> {
    let Some(stack) = Stack::find(account, name).await? else { return Ok(None) };
    stack.belongs(names)?;
    match condition(&stack.status) {
        Condition::Ready | Condition::Planned => Ok(Some(stack)),
        Condition::Busy => Err(Problem::new(
            format!("stack `{name}` is being changed by somebody else ({})", stack.status),
            "wait until that has ended, and deploy again; `aws cloudformation cancel-update-stack` ends an update early",
        )),
        Condition::Leftover => {
            observer.say(&format!(
                "stack {name} is left over from what failed ({}) and takes no changes: removing it first",
                stack.status
            ));
            remove(account, &stack, observer).await?;
            Ok(None)
        }
        Condition::Halfway => {
            observer.say(&format!("stack {name} could not take back its last update: trying once more"));
            take_back(account, &stack, observer).await?;
            Stack::find(account, name).await
        }
    }
}

/// Removes a stack, and waits until it is gone.
pub(crate) async fn remove(account: &Account, stack: &Stack, observer: &dyn Observer) -> Result<(), Problem> {
    let since = follow::Since::now(account, stack).await?;
    let call = account.cloudformation.delete_stack().stack_name(&stack.id);
    call.send().await.map_err(|error| problem("cloudformation:DeleteStack", &stack.name, &error))?;
    let end = follow::follow(account, stack, since, observer).await?;
    if end.status == "DELETE_COMPLETE" {
        return Ok(());
    }
    Err(Problem::new(
        format!("stack `{}` could not be removed: {}", stack.name, end.why()),
        "mend that, and try again: what is removed already stays removed",
    ))
}

async fn take_back(account: &Account, stack: &Stack, observer: &dyn Observer) -> Result<(), Problem> {
    let since = follow::Since::now(account, stack).await?;
    let call = account.cloudformation.continue_update_rollback().stack_name(&stack.name);
    let begun = call.send().await;
    begun.map_err(|error| problem("cloudformation:ContinueUpdateRollback", &stack.name, &error))?;
    let end = follow::follow(account, stack, since, observer).await?;
    if end.status == "UPDATE_ROLLBACK_COMPLETE" {
        return Ok(());
    }
    Err(Problem::new(
        format!("stack `{}` cannot take back its last update: {}", stack.name, end.why()),
        format!(
            "mend that resource and deploy again; or give it up with `aws cloudformation continue-update-rollback \
             --stack-name {} --resources-to-skip {}`, and deploy again",
            stack.name,
            end.failed.first().map_or("LOGICAL_ID", |step| step.id.as_str())
        ),
    ))
}

/// How long to wait between two looks.
pub(crate) const LOOK: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_way_on() {
        for (status, expected) in [
            ("CREATE_COMPLETE", Condition::Ready),
            ("UPDATE_COMPLETE", Condition::Ready),
            ("UPDATE_ROLLBACK_COMPLETE", Condition::Ready),
            ("IMPORT_ROLLBACK_COMPLETE", Condition::Ready),
            ("REVIEW_IN_PROGRESS", Condition::Planned),
            ("ROLLBACK_COMPLETE", Condition::Leftover),
            ("ROLLBACK_FAILED", Condition::Leftover),
            ("DELETE_FAILED", Condition::Leftover),
            ("UPDATE_ROLLBACK_FAILED", Condition::Halfway),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Condition::Busy),
            ("DELETE_IN_PROGRESS", Condition::Busy),
        ] {
            assert_eq!(condition(status), expected, "{status}");
        }
    }
}
