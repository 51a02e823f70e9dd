//! The promises as named cases, for any host.
//!
//! A host is asked through [`Host`] and nothing else, so the next one passes the same cases unchanged. The
//! stages are those of [`crate::functions::MANIFEST`].

use std::collections::BTreeMap;

use tidemill_core::Item;

/// What a bucket holds, without the host's own documents.
pub type Contents = BTreeMap<String, String>;

/// How the items of a stage ended, by outcome.
pub type Counts = BTreeMap<String, u64>;

/// What can be seen of a host from outside when it is at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtRest {
    pub media: Contents,
    pub copies: Contents,
    /// Key and reason.
    pub dead: Vec<(String, String)>,
    /// Of the first stage.
    pub counts: Counts,
}

/// A host under test, with the source bucket empty at first.
pub trait Host {
    /// Puts an object. Its event is answered, and not delivered.
    fn put(&mut self, key: &str, content: &str) -> Item;

    /// Removes an object. Its event is answered, and not delivered.
    fn remove(&mut self, key: &str) -> Item;

    /// Puts an object into the bucket that the first stage writes to, as a stranger.
    fn put_output(&mut self, key: &str, content: &str);

    /// Delivers items to the first stage, one after the other is at rest, and lets everything follow from
    /// them.
    fn deliver(&mut self, items: &[&Item]);

    /// Delivers an item of a format that is newer than the host, as raw text. Answers whether it is still in
    /// the queue, untouched, afterwards.
    fn keeps_unknown(&mut self, raw: &str) -> bool;

    /// The same as [`deliver`](Self::deliver), but the host dies at its `step`th step, and another one takes
    /// over. Answers the name of the step, or `None` if there are not so many.
    fn deliver_and_die(&mut self, items: &[&Item], step: usize) -> Option<String>;

    /// What can be seen now.
    fn at_rest(&self) -> AtRest;
}

fn contents(entries: &[(&str, &str)]) -> Contents {
    entries.iter().map(|(key, content)| ((*key).to_owned(), (*content).to_owned())).collect()
}

fn media(host: &impl Host, expected: &[(&str, &str)]) {
    let at_rest = host.at_rest();
    assert_eq!(at_rest.media, contents(expected));
    let copied: Contents =
        at_rest.media.iter().map(|(key, content)| (format!("{key}/copy.txt"), content.clone())).collect();
    assert_eq!(at_rest.copies, copied, "the second stage follows the first");
}

/// All cases. `fresh` makes a host that nothing has happened to.
pub fn suite<H: Host>(fresh: impl Fn() -> H) {
    for (name, case) in cases::<H>() {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(&fresh)));
        assert!(result.is_ok(), "the case `{name}` fails, as said above");
    }
}

type Case<H> = fn(&dyn Fn() -> H);

