//! The frame header: what is known of a picture before it is decoded (T.81, B.2.2).

use super::{Trouble, broken};

/// One colour component, as the frame header has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Sampling factors, across and down: 1 to 4.
    pub(crate) h: u8,
    pub(crate) v: u8,
    pub(super) table: u8,
}

/// The frame header: what is known of a picture before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) progressive: bool,
    pub(crate) components: Vec<Component>,
}

impl Frame {
    pub(super) fn parse(marker: u8, body: &[u8]) -> Result<Self, Trouble> {
        let [depth, h1, h0, w1, w0, count, rest @ ..] = body else {
            return broken("its frame header is too short");
        };
        let what = match marker {
            0xc0..=0xc2 if *depth == 8 => None,
            0xc0..=0xc2 => Some(format!("a JPEG of {depth} bits a sample")),
            0xc3 | 0xc7 | 0xcb | 0xcf => Some("a lossless JPEG".to_owned()),
            0xc9 | 0xca => Some("an arithmetic-coded JPEG".to_owned()),
            _ => Some("a hierarchical JPEG".to_owned()),
        };
        if let Some(what) = what {
            return Err(Trouble::Unsupported(what));
        }
        let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
        if height == 0 {
            return Err(Trouble::Unsupported("a JPEG that tells its height after the picture".to_owned()));
        }
        if width == 0 {
            return broken("its header says 0 pixels wide");
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Trouble::Unsupported(format!("a JPEG of {count} components")));
        }
        if rest.len() != usize::from(*count) * 3 {
            return broken("its frame header has the wrong length");
        }
        let mut components = Vec::with_capacity(4);
        for part in rest.as_chunks::<3>().0 {
            let [id, factors, table] = *part;
            let (h, v) = (factors >> 4, factors & 15);
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || table > 3 {
                return broken("its header has a sampling factor or a table that does not exist");
            }
            if components.iter().any(|other: &Component| other.id == id) {
                return broken("two of its components have one name");
            }
            components.push(Component { id, h, v, table });
        }
        Ok(Self { width, height, progressive: marker == 0xc2, components })
    }

    fn most(&self) -> (u8, u8) {
        let h = self.components.iter().map(|c| c.h).max().unwrap_or(1);
        let v = self.components.iter().map(|c| c.v).max().unwrap_or(1);
        (h, v)
    }

    /// A component's samples per pixel, across and down, if each block becomes `side` samples wide.
    pub(super) fn scale(&self, component: &Component, side: usize) -> (f64, f64) {
        let (h, v) = self.most();
        let part = side as f64 / 8.0;
        (f64::from(component.h) / f64::from(h) * part, f64::from(component.v) / f64::from(v) * part)
    }

    /// A component's blocks that hold picture, across and down.
    pub(super) fn blocks(&self, component: &Component) -> (usize, usize) {
        let (h, v) = self.most();
        let samples =
            |side: u16, own: u8, most: u8| (usize::from(side) * usize::from(own)).div_ceil(usize::from(most));
        (samples(self.width, component.h, h).div_ceil(8), samples(self.height, component.v, v).div_ceil(8))
    }

    /// Minimum coded units of an interleaved scan, across and down.
    pub(super) fn units(&self) -> (usize, usize) {
        let (h, v) = self.most();
        (
            usize::from(self.width).div_ceil(8 * usize::from(h)),
            usize::from(self.height).div_ceil(8 * usize::from(v)),
        )
    }

    /// Bytes that [`decode`] takes for planes, and for the coefficients of a progressive file.
    pub(crate) fn memory(&self, side: usize) -> (u64, u64) {
        let (across, down) = self.units();
        let (mut bytes, mut coefficients) = (0, 0);
        for component in &self.components {
            let (h, v) = self.scale(component, side);
            let samples = |pixels: u16, scale: f64| (f64::from(pixels) * scale).ceil() as u64;
            bytes += samples(self.width, h) * samples(self.height, v);
            if self.progressive {
                let blocks = across * down * usize::from(component.h) * usize::from(component.v);
                coefficients += blocks as u64 * 128;
            }
        }
        (bytes, coefficients)
    }
}
