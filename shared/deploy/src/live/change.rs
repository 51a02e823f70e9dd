//! A change set: what CloudFormation would do, in words, before it does it.

use std::collections::BTreeSet;

use aws_sdk_cloudformation::types::{
    Capability, Change as Listed, ChangeAction, ChangeSetType, Parameter, Replacement, ResourceChange, Tag,
};
use serde::Serialize;

use super::account::{Account, problem};
use super::follow;
use super::observer::{NAMED, Step, kind, short};
use super::stack::{Condition, LOOK, Stack, condition};
use crate::Problem;

/// One resource that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The stack.
    pub stack: String,
    /// `make`, `change`, `replace` or `remove`.
    pub action: String,
    /// What it is, in words: `queue`.
    pub kind: String,
    /// The logical id.
    pub id: String,
    /// The physical name, if there is one yet.
    pub name: Option<String>,
    /// What changes of it.
    pub properties: Vec<String>,
}

impl Change {
    /// One line: `change function photos-test-renditions (Code, Environment)`.
    pub fn words(&self) -> String {
        let name = self.name.as_deref().filter(|_| NAMED.contains(&self.kind.as_str()));
        let name = name.map_or(self.id.as_str(), short);
        let words = format!("{} {} {name}", self.action, self.kind);
        match self.properties.as_slice() {
            [] => words,
            properties => format!("{words} ({})", properties.join(", ")),
        }
    }
}

/// A stack as it should be.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) template: Template,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
}

/// How CloudFormation gets a template.
pub(crate) enum Template {
    /// In the call.
    Body(String),
    /// From S3.
    Url(String),
}

/// A change set that can be carried out.
#[derive(Debug)]
pub(crate) struct ChangeSet {
    pub(crate) id: String,
    pub(crate) stack: Stack,
    /// Whether the stack was there before it.
    pub(crate) new: bool,
    pub(crate) changes: Vec<Change>,
}

/// Asks CloudFormation what it would do; `None` if nothing.
pub(crate) async fn plan(
    account: &Account,
    wanted: &Wanted<'_>,
    before: Option<&Stack>,
    name: &str,
) -> Result<Option<ChangeSet>, Problem> {
    let new = before.is_none_or(|stack| condition(&stack.status) == Condition::Planned);
    let parameters = wanted
        .parameters
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build());
    let tags = wanted.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let (body, url) = match &wanted.template {
        Template::Body(text) => (Some(text.clone()), None),
        Template::Url(url) => (None, Some(url.clone())),
    };
    let made = account
        .cloudformation
        .create_change_set()
        .stack_name(wanted.name)
        .change_set_name(name)
        .change_set_type(if new { ChangeSetType::Create } else { ChangeSetType::Update })
        .description("Made by tidemill deploy")
        .set_template_body(body)
        .set_template_url(url)
        .set_parameters(Some(parameters.collect()))
        .set_tags(Some(tags.collect()))
        .capabilities(Capability::CapabilityNamedIam)
        .send()
        .await
        .map_err(|error| problem("cloudformation:CreateChangeSet", wanted.name, &error))?;
    let id = made.id.unwrap_or_default();
    let (status, reason) = loop {
        let set = account.cloudformation.describe_change_set().change_set_name(&id).stack_name(wanted.name);
        let set = set.send().await;
        let set = set.map_err(|error| problem("cloudformation:DescribeChangeSet", wanted.name, &error))?;
        let status = set.status().map(|status| status.as_str().to_owned()).unwrap_or_default();
        if status != "CREATE_PENDING" && status != "CREATE_IN_PROGRESS" {
            break (status, set.status_reason.unwrap_or_default());
        }
        tokio::time::sleep(LOOK / 2).await;
    };
    if status == "FAILED" {
        let lower = reason.to_lowercase();
        if lower.contains("didn't contain changes") || lower.contains("no updates are to be performed") {
            drop_set(account, wanted.name, &id).await;
            return Ok(None);
        }
        let refused = follow::refused(account, wanted.name, wanted.name, Some(&id)).await;
        drop_set(account, wanted.name, &id).await;
        let why = refused.first().map_or(reason, Step::why);
        return Err(Problem::new(
            format!("CloudFormation refuses the template of stack `{}`: {why}", wanted.name),
            format!("{}; nothing was changed", follow::advice(&why, account)),
        ));
    }
    let changes = changes(account, wanted.name, &id).await?;
    let Some(stack) = Stack::find(account, wanted.name).await? else {
        return Err(Problem::new(
            format!("stack `{}` went while it was planned", wanted.name),
            "deploy again",
        ));
    };
    Ok(Some(ChangeSet { id, stack, new, changes }))
}

