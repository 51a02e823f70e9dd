//! Makes an environment what its plan says.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;
use tidemill_core::digest;
use tidemill_pipeline::Plan;

use super::account::Account;
use super::change::{self, Change, ChangeSet, Template, Wanted};
use super::follow;
use super::notifications;
use super::observer::Observer;
use super::revision::{self, Before};
use super::stack::{self, Condition, ENVIRONMENT_TAG, PIPELINE_TAG, Stack, condition};
use super::upload;
use crate::artifact::Artifact;
use crate::names::Names;
use crate::template::{logical, parameters, text_of};
use crate::{Problem, Templates};

/// The largest template in a call, in bytes (CloudFormation User Guide, "Understand CloudFormation quotas").
const LARGEST_BODY: usize = 51_200;

/// A deployment that is planned: everything is uploaded, nothing is changed.
pub struct Deployment<'a> {
    account: &'a Account,
    names: Names,
    /// In the order in which they are carried out.
    sets: Vec<ChangeSet>,
    notified: BTreeMap<String, notifications::Wanted>,
    to_notify: BTreeMap<String, notifications::Wanted>,
}

/// What a deployment came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deployed {
    /// What changed.
    pub changes: Vec<Change>,
    /// Buckets whose notifications changed.
    pub notified: Vec<String>,
    /// The compute stack's outputs, such as URLs.
    pub outputs: BTreeMap<String, String>,
}

impl<'a> Deployment<'a> {
    /// Uploads what is needed, and asks CloudFormation what it would do.
    pub async fn plan(
        account: &'a Account,
        plan: &Plan,
        environment: &str,
        templates: &Templates,
        artifacts: &[Artifact],
        observer: &dyn Observer,
    ) -> Result<Self, Problem> {
        let names = Names::new(&plan.name, environment);
        let (data_name, compute_name) = (names.data_stack(), names.compute_stack());
        let data = stack::ready(account, &names, &data_name, observer).await?;
        let compute = stack::ready(account, &names, &compute_name, observer).await?;
        for bucket in plan.aws.buckets.values() {
            // Before anything is made: what is said to be there already has to be.
            if let Err(error) = account.s3.head_bucket().bucket(bucket).send().await {
                let (cause, _) = tidemill_aws::advised("s3:ListBucket", bucket, &error);
                return Err(Problem::new(
                    format!("the manifest says that the bucket `{bucket}` is there already: {cause}"),
                    "make it, or correct its name under `aws: { buckets: … }`; nothing was made",
                ));
            }
        }
        let bucket = upload::bucket(account, observer).await?;
        let mut sent = 0;
        for artifact in artifacts {
            sent += u64::from(upload::once(account, &bucket, &artifact.file_name(), &artifact.bytes).await?);
        }
        if sent > 0 {
            observer.say(&format!("uploaded {sent} of {} zips to {bucket}", artifacts.len()));
        }
        let settings = settings(plan, &bucket, artifacts, data.as_ref(), compute.as_ref());
        let notified = match &compute {
            Some(stack) if condition(&stack.status) == Condition::Ready => {
                notifications::wanted(&stack.template(account).await?, account)
            }
            _ => BTreeMap::new(),
        };
        let mut deployment = Self {
            account,
            names,
            sets: Vec::new(),
            notified,
            to_notify: notifications::wanted(&templates.compute, account),
        };
        for (name, template, parameters, before) in [
            (&data_name, &templates.data, Vec::new(), &data),
            (&compute_name, &templates.compute, settings, &compute),
        ] {
            match deployment.change(name, template, parameters, before.as_ref(), &bucket).await {
                Ok(set) => deployment.sets.extend(set),
                Err(problem) => {
                    deployment.discard().await?;
                    return Err(problem);
                }
            }
        }
        Ok(deployment)
    }

    async fn change(
        &self,
        name: &str,
        template: &Value,
        parameters: Vec<(String, String)>,
        before: Option<&Stack>,
        bucket: &str,
    ) -> Result<Option<ChangeSet>, Problem> {
        if let Some(stack) = before
            && condition(&stack.status) == Condition::Ready
            && parameters.iter().all(|(key, value)| stack.parameters.get(key) == Some(value))
            && stack.template(self.account).await? == *template
        {
            return Ok(None);
        }
        let wanted = Wanted {
            name,
            template: self.template(template.to_string(), bucket).await?,
            parameters,
            tags: vec![
                (PIPELINE_TAG.to_owned(), self.names.pipeline().to_owned()),
                (ENVIRONMENT_TAG.to_owned(), self.names.environment().to_owned()),
            ],
        };
        let set =
            change::plan(self.account, &wanted, before, &format!("tidemill-{}", since_1970().as_nanos()))
                .await?;
        Ok(set.map(|mut set| {
            for change in set.changes.iter_mut().filter(|change| change.name.is_none()) {
                change.name = name_in(&template["Resources"][&change.id], self.account);
            }
            set
        }))
    }

