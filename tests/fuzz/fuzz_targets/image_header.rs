//! Sniffing and headers: any bytes, any name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemill_image::{Limits, decode, sniff};

fuzz_target!(|input: (&str, &[u8])| {
    let (name, data) = input;
    let _ = sniff::decide(data, name, Some(name));
    if let Ok(header) = decode::header(data, &Limits::default()) {
        assert!(header.width > 0 && header.height > 0);
        let (width, height) = header.shown();
        assert_eq!(u64::from(width) * u64::from(height), header.pixels());
    }
});
