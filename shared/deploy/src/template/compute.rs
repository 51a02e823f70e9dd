//! The compute stack: what works, and can be made anew at any time.

use serde_json::{Value, json};
use tidemill_core::deployment::Task;
use tidemill_pipeline::{Source, Via};

use super::functions::{self, Function};
use super::scope::{Placed, Scope};
use super::sheet::Sheet;
use super::{alarms, http, mappings, parameters, queues, roles, rules};
use crate::names::Names;

/// Everything of every stage, the HTTP sources, and the manifest's own resources.
pub(crate) fn add(scope: &Scope<'_>, stages: &[Placed<'_>], sheet: &mut Sheet) {
    parameters::add_bucket(sheet);
    for placed in stages {
        stage(scope, placed, sheet);
    }
    http::add(scope, stages, sheet);
    for (id, resource) in &scope.plan.resources {
        sheet.resource("`resources` of the manifest", id, resource.clone());
    }
    sheet.metadata("Notifications", notifications(scope));
}

fn stage(scope: &Scope<'_>, placed: &Placed<'_>, sheet: &mut Sheet) {
    let (name, id, owner) = (placed.name(), &placed.id, &placed.owner);
    parameters::add(placed, sheet);
    let rules = rules::add(scope, placed, sheet);
    queues::add(scope, placed, &rules, sheet);
    let mut grants = roles::stage(scope, placed);
    if placed.on_lambda() {
        roles::on_lambda(scope, placed, &mut grants);
        sheet.resource(owner, &format!("{id}Role"), roles::role(scope, name, grants));
        let function = Function {
            of: name,
            id,
            code: placed,
            task: Task::Stage,
            source: None,
            about: format!("Stage {name} of {}: {}", scope.names.pipeline(), placed.stage.plan.function),
        };
        functions::add(scope, &function, &functions::stage_place(scope, placed), sheet);
        mappings::add(scope, placed, sheet);
    } else {
        let policy = format!("{id}WorkerPolicy");
        sheet.resource(owner, &policy, roles::worker(scope, placed, grants));
        let about = format!("The policy for the role of the worker of stage {name}");
        sheet.output(&policy, &about, &json!({ "Ref": policy }));
    }
    drain(scope, placed, sheet);
    alarms::add(scope, placed, sheet);
}

fn drain(scope: &Scope<'_>, placed: &Placed<'_>, sheet: &mut Sheet) {
    let of = Names::drain(placed.name());
    let id = format!("{}Drain", placed.id);
    let role = roles::role(scope, &of, roles::drain(scope, placed));
    sheet.resource(&placed.owner, &format!("{id}Role"), role);
    let function = Function {
        of: &of,
        id: &id,
        code: placed,
        task: Task::Drain,
        source: None,
        about: format!(
            "Turns what crashed stage {} of {} into dead letters",
            placed.name(),
            scope.names.pipeline()
        ),
    };
    functions::add(scope, &function, &functions::stage_place(scope, placed), sheet);
    mappings::add_drain(placed, sheet);
}

/// What no template can hold, since a bucket's notifications are one setting of the bucket as a whole, and their
/// queues have to be there first: `deploy` merges it into what the bucket has.
fn notifications(scope: &Scope<'_>) -> Value {
    let mut wanted = Vec::new();
    for source in &scope.plan.sources {
        let Source::S3 { bucket, prefix, via } = &source.source else { continue };
        let physical = scope.bucket(bucket).value();
        let input = tidemill_core::plan::Input::Source(source.name.clone());
        match via {
            Via::Sqs => {
                for stage in scope.plan.consumers(&input) {
                    wanted.push(json!({
                        "Bucket": physical,
                        "Prefix": prefix,
                        "Queue": scope.names.queue(&stage.plan.name).value(),
                    }));
                }
            }
            Via::EventBridge if scope.plan.aws.buckets.contains_key(bucket) => {
                let whole = json!({ "Bucket": physical, "EventBridge": true });
                if !wanted.contains(&whole) {
                    wanted.push(whole);
                }
            }
            Via::EventBridge => {}
        }
    }
    Value::Array(wanted)
}
