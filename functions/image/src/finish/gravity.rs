//! Where a smaller thing lies within a larger one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The side or corner that a picture, a crop or a mark is drawn to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("enum" = [
    "centre", "center", "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest",
]))]
#[expect(missing_docs, reason = "each variant is the side that it is called after")]
pub enum Gravity {
    #[default]
    #[serde(alias = "center")]
    Centre,
    North,
    NorthEast,
    East,
    SouthEast,
    South,
    SouthWest,
    West,
    NorthWest,
}

impl Gravity {
    /// The share of the free room that lies to the left, and above.
    pub(crate) fn shares(self) -> (f64, f64) {
        let left = match self {
            Self::West | Self::NorthWest | Self::SouthWest => 0.0,
            Self::Centre | Self::North | Self::South => 0.5,
            Self::East | Self::NorthEast | Self::SouthEast => 1.0,
        };
        let above = match self {
            Self::North | Self::NorthWest | Self::NorthEast => 0.0,
            Self::Centre | Self::West | Self::East => 0.5,
            Self::South | Self::SouthWest | Self::SouthEast => 1.0,
        };
        (left, above)
    }

    /// How far from the left and from the top `inner` begins in `outer`. What is larger than its room begins
    /// at its edge.
    pub fn place(self, inner: (u32, u32), outer: (u32, u32)) -> (u32, u32) {
        let (left, above) = self.shares();
        let room =
            |inner: u32, outer: u32, share: f64| (f64::from(outer.saturating_sub(inner)) * share) as u32;
        (room(inner.0, outer.0, left), room(inner.1, outer.1, above))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_by_side() {
        let check = |name: &str, expected: (u32, u32)| {
            let gravity: Gravity = serde_json::from_value(name.into()).expect("it is one");
            assert_eq!(gravity.place((2, 3), (9, 13)), expected, "{name}");
            assert_eq!(gravity.place((20, 30), (9, 13)), (0, 0), "{name}");
        };
        check("northwest", (0, 0));
        check("north", (3, 0));
        check("northeast", (7, 0));
        check("west", (0, 5));
        check("centre", (3, 5));
        check("center", (3, 5));
        check("east", (7, 5));
        check("southwest", (0, 10));
        check("south", (3, 10));
        check("southeast", (7, 10));
        assert!(serde_json::from_value::<Gravity>("left".into()).is_err());
        assert_eq!(serde_json::to_value(Gravity::NorthEast).ok(), Some("northeast".into()));
    }

    #[test]
    fn the_schema_knows_both_spellings() {
        let schema = serde_json::to_string(&schemars::schema_for!(Gravity)).expect("a schema is JSON");
        assert!(schema.contains("\"centre\"") && schema.contains("\"center\""), "{schema}");
    }
}
