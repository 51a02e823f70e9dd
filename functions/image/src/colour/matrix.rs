//! Profiles of three curves and a matrix (ICC.1:2022, 8.4.3): displays and cameras, such as Display P3.

use moxcms::ColorProfile;

use super::curve;
use super::srgb::{FROM_XYZ, Writer};

/// A picture's bytes to light, and the light of its primaries to that of sRGB's.
pub(super) struct Matrix {
    /// By channel and byte.
    light: Box<[[f32; 256]; 3]>,
    rows: [[f32; 3]; 3],
}

impl Matrix {
    pub(super) fn read(profile: &ColorProfile) -> Option<Self> {
        let curves = [&profile.red_trc, &profile.green_trc, &profile.blue_trc];
        let mut light = Box::new([[0.0; 256]; 3]);
        for (light, curve) in light.iter_mut().zip(curves) {
            let curve = curve.as_ref()?;
            for (byte, light) in light.iter_mut().enumerate() {
                *light = curve::value(curve, byte as f64 / 255.0).clamp(0.0, 1.0) as f32;
            }
        }
        let primaries = [profile.red_colorant, profile.green_colorant, profile.blue_colorant];
        let rows = FROM_XYZ.map(|row| primaries.map(|p| (row[0] * p.x + row[1] * p.y + row[2] * p.z) as f32));
        // Colorants that are missing are zero, and a picture is not black for that.
        let exists = primaries.iter().all(|p| p.x != 0.0 || p.y != 0.0 || p.z != 0.0);
        (exists && rows.as_flattened().iter().all(|x| x.is_finite())).then_some(Self { light, rows })
    }

    pub(super) fn convert(&self, [r, g, b]: [u8; 3], writer: Writer) -> [u8; 3] {
        let light =
            [self.light[0][usize::from(r)], self.light[1][usize::from(g)], self.light[2][usize::from(b)]];
        self.rows.map(|row| writer.byte(row[0] * light[0] + row[1] * light[1] + row[2] * light[2]))
    }
}
