//! Colour profiles: any bytes, in a picture of grey, of colours and of inks, which they may speak of or not.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidemill_image::{Limits, Plan, decode};

/// Colours are converted, and the profile's name is told.
static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let config =
        r#"{ "renditions": [{ "name": "a", "format": "jpeg" }, { "name": "b", "format": "info" }] }"#;
    Plan::check(&serde_json::from_str(config).expect("it is one")).expect("it is right")
});

/// Eight rows of eight pixels without compression, and a profile after them (TIFF 6.0).
fn tiff(samples: u8, photometric: u8, icc: &[u8]) -> Vec<u8> {
    let pixels: Vec<u8> = (0..64 * u32::from(samples)).map(|at| (at * 85 / 4) as u8).collect();
    let entries = [
        (256, 3, 1, 8),
        (257, 3, 1, 8),
        // Eight bits of each sample: four times is more than an entry holds, so one is said for all.
        (258, 3, 1, 8),
        (262, 3, 1, photometric.into()),
        (273, 4, 1, 8),
        (277, 3, 1, samples.into()),
        (279, 4, 1, pixels.len() as u32),
        // Four bytes more than there are, so that they are not looked for in the entry.
        (34675, 7, icc.len() as u32 + 4, 8 + pixels.len() as u32),
    ];
    let mut file = b"II*\0".to_vec();
    file.extend((8 + pixels.len() as u32 + icc.len() as u32 + 4).to_le_bytes());
    file.extend(pixels);
    file.extend(icc);
    file.extend([0; 4]);
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend([tag, kind].into_iter().flat_map(u16::to_le_bytes));
        file.extend([count, value].into_iter().flat_map(u32::to_le_bytes));
    }
    file.extend([0; 4]);
    file
}

fuzz_target!(|icc: &[u8]| {
    let limits = Limits::default();
    for (samples, photometric) in [(1, 1), (3, 2), (4, 5)] {
        let file = tiff(samples, photometric, icc);
        let header = decode::header(&file, &limits).expect("the file around the profile is whole");
        assert!(header.icc.is_some());
        // Of the others no picture is made: nothing would be converted.
        if header.managed || samples == 3 {
            let renditions = PLAN.render(&file, &header, &limits, &|| false);
            assert_eq!(renditions.expect("no profile makes a picture unreadable").len(), 2);
        }
    }
});
