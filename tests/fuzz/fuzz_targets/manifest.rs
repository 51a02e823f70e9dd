//! Any text is answered: by a plan that can be drawn, or by findings that can be shown.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tidemill_core::Entry;
use tidemill_pipeline::{Plan, graph};

const FUNCTIONS: &[Entry] = &[Entry::function::<tidemill_image::Image>()];

fuzz_target!(|text: &str| {
    match Plan::parse(Path::new("pipeline.yaml"), text, None, FUNCTIONS) {
        Ok(plan) => {
            assert!(graph::svg(&plan).ends_with("</svg>\n"));
            assert!(graph::mermaid(&plan).starts_with("flowchart LR\n"));
        }
        Err(diagnostics) => {
            assert!(diagnostics.len() > 0);
            for one in &diagnostics {
                let underlined = &diagnostics.text()[one.span.clone()];
                assert!(!underlined.contains('\n') && one.line > 0 && one.column > 0);
            }
            assert!(!diagnostics.to_string().contains('\u{1b}'));
        }
    }
});
