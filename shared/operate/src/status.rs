//! Depths, ages, what is in flight, errors, concurrency.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use serde::Serialize;
use tidemill_core::function::Shape;
use tidemill_deploy::Problem;
use tidemill_deploy::live::problem;
use tidemill_pipeline::RunsOn;

use crate::dead;
use crate::environment::Environment;

/// How far back errors are counted.
const WINDOW: Duration = Duration::from_mins(15);

/// One stage now.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StageStatus {
    /// The stage.
    pub stage: String,
    /// Items in its queue that can be taken.
    pub waiting: u64,
    /// Items that wait for another try.
    pub delayed: u64,
    /// Items that are being worked on.
    pub in_flight: u64,
    /// The age of the oldest waiting item in seconds, as CloudWatch last saw it; for a stream, of the last
    /// record read.
    pub oldest_seconds: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// Messages in the dead-letter queue that are not yet dead letters.
    pub undrained: u64,
    /// Failed calls of its function in the last 15 minutes.
    pub errors: Option<u64>,
    /// Calls of its function at once, at the most, in the last 15 minutes.
    pub concurrency: Option<u64>,
    /// The function's memory in MB; `None` where it runs on a worker.
    pub memory: Option<u64>,
    /// The function's timeout in seconds.
    pub timeout: Option<u64>,
}

/// An environment now.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The pipeline.
    pub pipeline: String,
    /// The environment.
    pub environment: String,
    /// The account's number.
    pub account: String,
    /// The region.
    pub region: String,
    /// Each stage.
    pub stages: Vec<StageStatus>,
}

/// Looks at every stage.
pub async fn status(environment: &Environment) -> Result<Status, Problem> {
    let mut stages = Vec::new();
    let letters = dead::letters(environment).await?;
    let lambda = aws_sdk_lambda::Client::new(&environment.clients.config);
    for stage in &environment.plan.stages {
        let name = &stage.plan.name;
        let mut found = StageStatus { stage: name.clone(), ..StageStatus::default() };
        let [waiting, delayed, in_flight] = depth(environment, environment.queue(name)).await?;
        (found.waiting, found.delayed, found.in_flight) = (waiting, delayed, in_flight);
        found.undrained = match dead_queue(environment, name).await? {
            Some(url) => depth(environment, &url).await?.iter().sum(),
            None => 0,
        };
        found.dead = letters.iter().filter(|letter| letter.stage == *name).count() as u64;
        if stage.runs_on == RunsOn::Lambda {
            let function = environment.names.function(name).plain(&environment.account, &environment.region);
            let about = lambda.get_function_configuration().function_name(&function).send().await;
            let about =
                about.map_err(|error| problem("lambda:GetFunctionConfiguration", &function, &error))?;
            found.memory = about.memory_size().and_then(|size| size.try_into().ok());
            found.timeout = about.timeout().and_then(|seconds| seconds.try_into().ok());
        }
        stages.push(found);
    }
    measure(environment, &mut stages).await;
    Ok(Status {
        pipeline: environment.plan.name.clone(),
        environment: environment.name().to_owned(),
        account: environment.account.clone(),
        region: environment.region.clone(),
        stages,
    })
}

/// How many items the queues of all stages hold.
pub async fn waiting(environment: &Environment) -> Result<u64, Problem> {
    let mut all = 0;
    for queue in environment.place.queues.values() {
        all += depth(environment, queue).await?.iter().sum::<u64>();
    }
    Ok(all)
}

async fn dead_queue(environment: &Environment, stage: &str) -> Result<Option<String>, Problem> {
    let name = environment.names.dead_queue(stage).plain(&environment.account, &environment.region);
    match environment.clients.sqs.get_queue_url().queue_name(&name).send().await {
        Ok(found) => Ok(found.queue_url().map(str::to_owned)),
        Err(error) if error.as_service_error().is_some_and(GetQueueUrlError::is_queue_does_not_exist) => {
            Ok(None)
        }
        Err(error) => Err(problem("sqs:GetQueueUrl", &name, &error)),
    }
}

/// Messages that can be taken, that are delayed, and that are being worked on. SQS counts them approximately.
pub(crate) async fn depth(environment: &Environment, queue: &str) -> Result<[u64; 3], Problem> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let call = environment.clients.sqs.get_queue_attributes().queue_url(queue);
    let call = call.set_attribute_names(Some(names.to_vec()));
    let found = call.send().await.map_err(|error| problem("sqs:GetQueueAttributes", queue, &error))?;
    let read = |name: &QueueAttributeName| {
        found.attributes().and_then(|all| all.get(name)?.parse().ok()).unwrap_or_default()
    };
    Ok([read(&names[0]), read(&names[1]), read(&names[2])])
}

/// Adds what only CloudWatch knows. Where it does not answer, the rest of the status is still worth showing.
async fn measure(environment: &Environment, stages: &mut [StageStatus]) {
    let mut queries = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        let (account, region) = (&environment.account, &environment.region);
        let queue = environment.names.queue(&stage.stage).plain(account, region);
        let function = environment.names.function(&stage.stage).plain(account, region);
        let streams = environment.plan.stage(&stage.stage).is_some_and(|stage| stage.shape == Shape::Records);
        let age = if streams {
            ("AWS/Lambda", "IteratorAge", "FunctionName", &function)
        } else {
            ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", &queue)
        };
        for (kind, (space, metric, dimension, value), statistic) in [
            ("age", age, "Maximum"),
            ("errors", ("AWS/Lambda", "Errors", "FunctionName", &function), "Sum"),
            ("concurrency", ("AWS/Lambda", "ConcurrentExecutions", "FunctionName", &function), "Maximum"),
        ] {
            let dimension = Dimension::builder().name(dimension).value(value).build();
            let metric = Metric::builder().namespace(space).metric_name(metric).dimensions(dimension).build();
            let stat = MetricStat::builder().metric(metric).period(60).stat(statistic).build();
            queries.push(MetricDataQuery::builder().id(format!("{kind}{index}")).metric_stat(stat).build());
        }
    }
    let client = aws_sdk_cloudwatch::Client::new(&environment.clients.config);
    let now = Timestamp::now().as_second();
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    // At most 500 in a call (CloudWatch API Reference, GetMetricData).
    for queries in queries.chunks(500) {
        let call = client
            .get_metric_data()
            .start_time(DateTime::from_secs(now - WINDOW.as_secs() as i64))
            .end_time(DateTime::from_secs(now + 60))
            .set_metric_data_queries(Some(queries.to_vec()));
        let Ok(answer) = call.send().await else { return };
        for result in answer.metric_data_results() {
            values.insert(result.id().unwrap_or_default().to_owned(), result.values().to_vec());
        }
    }
    let whole = |value: f64| value.max(0.0).round() as u64;
    for (index, stage) in stages.iter_mut().enumerate() {
        let streams = environment.plan.stage(&stage.stage).is_some_and(|stage| stage.shape == Shape::Records);
        let of = |kind: &str| values.get(&format!("{kind}{index}")).filter(|values| !values.is_empty());
        // The newest value comes first. CloudWatch has the age of a stream's records in milliseconds.
        stage.oldest_seconds =
            of("age").map(|values| whole(if streams { values[0] / 1_000.0 } else { values[0] }));
        stage.errors = of("errors").map(|values| whole(values.iter().sum()));
        stage.concurrency = of("concurrency").map(|values| whole(values.iter().copied().fold(0.0, f64::max)));
    }
}
