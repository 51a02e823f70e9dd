//! Bounds that are checked before anything is allocated, and what a piece of work will cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stage's limits. What exceeds one is rejected with the limit's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The size of an input in MB (1,000,000 bytes).
    #[schemars(range(min = 1))]
    pub megabytes: u64,
    /// The size of a picture in millions of pixels, in and out.
    #[schemars(range(min = 1))]
    pub megapixels: u64,
    /// The number of pictures in an animation.
    #[schemars(range(min = 1))]
    pub frames: u64,
    /// The outputs of one item together, in MB (1,000,000 bytes).
    #[schemars(range(min = 1))]
    pub output_megabytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { megabytes: 256, megapixels: 100, frames: 1_000, output_megabytes: 512 }
    }
}

impl Limits {
    /// The size of an input in bytes.
    pub fn input_bytes(&self) -> u64 {
        self.megabytes.saturating_mul(1_000_000)
    }

    /// The size of a picture in pixels.
    pub fn pixels(&self) -> u64 {
        self.megapixels.saturating_mul(1_000_000)
    }

    /// The outputs of one item together, in bytes.
    pub fn output_bytes(&self) -> u64 {
        self.output_megabytes.saturating_mul(1_000_000)
    }
}

/// What an item is predicted to need, from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory at the peak, in bytes.
    pub memory: u64,
    /// Processors kept busy at the peak.
    pub cpus: u32,
}

impl Cost {
    /// Work that needs `memory` bytes at its peak, on one processor.
    pub fn of_bytes(memory: u64) -> Self {
        Self { memory, cpus: 1 }
    }
}
