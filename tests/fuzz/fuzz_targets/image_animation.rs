//! Every frame of an animated GIF, WebP or PNG, or what looks like one.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| tidemill_fuzz::read_every_frame(data));
