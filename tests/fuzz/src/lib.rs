//! What the targets of the image decoders share.

use tidemill_image::Limits;
use tidemill_image::decode::{self, Shrink};
use tidemill_image::pixels::Pixels;
use tidemill_image::sniff::Kind;

/// Decodes a file of this kind, or what looks like one, at every size that it can be decoded at.
pub fn decode_at_every_size(data: &[u8], kind: Kind) {
    let limits = Limits { pixels: 1 << 18, scans: 20, ..Limits::default() };
    let Ok(header) = decode::header(data, &limits) else { return };
    if header.kind != kind {
        return;
    }
    for shrink in [Shrink::None, Shrink::Half, Shrink::Quarter, Shrink::Eighth] {
        let Ok(pixels) = decode::decode(data, &header, &limits, shrink, &|| false) else { continue };
        match pixels {
            Pixels::Grey(plane) => assert_eq!(plane.data.len(), plane.width * plane.height),
            Pixels::Ycc(planes) => {
                planes.iter().for_each(|plane| assert_eq!(plane.data.len(), plane.width * plane.height));
            }
            Pixels::Rgb(packed) => assert_eq!(packed.data.len(), packed.width * packed.height * 3),
            Pixels::Rgba(packed) | Pixels::Cmyk(packed) => assert_eq!(packed.data.len(), packed.width * packed.height * 4),
        }
    }
}
