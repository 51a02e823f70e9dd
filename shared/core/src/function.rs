//! The shapes of functions, and their erased forms for hosts.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::batch::{Batch, Verdict};
use crate::context::Context;
use crate::fault::{ConfigError, Fault};
use crate::item::{Item, Object};
use crate::key::OutputName;
use crate::limits::{Cost, Limits};
use crate::ports::Answer;

/// Whether an object is a function's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accept {
    /// It is.
    Yes,
    /// It neither claims to be (by extension or media type) nor is (by content): skipped, for a reason.
    Skip(String),
    /// It claims to be and is not, or is above a limit: rejected, for a reason.
    Reject(String),
}

/// One item in, a set of outputs: media, documents, notifications.
pub trait Function: Send + Sync + Sized + 'static {
    /// Its keys in the manifest.
    type Config: DeserializeOwned + JsonSchema;
    /// Its name in the manifest (`type`).
    const NAME: &'static str;
    /// One line that says what it does.
    const ABOUT: &'static str;
    /// Raised when the same configuration gives other bytes.
    const OUTPUT_VERSION: u32;

    /// A function that does what `config` says.
    fn new(config: Self::Config) -> Result<Self, Vec<ConfigError>>;

    /// The outputs that the configuration names: what `{rendition}` and `{ext}` can stand for.
    fn outputs(&self) -> Vec<OutputName> {
        Vec::new()
    }

    /// Whether `object`, which begins with `head`, is its business and within `limits` as far as its first
    /// bytes tell.
    fn accept(&self, head: &[u8], object: &Object, limits: &Limits) -> Accept {
        let _ = (head, object, limits);
        Accept::Yes
    }

    /// What the item will need, from its first bytes.
    fn cost(&self, head: &[u8], item: &Item) -> Cost {
        let _ = head;
        Cost::of_bytes(item.bytes())
    }

    /// Does the work: reads by [`Context::open`], writes by [`Context::create`], sends by
    /// [`Context::emit`]. The host commits what it did, all or nothing.
    fn handle(&self, item: &Item, cx: &Context) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What a batch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts(pub Vec<Verdict>);

/// A batch of records, a verdict each. The order within a shard is kept.
pub trait Records: Send + Sync + Sized + 'static {
    /// Its keys in the manifest.
    type Config: DeserializeOwned + JsonSchema;
    /// Its name in the manifest (`type`).
    const NAME: &'static str;
    /// One line that says what it does.
    const ABOUT: &'static str;
    /// Raised when the same configuration gives other bytes.
    const OUTPUT_VERSION: u32;

    /// A function that does what `config` says.
    fn new(config: Self::Config) -> Result<Self, Vec<ConfigError>>;

    /// The outputs that the configuration names.
    fn outputs(&self) -> Vec<OutputName> {
        Vec::new()
    }

    /// Decides every record of the batch, in order. State that must outlive the batch is read by
    /// [`Context::state`] and replaced by [`Context::set_state`]; it is committed with the batch.
    fn handle(&self, batch: &Batch, cx: &Context) -> impl Future<Output = Result<Verdicts, Fault>> + Send;
}

/// [`Function`], erased.
pub trait DynFunction: Send + Sync {
    /// See [`Function::accept`].
    fn accept(&self, head: &[u8], object: &Object, limits: &Limits) -> Accept;
    /// See [`Function::cost`].
    fn cost(&self, head: &[u8], item: &Item) -> Cost;
    /// See [`Function::handle`].
    fn handle<'a>(&'a self, item: &'a Item, cx: &'a Context) -> Answer<'a, Result<(), Fault>>;
}

impl<F: Function> DynFunction for F {
    fn accept(&self, head: &[u8], object: &Object, limits: &Limits) -> Accept {
        Function::accept(self, head, object, limits)
    }

    fn cost(&self, head: &[u8], item: &Item) -> Cost {
        Function::cost(self, head, item)
    }

    fn handle<'a>(&'a self, item: &'a Item, cx: &'a Context) -> Answer<'a, Result<(), Fault>> {
        Box::pin(Function::handle(self, item, cx))
    }
}

/// [`Records`], erased.
pub trait DynRecords: Send + Sync {
    /// See [`Records::handle`].
    fn handle<'a>(&'a self, batch: &'a Batch, cx: &'a Context) -> Answer<'a, Result<Verdicts, Fault>>;
}

impl<F: Records> DynRecords for F {
    fn handle<'a>(&'a self, batch: &'a Batch, cx: &'a Context) -> Answer<'a, Result<Verdicts, Fault>> {
        Box::pin(Records::handle(self, batch, cx))
    }
}

/// A function with its configuration, ready to run.
#[derive(Clone)]
pub enum Work {
    /// Takes items.
    Function(Arc<dyn DynFunction>),
    /// Takes batches.
    Records(Arc<dyn DynRecords>),
}

/// What came of a function's configuration.
#[derive(Clone)]
pub struct Built {
    /// The function.
    pub work: Work,
    /// The outputs that the configuration names.
    pub outputs: Vec<OutputName>,
}

/// What a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Items, one at a time.
    Items,
    /// Batches of a stream's records.
    Records,
}

/// A function in the table of functions: everything that is known of it before it is configured.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name in the manifest.
    pub name: &'static str,
    /// One line that says what it does.
    pub about: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// Raised when the same configuration gives other bytes.
    pub output_version: u32,
    /// The JSON Schema of its keys.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Makes it from its keys.
    pub build: fn(Value) -> Result<Built, Vec<ConfigError>>,
}

impl Entry {
    /// The entry of a [`Function`].
    pub const fn function<F: Function>() -> Self {
        Self {
            name: F::NAME,
            about: F::ABOUT,
            shape: Shape::Items,
            output_version: F::OUTPUT_VERSION,
            schema: |generator| generator.subschema_for::<F::Config>(),
            build: |config| {
                let function = F::new(read(config)?)?;
                Ok(Built { outputs: function.outputs(), work: Work::Function(Arc::new(function)) })
            },
        }
    }

    /// The entry of a [`Records`] function.
    pub const fn records<F: Records>() -> Self {
        Self {
            name: F::NAME,
            about: F::ABOUT,
            shape: Shape::Records,
            output_version: F::OUTPUT_VERSION,
            schema: |generator| generator.subschema_for::<F::Config>(),
            build: |config| {
                let function = F::new(read(config)?)?;
                Ok(Built { outputs: function.outputs(), work: Work::Records(Arc::new(function)) })
            },
        }
    }
}

fn read<C: DeserializeOwned>(config: Value) -> Result<C, Vec<ConfigError>> {
    serde_json::from_value(config).map_err(|error| vec![ConfigError::new("", error.to_string())])
}
