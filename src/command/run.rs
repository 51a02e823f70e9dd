//! `tidemill run`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tidemill_core::deployment::Auth;
use tidemill_core::{Entry, Stop};
use tidemill_embedded::{Books, Options, STATE_FOLDER, Summary};
use tidemill_pipeline::{Plan, Source};

use crate::command::dead::failed;
use crate::failure::{Ending, Failure};
use crate::human::{self, clean, count, of};
use crate::place::{Place, show};
use crate::progress::{Progress, dead_line, per_second};
use crate::table::{Align, Table};
use crate::{interrupt, say};

const EXAMPLES: &str = "\
Examples:
  tidemill run pipelines/media-on-upload
  tidemill run photos --watch
  tidemill run photos --bucket uploads=/srv/uploads --bucket media=/srv/media
  tidemill run visits --records visits.ndjson --json
  tidemill run orders --watch --http 9000

What was done before is not done again; a changed file is, and a removed one takes its outputs along.
A bucket is the folder DIR/buckets/NAME unless --bucket says otherwise. HTTP sources are served with --watch, to
this machine alone.";

/// Drive a pipeline on this machine: do what is there, then end, or keep watching
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// Go on as files come, change and go, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Where a bucket lives; may be given once per bucket
    #[arg(long, value_name = "NAME=DIR", value_parser = read_bucket)]
    bucket: Vec<(String, PathBuf)>,
    /// Where the run keeps its own state [default: DIR/.tidemill]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Feed a file of records, one a line, to the pipeline's stream
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// The port for the pipeline's HTTP sources, with --watch [default: 8787, or the next that is free]
    #[arg(long, value_name = "PORT", requires = "watch", value_parser = clap::value_parser!(u16).range(1..))]
    http: Option<u16>,
    /// Memory that work may take at once, such as 2GB [default: half of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = human::read_bytes)]
    memory: Option<u64>,
    /// The environment whose overrides apply
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Print the summary as one JSON object on the last line of stdout
    #[arg(long)]
    json: bool,
}

fn read_bucket(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, dir)) if !name.is_empty() && !dir.is_empty() => Ok((name.to_owned(), dir.into())),
        _ => Err("write the bucket's name, `=` and its folder, such as uploads=/srv/uploads".to_owned()),
    }
}

pub(crate) fn run(args: Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let place = Place::find(&args.dir)?;
    let plan = place.plan(args.env.as_deref(), functions)?;
    let mut buckets = BTreeMap::new();
    for (name, dir) in args.bucket {
        if buckets.insert(name.clone(), dir).is_some() {
            return Err(Failure::usage(format!("--bucket names `{}` twice", clean(&name)))
                .hint("give each bucket one folder"));
        }
    }
    let serves = plan.sources.iter().any(|source| matches!(source.source, Source::Http { .. }));
    if args.http.is_some() && !serves {
        return Err(Failure::usage("--http names a port, and the pipeline has no source of `type: http`")
            .hint("leave the option away, or add such a source"));
    }
    let sources = sources(&plan, &place, &buckets);
    let options = Options {
        dir: place.dir.clone(),
        state: args.state.clone(),
        buckets,
        memory: args.memory,
        records: args.records,
        watch: args.watch,
        http_port: args.http,
        secrets: secrets(&plan),
        ..Options::default()
    };
    let stop = Stop::default();
    let progress = Arc::new(Progress::new(&plan.name, args.watch));
    let (first, second) = (Arc::clone(&progress), Arc::clone(&progress));
    interrupt::catch(stop.clone(), move || first.stopping(), move || second.clear());
    let result = tidemill_embedded::run(plan, options, stop.clone(), Arc::clone(&progress) as _);
    progress.clear();
    let summary = result.map_err(|error| failed(&error, &place))?;
    let report = Report { place: &place, state: args.state, sources, serves, summary: &summary };
    report.show(args.json)?;
    Ok(if summary.stopped || stop.is_set() {
        Ending::Interrupted
    } else if summary.total(|stage| stage.dead) > 0 || summary.waiting > 0 || !summary.blocked.is_empty() {
        Ending::Failed
    } else {
        Ending::Done
    })
}

