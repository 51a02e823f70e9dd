//! Bounds on a manifest, checked before anything grows with it.

/// The size of a manifest in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Levels of maps and lists.
pub const MAX_DEPTH: usize = 64;
/// Sources of a pipeline.
pub const MAX_SOURCES: usize = 64;
/// Stages of a pipeline.
pub const MAX_STAGES: usize = 128;
/// Inputs of a stage.
pub const MAX_INPUTS: usize = 64;
/// Outputs that one stage's configuration names.
pub const MAX_OUTPUTS: usize = 256;
/// Outputs that the configurations of all stages name.
pub const MAX_ALL_OUTPUTS: usize = 2_048;
/// Entries of `resources`: CloudFormation takes 500, those of the pipeline included.
pub const MAX_RESOURCES: usize = 200;
/// Environments of a pipeline.
pub const MAX_ENVIRONMENTS: usize = 32;
/// Characters of the name of a pipeline, source, stage or environment.
pub const MAX_NAME: usize = 40;
/// Findings that are kept; the number of the rest is told.
pub const MAX_FINDINGS: usize = 500;
