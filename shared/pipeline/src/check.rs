//! Text to plan: reads the tree, then for the manifest as it stands and for each environment reads the elements,
//! applies the rules, and makes a plan of what passes.

use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;

use schemars::SchemaGenerator;
use tidemill_core::Entry;
use tidemill_core::plan::{OutputPlan, StagePlan};

use crate::aws::{Aws, DEFAULT_LOG_RETENTION};
use crate::conform::Schema;
use crate::diagnostic::{Diagnostics, Sink};
use crate::element::source::From;
use crate::element::{environment, manifest};
use crate::plan::{Plan, PlannedSource, PlannedStage, Source};
use crate::rules;
use crate::tree::{self, Kind, Node, Spanned};

/// The table of functions, with the schemas that were asked for.
pub(crate) struct Functions<'a> {
    entries: Vec<(&'a Entry, OnceCell<Rc<Schema>>)>,
}

impl<'a> Functions<'a> {
    pub(crate) fn new(entries: &'a [Entry]) -> Self {
        Self { entries: entries.iter().map(|entry| (entry, OnceCell::new())).collect() }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.entries.iter().map(|(entry, _)| entry.name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Entry> {
        self.entries.iter().find(|(entry, _)| entry.name == name).map(|(entry, _)| **entry)
    }

    pub(crate) fn schema(&self, function: &Entry) -> Rc<Schema> {
        match self.entries.iter().find(|(entry, _)| entry.name == function.name) {
            Some((_, cell)) => Rc::clone(cell.get_or_init(|| Rc::new(schema_of(function)))),
            None => Rc::new(schema_of(function)),
        }
    }
}

/// The schema of a function's keys, with its definitions inside.
pub(crate) fn schema_of(function: &Entry) -> Schema {
    let mut generator = SchemaGenerator::default();
    let mut schema = (function.schema)(&mut generator).to_value();
    let definitions = generator.take_definitions(true);
    if let Some(map) = schema.as_object_mut()
        && !definitions.is_empty()
    {
        map.insert("$defs".to_owned(), definitions.into());
    }
    Schema::new(schema)
}

pub(crate) fn parse(
    path: &Path,
    text: &str,
    environment: Option<&str>,
    functions: &[Entry],
) -> Result<Plan, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut sink = Sink::default();
    let plan = check(text, environment, &Functions::new(functions), &mut sink);
    match plan {
        Some(plan) if sink.is_empty() => Ok(plan),
        _ => {
            // Nothing comes of a text without something being said about it.
            if sink.is_empty() {
                sink.report(crate::diagnostic::Finding::new(
                    tree::Span::default(),
                    "the manifest cannot be read",
                ));
            }
            Err(sink.finish(path.to_owned(), text.to_owned()))
        }
    }
}

fn check(text: &str, asked: Option<&str>, functions: &Functions<'_>, sink: &mut Sink) -> Option<Plan> {
    let root = tree::read(text, sink)?;
    let mut plan = variant(&root, functions, sink);
    if plan.is_none() && !matches!(root.kind, Kind::Map(_)) {
        return None;
    }
    let environments = environment::read(&root, sink);
    if let Some(asked) = asked
        && !environments.iter().any(|environment| environment.name.value == asked)
    {
        environment::unknown(&root, asked, &environments, sink);
    }
    for environment in &environments {
        let name = &environment.name.value;
        sink.enter(Some((name.clone(), environment.part)));
        let own = environment.over(&root, sink).and_then(|merged| variant(&merged, functions, sink));
        sink.enter(None);
        if asked == Some(name) {
            plan = own.map(|plan| Plan { environment: Some(name.clone()), ..plan });
        }
    }
    let names = environments.iter().map(|environment| environment.name.value.clone()).collect();
    plan.map(|plan| Plan { environments: names, ..plan })
}

/// One variant of the manifest: as it stands, or with an environment's overrides.
fn variant(root: &Node, functions: &Functions<'_>, sink: &mut Sink) -> Option<Plan> {
    let before = sink.len();
    let manifest = manifest::read(root, functions, sink)?;
    let linked = rules::apply(&manifest, sink);
    if sink.len() > before {
        return None;
    }
    let order = linked.order?;
    let name = manifest.name?.value;
    let sources = manifest
        .sources
        .into_iter()
        .map(|source| {
            Some(PlannedSource {
                name: source.name.value,
                source: match source.from? {
                    From::S3 { bucket, prefix, via } => {
                        Source::S3 { bucket: bucket?.value, prefix: prefix?.value, via: via.value }
                    }
                    From::Kinesis { stream } => Source::Kinesis { stream: stream?.value },
                    From::Http(http) => {
                        Source::Http { auth: http.auth?, upload: http.upload.map(|upload| upload.value) }
                    }
                },
            })
        })
        .collect::<Option<Vec<_>>>()?;
    let mut stages: Vec<Option<PlannedStage>> = manifest
        .stages
        .into_iter()
        .zip(linked.inputs)
        .map(|(stage, inputs)| {
            let function = stage.function?.value;
            let (config, built) = stage.config?;
            let output = match stage.output {
                Some(output) => Some(OutputPlan { bucket: output.bucket?.value, key: output.key?.value }),
                None => None,
            };
            let (when, pattern) = stage.when.unzip();
            let recipe = StagePlan::recipe_of(
                function.name,
                function.output_version,
                &config,
                &stage.limits,
                output.as_ref(),
            );
            Some(PlannedStage {
                plan: StagePlan {
                    pipeline: name.clone(),
                    name: stage.name.value,
                    function: function.name.to_owned(),
                    inputs: inputs.into_iter().map(|input| input.value).collect(),
                    when,
                    output,
                    on_remove: stage.on_remove,
                    attempts: stage.attempts,
                    timeout: stage.timeout,
                    limits: stage.limits,
                    config,
                    recipe,
                    revision: 0,
                },
                built,
                shape: function.shape,
                when: pattern,
                runs_on: stage.runs_on,
                lambda: stage.lambda,
            })
        })
        .collect();
    let stages = order.into_iter().map(|at| stages.get_mut(at)?.take()).collect::<Option<Vec<_>>>()?;
    let named = |names: Vec<(Spanned<String>, String)>| {
        names.into_iter().map(|(name, physical)| (name.value, physical)).collect()
    };
    let aws = Aws {
        buckets: named(manifest.aws.buckets),
        streams: named(manifest.aws.streams),
        subnets: manifest.aws.vpc.subnets,
        security_groups: manifest.aws.vpc.security_groups,
        kms_key: manifest.aws.kms_key,
        log_retention_days: manifest.aws.log_retention_days.unwrap_or(DEFAULT_LOG_RETENTION),
    };
    Some(Plan {
        name,
        environment: None,
        environments: Vec::new(),
        sources,
        stages,
        aws,
        resources: manifest.resources,
    })
}
