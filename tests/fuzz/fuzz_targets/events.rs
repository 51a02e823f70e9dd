//! Any text is answered as an event: by items that can travel and batches in order, or by a reason.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidemill_core::Item;
use tidemill_core::deployment::{Place, StageFile};
use tidemill_events::{Found, Sources, Unreadable};

static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
    let file: StageFile = serde_json::from_value(serde_json::json!({
        "format": 1,
        "plan": {
            "pipeline": "shop", "name": "sets", "function": "set", "inputs": [], "on_remove": "delete",
            "attempts": 5, "timeout": { "secs": 30, "nanos": 0 }, "limits": {}, "config": {}, "recipe": "",
        },
        "sources": [
            { "type": "s3", "name": "uploads", "bucket": "uploads", "prefix": "in/" },
            { "type": "kinesis", "name": "visits", "stream": "visits" },
        ],
        "items": [],
        "outcomes": [],
    }))
    .expect("a stage file");
    let place = Place {
        buckets: [("uploads".to_owned(), "shop-test-b-uploads".to_owned())].into(),
        streams: [("visits".to_owned(), "shop-test-s-visits".to_owned())].into(),
        ..Place::default()
    };
    Sources::new(&file, &place).expect("sources")
});

fuzz_target!(|text: &str| {
    match SOURCES.items(text) {
        Ok(found) => {
            for found in found {
                let Found::Item(item) = found else { continue };
                let text = serde_json::to_string(&item).expect("JSON");
                assert_eq!(serde_json::from_str::<Item>(&text).expect("an item"), *item);
            }
        }
        Err(Unreadable::Newer(reason) | Unreadable::Broken(reason)) => assert!(!reason.is_empty()),
    }
    if let Ok(batches) = SOURCES.batches(text) {
        for batch in batches {
            assert!(batch.records.is_sorted_by(|a, b| a.position() < b.position()));
        }
    }
});
