//! What a plan and an environment's name stand for.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidemill_aws::{Buckets, Clients};
use tidemill_core::deployment::Place;
use tidemill_deploy::Problem;
use tidemill_deploy::live::{Account, problem};
use tidemill_deploy::names::Names;
use tidemill_pipeline::{Plan, PlannedStage};

/// An environment of a pipeline, found.
pub struct Environment {
    /// The plan, with the environment's overrides.
    pub plan: Plan,
    /// How everything in it is called.
    pub names: Names,
    /// The account's number.
    pub account: String,
    /// The region.
    pub region: String,
    /// The clients.
    pub clients: Clients,
    /// The physical names of everything in the plan.
    pub place: Arc<Place>,
    /// Its buckets, by their names in the manifest.
    pub buckets: Buckets,
}

impl Environment {
    /// Finds the environment `name` of `plan`. Whoever asks is asked for who it is; the queues must be there.
    pub async fn find(plan: Plan, name: &str) -> Result<Self, Problem> {
        Self::find_by(plan, name, Clients::load().await).await
    }

    /// The same, by clients of one's own.
    pub async fn find_by(plan: Plan, name: &str, clients: Clients) -> Result<Self, Problem> {
        let Account { number: account, region, .. } = Account::find(&clients).await?;
        let names = Names::new(&plan.name, name);
        let place = place(&plan, &names, name, &account, &region, &clients).await?;
        let place = Arc::new(place);
        let buckets = Buckets::new(clients.s3.clone(), Arc::clone(&place));
        Ok(Self { plan, names, account, region, clients, place, buckets })
    }

    /// The environment's name.
    pub fn name(&self) -> &str {
        &self.place.environment
    }

    /// The stage with a name.
    pub fn stage(&self, name: &str) -> Result<&PlannedStage, Problem> {
        self.plan.stage(name).ok_or_else(|| {
            let known: Vec<&str> = self.plan.stages.iter().map(|stage| stage.plan.name.as_str()).collect();
            Problem::new(format!("there is no stage `{name}`"), format!("there are: {}", known.join(", ")))
        })
    }

    /// Each stage's revision, as it was deployed last.
    pub async fn revisions(&self) -> Result<BTreeMap<String, u64>, Problem> {
        let stack = self.names.compute_stack();
        let client = aws_sdk_cloudformation::Client::new(&self.clients.config);
        let found = client.describe_stacks().stack_name(&stack).send().await;
        let found = found.map_err(|error| problem("cloudformation:DescribeStacks", &stack, &error))?;
        let parameters =
            found.stacks().first().map(aws_sdk_cloudformation::types::Stack::parameters).unwrap_or_default();
        let of = |stage: &PlannedStage| {
            let name = tidemill_deploy::revision_parameter(&stage.plan.name);
            let found = parameters.iter().find(|parameter| parameter.parameter_key() == Some(&name));
            let revision = found.and_then(|parameter| parameter.parameter_value()?.parse().ok());
            (stage.plan.name.clone(), revision.unwrap_or_default())
        };
        Ok(self.plan.stages.iter().map(of).collect())
    }

    /// The URL of a stage's queue.
    pub fn queue(&self, stage: &str) -> &str {
        self.place.queues.get(stage).map(String::as_str).unwrap_or_default()
    }
}

/// Everything in the plan, by physical name.
async fn place(
    plan: &Plan,
    names: &Names,
    environment: &str,
    account: &str,
    region: &str,
    clients: &Clients,
) -> Result<Place, Problem> {
    let buckets: BTreeMap<String, String> = plan
        .buckets()
        .into_iter()
        .map(|bucket| (bucket.to_owned(), names.bucket(&plan.aws, bucket).plain(account, region)))
        .collect();
    let streams = plan
        .streams()
        .into_iter()
        .map(|stream| (stream.to_owned(), names.stream(&plan.aws, stream).plain(account, region)))
        .collect();
    let mut queues = BTreeMap::new();
    for stage in &plan.stages {
        let name = names.queue(&stage.plan.name).plain(account, region);
        let found = clients.sqs.get_queue_url().queue_name(&name).send().await;
        let url = found.map_err(|error| missing(plan, environment, region, &name, &error))?;
        queues.insert(stage.plan.name.clone(), url.queue_url().unwrap_or_default().to_owned());
    }
    Ok(Place {
        environment: environment.to_owned(),
        revision: 0,
        state: names.state().plain(account, region),
        buckets,
        queues,
        streams,
        secrets: BTreeMap::new(),
    })
}

fn missing(
    plan: &Plan,
    environment: &str,
    region: &str,
    queue: &str,
    error: &aws_sdk_sqs::error::SdkError<aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError>,
) -> Problem {
    let gone = error
        .as_service_error()
        .is_some_and(aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError::is_queue_does_not_exist);
    if gone {
        return Problem::new(
            format!(
                "`{}` has no environment `{environment}` in {region}: there is no queue `{queue}`",
                plan.name
            ),
            "`tidemill env list` shows the environments that there are; `tidemill deploy DIR --env NAME` makes one",
        );
    }
    problem("sqs:GetQueueUrl", queue, error)
}

/// An error of a store as a problem.
pub(crate) fn store(error: &tidemill_core::ports::StoreError) -> Problem {
    Problem::new(error.to_string(), "try again; where it stays, `tidemill status DIR --env NAME` tells more")
}
