//! The HTTP sources of a plan, with their secrets and listeners.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tidemill_core::deployment::Auth;
use tidemill_core::plan::Input;
use tidemill_pipeline::{Plan, Source};

use crate::bucket::{Bucket, Buckets};
use crate::error::HostError;
use crate::mill::Options;
use crate::ports::Route;

/// A source that takes requests.
pub(super) struct Endpoint {
    pub(super) name: String,
    /// `pipeline/source`.
    pub(super) signature: String,
    pub(super) auth: Auth,
    pub(super) secret: Option<Vec<u8>>,
    pub(super) listeners: Vec<Route>,
    /// Where what is too large for a request goes: a bucket and a prefix in it.
    pub(super) upload: Option<(Arc<Bucket>, String)>,
    /// Requests that became items of a stage.
    pub(super) found: AtomicU64,
}

/// The environment variable that holds the secret with this name, where a pipeline runs on one machine.
pub fn secret_variable(secret: &str) -> String {
    format!("TIDEMILL_SECRET_{}", secret.to_uppercase().replace('-', "_"))
}

/// The names of the buckets that HTTP sources of the plan upload to.
pub(crate) fn uploads_to(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.sources.iter().filter_map(|source| upload_of(plan, &source.source)).map(|(bucket, _)| bucket)
}

fn upload_of<'a>(plan: &'a Plan, source: &'a Source) -> Option<(&'a str, &'a str)> {
    let Source::Http { upload: Some(upload), .. } = source else { return None };
    match &plan.source(upload)?.source {
        Source::S3 { bucket, prefix, .. } => Some((bucket, prefix)),
        _ => None,
    }
}

/// All of them by name.
pub(super) fn all(
    plan: &Plan,
    options: &Options,
    buckets: &Buckets,
) -> Result<HashMap<String, Endpoint>, HostError> {
    let mut endpoints = HashMap::new();
    for source in &plan.sources {
        let Source::Http { auth, .. } = &source.source else { continue };
        let secret = match auth {
            Auth::Iam => None,
            Auth::Hmac { secret } => match options.secrets.get(secret).filter(|value| !value.is_empty()) {
                Some(value) => Some(value.clone().into_bytes()),
                None => {
                    return Err(HostError::NoSecret {
                        source: source.name.clone(),
                        secret: secret.clone(),
                        variable: secret_variable(secret),
                    });
                }
            },
        };
        let input = Input::Source(source.name.clone());
        let consumers = plan.consumers(&input);
        let endpoint = Endpoint {
            name: source.name.clone(),
            signature: format!("{}/{}", plan.name, source.name),
            auth: auth.clone(),
            secret,
            listeners: consumers.map(|stage| Route::new(&stage.plan.name, stage.when.clone())).collect(),
            upload: upload_of(plan, &source.source)
                .and_then(|(bucket, prefix)| Some((Arc::clone(buckets.get(bucket)?), prefix.to_owned()))),
            found: AtomicU64::new(0),
        };
        endpoints.insert(source.name.clone(), endpoint);
    }
    Ok(endpoints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        assert_eq!(secret_variable("my-webhook_2"), "TIDEMILL_SECRET_MY_WEBHOOK_2");
    }
}
