//! Alarms: on what was left to the dead-letter queue, and on what waits for too long.

use serde_json::{Value, json};

use super::scope::{Placed, Scope};
use super::sheet::Sheet;

/// One period, in seconds.
const PERIOD: u64 = 300;

/// Half an hour: a retry may wait for a quarter of one.
const OLD: u64 = 1_800;

struct Alarm {
    about: String,
    namespace: &'static str,
    metric: &'static str,
    dimension: (&'static str, Value),
    above: u64,
}

/// The alarms of a stage.
pub(crate) fn add(scope: &Scope<'_>, placed: &Placed<'_>, sheet: &mut Sheet) {
    let (name, id) = (placed.name(), &placed.id);
    let of = format!("{name} of {} in {}", scope.names.pipeline(), scope.names.environment());
    let queue = |name: &str| ("QueueName", json!({ "Fn::GetAtt": [name, "QueueName"] }));
    let mut alarms = vec![
        (
            "DeadAlarm",
            Alarm {
                about: format!("Messages that crashed stage {of} are not drained into dead letters"),
                namespace: "AWS/SQS",
                metric: "ApproximateNumberOfMessagesVisible",
                dimension: queue(&format!("{id}DeadQueue")),
                above: 0,
            },
        ),
        (
            "AgeAlarm",
            Alarm {
                about: format!("Items wait for longer than half an hour for stage {of}"),
                namespace: "AWS/SQS",
                metric: "ApproximateAgeOfOldestMessage",
                dimension: queue(&format!("{id}Queue")),
                above: OLD,
            },
        ),
    ];
    if placed.on_lambda() && scope.streams(placed.stage).next().is_some() {
        alarms.push((
            "LagAlarm",
            Alarm {
                about: format!("A shard is more than half an hour behind at stage {of}"),
                namespace: "AWS/Lambda",
                metric: "IteratorAge",
                dimension: ("FunctionName", json!({ "Ref": format!("{id}Function") })),
                above: OLD * 1_000,
            },
        ));
    }
    for (suffix, alarm) in alarms {
        sheet.resource(&placed.owner, &format!("{id}{suffix}"), alarm.resource());
    }
}

impl Alarm {
    fn resource(self) -> Value {
        let (name, value) = self.dimension;
        json!({
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": self.about,
                "Namespace": self.namespace,
                "MetricName": self.metric,
                "Dimensions": [{ "Name": name, "Value": value }],
                "Statistic": "Maximum",
                "Period": PERIOD,
                "EvaluationPeriods": 1,
                "ComparisonOperator": "GreaterThanThreshold",
                "Threshold": self.above,
                "TreatMissingData": "notBreaching",
            },
        })
    }
}
