//! Why the host cannot run.

use std::fmt;
use std::path::PathBuf;

/// Why a pipeline cannot be run, or asked about.
#[derive(Debug)]
pub enum HostError {
    /// A bucket's folder is not there.
    NoBucket {
        /// The bucket.
        bucket: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// `--bucket` names a bucket that the pipeline does not have.
    UnknownBucket {
        /// The name.
        bucket: String,
        /// The buckets that there are.
        known: Vec<String>,
    },
    /// A bucket's folder cannot be used.
    Bucket {
        /// The bucket.
        bucket: String,
        /// Where it is.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Another process runs the pipeline.
    Held {
        /// The state folder.
        path: PathBuf,
        /// The process id of the holder, where it could be read.
        pid: Option<u32>,
    },
    /// There is no state yet.
    NoState {
        /// Where it should be.
        path: PathBuf,
    },
    /// The state cannot be used.
    State {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A run cannot go on.
    Stuck {
        /// Why.
        cause: String,
    },
    /// The state was written by a newer version.
    NewerState {
        /// The file.
        path: PathBuf,
    },
    /// The records cannot be read.
    Records {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Records were given to a pipeline that has no stream, or more than one.
    NoStream {
        /// How many streams it has.
        streams: usize,
    },
    /// Nothing can be listened to at a port.
    Listen {
        /// The port.
        port: u16,
        /// Why.
        cause: String,
    },
    /// An HTTP source's secret is not given.
    NoSecret {
        /// The source.
        source: String,
        /// The secret's name.
        secret: String,
        /// The environment variable that should hold it.
        variable: String,
    },
    /// No dead letter has this id, or several have.
    DeadLetter {
        /// The id as given.
        id: String,
        /// How many there are.
        found: usize,
    },
}

impl HostError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoBucket { bucket, path } => {
                format!(
                    "make it with `mkdir -p {}`, or name another folder with `--bucket {bucket}=DIR`",
                    path.display()
                )
            }
            Self::UnknownBucket { known, .. } => format!("the pipeline's buckets are {}", known.join(", ")),
            Self::Bucket { .. } => {
                "each bucket needs a folder of its own that may be read and written, on a file system that keeps \
                 extended attributes"
                    .to_owned()
            }
            Self::Held { .. } => {
                "wait until it ends, or stop it; `tidemill status` works meanwhile".to_owned()
            }
            Self::NoState { .. } => "run the pipeline first: `tidemill run DIR`".to_owned(),
            Self::State { path, .. } => {
                format!(
                    "check permissions and free space at {0}; if the file is broken, remove {0} to begin anew",
                    path.display()
                )
            }
            Self::Stuck { .. } => "what is done stays done; mend it and run again".to_owned(),
            Self::NewerState { .. } => "use the version of tidemill that wrote it, or a newer one".to_owned(),
            Self::Records { .. } => "give a file with one record a line".to_owned(),
            Self::NoStream { .. } => {
                "`--records` feeds the pipeline's one source of `type: kinesis`".to_owned()
            }
            Self::Listen { .. } => "choose another port with `--http PORT`".to_owned(),
            Self::NoSecret { variable, .. } => {
                format!("put it into the environment: `export {variable}=…`, the same that callers sign with")
            }
            Self::DeadLetter { .. } => "`tidemill dead list DIR` shows the ids".to_owned(),
        })
    }

    /// Whether the way it was called is at fault, rather than the world.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoBucket { .. }
                | Self::UnknownBucket { .. }
                | Self::NoState { .. }
                | Self::NoStream { .. }
                | Self::Records { .. }
                | Self::Listen { .. }
                | Self::NoSecret { .. }
                | Self::DeadLetter { .. }
        )
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBucket { bucket, path } => {
                write!(f, "the bucket `{bucket}` should be the folder {}, which is not there", path.display())
            }
            Self::UnknownBucket { bucket, .. } => write!(f, "the pipeline has no bucket `{bucket}`"),
            Self::Bucket { bucket, path, cause } => {
                write!(f, "the bucket `{bucket}` at {} cannot be used: {cause}", path.display())
            }
            Self::Held { path, pid: Some(pid) } => {
                write!(f, "process {pid} is running this pipeline (it holds {})", path.display())
            }
            Self::Held { path, pid: None } => {
                write!(f, "another process is running this pipeline (it holds {})", path.display())
            }
            Self::NoState { path } => {
                write!(f, "the pipeline has not run yet: there is no {}", path.display())
            }
            Self::State { path, cause } => {
                write!(f, "the state at {} cannot be used: {cause}", path.display())
            }
            Self::Stuck { cause } => write!(f, "the run cannot go on: {cause}"),
            Self::NewerState { path } => {
                write!(f, "{} was written by a newer version of tidemill", path.display())
            }
            Self::Records { path, cause } => {
                write!(f, "cannot read records from {}: {cause}", path.display())
            }
            Self::NoStream { streams: 0 } => f.write_str("there are records, but the pipeline has no stream"),
            Self::NoStream { streams } => {
                write!(f, "there are records, but the pipeline has {streams} streams")
            }
            Self::Listen { port, cause } => write!(f, "cannot listen at 127.0.0.1:{port}: {cause}"),
            Self::NoSecret { source, secret, variable } => write!(
                f,
                "the source `{source}` wants the secret `{secret}`, and the environment variable {variable} is not set"
            ),
            Self::DeadLetter { id, found: 0 } => write!(f, "no dead letter has the id `{id}`"),
            Self::DeadLetter { id, found } => {
                write!(f, "{found} dead letters have ids that begin with `{id}`")
            }
        }
    }
}

impl std::error::Error for HostError {}
