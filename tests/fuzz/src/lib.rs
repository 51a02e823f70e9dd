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
            Pixels::Rgba(packed) | Pixels::Cmyk(packed) => {
                assert_eq!(packed.data.len(), packed.width * packed.height * 4);
            }
        }
    }
}

/// Reads every frame of an animation, or what looks like one, until something is wrong with it.
pub fn read_every_frame(data: &[u8]) {
    let limits = Limits { pixels: 1 << 16, frames: 100, frame_pixels: 1 << 21, ..Limits::default() };
    let Ok(header) = decode::header(data, &limits) else { return };
    let Ok(mut frames) = decode::frames(data, &header, &limits) else { return };
    let mut count = 0;
    while let Ok(Some(frame)) = frames.next(&|| false) {
        let Pixels::Rgba(packed) = frame.pixels else { panic!("a frame is RGBA") };
        assert_eq!((packed.width, packed.height), (header.width as usize, header.height as usize));
        assert_eq!(packed.data.len(), packed.width * packed.height * 4);
        assert!(frame.millis > 10);
        count += 1;
    }
    assert!(count <= header.frames);
}
