//! A checked pattern as a tree, in a form in which its parts can be tried one by one.
//!
//! EventBridge reads `$or` as the list of all its cases, and within a case all conditions under one field look
//! at one element of an array there. Writing out every case takes exponential room, so a tree here keeps `$or`
//! where it stands, as long as no condition on the inside of a field stands both inside and beside it. Only
//! where it does are the two written together, case by case; how much that may add is bounded.
//! Hence, in a finished tree, **the parts of a node never look inside the same field**, and each may choose its
//! array elements alone.

use crate::condition::Leaf;
use std::collections::{BTreeMap, BTreeSet};

/// Conditions on one object, all of which have to hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    pub(crate) fields: BTreeMap<String, Field>,
    /// Each `$or`: one of its nodes has to hold.
    pub(crate) choices: Vec<Vec<Node>>,
    /// Whether the node can hold where none of its fields is there.
    pub(crate) optional: bool,
}

/// Conditions on one field: each leaf has to hold, and what is said about its inside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) inside: Option<Node>,
}

/// What writing out cases may still add to a pattern.
#[derive(Debug)]
pub(crate) struct Budget(pub(crate) usize);

/// The cases of `$or` multiply beyond the budget.
#[derive(Debug)]
pub(crate) struct TooManyCases;

impl Budget {
    fn spend(&mut self, node: &Node) -> Result<(), TooManyCases> {
        self.0 = self.0.checked_sub(1 + node.fields.len()).ok_or(TooManyCases)?;
        for field in node.fields.values() {
            let tests: usize = field.leaves.iter().map(|leaf| 1 + leaf.tests.len()).sum();
            self.0 = self.0.checked_sub(tests).ok_or(TooManyCases)?;
            field.inside.iter().try_for_each(|inside| self.spend(inside))?;
        }
        node.choices.iter().flatten().try_for_each(|choice| self.spend(choice))
    }
}

impl Node {
    /// Brings a node whose children are finished into the form described above.
    pub(crate) fn finish(mut self, budget: &mut Budget) -> Result<Self, TooManyCases> {
        let choices = std::mem::take(&mut self.choices);
        for mut choice in choices {
            let inner = insides_of(&choice);
            let (same, other) = std::mem::take(&mut self.choices)
                .into_iter()
                .partition(|c| !insides_of(c).is_disjoint(&inner));
            self.choices = other;
            for earlier in same {
                choice = product(&earlier, &choice, budget)?;
            }
            self.choices.push(choice);
        }
        for choice in &mut self.choices {
            let mut moved = Self::default();
            for name in insides_of(choice) {
                if let Some(inside) = self.fields.get_mut(&name).and_then(|field| field.inside.take()) {
                    moved.fields.insert(name, Field { leaves: Vec::new(), inside: Some(inside) });
                }
            }
            if !moved.fields.is_empty() {
                *choice = product(std::slice::from_ref(&moved), choice, budget)?;
            }
        }
        self.fields.retain(|_, field| !field.leaves.is_empty() || field.inside.is_some());
        self.optional = self.fields.values().all(Field::optional)
            && self.choices.iter().all(|choice| choice.iter().any(|node| node.optional));
        Ok(self)
    }

    /// Both nodes together, finished.
    fn and(mut self, other: Self, budget: &mut Budget) -> Result<Self, TooManyCases> {
        for (name, field) in other.fields {
            let mine = self.fields.entry(name).or_default();
            mine.leaves.extend(field.leaves);
            mine.inside = match (mine.inside.take(), field.inside) {
                (Some(a), Some(b)) => Some(a.and(b, budget)?),
                (a, b) => a.or(b),
            };
        }
        self.choices.extend(other.choices);
        self.finish(budget)
    }

    /// The fields whose inside the node speaks about, its choices included.
    fn insides(&self, into: &mut BTreeSet<String>) {
        into.extend(
            self.fields.iter().filter(|(_, field)| field.inside.is_some()).map(|(name, _)| name.clone()),
        );
        self.choices.iter().flatten().for_each(|node| node.insides(into));
    }
}

impl Field {
    fn optional(&self) -> bool {
        self.leaves.iter().all(|leaf| leaf.absent) && self.inside.as_ref().is_none_or(|node| node.optional)
    }
}

fn insides_of(choice: &[Node]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for node in choice {
        node.insides(&mut names);
    }
    names
}

/// Every case of one choice with every case of another.
fn product(a: &[Node], b: &[Node], budget: &mut Budget) -> Result<Vec<Node>, TooManyCases> {
    let mut cases = Vec::new();
    for left in a {
        for right in b {
            budget.spend(left)?;
            budget.spend(right)?;
            cases.push(left.clone().and(right.clone(), budget)?);
        }
    }
    Ok(cases)
}
