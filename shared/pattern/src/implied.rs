//! What a pattern implies about one field, as a list that an EventBridge rule takes.
//!
//! The list is never narrower than the pattern, where the rule is evaluated by EventBridge itself: whatever the
//! two may see differently is widened. A wildcard becomes the prefix or suffix that it implies, since rules have
//! quotas on wildcards; numbers beyond 5e9 or with a fraction, open ranges and blocks of IPv6 become "exists",
//! since a rule does not compare what lies beyond 5e9 and rounds what has many digits.

use crate::condition::{Leaf, Test};
use crate::node::Node;
use crate::numeric::Exact;
use crate::text::{Folded, TextTest};
use serde_json::{Value, json};

/// Beyond this a rule does not compare numbers.
const RULE_LIMIT: i128 = 5_000_000_000;

/// A list in the making.
#[derive(Debug, Default)]
struct List {
    conditions: Vec<Value>,
    /// Any scalar at all.
    present: bool,
    absent: bool,
}

pub(crate) fn implied(node: &Node, path: &[&str]) -> Option<Vec<Value>> {
    let list = best(node, path, true)?;
    let mut conditions = if list.present { vec![json!({ "exists": true })] } else { list.conditions };
    if list.absent {
        conditions.push(json!({ "exists": false }));
    }
    Some(conditions)
}

/// The narrowest of the lists that have to hold: any of them would do.
fn best(node: &Node, path: &[&str], top: bool) -> Option<List> {
    let (name, rest) = path.split_first()?;
    let field = node.fields.get(*name);
    let leaves = field.iter().flat_map(|field| &field.leaves).filter(|_| rest.is_empty());
    let inside = field.and_then(|field| field.inside.as_ref()).and_then(|inside| best(inside, rest, false));
    let choices = node.choices.iter().filter_map(|choice| {
        // Only if every case names the field does the whole say something about it.
        let cases: Option<Vec<List>> = choice.iter().map(|case| best(case, path, top)).collect();
        cases?.into_iter().reduce(List::or)
    });
    leaves
        .map(List::of)
        .chain(inside)
        .chain(choices)
        // A field within an array element is missing from that element, while the rule looks at all of them.
        .filter(|list| !list.absent || (top && !list.present))
        .min_by_key(|list| (list.present, list.absent))
}

impl List {
    fn of(leaf: &Leaf) -> Self {
        let mut list = Self { absent: leaf.absent, ..Self::default() };
        for test in &leaf.tests {
            list = list.or(match condition(test) {
                Some(condition) => Self { conditions: vec![condition], ..Self::default() },
                None => Self { present: true, ..Self::default() },
            });
        }
        list
    }

    fn or(mut self, other: Self) -> Self {
        self.conditions.extend(other.conditions);
        self.present |= other.present;
        self.absent |= other.absent;
        self
    }
}

/// The condition, or one that is wider; nothing if only "exists" is.
fn condition(test: &Test) -> Option<Value> {
    match test {
        Test::Null => Some(Value::Null),
        Test::Bool(bool) => Some(json!(bool)),
        Test::Number(number) => integer(*number).map(|int| json!(int)),
        // Bounds become inclusive, because a rule may round a value onto them.
        Test::Numeric(range) => match (integer(range.low?.value)?, integer(range.high?.value)?) {
            (low, high) if low == high => Some(json!({ "numeric": ["=", low] })),
            (low, high) => Some(json!({ "numeric": [">=", low, "<=", high] })),
        },
        Test::Text(TextTest::Equal(text)) => Some(json!(text)),
        Test::Text(TextTest::Prefix(text)) => affix("prefix", text),
        Test::Text(TextTest::Suffix(text)) => affix("suffix", text),
        Test::Text(TextTest::Wildcard(wildcard)) => {
            affix("prefix", wildcard.prefix()).or_else(|| affix("suffix", wildcard.suffix()))
        }
        Test::Text(TextTest::EqualIgnoreCase(text)) => {
            ascii(text).map(|text| json!({ "equals-ignore-case": text }))
        }
        Test::Text(TextTest::PrefixIgnoreCase(text)) => {
            ascii(text).map(|text| json!({ "prefix": { "equals-ignore-case": text } }))
        }
        Test::Text(TextTest::SuffixIgnoreCase(text)) => {
            ascii(text).map(|text| json!({ "suffix": { "equals-ignore-case": text } }))
        }
        Test::Cidr(network) => network.v4_within(31).map(|block| json!({ "cidr": block })),
        Test::AnythingBut(tests) => anything_but(tests),
        Test::Present => None,
    }
}

fn affix(operator: &str, text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({ operator: text }))
}

/// Case beyond ASCII is not levelled alike everywhere.
fn ascii(text: &Folded) -> Option<&str> {
    Some(text.0.as_str()).filter(|text| text.is_ascii() && !text.is_empty())
}

fn integer(number: Exact) -> Option<i64> {
    let int = number.int().filter(|int| (-RULE_LIMIT..=RULE_LIMIT).contains(int))?;
    i64::try_from(int).ok()
}

fn anything_but(tests: &[Test]) -> Option<Value> {
    // The tests of one list are of one kind.
    let texts = |of: fn(&TextTest) -> Option<&str>| -> Option<Value> {
        let texts: Option<Vec<&str>> =
            tests.iter().map(|test| if let Test::Text(text) = test { of(text) } else { None }).collect();
        texts.map(|texts| if let [text] = texts[..] { json!(text) } else { json!(texts) })
    };
    if let Some(operand) = texts(|test| if let TextTest::Equal(text) = test { Some(text) } else { None }) {
        return Some(json!({ "anything-but": operand }));
    }
    let named = [
        ("prefix", texts(|test| if let TextTest::Prefix(text) = test { Some(text) } else { None })),
        ("suffix", texts(|test| if let TextTest::Suffix(text) = test { Some(text) } else { None })),
        (
            "equals-ignore-case",
            texts(|test| if let TextTest::EqualIgnoreCase(text) = test { ascii(text) } else { None }),
        ),
    ];
    let (operator, operand) = named.into_iter().find_map(|(name, operand)| Some((name, operand?)))?;
    Some(json!({ "anything-but": { operator: operand } }))
}
