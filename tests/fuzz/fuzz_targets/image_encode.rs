//! Any file that decodes becomes renditions of every kind, and what was written can be read.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidemill_image::decode::{self, Shrink};
use tidemill_image::{Limits, Plan};

/// One that converts colours and keeps nothing, and one that keeps what it may.
static PLANS: LazyLock<[Plan; 2]> = LazyLock::new(|| {
    ["", r#", "keep": ["icc", "copyright"]"#].map(|keep| {
        let config = format!(
            r##"{{ "renditions": [
                {{ "name": "a", "format": "jpeg", "quality": 95 }},
                {{ "name": "b", "width": 9, "height": 7, "fit": "cover", "format": "jpeg", "quality": 10 }},
                {{ "name": "c", "width": 30, "format": "webp", "quality": 50 }},
                {{ "name": "d", "height": 20, "format": "png" }},
                {{ "name": "e", "format": "info" }},
                {{ "name": "f", "width": 40, "format": "jpeg", "progressive": true, "sharpen": 0.7 }},
                {{ "name": "g", "width": 20, "format": "webp", "lossless": true, "frames": "first" }},
                {{ "name": "h", "width": 24, "height": 24, "fit": "contain", "background": "#ff880080",
                   "format": "webp", "lossless": true, "blur": 1.5 }},
                {{ "name": "i", "width": 31, "height": 17, "fit": "contain", "gravity": "northwest",
                   "enlarge": true, "format": "png", "watermark": {{ "text": "Tidemill", "width": 80 }} }},
                {{ "name": "j", "width": 50, "height": 3, "fit": "cover", "gravity": "south", "enlarge": true,
                   "format": "jpeg", "grey": true, "blur": 50, "watermark": {{ "text": "Ж", "margin": 25 }} }}
            ]{keep} }}"##
        );
        Plan::check(&serde_json::from_str(&config).expect("it is one")).expect("it is right")
    })
});

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        pixels: 1 << 16,
        output_pixels: 1 << 16,
        scans: 20,
        frames: 50,
        frame_pixels: 1 << 18,
        ..Limits::default()
    };
    let Ok(header) = decode::header(data, &limits) else { return };
    // One plan an input, by a bit that every mutation reaches, is twice as many inputs.
    let plan = &PLANS[data.len() % 2];
    let _ = plan.cost(&header);
    let Ok(renditions) = plan.render(data, &header, &limits, &|| false) else { return };
    assert_eq!(renditions.len(), 10);
    for rendition in renditions.iter().filter(|rendition| rendition.ext != "json") {
        let header = decode::header(&rendition.bytes, &Limits::default()).expect("it was written just now");
        assert_eq!((header.width, header.height), (rendition.width, rendition.height));
        decode::decode(&rendition.bytes, &header, &Limits::default(), Shrink::None, &|| false)
            .expect("it is whole");
    }
});
