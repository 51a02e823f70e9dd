//! A template in the making.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::Problem;

/// Sections of a template, and what went wrong on the way.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    parameters: Map<String, Value>,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
    metadata: Map<String, Value>,
    /// Who brought each logical id.
    owners: BTreeMap<String, String>,
    pub(crate) problems: Vec<Problem>,
}

impl Sheet {
    /// Adds a resource that belongs to `owner`, such as "stage `a`".
    pub(crate) fn resource(&mut self, owner: &str, id: &str, resource: Value) {
        if self.own(owner, id) {
            self.resources.insert(id.to_owned(), resource);
        }
    }

    /// Adds a parameter.
    pub(crate) fn parameter(&mut self, owner: &str, id: &str, parameter: Value) {
        if self.own(owner, id) {
            self.parameters.insert(id.to_owned(), parameter);
        }
    }

    /// Adds an output.
    pub(crate) fn output(&mut self, id: &str, about: &str, value: &Value) {
        self.outputs.insert(id.to_owned(), json!({ "Description": about, "Value": value }));
    }

    /// Adds something that CloudFormation only keeps.
    pub(crate) fn metadata(&mut self, key: &str, value: Value) {
        self.metadata.insert(key.to_owned(), value);
    }

    /// Resources and parameters share one set of ids.
    fn own(&mut self, owner: &str, id: &str) -> bool {
        match self.owners.insert(id.to_owned(), owner.to_owned()) {
            None => true,
            Some(first) => {
                self.problems.push(Problem::new(
                    format!("{first} and {owner} both need the logical id `{id}` in the template"),
                    "give one of them another name",
                ));
                false
            }
        }
    }

    /// The whole template.
    pub(crate) fn finish(self, description: &str) -> Result<Value, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": description,
            "Metadata": { "Tidemill": self.metadata },
            "Resources": self.resources,
        });
        for (section, members) in [("Parameters", self.parameters), ("Outputs", self.outputs)] {
            if !members.is_empty() {
                template[section] = Value::Object(members);
            }
        }
        Ok(template)
    }
}
