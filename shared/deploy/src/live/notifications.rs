//! A bucket's notification settings: one setting for the whole bucket, so what is there is read, changed where it is
//! ours, and written back.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
};
use serde_json::Value;

use super::account::{Account, problem};
use super::observer::Observer;
use crate::Problem;
use crate::names::Names;
use crate::template::text_of;

/// What is wanted of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) event_bridge: bool,
    /// Prefix and queue.
    queues: Vec<(String, String)>,
}

/// What a template's metadata say about buckets, by physical name.
pub(crate) fn wanted(template: &Value, account: &Account) -> BTreeMap<String, Wanted> {
    let mut buckets: BTreeMap<String, Wanted> = BTreeMap::new();
    let list = template["Metadata"]["Tidemill"]["Notifications"].as_array();
    for one in list.into_iter().flatten() {
        let filled = |value: &Value| account.filled(text_of(value).unwrap_or_default());
        let bucket = buckets.entry(filled(&one["Bucket"])).or_default();
        if one["EventBridge"] == true {
            bucket.event_bridge = true;
        } else {
            bucket.queues.push((filled(&one["Prefix"]), filled(&one["Queue"])));
        }
    }
    buckets
}

/// What our settings are called, so that they are known again.
fn mark(names: &Names) -> String {
    format!("tidemill/{}/{}/", names.pipeline(), names.environment())
}

/// Brings the buckets to what is wanted. `before` are those that an earlier deployment changed.
pub(crate) async fn apply(
    account: &Account,
    names: &Names,
    before: &BTreeMap<String, Wanted>,
    wanted: &BTreeMap<String, Wanted>,
    observer: &dyn Observer,
) -> Result<Vec<String>, Problem> {
    let mut changed = Vec::new();
    let none = Wanted::default();
    let gone = before.keys().filter(|bucket| !wanted.contains_key(*bucket)).map(|bucket| (bucket, &none));
    for (bucket, wanted) in wanted.iter().chain(gone) {
        let get = account.s3.get_bucket_notification_configuration().bucket(bucket).send().await;
        let there = match get {
            Ok(there) => there,
            // A bucket that is gone notifies nobody.
            Err(error) if tidemill_aws::explained(&error).contains("NoSuchBucket") && *wanted == none => {
                continue;
            }
            Err(error) => return Err(problem("s3:GetBucketNotification", bucket, &error)),
        };
        let there = NotificationConfiguration::builder()
            .set_event_bridge_configuration(there.event_bridge_configuration)
            .set_lambda_function_configurations(there.lambda_function_configurations)
            .set_queue_configurations(there.queue_configurations)
            .set_topic_configurations(there.topic_configurations)
            .build();
        let next = merged(&there, wanted, &mark(names), account);
        if next == there {
            continue;
        }
        observer.say(&format!("changing the notifications of bucket {bucket}; what others set there stays"));
        let put = account.s3.put_bucket_notification_configuration().bucket(bucket);
        put.notification_configuration(next)
            .send()
            .await
            .map_err(|error| problem("s3:PutBucketNotification", bucket, &error))?;
        changed.push(bucket.clone());
    }
    Ok(changed)
}

/// What is there, with ours as it should be. EventBridge stays on once it is: others may listen by it.
fn merged(
    there: &NotificationConfiguration,
    wanted: &Wanted,
    mark: &str,
    account: &Account,
) -> NotificationConfiguration {
    let ours = |one: &QueueConfiguration| one.id().is_some_and(|id| id.starts_with(mark));
    let mut queues: Vec<QueueConfiguration> =
        there.queue_configurations().iter().filter(|one| !ours(one)).cloned().collect();
    let mine = wanted.queues.iter().filter_map(|(prefix, queue)| setting(prefix, queue, mark, account));
    queues.extend(mine);
    // Unchanged is unchanged, in whatever order S3 lists it.
    let same = queues.len() == there.queue_configurations().len()
        && queues.iter().all(|one| there.queue_configurations().contains(one));
    let bridge = match there.event_bridge_configuration() {
        None if wanted.event_bridge => Some(EventBridgeConfiguration::builder().build()),
        there => there.cloned(),
    };
    NotificationConfiguration::builder()
        .set_event_bridge_configuration(bridge)
        .set_lambda_function_configurations(there.lambda_function_configurations.clone())
        .set_topic_configurations(there.topic_configurations.clone())
        .set_queue_configurations(if same { there.queue_configurations.clone() } else { Some(queues) })
        .build()
}

fn setting(prefix: &str, queue: &str, mark: &str, account: &Account) -> Option<QueueConfiguration> {
    let partition = account.caller.split(':').nth(1).unwrap_or("aws");
    let setting = QueueConfiguration::builder()
        .id(format!("{mark}{queue}"))
        .queue_arn(format!("arn:{partition}:sqs:{}:{}:{queue}", account.region, account.number))
        .events(Event::from("s3:ObjectCreated:*"))
        .events(Event::from("s3:ObjectRemoved:*"))
        .events(Event::from("s3:LifecycleExpiration:*"));
    let filter = (!prefix.is_empty()).then(|| {
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let key = S3KeyFilter::builder().filter_rules(rule).build();
        NotificationConfigurationFilter::builder().key(key).build()
    });
    // It has all that it must have.
    setting.set_filter(filter).build().ok()
}
