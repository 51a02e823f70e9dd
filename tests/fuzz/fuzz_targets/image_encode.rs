//! Any file that decodes becomes renditions, and what was written can be read.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidemill_image::decode::{self, Shrink};
use tidemill_image::{Limits, Plan};

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let config = r#"{ "renditions": [
        { "name": "a", "format": "jpeg", "quality": 95 },
        { "name": "b", "width": 9, "height": 7, "fit": "cover", "format": "jpeg", "quality": 10 },
        { "name": "c", "width": 30, "format": "webp", "quality": 50 },
        { "name": "d", "height": 20, "format": "png" },
        { "name": "e", "format": "info" }
    ] }"#;
    Plan::check(&serde_json::from_str(config).expect("it is one")).expect("it is right")
});

fuzz_target!(|data: &[u8]| {
    let limits = Limits { pixels: 1 << 16, scans: 20, ..Limits::default() };
    let Ok(header) = decode::header(data, &limits) else { return };
    let _ = PLAN.cost(&header);
    let Ok(renditions) = PLAN.render(data, &header, &limits, &|| false) else { return };
    for rendition in renditions.iter().take(4) {
        let header = decode::header(&rendition.bytes, &limits).expect("it was written just now");
        assert_eq!((header.width, header.height), (rendition.width, rendition.height));
        decode::decode(&rendition.bytes, &header, &limits, Shrink::None, &|| false).expect("it is whole");
    }
});
