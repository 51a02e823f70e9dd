//! The predicted memory against a counting allocator.
//!
//! libwebp allocates in C and is not counted; its share is in the prediction all the same.

#![cfg(all(feature = "jpeg", feature = "png", feature = "webp"))]
#![expect(unsafe_code, reason = "an allocator that counts is one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tidemill_image::{Config, Limits, Plan, decode};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn count(more: usize, less: usize) {
    HELD.fetch_sub(less, Ordering::Relaxed);
    let held = HELD.fetch_add(more, Ordering::Relaxed) + more;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn plan(renditions: &serde_json::Value) -> Plan {
    let config: Config = serde_json::from_value(json!({ "renditions": renditions })).expect("it is one");
    Plan::check(&config).expect("it is right")
}

/// An uncompressed PNG of grain on a slope: 1, 3 or 4 samples a pixel.
fn png(width: u32, height: u32, samples: u8) -> Vec<u8> {
    let colour = [0, 0, 0, 2, 6][usize::from(samples)];
    let mut raw = Vec::new();
    let mut state = 1u32;
    for y in 0..height {
        raw.push(0);
        for x in 0..width * u32::from(samples) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            raw.push(((x / 40 + y / 13) % 220 + (state >> 24) / 8) as u8);
        }
    }
    // Stored blocks (RFC 1951, 3.2.4) in a zlib stream (RFC 1950).
    let mut zlib = vec![0x78, 0x01];
    let blocks = raw.len().div_ceil(65_535);
    for (index, block) in raw.chunks(65_535).enumerate() {
        zlib.push(u8::from(index + 1 == blocks));
        zlib.extend((block.len() as u16).to_le_bytes());
        zlib.extend((!(block.len() as u16)).to_le_bytes());
        zlib.extend(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in &raw {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend(((b << 16) | a).to_be_bytes());
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8], body: &[u8]| {
        file.extend((body.len() as u32).to_be_bytes());
        let start = file.len();
        file.extend(name);
        file.extend(body);
        let mut crc = !0u32;
        for byte in &file[start..] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        file.extend((!crc).to_be_bytes());
    };
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, colour, 0, 0, 0]);
    chunk(b"IHDR", &head);
    chunk(b"IDAT", &zlib);
    chunk(b"IEND", b"");
    file
}

#[test]
fn the_prediction_is_above_the_truth_and_near_it() {
    let limits = Limits::default();
    let photo = plan(&json!([{ "name": "photo", "format": "jpeg", "quality": 90 }]));
    let (width, height) = (1000, 700);
    let rgb = png(width, height, 3);
    let header = decode::header(&rgb, &limits).expect("it is a PNG");
    let jpeg = photo.render(&rgb, &header, &limits, &|| false).expect("it is whole").remove(0).bytes;
    let files = [
        ("jpeg", jpeg),
        ("rgb png", rgb),
        ("rgba png", png(width, height, 4)),
        ("grey png", png(width, height, 1)),
    ];
    let plans = [
        (
            "set",
            plan(&json!([
                { "name": "l", "width": 800, "format": "jpeg" },
                { "name": "m", "width": 400, "format": "jpeg" },
                { "name": "s", "width": 130, "format": "webp" },
            ])),
        ),
        ("full jpeg", plan(&json!([{ "name": "f", "format": "jpeg", "quality": 98 }]))),
        ("thumbnail", plan(&json!([{ "name": "t", "width": 160, "format": "jpeg" }]))),
        ("half png", plan(&json!([{ "name": "p", "width": 500, "format": "png" }]))),
        (
            "square webp",
            plan(&json!([
                { "name": "q", "width": 300, "height": 300, "fit": "cover", "format": "webp" },
            ])),
        ),
    ];
    let mut table = Vec::new();
    let mut wrong = Vec::new();
    for (kind, file) in &files {
        for (what, plan) in &plans {
            let header = decode::header(file, &limits).expect("it is good");
            let predicted = plan.cost(&header).memory;
            let before = HELD.load(Ordering::Relaxed);
            PEAK.store(before, Ordering::Relaxed);
            plan.render(file, &header, &limits, &|| false).expect("it is good");
            let truth = (PEAK.load(Ordering::Relaxed) - before) as u64;
            // Tables and the like weigh in small pictures; the prediction has a mebibyte for them.
            let ratio = predicted as f64 / truth as f64;
            let near = predicted < (truth as f64 * 1.8) as u64 + (1 << 20);
            table.push(format!(
                "{kind}, {what}: {} KiB, {} predicted, {ratio:.2}",
                truth >> 10,
                predicted >> 10
            ));
            if ratio < 1.0 || !near {
                wrong.push(format!("{kind}, {what}: {ratio:.2}"));
            }
        }
    }
    println!("{}", table.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}
