//! Removes an environment: what works, and what is kept only if that is asked for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::account::{Account, problem};
use super::observer::{Observer, kind};
use super::stack::{self, Condition, ENVIRONMENT_TAG, Stack, condition};
use super::{empty, notifications};
use crate::Problem;
use crate::names::{Names, artifact_bucket};

/// An environment that is to go, as it stands.
pub struct Removal<'a> {
    account: &'a Account,
    names: Names,
    compute: Option<Stack>,
    data: Option<Stack>,
    /// Type and physical name of what the data stack keeps.
    kept: Vec<(String, String)>,
    /// The same of what works.
    working: Vec<(String, String)>,
}

/// What is left after a removal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Things with their kind, such as `bucket photos-prod-media-…`.
    pub kept: Vec<String>,
}

impl<'a> Removal<'a> {
    /// Looks at what there is; `None` if there is nothing.
    pub async fn find(account: &'a Account, names: Names) -> Result<Option<Self>, Problem> {
        let compute = Stack::find(account, &names.compute_stack()).await?;
        let data = Stack::find(account, &names.data_stack()).await?;
        if compute.is_none() && data.is_none() {
            return Ok(None);
        }
        for stack in [&compute, &data].into_iter().flatten() {
            stack.belongs(&names)?;
            if condition(&stack.status) == Condition::Busy {
                return Err(Problem::new(
                    format!("stack `{}` is being changed by somebody else ({})", stack.name, stack.status),
                    "wait until that has ended, and try again",
                ));
            }
        }
        let resources = async |stack: &Option<Stack>| match stack {
            Some(stack) => stack.resources(account).await,
            None => Ok(Vec::new()),
        };
        let (kept, working) = (resources(&data).await?, resources(&compute).await?);
        Ok(Some(Self { account, names, compute, data, kept, working }))
    }

    /// What goes, by kind and number: `3 functions`.
    pub fn working(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (resource_type, _) in &self.working {
            *counts.entry(kind(resource_type)).or_default() += 1;
        }
        counts
    }

    /// The buckets and streams that hold data.
    pub fn data(&self) -> Vec<String> {
        self.stores().map(|(resource_type, name)| format!("{} {name}", kind(resource_type))).collect()
    }

    /// Whether anything works yet.
    pub fn has_compute(&self) -> bool {
        self.compute.is_some()
    }

    fn stores(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kept
            .iter()
            .filter(|(kind, _)| kind == "AWS::S3::Bucket" || kind == "AWS::Kinesis::Stream")
            .map(|(kind, name)| (kind.as_str(), name.as_str()))
    }

    /// Removes what works; with `data`, what is kept as well. Gives what is left.
    pub async fn apply(self, data: bool, observer: &dyn Observer) -> Result<Left, Problem> {
        let mut left = Left::default();
        if let Some(stack) = &self.compute {
            // First nobody sends any more, then the queues go.
            if condition(&stack.status) != Condition::Planned {
                let notified = notifications::wanted(&stack.template(self.account).await?, self.account);
                notifications::apply(self.account, &self.names, &notified, &BTreeMap::new(), observer)
                    .await?;
            }
            stack::remove(self.account, stack, observer).await?;
        }
        if !data {
            left.kept.extend(self.data.iter().map(|stack| format!("stack {}", stack.name)));
            left.kept.extend(self.data());
        } else if let Some(stack) = &self.data {
            for (resource_type, name) in self.stores() {
                match resource_type {
                    "AWS::S3::Bucket" => empty::bucket(self.account, name, observer).await?,
                    _ => empty::stream(self.account, name, observer).await?,
                }
            }
            stack::remove(self.account, stack, observer).await?;
        }
        self.artifacts(data, &mut left, observer).await?;
        Ok(left)
    }

    /// The artifact bucket goes with the data of the last environment.
    async fn artifacts(&self, data: bool, left: &mut Left, observer: &dyn Observer) -> Result<(), Problem> {
        let bucket = artifact_bucket(&self.account.number, &self.account.region);
        if data && !others(self.account).await? {
            return empty::bucket(self.account, &bucket, observer).await;
        }
        let head = self.account.s3.head_bucket().bucket(&bucket).send().await;
        if head.is_ok() {
            left.kept.push(format!("bucket {bucket} (zips and templates of all environments)"));
        }
        Ok(())
    }
}

/// Whether any environment is left in the account and region.
async fn others(account: &Account) -> Result<bool, Problem> {
    let mut pages = account.cloudformation.describe_stacks().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| problem("cloudformation:DescribeStacks", "the account", &error))?;
        for stack in page.stacks() {
            let gone = stack.stack_status().is_some_and(|status| status.as_str() == "DELETE_COMPLETE");
            if !gone && stack.tags().iter().any(|tag| tag.key() == Some(ENVIRONMENT_TAG)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
