//! A plan on AWS: its physical names, its zips and its CloudFormation templates.
//!
//! - In: a checked [`Plan`](tidemill_pipeline::Plan) and an environment's name.
//! - Out: two plain templates ([`synth`]), and a zip for each stage ([`artifact`]).
//!
//! Physical names are computed ([`names`]), never referenced from one stack to the other, so that neither stack
//! waits for the other to let go of a name. What would be refused half-way through a deployment is refused before
//! it begins (`limits`). It knows no function, and drives no item.

#![forbid(unsafe_code)]

pub mod artifact;
pub mod guard;
mod limits;
pub mod live;
pub mod names;
mod problem;
mod settings;
mod stage_file;
mod template;
#[cfg(test)]
mod testing;

pub use problem::{Problem, Problems};
pub use settings::Settings;
pub use stage_file::stage_file;
pub use template::parameters::revision_parameter;
pub use template::{COMPUTE_FILE, DATA_FILE, Templates, synth};