    /// The template in the call, or in S3 where it is too large for that.
    async fn template(&self, text: String, bucket: &str) -> Result<Template, Problem> {
        if text.len() <= LARGEST_BODY {
            return Ok(Template::Body(text));
        }
        let key = format!("{}.template.json", digest::checksum([text.as_bytes()]));
        upload::once(self.account, bucket, &key, text.as_bytes()).await?;
        Ok(Template::Url(url(&self.account.region, bucket, &key)))
    }

    /// What would change, in order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.sets.iter().flat_map(|set| &set.changes)
    }

    /// Whether no stack would change.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Takes the plan back.
    pub async fn discard(self) -> Result<(), Problem> {
        for set in &self.sets {
            set.discard(self.account).await?;
        }
        Ok(())
    }

    /// Carries the plan out. What fails is rolled back by CloudFormation, and said with its reason.
    pub async fn apply(self, observer: &dyn Observer) -> Result<Deployed, Problem> {
        let mut sets = self.sets.iter();
        while let Some(set) = sets.next() {
            if let Err(problem) = carry_out(self.account, set, observer).await {
                for rest in sets {
                    rest.discard(self.account).await?;
                }
                return Err(problem);
            }
        }
        let notified =
            notifications::apply(self.account, &self.names, &self.notified, &self.to_notify, observer)
                .await?;
        let compute = Stack::find(self.account, &self.names.compute_stack()).await?;
        Ok(Deployed {
            changes: self.changes().cloned().collect(),
            notified,
            outputs: compute.map(|stack| stack.outputs).unwrap_or_default(),
        })
    }
}

async fn carry_out(account: &Account, set: &ChangeSet, observer: &dyn Observer) -> Result<(), Problem> {
    let name = &set.stack.name;
    let since = follow::Since::now(account, &set.stack).await?;
    set.begin(account).await?;
    let end = follow::follow(account, &set.stack, since, observer).await?;
    if matches!(end.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
        return Ok(());
    }
    let why = end.why();
    if !set.new {
        let state = if end.status == "UPDATE_ROLLBACK_COMPLETE" {
            "it is as it was before"
        } else {
            "it could not be taken back either: deploying again tries that first"
        };
        return Err(Problem::new(
            format!("stack `{name}` was not changed: {why}"),
            format!("{}; {state}", follow::advice(&why, account)),
        ));
    }
    // A stack whose making failed takes no change any more, and holds nothing.
    let left = match stack::remove(account, &set.stack, observer).await {
        Ok(()) => "nothing of it is left".to_owned(),
        Err(problem) => format!("what is left of it could not be removed ({})", problem.message),
    };
    Err(Problem::new(
        format!("stack `{name}` was not made: {why}"),
        format!("{}; {left}", follow::advice(&why, account)),
    ))
}

/// The compute stack's parameters.
fn settings(
    plan: &Plan,
    bucket: &str,
    artifacts: &[Artifact],
    data: Option<&Stack>,
    compute: Option<&Stack>,
) -> Vec<(String, String)> {
    let nothing = BTreeMap::new();
    let before = Before {
        parameters: compute.map_or(&nothing, |stack| &stack.parameters),
        data: data.is_some_and(|stack| condition(&stack.status) == Condition::Ready),
        now: since_1970().as_secs(),
    };
    let revisions = revision::of(plan, &before);
    let mut settings = vec![(parameters::ARTIFACT_BUCKET.to_owned(), bucket.to_owned())];
    for artifact in artifacts {
        let id = logical::id(&artifact.stage);
        settings.push((parameters::code(&id), artifact.file_name()));
        if let Some(revision) = revisions.get(&artifact.stage) {
            settings.push((parameters::revision(&id), revision.number.to_string()));
            settings.push((parameters::recipe(&id), revision.recipe.clone()));
        }
    }
    settings
}

/// The name that a template gives to a resource.
fn name_in(resource: &Value, account: &Account) -> Option<String> {
    let keys =
        ["BucketName", "FunctionName", "LogGroupName", "ManagedPolicyName", "Name", "QueueName", "RoleName"];
    let properties = &resource["Properties"];
    let name = keys.into_iter().find_map(|key| text_of(&properties[key]))?;
    Some(account.filled(name))
}

/// Where CloudFormation finds a template in S3; with the bucket in the path, which every endpoint takes.
fn url(region: &str, bucket: &str, key: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://s3.{region}.{domain}/{bucket}/{key}")
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
