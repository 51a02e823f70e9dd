//! Which environments there are.

use std::collections::BTreeMap;

use serde::Serialize;
use tidemill_aws::Clients;
use tidemill_deploy::Problem;
use tidemill_deploy::live::problem;

/// An environment of a pipeline in this account and region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The pipeline.
    pub pipeline: String,
    /// The environment.
    pub environment: String,
    /// The state of the stack of what is kept.
    pub data: Option<String>,
    /// The state of the stack of what works; `None` after `destroy`.
    pub compute: Option<String>,
}

/// All environments, told by the tags of their stacks.
pub async fn list(clients: &Clients) -> Result<Vec<Found>, Problem> {
    let client = aws_sdk_cloudformation::Client::new(&clients.config);
    let mut pages = client.describe_stacks().into_paginator().send();
    let mut found: BTreeMap<(String, String), Found> = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| problem("cloudformation:DescribeStacks", "the account", &error))?;
        for stack in page.stacks() {
            let tag = |name: &str| {
                stack.tags().iter().find(|tag| tag.key() == Some(name)).and_then(|tag| tag.value())
            };
            let (Some(pipeline), Some(environment)) = (tag("tidemill:pipeline"), tag("tidemill:environment"))
            else {
                continue;
            };
            let status = stack.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default();
            if status == "DELETE_COMPLETE" {
                continue;
            }
            let entry = found.entry((pipeline.to_owned(), environment.to_owned())).or_insert_with(|| Found {
                pipeline: pipeline.to_owned(),
                environment: environment.to_owned(),
                data: None,
                compute: None,
            });
            let data = stack.stack_name().is_some_and(|name| name.ends_with("-data"));
            *(if data { &mut entry.data } else { &mut entry.compute }) = Some(status);
        }
    }
    Ok(found.into_values().collect())
}