/// The secrets of HTTP sources, from the environment; the host says which one is missing, if it needs it.
fn secrets(plan: &Plan) -> BTreeMap<String, String> {
    let of = |source: &Source| match source {
        Source::Http { auth: Auth::Hmac { secret }, .. } => {
            let value = std::env::var(tidemill_embedded::secret_variable(secret)).ok()?;
            Some((secret.clone(), value))
        }
        _ => None,
    };
    plan.sources.iter().filter_map(|source| of(&source.source)).collect()
}

/// Where the sources' objects lie, for a person.
fn sources(plan: &Plan, place: &Place, buckets: &BTreeMap<String, PathBuf>) -> Vec<String> {
    let folder = |bucket: &String| {
        buckets.get(bucket).cloned().unwrap_or_else(|| place.dir.join("buckets").join(bucket))
    };
    let of = |source: &Source| match source {
        Source::S3 { bucket, prefix, .. } => Some(show(&folder(bucket).join(prefix))),
        Source::Kinesis { .. } | Source::Http { .. } => None,
    };
    plan.sources.iter().filter_map(|source| of(&source.source)).collect()
}

/// How many dead letters, or files that are no objects, are named.
const NAMED: usize = 5;

struct Report<'a> {
    place: &'a Place,
    state: Option<PathBuf>,
    sources: Vec<String>,
    /// Whether it has HTTP sources.
    serves: bool,
    summary: &'a Summary,
}

