//! `limits`: bounds on what a stage takes in and gives out. Their keys are those of core's type.

use schemars::SchemaGenerator;
use serde_json::Value;
use tidemill_core::Limits;

use crate::conform::Schema;
use crate::diagnostic::{Finding, Sink};
use crate::tree::Pair;

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<Limits> {
    if !Schema::new(schema()).check(&pair.value, "limits", pair.place(), sink) || pair.value.is_broken() {
        return None;
    }
    serde_json::from_value(pair.value.json())
        .map_err(|error| sink.report(Finding::new(pair.place(), format!("`limits`: {error}"))))
        .ok()
}

pub(crate) fn schema() -> Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<Limits>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
        schema.remove("title");
    }
    schema
}
