//! A colour as a user writes it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A colour of sRGB with its opacity, written as `#rgb`, `#rrggbb`, `#rrggbbaa`, `white`, `black` or `transparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "red, green, blue, alpha")]
pub struct Colour {
    pub r: u8,
    pub g: u8,
    pub b: u8,
    /// 255 is opaque.
    pub a: u8,
}

impl Colour {
    /// Opaque white.
    pub const WHITE: Self = Self { r: 255, g: 255, b: 255, a: 255 };
    /// Opaque black.
    pub const BLACK: Self = Self { r: 0, g: 0, b: 0, a: 255 };
    /// Nothing at all.
    pub const TRANSPARENT: Self = Self { r: 0, g: 0, b: 0, a: 0 };
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no colour: write #rgb, #rrggbb, #rrggbbaa, white, black or transparent, such as \
                 \"#ff8800\""
            )
        };
        match text {
            "white" => return Ok(Self::WHITE),
            "black" => return Ok(Self::BLACK),
            "transparent" => return Ok(Self::TRANSPARENT),
            _ => {}
        }
        let digits = text.strip_prefix('#').ok_or_else(wrong)?;
        let digits: Option<Vec<u8>> = digits.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
        let digits = digits.ok_or_else(wrong)?;
        let pairs: Vec<u8> = match digits.len() {
            3 => digits.iter().map(|digit| digit * 17).collect(),
            6 | 8 => digits.as_chunks::<2>().0.iter().map(|[high, low]| high * 16 + low).collect(),
            _ => return Err(wrong()),
        };
        Ok(Self { r: pairs[0], g: pairs[1], b: pairs[2], a: pairs.get(3).copied().unwrap_or(255) })
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { r, g, b, a } = self;
        write!(f, "#{r:02x}{g:02x}{b:02x}")?;
        if *a == 255 { Ok(()) } else { write!(f, "{a:02x}") }
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Colour {
    fn schema_name() -> Cow<'static, str> {
        "Colour".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A colour: #rgb, #rrggbb, #rrggbbaa, white, black or transparent.",
            "type": "string",
            "pattern": "^(#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})|white|black|transparent)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_way_of_writing() {
        let check = |text: &str, [r, g, b, a]: [u8; 4], again: &str| {
            let colour: Colour = serde_json::from_value(text.into()).expect("it is one");
            assert_eq!(colour, Colour { r, g, b, a }, "{text}");
            assert_eq!(serde_json::to_value(colour).ok(), Some(again.into()));
        };
        check("#f80", [255, 136, 0, 255], "#ff8800");
        check("#FF8801", [255, 136, 1, 255], "#ff8801");
        check("#00000080", [0, 0, 0, 128], "#00000080");
        check("white", [255; 4], "#ffffff");
        check("black", [0, 0, 0, 255], "#000000");
        check("transparent", [0; 4], "#00000000");
    }

    #[test]
    fn says_what_is_allowed() {
        for text in ["", "#", "red", "#ff", "#ffff", "#gggggg", "ffffff", "#ｆｆｆ", "#123456789", "White"]
        {
            let error = serde_json::from_value::<Colour>(text.into()).expect_err("it is none").to_string();
            assert!(error.contains(&format!("{text:?}")) && error.contains("#rrggbbaa"), "{error}");
        }
        assert!(serde_json::from_value::<Colour>(7.into()).is_err());
    }
}