async fn changes(account: &Account, stack: &str, id: &str) -> Result<Vec<Change>, Problem> {
    let mut changes = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let call = account.cloudformation.describe_change_set().change_set_name(id).stack_name(stack);
        let page = call.set_next_token(next).send().await;
        let page = page.map_err(|error| problem("cloudformation:DescribeChangeSet", stack, &error))?;
        changes.extend(page.changes.unwrap_or_default().into_iter().filter_map(|change| of(stack, change)));
        next = page.next_token;
        if next.is_none() {
            return Ok(changes);
        }
    }
}

fn of(stack: &str, change: Listed) -> Option<Change> {
    let resource: ResourceChange = change.resource_change?;
    let replaced = resource.replacement == Some(Replacement::True);
    let action = match resource.action? {
        ChangeAction::Add | ChangeAction::Import => "make",
        ChangeAction::Remove => "remove",
        _ if replaced => "replace",
        _ => "change",
    };
    let properties: BTreeSet<String> = resource
        .details
        .unwrap_or_default()
        .into_iter()
        .filter_map(|detail| {
            let target = detail.target?;
            target.name.or_else(|| target.attribute.map(|attribute| attribute.as_str().to_owned()))
        })
        .collect();
    Some(Change {
        stack: stack.to_owned(),
        action: action.to_owned(),
        kind: kind(resource.resource_type.as_deref().unwrap_or("resource")),
        id: resource.logical_resource_id.unwrap_or_default(),
        name: resource.physical_resource_id.filter(|name| !name.is_empty()),
        properties: properties.into_iter().collect(),
    })
}

impl ChangeSet {
    /// Has CloudFormation carry it out; it goes on after that.
    pub(crate) async fn begin(&self, account: &Account) -> Result<(), Problem> {
        let call = account.cloudformation.execute_change_set();
        let call = call.change_set_name(&self.id).stack_name(&self.stack.name);
        call.send()
            .await
            .map_err(|error| problem("cloudformation:ExecuteChangeSet", &self.stack.name, &error))?;
        Ok(())
    }

    /// Takes it back, and the stack that was only planned with it.
    pub(crate) async fn discard(&self, account: &Account) -> Result<(), Problem> {
        drop_set(account, &self.stack.name, &self.id).await;
        if self.new {
            let call = account.cloudformation.delete_stack().stack_name(&self.stack.name);
            call.send()
                .await
                .map_err(|error| problem("cloudformation:DeleteStack", &self.stack.name, &error))?;
        }
        Ok(())
    }
}

/// A change set that nobody carries out is only clutter: what cannot be cleared is left.
async fn drop_set(account: &Account, stack: &str, id: &str) {
    let _ = account.cloudformation.delete_change_set().stack_name(stack).change_set_name(id).send().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_words() {
        let change = Change {
            stack: "s".into(),
            action: "change".into(),
            kind: "function".into(),
            id: "AFunction".into(),
            name: Some("p-e-a".into()),
            properties: vec!["Code".into(), "Environment".into()],
        };
        assert_eq!(change.words(), "change function p-e-a (Code, Environment)");
        let new = Change { action: "make".into(), name: None, properties: vec![], ..change };
        assert_eq!(new.words(), "make function AFunction");
    }
}
