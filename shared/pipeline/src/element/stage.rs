//! `stages`: one function each, with its configuration and its inputs.

use std::time::Duration;

use serde_json::{Value, json};
use tidemill_core::plan::OnRemove;
use tidemill_core::{Built, Entry, Limits};
use tidemill_pattern::Pattern;

use super::input::Written;
use super::output::Output;
use super::{
    COMMON_KEYS, Key, attempts, config, duration, input, lambda, limits, name, on_remove, output, runs_on,
    when,
};
use crate::aws::{LambdaSettings, RunsOn};
use crate::check::Functions;
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, text};
use crate::near::{did_you_mean, list, nearest, quoted, there_are};
use crate::tree::{Pair, Spanned};

/// A stage, as far as it could be read.
pub(crate) struct Stage {
    pub(crate) name: Spanned<String>,
    pub(crate) function: Option<Spanned<Entry>>,
    pub(crate) inputs: Option<Vec<Spanned<Written>>>,
    pub(crate) output: Option<Output>,
    pub(crate) when: Option<(Value, Pattern)>,
    pub(crate) on_remove: OnRemove,
    pub(crate) attempts: u32,
    pub(crate) timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) runs_on: RunsOn,
    pub(crate) lambda: LambdaSettings,
    pub(crate) config: Option<(Value, Built)>,
}

/// The keys that a stage has whatever its function is.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "type",
        required: true,
        takes: "a function's name",
        default: "",
        about: "The function that does the work.",
        schema: || json!({ "type": "string" }),
    },
    Key {
        name: "inputs",
        required: true,
        takes: "a list of sources, stages and ports (`stage.outcomes`)",
        default: "",
        about: "Where its items come from.",
        schema: input::schema,
    },
    Key {
        name: "output",
        required: false,
        takes: "`{ bucket, key }`",
        default: "none",
        about: "Where its outputs go. Required where the configuration names outputs.",
        schema: output::schema,
    },
    Key {
        name: "when",
        required: false,
        takes: "an event pattern",
        default: "everything",
        about: "What it takes of its inputs. What does not match never becomes its item.",
        schema: when::schema,
    },
    Key {
        name: "on_remove",
        required: false,
        takes: "`delete` or `keep`",
        default: "`delete`",
        about: "What becomes of its outputs when their original is removed.",
        schema: on_remove::schema,
    },
    Key {
        name: "attempts",
        required: false,
        takes: "a whole number from 1 to 10",
        default: "`3`",
        about: "How often an item is tried before it is a dead letter.",
        schema: attempts::schema,
    },
    Key {
        name: "timeout",
        required: false,
        takes: "a duration from `100ms` to `12h`",
        default: "`60s`",
        about: "How long one attempt may take.",
        schema: duration::schema,
    },
    Key {
        name: "limits",
        required: false,
        takes: "`{ megabytes, megapixels, frames, output_megabytes }`",
        default: "`256`, `100`, `1000`, `512`",
        about: "Bounds on what it takes in and gives out; what exceeds one is rejected.",
        schema: limits::schema,
    },
    Key {
        name: "runs_on",
        required: false,
        takes: "`lambda` or `worker`",
        default: "`lambda`",
        about: "What runs it on AWS: a function, or a long-running process for what exceeds one.",
        schema: runs_on::schema,
    },
    Key {
        name: "lambda",
        required: false,
        takes: "`{ memory, timeout, concurrency, storage, architecture, batch }`",
        default: "chosen by `deploy`",
        about: "What it gets on AWS.",
        schema: lambda::schema,
    },
];

pub(crate) fn read(pair: &Pair, functions: &Functions<'_>, sink: &mut Sink) -> Stage {
    let name = pair.key.clone();
    name::check_name("a stage", &name.value, name.span, sink);
    let mut stage = Stage {
        function: None,
        inputs: None,
        output: None,
        when: None,
        on_remove: OnRemove::Delete,
        attempts: attempts::DEFAULT,
        timeout: duration::DEFAULT_TIMEOUT,
        limits: Limits::default(),
        runs_on: RunsOn::default(),
        lambda: LambdaSettings::default(),
        config: None,
        name,
    };
    let what = format!("stage {}", quoted(&stage.name.value));
    let place = stage.name.span;
    let Some(fields) = Fields::of(&pair.value, &what, place, sink) else { return stage };

    stage.function = fields
        .require("type", &format!("name its function: {}", list(functions.names(), "or")), sink)
        .and_then(|pair| text(pair, sink))
        .and_then(|written| function(&written, functions, sink));
    let shape = stage.function.as_ref().map(|function| function.value.shape);
    let schema = stage.function.as_ref().map(|function| functions.schema(&function.value));
    let own = schema.as_ref().map(|schema| schema.keys()).unwrap_or_default();
    // A key that is nobody's is reported with the function's own keys; where `inputs` was meant, that is enough.
    let misspelt = |pair: &Pair| {
        let key = &pair.key.value;
        !own.is_empty() && !own.contains(key) && nearest(key, COMMON_KEYS) == Some("inputs")
    };
    if fields.pair("inputs").is_some() || !fields.pairs().iter().any(misspelt) {
        stage.inputs = fields
            .require("inputs", "name what it takes: `inputs: [uploads]`", sink)
            .and_then(|pair| input::read(pair, sink));
    }
    if let Some(pair) = fields.pair("output") {
        stage.output = Some(output::read(pair, sink).unwrap_or(Output { bucket: None, key: None }));
    }
    if let Some(pair) = fields.pair("when") {
        stage.when = when::read(pair, shape, sink);
    }
    if let Some(pair) = fields.pair("on_remove") {
        stage.on_remove = on_remove::read(pair, sink).unwrap_or(stage.on_remove);
    }
    if let Some(pair) = fields.pair("attempts") {
        stage.attempts = attempts::read(pair, sink).unwrap_or(stage.attempts);
    }
    if let Some(pair) = fields.pair("timeout") {
        stage.timeout = duration::read(pair, &duration::TIMEOUT, sink).unwrap_or(stage.timeout);
    }
    if let Some(pair) = fields.pair("limits") {
        stage.limits = limits::read(pair, sink).unwrap_or(stage.limits);
    }
    if let Some(pair) = fields.pair("runs_on") {
        stage.runs_on = runs_on::read(pair, shape, sink).unwrap_or_default();
    }
    if let Some(pair) = fields.pair("lambda") {
        stage.lambda = lambda::read(pair, sink).unwrap_or_default();
    }
    if let (Some(function), Some(schema)) = (&stage.function, schema) {
        stage.config = config::read(&function.value, &schema, fields.pairs(), place, sink);
    }
    if stage.output.is_none()
        && let Some((_, built)) = &stage.config
        && let Some(first) = built.outputs.first()
    {
        sink.report(
            Finding::new(
                place,
                format!("{what} makes outputs, such as `{}`, and has no `output`", first.name),
            )
            .hint("say where they go: `output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }`"),
        );
    }
    stage
}

fn function(written: &Spanned<String>, functions: &Functions<'_>, sink: &mut Sink) -> Option<Spanned<Entry>> {
    let found = functions.get(&written.value);
    if found.is_none() {
        let known = there_are(functions.names());
        let hint = match did_you_mean(&written.value, functions.names()) {
            Some(near) => format!("{near} ({known})"),
            None => known,
        };
        sink.report(
            Finding::new(written.span, format!("unknown function {}", quoted(&written.value))).hint(hint),
        );
    }
    found.map(|entry| Spanned { value: entry, span: written.span })
}
