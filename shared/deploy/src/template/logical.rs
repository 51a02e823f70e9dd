//! Logical ids: what a resource is called inside its template. They have to stay what they are, since another id is
//! another resource.

use tidemill_core::digest;

/// A manifest's name as the beginning of logical ids: `my-stage` is `MyStage`.
///
/// CloudFormation takes letters and digits only. A name that another would spell alike gets digits of its digest,
/// so that two names never meet: `my_stage` is not `MyStage`.
pub(crate) fn id(name: &str) -> String {
    let mut id = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.extend(letters);
    }
    if name_of(&id) == name { id } else { format!("{id}x{}", &digest::name_of(&[name])[..6]) }
}

/// The one name that is spelt like this without digits.
fn name_of(id: &str) -> String {
    let mut name = String::new();
    for c in id.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_recognised() {
        for (name, expected) in
            [("renditions", "Renditions"), ("my-stage", "MyStage"), ("2x", "2x"), ("a-b", "AB")]
        {
            assert_eq!(id(name), expected);
        }
        assert!(id("my_stage").starts_with("MyStagex"));
    }

    proptest! {
        #[test]
        fn two_names_never_meet(one in "[a-b2_-]{1,4}", two in "[a-b2_-]{1,4}") {
            prop_assert!(id(&one).chars().all(|c| c.is_ascii_alphanumeric()));
            prop_assert_eq!(one == two, id(&one) == id(&two), "{} {}", one, two);
        }
    }
}
