//! Exif blocks: any bytes, fields that are short, and a kept part that says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemill_image::exif;

fuzz_target!(|data: &[u8]| {
    let fields = exif::safe_fields(data);
    for value in fields.values() {
        if let Some(text) = value.as_str() {
            assert!(text.chars().count() <= 256 && !text.chars().any(char::is_control));
        }
    }
    let kept = exif::copyright(data);
    assert_eq!(kept.is_some(), fields.contains_key("artist") || fields.contains_key("copyright"));
    if let Some(kept) = kept {
        let mut again = exif::safe_fields(&kept);
        for name in ["artist", "copyright"] {
            assert_eq!(again.remove(name), fields.get(name).cloned());
        }
        assert!(again.is_empty());
    }
});
