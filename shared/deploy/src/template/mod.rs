//! Two CloudFormation templates out of a plan: what is kept, and what works.

mod alarms;
mod compute;
mod data;
mod functions;
mod http;
pub(crate) mod logical;
mod mappings;
pub(crate) mod parameters;
mod policy;
mod print;
mod queues;
mod roles;
mod rules;
mod scope;
mod sheet;

use serde_json::Value;
use tidemill_pipeline::Plan;

use crate::names::Names;
use crate::{Problems, limits};
pub(crate) use roles::NETWORK as NETWORK_ACTIONS;
use scope::{Placed, Scope};
use sheet::Sheet;

/// The file names of the templates.
pub const DATA_FILE: &str = "data.template.json";
/// See [`DATA_FILE`].
pub const COMPUTE_FILE: &str = "compute.template.json";

/// The two templates of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Templates {
    /// Buckets and streams; they stay when their stack goes.
    pub data: Value,
    /// Everything else.
    pub compute: Value,
}

impl Templates {
    /// A template as text: the same plan gives the same bytes.
    pub fn text(template: &Value) -> String {
        print::pretty(template)
    }
}

/// Makes the templates of a plan, or says all that stands in the way.
pub fn synth(plan: &Plan, environment: &str) -> Result<Templates, Problems> {
    let names = Names::new(&plan.name, environment);
    let mut problems = limits::before(plan, &names);
    let mut stages = Vec::new();
    for stage in &plan.stages {
        match Placed::new(stage) {
            Ok(placed) => stages.push(placed),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let scope = Scope { plan, names: &names };
    let of = format!("{} in {environment}", plan.name);
    let mut sheet = Sheet::default();
    data::add(&scope, &mut sheet);
    let data = sheet.finish(&format!("Tidemill: what {of} keeps"));
    let mut sheet = Sheet::default();
    compute::add(&scope, &stages, &mut sheet);
    let compute = sheet.finish(&format!("Tidemill: what {of} runs"));
    match (data, compute) {
        (Ok(data), Ok(compute)) => {
            let templates = Templates { data, compute };
            let problems = limits::after(&templates);
            if problems.is_empty() { Ok(templates) } else { Err(Problems(problems)) }
        }
        (data, compute) => Err(Problems(data.err().into_iter().chain(compute.err()).flatten().collect())),
    }
}

/// A name in a template as the text that it stands for, with what is filled in later.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["Fn::Sub"].as_str())
}

#[cfg(test)]
mod tests;
