//! The pipeline drawn.

use crate::plan::Plan;

/// The pipeline as an SVG document.
pub fn svg(plan: &Plan) -> String {
    let _ = plan;
    String::new()
}

/// The pipeline as a Mermaid flowchart.
pub fn mermaid(plan: &Plan) -> String {
    let _ = plan;
    String::new()
}
