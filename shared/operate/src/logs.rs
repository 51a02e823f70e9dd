//! The log lines of all stages, in one order.

use std::collections::{BTreeMap, HashSet, VecDeque};

use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsError;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tidemill_deploy::Problem;
use tidemill_deploy::live::problem;
use tidemill_deploy::names::Names;
use tidemill_pipeline::Source;

use crate::environment::Environment;

/// How many events are remembered, so that what is asked for twice is shown once.
const REMEMBERED: usize = 20_000;

/// Which lines.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only of this stage.
    pub stage: Option<String>,
    /// Only the way of this item: itself, what it came from, and what followed from it.
    pub item: Option<String>,
    /// From this time on.
    pub since: Timestamp,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When it was written.
    pub time: Timestamp,
    /// The stage, or the part of the pipeline, that wrote it.
    pub from: String,
    /// Its text.
    pub text: String,
    /// Its text as JSON, if it is that.
    #[serde(skip)]
    pub fields: Option<Value>,
}

/// The logs of an environment, read on from where the last reading ended.
pub struct Reader {
    client: aws_sdk_cloudwatchlogs::Client,
    groups: Vec<(String, String)>,
    roots: HashSet<String>,
    item: Option<String>,
    since: Timestamp,
    seen: HashSet<String>,
    order: VecDeque<String>,
}

impl Reader {
    /// A reader of what `selection` says.
    pub fn new(environment: &Environment, selection: &Selection) -> Result<Self, Problem> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for stage in &environment.plan.stages {
            let name = &stage.plan.name;
            parts.push((name.clone(), name.clone()));
            parts.push((name.clone(), Names::drain(name)));
        }
        for source in &environment.plan.sources {
            if let Source::Http { .. } = source.source {
                parts.push((source.name.clone(), Names::http(&source.name)));
            }
        }
        if let Some(only) = &selection.stage {
            environment.stage(only)?;
            parts.retain(|(of, _)| of == only);
        }
        let group =
            |part: &str| environment.names.log_group(part).plain(&environment.account, &environment.region);
        Ok(Self {
            client: aws_sdk_cloudwatchlogs::Client::new(&environment.clients.config),
            groups: parts.into_iter().map(|(_, part)| (group(&part), part)).collect(),
            roots: selection.item.iter().cloned().collect(),
            item: selection.item.clone(),
            since: selection.since,
            seen: HashSet::new(),
            order: VecDeque::new(),
        })
    }

    /// The lines that were not read before, by time.
    pub async fn read(&mut self) -> Result<Vec<Line>, Problem> {
        if let Some(item) = self.item.take() {
            // Its lines name what it came from, and everything that has the same root belongs to its way.
            let lines = self.fetch(std::slice::from_ref(&item)).await?;
            let root = |line: &Line| Some(line.fields.as_ref()?["root"].as_str()?.to_owned());
            let roots: HashSet<String> = lines.values().filter_map(root).collect();
            if !roots.is_empty() {
                self.roots = roots;
            }
        }
        let terms: Vec<String> = self.roots.iter().cloned().collect();
        let mut lines = Vec::new();
        for (id, line) in self.fetch(&terms).await? {
            if self.remember(id) {
                lines.push(line);
            }
        }
        lines.sort_by(|a, b| (a.time, &a.from).cmp(&(b.time, &b.from)));
        if let Some(last) = lines.last() {
            // Lines of the same moment, or of another stage, may still come in.
            let overlap = jiff::SignedDuration::from_secs(60);
            self.since = self.since.max(last.time - overlap);
        }
        Ok(lines)
    }

    fn remember(&mut self, id: String) -> bool {
        if !self.seen.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    /// The lines that hold one of the terms, each with its id.
    async fn fetch(&self, terms: &[String]) -> Result<BTreeMap<String, Line>, Problem> {
        let mut found = BTreeMap::new();
        for (group, from) in &self.groups {
            let mut next = None;
            loop {
                let call = self
                    .client
                    .filter_log_events()
                    .log_group_name(group)
                    .start_time(self.since.as_millisecond())
                    .set_next_token(next.take());
                let call = match terms {
                    [] => call,
                    // One of several terms (CloudWatch Logs, "Filter pattern syntax").
                    [term] => call.filter_pattern(format!("\"{term}\"")),
                    terms => {
                        let terms: Vec<String> = terms.iter().map(|term| format!("?\"{term}\"")).collect();
                        call.filter_pattern(terms.join(" "))
                    }
                };
                let page = match call.send().await {
                    Ok(page) => page,
                    // A function that never ran has no log yet.
                    Err(error)
                        if error
                            .as_service_error()
                            .is_some_and(FilterLogEventsError::is_resource_not_found_exception) =>
                    {
                        break;
                    }
                    Err(error) => return Err(problem("logs:FilterLogEvents", group, &error)),
                };
                for event in page.events() {
                    let text = event.message().unwrap_or_default().trim_end().to_owned();
                    let time = event.timestamp().and_then(|millis| Timestamp::from_millisecond(millis).ok());
                    let time = time.unwrap_or_default();
                    let id = event.event_id().map_or_else(|| format!("{group} {time} {text}"), str::to_owned);
                    let fields = serde_json::from_str(&text).ok();
                    found.insert(id, Line { time, from: from.clone(), text, fields });
                }
                next = page.next_token().map(str::to_owned);
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}
