//! A GIF file, or what looks like one, at every size that it can be decoded at.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemill_image::sniff::Kind;

fuzz_target!(|data: &[u8]| tidemill_fuzz::decode_at_every_size(data, Kind::Gif));
