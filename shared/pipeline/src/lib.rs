//! `pipeline.yaml` to a checked plan: parsing with positions, validation, environments, the graph.
//!
//! - In: the text of a manifest and the table of functions. Nothing here opens a file.
//! - Out: a [`Plan`] that cannot be built wrong, or [`Diagnostics`]: everything that is wrong with the
//!   text at once, each finding with line, column, underline, the nearest right name and a hint.
//! - Limits: a manifest has at most 1 MiB and 64 levels; the numbers of sources, stages, inputs, outputs and
//!   environments are bounded too (see [`limits`]). Anchors, aliases, merge keys and tags are refused, so no
//!   text grows by being read.
//! - Source: YAML 1.2.2 with its core schema; JSON Schema 2020-12 for the functions' own keys.
//!
//! The text becomes a tree whose nodes know where they stand; for each environment its overrides are laid over that
//! tree; one module per element of the manifest reads it and one per rule checks it; what passes becomes
//! the plan. Hosts see only the plan.

#![forbid(unsafe_code)]

mod aws;
mod check;
mod conform;
mod diagnostic;
mod element;
mod fields;
pub mod graph;
mod layout;
pub mod limits;
mod near;
mod plan;
mod rules;
mod schema;
mod tree;

pub use aws::{Architecture, Aws, LambdaSettings, RunsOn, Via};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use element::COMMON_KEYS;
pub use plan::{Plan, PlannedSource, PlannedStage, Source};
pub use schema::{function_keys, schema};

/// The name of a manifest's file.
pub const FILE: &str = "pipeline.yaml";

#[cfg(test)]
mod tests;
