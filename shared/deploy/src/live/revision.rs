//! A stage's revision: raised when its recipe, or that of a stage above it, differs from what was deployed last.
//!
//! The compute stack's parameters hold both, so nothing else has to be kept.

use std::collections::BTreeMap;

use tidemill_core::digest;
use tidemill_core::plan::Input;
use tidemill_pipeline::Plan;

use crate::template::{logical, parameters};

/// A stage's revision and the digest that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) number: u64,
    pub(crate) recipe: String,
}

/// What is known of earlier deployments.
pub(crate) struct Before<'a> {
    /// The compute stack's parameters.
    pub(crate) parameters: &'a BTreeMap<String, String>,
    /// Whether the data of an earlier deployment may be there.
    pub(crate) data: bool,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

/// The revisions of all stages, by stage.
pub(crate) fn of(plan: &Plan, before: &Before<'_>) -> BTreeMap<String, Revision> {
    let mut chains: BTreeMap<&str, String> = BTreeMap::new();
    let mut revisions = BTreeMap::new();
    // A stage comes after those above it.
    for stage in &plan.stages {
        let name = stage.plan.name.as_str();
        let mut parts = vec![stage.plan.recipe.as_str()];
        for input in &stage.plan.inputs {
            if let Input::Items(above) | Input::Outcomes(above) = input {
                parts.extend(chains.get(above.as_str()).map(String::as_str));
            }
        }
        let recipe = digest::name_of(&parts);
        revisions.insert(
            name.to_owned(),
            Revision { number: number(name, &recipe, before), recipe: recipe.clone() },
        );
        chains.insert(name, recipe);
    }
    revisions
}

fn number(stage: &str, recipe: &str, before: &Before<'_>) -> u64 {
    let id = logical::id(stage);
    let last =
        before.parameters.get(&parameters::revision(&id)).and_then(|number| number.parse::<u64>().ok());
    match last {
        Some(number)
            if before.parameters.get(&parameters::recipe(&id)).is_some_and(|known| known == recipe) =>
        {
            number
        }
        Some(number) => number + 1,
        // A stage may have been here before, and its documents know a revision that nothing else does. The seconds
        // are above all that it can have had.
        None if before.data => before.now,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EVERYTHING, plan};

    fn revise(text: &str, parameters: &BTreeMap<String, String>, data: bool) -> BTreeMap<String, Revision> {
        of(&plan(text), &Before { parameters, data, now: 1_800_000_000 })
    }

    /// What a deployment would leave in the stack.
    fn kept(revisions: &BTreeMap<String, Revision>) -> BTreeMap<String, String> {
        let pairs = revisions.iter().flat_map(|(stage, revision)| {
            let id = logical::id(stage);
            [
                (parameters::revision(&id), revision.number.to_string()),
                (parameters::recipe(&id), revision.recipe.clone()),
            ]
        });
        pairs.collect()
    }

    fn numbers(revisions: &BTreeMap<String, Revision>) -> Vec<(&str, u64)> {
        revisions.iter().map(|(stage, revision)| (stage.as_str(), revision.number)).collect()
    }

    #[test]
    fn a_changed_recipe_raises_its_stage_and_those_below() {
        let first = revise(EVERYTHING, &BTreeMap::new(), false);
        assert_eq!(numbers(&first), [("counts", 0), ("first", 0), ("long", 0), ("second_one", 0)]);
        let same = revise(EVERYTHING, &kept(&first), true);
        assert_eq!(same, first);
        let changed = EVERYTHING.replace("key: \"first/", "key: \"other/");
        let second = revise(&changed, &kept(&first), true);
        assert_eq!(numbers(&second), [("counts", 0), ("first", 1), ("long", 1), ("second_one", 1)]);
        let memory = EVERYTHING.replace("memory: 1024", "memory: 2048");
        assert_eq!(numbers(&revise(&memory, &kept(&first), true)), numbers(&first));
    }

    #[test]
    fn what_was_there_before_is_outdone() {
        let again = revise(EVERYTHING, &BTreeMap::new(), true);
        assert!(numbers(&again).iter().all(|(_, number)| *number == 1_800_000_000));
    }
}
