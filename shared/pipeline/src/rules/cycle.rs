//! The stages form no ring.

use std::collections::HashMap;

use tidemill_core::plan::Input;

use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::tree::{Span, Spanned};

/// An order in which each stage comes after those it takes from, as written where nothing else is asked for.
/// Rings are reported, each with the way round.
pub(super) fn order(
    manifest: &Manifest,
    inputs: &[Vec<Spanned<Input>>],
    sink: &mut Sink,
) -> Option<Vec<usize>> {
    let index: HashMap<&str, usize> =
        manifest.stages.iter().enumerate().map(|(at, stage)| (stage.name.value.as_str(), at)).collect();
    let above: Vec<Vec<(usize, Span)>> = inputs
        .iter()
        .map(|inputs| {
            inputs
                .iter()
                .filter(|input| !matches!(input.value, Input::Source(_)))
                .filter_map(|input| Some((*index.get(input.value.name())?, input.span)))
                .collect()
        })
        .collect();

    let mut order = Vec::with_capacity(above.len());
    let mut placed = vec![false; above.len()];
    // Each round takes the first stage that has nothing left above it.
    while let Some(next) =
        (0..above.len()).find(|at| !placed[*at] && above[*at].iter().all(|(above, _)| placed[*above]))
    {
        placed[next] = true;
        order.push(next);
    }
    if order.len() == above.len() {
        return Some(order);
    }

    // What is left is in a ring or below one. Going up from a stage always ends in a ring; each ring is told once.
    let mut told = placed;
    for start in 0..above.len() {
        let mut way: Vec<(usize, Span)> = Vec::new();
        let mut at = start;
        while !told[at] {
            if let Some(begin) = way.iter().position(|(seen, _)| *seen == at) {
                report(manifest, &way[begin..], sink);
                break;
            }
            let Some((next, span)) = above[at].iter().find(|(above, _)| !told[*above]).copied() else {
                break;
            };
            way.push((at, span));
            at = next;
        }
        for (seen, _) in way {
            told[seen] = true;
        }
    }
    None
}

/// `ring` goes upwards: each stage takes from the next, the last from the first.
fn report(manifest: &Manifest, ring: &[(usize, Span)], sink: &mut Sink) {
    // It is told from the stage that is written first, in the direction in which items go.
    let Some(first) = ring.iter().enumerate().min_by_key(|(_, (stage, _))| *stage).map(|(at, _)| at) else {
        return;
    };
    let span = ring[first].1;
    let mut names: Vec<String> = (0..=ring.len())
        .map(|step| format!("`{}`", manifest.stages[ring[(first + step) % ring.len()].0].name.value))
        .collect();
    names.reverse();
    const MOST: usize = 16;
    if names.len() > MOST {
        let left_out = names.len() - MOST;
        names.splice(MOST / 2..names.len() - MOST / 2, [format!("… {left_out} more …")]);
    }
    let (message, hint) = if ring.len() == 1 {
        (format!("stage {} takes its own items", names[0]), "name another input")
    } else {
        (format!("the stages go round in a ring: {}", names.join(" → ")), "take one of these inputs away")
    };
    sink.report(Finding::new(span, message).hint(hint));
}
