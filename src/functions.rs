//! The one table of functions, each behind its cargo feature.

use tidemill_core::Entry;

/// Every function that this build has, by its name in the manifest.
pub fn functions() -> Vec<Entry> {
    vec![
        #[cfg(feature = "count")]
        Entry::records::<tidemill_count::Count>(),
        #[cfg(feature = "image")]
        Entry::function::<tidemill_image::Image>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_sorted() {
        let names: Vec<&str> = functions().iter().map(|entry| entry.name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }
}
