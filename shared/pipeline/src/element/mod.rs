//! The elements of a manifest, one module each: its keys, its schema, its reading.

pub(crate) mod attempts;
pub(crate) mod aws;
pub(crate) mod choice;
pub(crate) mod config;
pub(crate) mod duration;
pub(crate) mod environment;
pub(crate) mod http;
pub(crate) mod input;
pub(crate) mod lambda;
pub(crate) mod limits;
pub(crate) mod manifest;
pub(crate) mod name;
pub(crate) mod on_remove;
pub(crate) mod output;
pub(crate) mod resources;
pub(crate) mod runs_on;
pub(crate) mod source;
pub(crate) mod stage;
pub(crate) mod storage;
pub(crate) mod vpc;
pub(crate) mod when;

/// One key of an element. The README's tables, the schema for editors and the nearest right name come from it.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// What it takes, in Markdown.
    pub(crate) takes: &'static str,
    /// The default, in Markdown.
    pub(crate) default: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    pub(crate) schema: fn() -> serde_json::Value,
}

/// The keys that a stage has whatever its function is. No function's own key may be one of them.
pub const COMMON_KEYS: [&str; 10] = {
    let mut names = [""; 10];
    let mut at = 0;
    while at < names.len() {
        names[at] = stage::KEYS[at].name;
        at += 1;
    }
    assert!(names.len() == stage::KEYS.len(), "a key is missing above");
    names
};