impl Report<'_> {
    fn show(&self, json: bool) -> Result<(), Failure> {
        let summary = self.summary;
        for ignored in summary.ignored.iter().take(NAMED) {
            let path = clean(&ignored.path);
            say::warn(&format!("{}/{path} is no object: {}", ignored.bucket, clean(&ignored.reason)));
        }
        if summary.ignored.len() > NAMED {
            let more = (summary.ignored.len() - NAMED) as u64;
            say::warn(&format!("{} more are no objects", of(more, "file")));
        }
        let idle = self.ended() == 0 && summary.waiting == 0 && summary.blocked.is_empty();
        if idle {
            self.nothing();
        } else if !json {
            say::data(&self.table())?;
        }
        if !idle {
            say::talk(&self.sentence());
        }
        self.dead();
        self.rest();
        if json {
            let line = serde_json::to_string(summary)
                .map_err(|error| Failure::new(format!("cannot write the summary as JSON: {error}")))?;
            say::data(&line)?;
        }
        Ok(())
    }

    fn ended(&self) -> u64 {
        self.summary.total(|stage| stage.done + stage.skipped + stage.superseded + stage.dead)
    }

    fn nothing(&self) {
        let Summary { unchanged, stopped, .. } = *self.summary;
        if stopped {
            say::talk("nothing was done before the run was stopped");
        } else if unchanged > 0 {
            let state = self.state.clone().unwrap_or_else(|| self.place.dir.join(STATE_FOLDER));
            let are = if unchanged == 1 { "is" } else { "are" };
            say::talk(&format!("nothing to do: {} {are} as before", of(unchanged, "object")));
            say::hint(&format!("to do them again, remove {} and run again", show(&state)));
        } else if self.sources.is_empty() && self.serves {
            say::talk("nothing to do: requests are taken while the run watches");
            say::hint(&format!("`{} --watch` takes them", self.command("run")));
        } else if self.sources.is_empty() {
            say::talk("nothing to do: there are no new records");
            say::hint("feed some with --records FILE");
        } else {
            say::talk("nothing to do: no source has an object");
            let folders = self.sources.join(" or ");
            say::hint(&format!("put files below {folders}, or say where a bucket is with --bucket NAME=DIR"));
        }
    }

    /// The figures per stage.
    fn table(&self) -> String {
        use Align::{Left, Right};
        let mut table = Table::new(&[
            ("stage", Left),
            ("done", Right),
            ("skipped", Right),
            ("superseded", Right),
            ("dead", Right),
            ("in", Right),
            ("out", Right),
            ("p50", Right),
            ("p95", Right),
            ("CPU", Right),
        ]);
        for stage in &self.summary.stages {
            table.row(vec![
                stage.stage.clone(),
                count(stage.done),
                count(stage.skipped),
                count(stage.superseded),
                count(stage.dead),
                human::bytes(stage.bytes_in),
                human::bytes(stage.bytes_out),
                human::seconds(stage.p50_ms / 1e3),
                human::seconds(stage.p95_ms / 1e3),
                human::seconds(stage.cpu_seconds),
            ]);
        }
        table.render(say::colour_of_data())
    }

    fn sentence(&self) -> String {
        let summary = self.summary;
        let ended = self.ended();
        let mut parts = vec![format!("{} done", count(summary.total(|stage| stage.done)))];
        let mut some = |figure: u64, word: &str| {
            if figure > 0 {
                parts.push(format!("{} {word}", count(figure)));
            }
        };
        some(summary.total(|stage| stage.skipped), "skipped");
        some(summary.total(|stage| stage.superseded), "superseded");
        some(summary.total(|stage| stage.dead), "dead");
        some(summary.resumed, "resumed");
        some(summary.unchanged.saturating_sub(summary.resumed), "unchanged");
        let rate = ended as f64 / summary.seconds.max(1e-3);
        format!(
            "{}: {} in {} ({})",
            summary.pipeline,
            parts.join(", "),
            human::seconds(summary.seconds),
            per_second(rate)
        )
    }

    /// What was given up now or before, and what to type about it.
    fn dead(&self) {
        let now = self.summary.total(|stage| stage.dead);
        let books = Books::open(&self.place.dir, self.state.as_deref());
        let kept = books.and_then(|books| books.dead()).unwrap_or_default();
        // Those of this run were buried last.
        let fresh = &kept[kept.len().saturating_sub(now as usize)..];
        for entry in fresh.iter().take(NAMED) {
            say::talk(&dead_line(&entry.stage, &entry.subject, &entry.reason));
        }
        let named = fresh.len().min(NAMED) as u64;
        if now > named && named > 0 {
            say::talk(&format!("and {} more", count(now - named)));
        }
        let before = (kept.len() - fresh.len()) as u64;
        if before > 0 {
            say::talk(&format!("{} from before", of(before, "dead letter")));
        }
        if now + before > 0 {
            say::hint(&format!("`{}` shows what was given up", self.command("dead list")));
            say::hint(&format!("`{} --all` has it tried again", self.command("dead retry")));
        }
    }

    /// What is left to do.
    fn rest(&self) {
        let summary = self.summary;
        for shard in &summary.blocked {
            say::talk(&format!("{} {}", say::paint("blocked:", "1;31"), clean(shard)));
        }
        let again = self.command("run");
        if summary.waiting > 0 {
            let are = if summary.waiting == 1 { "is" } else { "are" };
            say::talk(&format!("{} {are} still to be done", of(summary.waiting, "item")));
        }
        if summary.stopped && summary.waiting > 0 {
            say::hint(&format!("`{again}` goes on where this run stopped"));
        } else if summary.waiting > 0 || !summary.blocked.is_empty() {
            say::hint(&format!("`{again}` tries again"));
        }
    }

    fn command(&self, words: &str) -> String {
        self.place.command(words, &[("--state", self.state.as_deref())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_buckets() {
        assert_eq!(read_bucket("a=b=c"), Ok(("a".to_owned(), "b=c".into())));
        for text in ["", "a", "a=", "=b"] {
            assert!(read_bucket(text).is_err(), "{text}");
        }
    }
}
