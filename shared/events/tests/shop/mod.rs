//! The stage that the tests' events are for.

use serde_json::{Value, json};
use tidemill_core::deployment::{Place, StageFile};
use tidemill_events::Sources;

/// A stage that listens to the objects below `in/` of a bucket and to a stream.
pub(crate) fn sources(when: Option<&Value>) -> Sources {
    let file: StageFile = serde_json::from_value(json!({
        "format": 1,
        "plan": {
            "pipeline": "shop", "name": "sets", "function": "set", "inputs": [], "when": when,
            "on_remove": "delete", "attempts": 5, "timeout": { "secs": 30, "nanos": 0 },
            "limits": {}, "config": {}, "recipe": "",
        },
        "sources": [
            { "type": "s3", "name": "uploads", "bucket": "uploads", "prefix": "in/" },
            { "type": "kinesis", "name": "visits", "stream": "visits" },
        ],
        "items": [],
        "outcomes": [],
    }))
    .unwrap();
    let place = Place {
        buckets: [("uploads".to_owned(), "shop-test-b-uploads".to_owned())].into(),
        streams: [("visits".to_owned(), "shop-test-s-visits".to_owned())].into(),
        ..Place::default()
    };
    Sources::new(&file, &place).unwrap()
}
