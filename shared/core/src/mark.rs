//! The lineage of an object that a stage wrote, kept with the object itself.

use serde::{Deserialize, Serialize};

use crate::generation::Generation;

/// How many stages an object's lineage may pass before it is taken for a loop.
pub const MAX_HOPS: u32 = 16;

/// Who wrote an object, and at which generation. Its size is bounded: two names and three numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The writer as `pipeline/stage`.
    pub stage: String,
    /// The id of the root item.
    pub root: String,
    /// The generation that it was written at.
    pub generation: Generation,
    /// How many stages the lineage has passed.
    pub hops: u32,
}