fn cases<H: Host>() -> Vec<(&'static str, Case<H>)> {
    vec![
        ("a set is made", |fresh| {
            let mut host = fresh();
            let item = host.put("in/a b+ä", "A one two");
            host.deliver(&[&item]);
            media(&host, &[("in/a b+ä/one.txt", "A"), ("in/a b+ä/two.txt", "A")]);
        }),
        ("redelivery", |fresh| {
            let mut host = fresh();
            let item = host.put("in/a", "A one two");
            host.deliver(&[&item, &item]);
            host.deliver(&[&item]);
            media(&host, &[("in/a/one.txt", "A"), ("in/a/two.txt", "A")]);
            assert_eq!(host.at_rest().counts["done"], 1, "a repeat is not counted");
        }),
        ("reordering", |fresh| {
            let mut host = fresh();
            let older = host.put("in/a", "A one two");
            let newer = host.put("in/a", "B two three");
            host.deliver(&[&newer, &older]);
            media(&host, &[("in/a/two.txt", "B"), ("in/a/three.txt", "B")]);
            assert_eq!(host.at_rest().counts["superseded"], 1);
        }),
        ("an old generation after a new one", |fresh| {
            let mut host = fresh();
            let older = host.put("in/a", "A one two");
            host.deliver(&[&older]);
            let newer = host.put("in/a", "B two three");
            host.deliver(&[&newer]);
            host.deliver(&[&older]);
            media(&host, &[("in/a/two.txt", "B"), ("in/a/three.txt", "B")]);
        }),
        ("A-B-A re-uploads", |fresh| {
            let mut host = fresh();
            let first = host.put("in/a", "A one same");
            let second = host.put("in/a", "B two same");
            let third = host.put("in/a", "A one same");
            host.deliver(&[&third, &first, &second, &third]);
            media(&host, &[("in/a/one.txt", "A"), ("in/a/same.txt", "same")]);
        }),
        ("removal takes the set along", |fresh| {
            let mut host = fresh();
            let (a, b) = (host.put("in/a", "A one two"), host.put("in/b", "B one"));
            host.deliver(&[&a, &b]);
            let gone = host.remove("in/a");
            host.deliver(&[&gone]);
            media(&host, &[("in/b/one.txt", "B")]);
            host.deliver(&[&gone, &a]);
            media(&host, &[("in/b/one.txt", "B")]);
        }),
        ("delete and create swapped", |fresh| {
            let mut host = fresh();
            let created = host.put("in/a", "A one");
            let gone = host.remove("in/a");
            host.deliver(&[&gone, &created]);
            media(&host, &[]);
            let again = host.put("in/a", "A one two");
            host.deliver(&[&again, &gone]);
            media(&host, &[("in/a/one.txt", "A"), ("in/a/two.txt", "A")]);
        }),
        ("what the key no longer demands goes", |fresh| {
            let mut host = fresh();
            let item = host.put("in/a", "A one two");
            host.deliver(&[&item]);
            let item = host.put("in/a", "skip this one");
            host.deliver(&[&item]);
            media(&host, &[]);
            assert_eq!(host.at_rest().counts["skipped"], 1);
        }),
        ("a poison neighbour", |fresh| {
            let mut host = fresh();
            let good = host.put("in/good", "A one");
            let bad = ["panic", "reject"].map(|word| host.put(&format!("in/{word}"), word));
            let other = host.put("in/other", "B two");
            host.deliver(&[&good, &bad[0], &bad[1], &other]);
            media(&host, &[("in/good/one.txt", "A"), ("in/other/two.txt", "B")]);
            let dead = host.at_rest().dead;
            assert_eq!(dead.len(), 2);
            assert_eq!(dead[0], ("in/panic".into(), "the function panicked: it says so".into()));
            assert_eq!(dead[1], ("in/reject".into(), "it says so".into()));
        }),
        ("the deadline", |fresh| {
            let mut host = fresh();
            let (slow, quick) = (host.put("in/slow", "sleep"), host.put("in/quick", "A one"));
            host.deliver(&[&slow, &quick]);
            media(&host, &[("in/quick/one.txt", "A")]);
            assert_eq!(host.at_rest().dead, [("in/slow".into(), "took longer than 2 s".to_owned())]);
        }),
        ("a dead letter is settled by a newer version", |fresh| {
            let mut host = fresh();
            let bad = host.put("in/a", "reject");
            host.deliver(&[&bad]);
            assert_eq!(host.at_rest().dead.len(), 1);
            let good = host.put("in/a", "A one");
            host.deliver(&[&good]);
            assert_eq!(host.at_rest().dead, []);
            media(&host, &[("in/a/one.txt", "A")]);
        }),
        ("a loop", |fresh| {
            let mut host = fresh();
            let mut item = host.put("in/a", "A one");
            item.hops = 16;
            host.deliver(&[&item]);
            let dead = host.at_rest().dead;
            assert!(dead[0].1.starts_with("a loop"), "{dead:?}");
        }),
        ("a stranger's object is not overwritten", |fresh| {
            let mut host = fresh();
            host.put_output("in/a/one.txt", "mine");
            let item = host.put("in/a", "A one");
            host.deliver(&[&item]);
            let at_rest = host.at_rest();
            assert_eq!(at_rest.media, contents(&[("in/a/one.txt", "mine")]));
            assert!(at_rest.dead[0].1.contains("was not written by this stage"), "{:?}", at_rest.dead);
        }),
        ("an unknown format version", |fresh| {
            let mut host = fresh();
            let item = host.put("in/a", "A one");
            let mut raw = serde_json::to_value(&item).unwrap();
            raw["tmformat"] = 99.into();
            assert!(host.keeps_unknown(&raw.to_string()), "a newer program may know it");
            assert_eq!(host.at_rest().dead, []);
        }),
        ("a crash after each step", |fresh| {
            // First a set, then another one in its place, then the removal: each undisturbed but for one
            // death, at every step that there is.
            type Scene<H> = fn(&mut H) -> Item;
            let scenes: [Scene<H>; 3] = [
                |host| host.put("in/a", "A one two"),
                |host| {
                    let first = host.put("in/a", "A one two");
                    host.deliver(&[&first]);
                    host.put("in/a", "B two three")
                },
                |host| {
                    let first = host.put("in/a", "A one two");
                    host.deliver(&[&first]);
                    host.remove("in/a")
                },
            ];
            let mut names = Vec::new();
            for scene in scenes {
                let mut undisturbed = fresh();
                let item = scene(&mut undisturbed);
                undisturbed.deliver(&[&item]);
                let expected = undisturbed.at_rest();
                for step in 0.. {
                    let mut host = fresh();
                    let item = scene(&mut host);
                    let Some(name) = host.deliver_and_die(&[&item], step) else { break };
                    assert_eq!(host.at_rest(), expected, "after a death at step {step}, {name}");
                    names.push(name);
                }
            }
            for point in ["output", "document", "send", "acknowledge"] {
                assert!(names.iter().any(|name| name.contains(point)), "no death at {point}: {names:?}");
            }
        }),
    ]
}
