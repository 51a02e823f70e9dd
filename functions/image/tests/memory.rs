//! The predicted memory against a counting allocator.
//!
//! libwebp allocates in C and is not counted; its share is in the prediction all the same.

#![cfg(all(
    feature = "jpeg",
    feature = "png",
    feature = "webp",
    feature = "gif",
    feature = "tiff",
    feature = "bmp"
))]
#![expect(unsafe_code, reason = "an allocator that counts is one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
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

/// The most that was held at once while something was done, beyond what was held before.
fn peak(work: impl FnOnce()) -> u64 {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    work();
    (PEAK.load(Ordering::Relaxed) - before) as u64
}

/// Grain on a slope.
fn grain(width: u32, height: u32, samples: u32) -> Vec<u8> {
    let mut state = 1u32;
    let sample = |(x, y): (u32, u32)| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((x / 40 + y / 13) % 220 + (state >> 24) / 8) as u8
    };
    (0..height).flat_map(|y| (0..width * samples).map(move |x| (x, y))).map(sample).collect()
}

/// A BMP of 24 bits a pixel.
fn bmp(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    file.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    file.extend(b"\x01\0\x18\0");
    file.extend([0; 24]);
    for row in grain(width, height, 3).chunks(width as usize * 3) {
        file.extend(row);
        file.extend(vec![0; row.len().next_multiple_of(4) - row.len()]);
    }
    file
}

/// A TIFF of one uncompressed strip: 1 (grey), 3 or 4 (inks) samples a pixel.
fn tiff(width: u32, height: u32, samples: u32) -> Vec<u8> {
    let pixels = grain(width, height, samples);
    let photometric = [0, 1, 0, 2, 5][samples as usize];
    let at = pixels.len() as u32 + 8;
    let mut file = b"II*\0".to_vec();
    file.extend(at.to_le_bytes());
    file.extend(&pixels);
    let tags = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, samples),
        (279, at - 8),
    ];
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        file.extend([(tag as u16).to_le_bytes(), 4u16.to_le_bytes()].concat());
        file.extend([1u32.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    file
}

/// A GIF of so many frames, each restored to what was there before. Its codes are as long as bytes, since the
/// table is cleared before they grow.
fn gif(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    file.extend(b"\xf6\0\0");
    file.extend((0..128u8).flat_map(|grey| [grey * 2, grey, grey]));
    let mut codes = Vec::new();
    for indices in grain(width.into(), height.into(), 1).chunks(100) {
        codes.push(0x80);
        codes.extend(indices.iter().map(|index| index & 127));
    }
    codes.push(0x81);
    for _ in 0..frames {
        file.extend(b"\x21\xf9\x04\x0d\x05\0\x07\0\x2c\0\0\0\0");
        file.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        file.extend(b"\0\x07");
        for block in codes.chunks(255) {
            file.push(block.len() as u8);
            file.extend(block);
        }
        file.push(0);
    }
    file.push(b';');
    file
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

/// One test after the other: they share the counter.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn frames_take_what_was_predicted() {
    let _alone = ALONE.lock();
    let limits = Limits::default();
    for (width, height, count) in [(500, 400, 3), (40, 30, 500)] {
        let file = gif(width, height, count);
        let header = decode::header(&file, &limits).expect("it is good");
        let predicted = decode::frames_memory(&header);
        let mut seen = 0;
        let truth = peak(|| {
            let mut frames = decode::frames(&file, &header, &limits).expect("it is good");
            while let Some(frame) = frames.next(&|| false).expect("it is good") {
                assert_eq!(frame.millis, 50);
                seen += 1;
            }
        });
        assert_eq!(seen, count);
        assert!(truth <= predicted && predicted < truth * 2 + (512 << 10), "{truth} {predicted}");
    }
}

/// What is bad costs nothing before it is known to be, and no more than was predicted after that.
#[test]
fn hostile_files_take_no_memory() {
    let _alone = ALONE.lock();
    let limits = Limits::default();
    let plan = plan(&json!([{ "name": "t", "width": 16, "format": "jpeg" }]));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files: Vec<(String, Vec<u8>)> = ["bad", "half"]
        .iter()
        .flat_map(|name| fs::read_dir(folder.join(name)).expect("it is there"))
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("it can be read")))
        .collect();
    assert!(files.len() > 90);
    let texts = fs::read(folder.join("colour/texts.png")).expect("it is there");
    files.push(("a profile of many texts".to_owned(), texts));
    files.push(("a GIF of 100,000 frames".to_owned(), gif(2, 2, 100_000)));
    let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0".to_vec();
    webp.extend(b"ANMF\0\0\0\0".repeat(100_000));
    let size = webp.len() as u32 - 8;
    webp[4..8].copy_from_slice(&size.to_le_bytes());
    files.push(("a WebP of 100,000 frames".to_owned(), webp));
    let wide = [(1, 1), (65_535, 65_535), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, u32::MAX)];
    for (width, height) in wide {
        for samples in [1, 3, 4] {
            let mut file = tiff(1, 1, samples);
            let at = 8 + samples as usize + 2;
            file[at + 8..at + 12].copy_from_slice(&width.to_le_bytes());
            file[at + 20..at + 24].copy_from_slice(&height.to_le_bytes());
            files.push((format!("a TIFF of {width} x {height}"), file));
        }
        let mut file = bmp(1, 1);
        file[18..22].copy_from_slice(&width.to_le_bytes());
        file[22..26].copy_from_slice(&height.to_le_bytes());
        files.push((format!("a BMP of {width} x {height}"), file));
    }
    for (name, file) in &files {
        let mut header = None;
        let taken = peak(|| header = decode::header(file, &limits).ok());
        // A profile may be inflated as far as the limit, in a buffer that grows by doubling, and is copied once.
        let most = if name.contains("profile") { limits.metadata_bytes * 3 } else { 64 << 10 };
        assert!(taken <= most, "{name}: the header took {taken} bytes");
        let Some(header) = header else { continue };
        let taken = peak(|| {
            let _ = plan.render(file, &header, &limits, &|| false);
        });
        let predicted = plan.cost(&header).memory;
        assert!(taken <= predicted, "{name}: {taken} bytes, {predicted} predicted");
    }
}

#[test]
fn the_prediction_is_above_the_truth_and_near_it() {
    let _alone = ALONE.lock();
    let limits = Limits::default();
    let photo = plan(&json!([{ "name": "photo", "format": "jpeg", "quality": 90 }]));
    let (width, height) = (1000, 700);
    let rgb = png(width, height, 3);
    let header = decode::header(&rgb, &limits).expect("it is a PNG");
    let jpeg = photo.render(&rgb, &header, &limits, &|| false).expect("it is whole").remove(0).bytes;
    let progressive = plan(&json!([{ "name": "photo", "format": "jpeg", "progressive": true }]));
    let progressive =
        progressive.render(&rgb, &header, &limits, &|| false).expect("it is whole").remove(0).bytes;
    let files = [
        ("jpeg", jpeg),
        ("progressive jpeg", progressive),
        ("rgb png", rgb),
        ("rgba png", png(width, height, 4)),
        ("grey png", png(width, height, 1)),
        ("gif", gif(width as u16, height as u16, 1)),
        ("rgb bmp", bmp(width, height)),
        ("grey tiff", tiff(width, height, 1)),
        ("rgb tiff", tiff(width, height, 3)),
        ("cmyk tiff", tiff(width, height, 4)),
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
        ("blurred jpeg", plan(&json!([{ "name": "b", "width": 800, "format": "jpeg", "blur": 3.0 }]))),
        (
            "marked jpeg",
            plan(&json!([
                { "name": "w", "width": 800, "format": "jpeg", "watermark": { "text": "Tidemill" } },
            ])),
        ),
        #[cfg(feature = "avif")]
        ("avif", plan(&json!([{ "name": "a", "width": 256, "format": "avif" }]))),
    ];
    let mut table = Vec::new();
    let mut wrong = Vec::new();
    for (kind, file) in &files {
        for (what, plan) in &plans {
            let header = decode::header(file, &limits).expect("it is good");
            let predicted = plan.cost(&header).memory;
            let truth = peak(|| {
                plan.render(file, &header, &limits, &|| false).expect("it is good");
            });
            // Tables and the like weigh in small pictures; the prediction has a mebibyte for them.
            let ratio = predicted as f64 / truth as f64;
            // What is done between resampling and encoding is predicted for the worst form of a picture.
            let most = match *what {
                "blurred jpeg" => 5.0,
                "marked jpeg" => 3.2,
                _ => 1.8,
            };
            let near = predicted < (truth as f64 * most) as u64 + (1 << 20);
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

/// libwebp's own share, which the counter does not see, as libwebp states it or as its source shows: what is
/// predicted for it is bounded from above only.
#[test]
fn what_libwebp_takes_is_added_to_the_truth() {
    let _alone = ALONE.lock();
    let limits = Limits::default();
    let (width, height) = (500u16, 400u16);
    let pixels = u64::from(width) * u64::from(height);
    let lossless = plan(&json!([{ "name": "l", "format": "webp", "lossless": true }]));
    let moving = plan(&json!([{ "name": "m", "format": "webp" }]));
    let cases = [
        ("lossless of a png", png(width.into(), height.into(), 3), &lossless, 25),
        ("animation of a gif", gif(width, height, 4), &moving, 32),
        ("lossless animation of a gif", gif(width, height, 4), &lossless, 57),
    ];
    let mut table = Vec::new();
    let mut wrong = Vec::new();
    for (what, file, plan, libwebp) in cases {
        let header = decode::header(&file, &limits).expect("it is good");
        let predicted = plan.cost(&header).memory;
        let truth = peak(|| {
            plan.render(&file, &header, &limits, &|| false).expect("it is good");
        });
        let most = truth * 2 + libwebp * pixels + (2 << 20);
        let line = format!("{what}: {} KiB, {} predicted", truth >> 10, predicted >> 10);
        table.push(line.clone());
        if predicted < truth || predicted > most {
            wrong.push(line);
        }
    }
    println!("{}", table.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}
