//! The function on files: results that may not change, refusals with their reasons, and hostile input.

#![cfg(all(
    feature = "jpeg",
    feature = "png",
    feature = "webp",
    feature = "gif",
    feature = "tiff",
    feature = "bmp"
))]

mod renditions;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::json;
use sha2::{Digest, Sha256};
use tidemill_image::decode::{self, Shrink};
use tidemill_image::pixels::Pixels;
use tidemill_image::sniff::Kind;
use tidemill_image::{Config, Failure, Limits, Plan, Rendition};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The files below a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).expect("it can be read"));
            }
        }
    }
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

fn good(name: &str) -> Vec<u8> {
    fs::read(data().join("good").join(name)).expect("it is there")
}

fn plan(renditions: &serde_json::Value) -> Plan {
    let config: Config = serde_json::from_value(json!({ "renditions": renditions })).expect("it is one");
    Plan::check(&config).expect("it is right")
}

fn render(plan: &Plan, file: &[u8], limits: &Limits) -> Result<Vec<Rendition>, Failure> {
    let header = decode::header(file, limits)?;
    plan.render(file, &header, limits, &|| false)
}

/// Red, green, blue and alpha of a PNG rendition.
fn rgba(png: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let limits = Limits::default();
    let header = decode::header(png, &limits).expect("it is a PNG");
    let pixels = decode::decode(png, &header, &limits, Shrink::None, &|| false).expect("it is whole");
    let colours = match pixels {
        Pixels::Grey(grey) => grey.data.iter().map(|y| [*y, *y, *y, 255]).collect(),
        Pixels::Rgb(rgb) => rgb.data.as_chunks::<3>().0.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect(),
        Pixels::Rgba(rgba) => rgba.data.as_chunks::<4>().0.to_vec(),
        Pixels::Ycc(_) | Pixels::Cmyk(_) => panic!("a PNG has neither chroma nor inks"),
    };
    (header.width, header.height, colours)
}

fn full(file: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let plan = plan(&json!([{ "name": "full", "format": "png" }]));
    rgba(&render(&plan, file, &Limits::default()).expect("it is good")[0].bytes)
}

fn psnr(a: &[[u8; 4]], b: &[[u8; 4]]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares =
        a.as_flattened().iter().zip(b.as_flattened()).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    let mean = squares.sum::<f64>() / (a.len() * 4) as f64;
    10.0 * (255.0f64.powi(2) / mean.max(1e-9)).log10()
}

/// One line per output: a change of any is a change of `OUTPUT_VERSION`. `TIDEMILL_BLESS=1` writes it anew.
#[test]
fn golden_results_do_not_change() {
    let small = plan(&json!([
        { "name": "jpeg", "width": 24, "format": "jpeg" },
        { "name": "webp", "width": 24, "format": "webp", "quality": 70 },
        { "name": "png", "height": 12, "format": "png" },
        { "name": "cover", "width": 16, "height": 16, "fit": "cover", "format": "jpeg", "quality": 95 },
        { "name": "full", "format": "png" },
        { "name": "lossless", "width": 20, "format": "webp", "lossless": true },
        { "name": "contain", "width": 20, "height": 30, "fit": "contain", "format": "jpeg", "progressive": true },
        { "name": "sharp", "width": 24, "sharpen": 0.8, "format": "webp", "frames": "first" },
        { "name": "avif", "width": 12, "format": "avif" },
        { "name": "mark", "width": 40, "watermark": { "text": "© A" }, "blur": 1, "format": "jpeg" },
        { "name": "info", "format": "info" },
    ]));
    let large = plan(&json!([
        { "name": "large", "width": 640, "format": "jpeg" },
        { "name": "medium", "width": 300, "format": "jpeg" },
        { "name": "small", "width": 120, "format": "webp" },
    ]));
    let samples = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../pipelines/media-on-upload/buckets/uploads/incoming");
    let mut table = String::new();
    for (folder, plan) in [(data().join("good"), &small), (data().join("colour"), &small), (samples, &large)]
    {
        for (name, file) in files(&folder) {
            let renditions = render(plan, &file, &Limits::default());
            for rendition in renditions.unwrap_or_else(|failure| panic!("{name}: {failure}")) {
                let digest = Sha256::digest(&rendition.bytes);
                let digest =
                    digest[..16].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                let Rendition { name: rendition, ext, width, height, bytes, .. } = rendition;
                let bytes = bytes.len();
                writeln!(table, "{digest} {bytes:>6} {width}x{height} {name}: {rendition}.{ext}")
                    .expect("memory");
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden.txt");
    if env::var_os("TIDEMILL_BLESS").is_some() {
        fs::write(&path, &table).expect("it can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<_> = expected
        .lines()
        .zip(table.lines())
        .filter(|(was, is)| was != is)
        .map(|(was, is)| format!("  was {was}\n  is  {is}"))
        .collect();
    assert!(
        changed.is_empty() && expected.lines().count() == table.lines().count(),
        "results changed: raise OUTPUT_VERSION, then bless\n{}",
        changed.join("\n")
    );
}

/// The same table on processors of other generations, where an emulator of them is (qemu-user): the oldest that
/// there is, one with SSE4.2, one with AVX2 and FMA, and one with all that the emulator knows.
#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn golden_results_are_those_of_every_processor() {
    use std::process::Command;
    if Command::new("qemu-x86_64").arg("--version").output().is_err() {
        println!("left out: qemu-x86_64 is not installed");
        return;
    }
    let own = env::current_exe().expect("it runs");
    for processor in ["qemu64", "Nehalem", "Haswell", "max"] {
        let run = Command::new("qemu-x86_64")
            .args(["-cpu", processor])
            .arg(&own)
            .args(["--exact", "golden_results_do_not_change"])
            .env_remove("TIDEMILL_BLESS")
            .output()
            .expect("the emulator runs");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "{processor}: {said}");
    }
}

/// Every file of `bad/`, and what is said about it.
const REASONS: &[(&str, &str)] = &[
    ("arithmetic.jpg", "an arithmetic-coded JPEG cannot be read yet"),
    ("avif.avif", "AVIF cannot be read yet"),
    ("big-tiff.tif", "BigTIFF cannot be read yet"),
    ("bomb.bmp", "too large: 65000 x 65000 pixels are 4225 megapixels, the limit is 100"),
    ("bomb.gif", "too large: 65000 x 65000 pixels are 4225 megapixels, the limit is 100"),
    ("bomb.jpg", "too large: 65000 x 65000 pixels are 4225 megapixels, the limit is 100"),
    ("bomb.png", "too large: 65000 x 65000 pixels are 4225 megapixels, the limit is 100"),
    ("bomb.tif", "too large: 65000 x 65000 pixels are 4225 megapixels, the limit is 100"),
    ("bomb.webp", "too large: 16777216 x 16777216 pixels are 281474976.7 megapixels, the limit is 100"),
    ("damaged.gif", "broken GIF: its data is damaged or contradicts its header"),
    ("empty.jpg", "claims to be an image, but its bytes are no image that is known here"),
    ("factor-zero.jpg", "broken JPEG: its header has a sampling factor or a table that does not exist"),
    ("fax-inside.tif", "a TIFF with fax compression inside cannot be read yet"),
    ("few-strips.tif", "broken TIFF: it holds fewer strips or tiles than its header says"),
    ("floats.tif", "a TIFF of floating-point samples cannot be read yet"),
    ("frame-bomb.gif", "too large: a frame of 65000 x 65000 pixels has 4225 megapixels, the limit is 100"),
    ("frame-off-canvas.webp", "broken WebP: one of its frames does not lie on its canvas"),
    ("heic.heic", "HEIC cannot be read yet"),
    ("height-after.jpg", "a JPEG that tells its height after the picture cannot be read yet"),
    ("hierarchical.jpg", "a hierarchical JPEG cannot be read yet"),
    ("holes.bmp", "broken BMP: its data is damaged or contradicts its header"),
    ("impossible-codes.jpg", "broken JPEG: one of its Huffman tables is wrong"),
    ("jpeg-inside.bmp", "a BMP with JPEG inside cannot be read yet"),
    ("jpeg-inside.tif", "a TIFF with JPEG inside cannot be read yet"),
    ("jpeg-xl.jxl", "JPEG XL cannot be read yet"),
    ("lab.tif", "a TIFF of CIE L*a*b* cannot be read yet"),
    // Found by fuzzing: the bytes of so many pixels are more than 64 bits can say.
    (
        "largest.png",
        "too large: 2147483647 x 2147483647 pixels are 4611686014132.4 megapixels, the limit is 100",
    ),
    (
        "largest.tif",
        "too large: 4294967295 x 4294967295 pixels are 18446744065119.6 megapixels, the limit is 100",
    ),
    ("last-padding-missing.bmp", "broken BMP: the file ends before the picture does"),
    ("lossless.jpg", "a lossless JPEG cannot be read yet"),
    ("lowest-height.bmp", "too large: 37 x 2147483648 pixels are 79456.9 megapixels, the limit is 100"),
    ("lying-palette.bmp", "broken BMP: its data is damaged or contradicts its header"),
    ("lying.bmp", "broken BMP: the file ends before the picture does"),
    ("lying.png", "broken PNG: it holds fewer pixels than its header says"),
    ("many-frames.gif", "too large: it has 1001 frames, the limit is 1000"),
    ("many-frames.png", "too large: it has 100000 frames, the limit is 1000"),
    ("many-frames.webp", "too large: it has 1001 frames, the limit is 1000"),
    ("negative-width.bmp", "broken BMP: its header says -37 pixels wide"),
    ("no-codes.jpg", "broken JPEG: one of its tables is missing"),
    ("no-colours.bmp", "broken BMP: it has no colours"),
    ("no-colours.gif", "broken GIF: its data is damaged or contradicts its header"),
    ("no-colours.tif", "broken TIFF: it has no colours"),
    ("no-frame.jpg", "broken JPEG: it has a scan without a frame header"),
    ("no-frame.webp", "broken WebP: it is an animation without frames"),
    ("no-header.png", "broken PNG: it does not begin with its header"),
    ("no-height.bmp", "broken BMP: its header says 37 x 0 pixels"),
    ("no-offset.bmp", "broken BMP: it does not say where its pixels begin"),
    ("no-palette.png", "broken PNG: missing palette of indexed image"),
    ("no-picture.gif", "broken GIF: it has no picture"),
    ("no-picture.jpg", "broken JPEG: it has no picture"),
    ("no-picture.tif", "broken TIFF: its header says 0 x 0 pixels"),
    ("no-pixels.png", "broken PNG: its header says 0 x 23 pixels"),
    ("no-quantisation.jpg", "broken JPEG: one of its quantisation tables is missing"),
    ("no-rows.tif", "broken TIFF: its strips have no rows"),
    ("no-screen.gif", "broken GIF: its header says 0 pixels"),
    ("no-start-code.webp", "broken WebP: its bitstream has no header"),
    ("no-such-code-size.gif", "broken GIF: its data is damaged or contradicts its header"),
    ("no-such-depth.bmp", "broken BMP: it has no compression 0 with 7 bits a pixel"),
    ("no-such-depth.png", "broken PNG: it has no colour type 2 with 4 bits"),
    ("no-width.jpg", "broken JPEG: its header says 0 pixels wide"),
    ("not-deflate.png", "broken PNG: its compressed data is damaged"),
    ("not-deflate.tif", "broken TIFF: its compressed data is damaged"),
    ("odd-palette.png", "broken PNG: its palette has 49 bytes"),
    ("odd-tiles.tif", "broken TIFF: it has tiles of 10 x 10 pixels"),
    ("old-lzw.tif", "a TIFF with LZW of the old kind cannot be read yet"),
    ("only-a-riff.webp", "broken WebP: the file ends before the picture does"),
    ("palette-beyond.bmp", "broken BMP: the file ends before the picture does"),
    ("pixels-in-header.bmp", "broken BMP: its pixels begin within its header"),
    ("png-inside.bmp", "a BMP with PNG inside cannot be read yet"),
    ("profile-bomb.png", "too large: its colour profile has more than 4194304 bytes, the limit is 4194304"),
    ("progressive-without-end.jpg", "broken JPEG: the file ends before the picture does"),
    ("restart-out-of-turn.jpg", "broken JPEG: a restart marker is missing or out of turn"),
    ("scan-bomb.jpg", "too large: it has more scans than any camera or editor writes, the limit is 100"),
    ("scan-cut-by-marker.jpg", "broken JPEG: the data of a scan ends before its blocks do"),
    ("short-strip.tif", "broken TIFF: a strip or tile holds fewer pixels than its header says"),
    ("strip-beyond.tif", "broken TIFF: the file ends before the picture does"),
    ("strips-over-each-other.tif", "broken TIFF: its strips or tiles lie over each other"),
    ("tag-of-gigabytes.tif", "broken TIFF: the file ends before the picture does"),
    ("taller-than-it-is.jpg", "broken JPEG: the data of a scan ends before its blocks do"),
    ("text.jpg", "claims to be an image, but its bytes are no image that is known here"),
    ("thirty-two-bits.tif", "a TIFF of 32 bits a sample cannot be read yet"),
    // Found by reading: rows of tiles far wider than the picture are decoded all the same.
    ("tiles-beyond-picture.tif", "too large: its tiles have 10485.8 megapixels, the limit is 100"),
    ("too-few-lines.gif", "broken GIF: its data is damaged or contradicts its header"),
    ("too-few-lines.png", "broken PNG: it holds fewer pixels than its header says"),
    ("truncated-in-header.bmp", "broken BMP: the file ends before the picture does"),
    ("truncated-in-header.gif", "broken GIF: the file ends before the picture does"),
    ("truncated-in-header.jpg", "broken JPEG: the file ends before the picture does"),
    ("truncated-in-header.png", "broken PNG: the file ends before the picture does"),
    ("truncated-in-header.tif", "broken TIFF: the file ends before the picture does"),
    ("truncated-in-header.webp", "broken WebP: the file ends before the picture does"),
    ("truncated-interlaced.png", "broken PNG: the file ends before the picture does"),
    ("truncated-lossless.webp", "broken WebP: the file ends before the picture does"),
    ("truncated-progressive.jpg", "broken JPEG: the file ends before the picture does"),
    ("truncated-runs.bmp", "broken BMP: the file ends before the picture does"),
    ("truncated.bmp", "broken BMP: the file ends before the picture does"),
    ("truncated.gif", "broken GIF: the file ends before the picture does"),
    ("truncated.jpg", "broken JPEG: the file ends before the picture does"),
    ("truncated.png", "broken PNG: the file ends before the picture does"),
    ("truncated.tif", "broken TIFF: the file ends before the picture does"),
    ("truncated.webp", "broken WebP: the file ends before the picture does"),
    ("twelve-bits.jpg", "a JPEG of 12 bits a sample cannot be read yet"),
    ("two-components.jpg", "a JPEG of 2 components cannot be read yet"),
    ("two-headers.jpg", "broken JPEG: it has two frame headers"),
    ("two-sizes.webp", "broken WebP: its bitstream contradicts itself"),
    ("wide-tiles.tif", "broken TIFF: it has tiles of 2147483648 x 2147483648 pixels"),
    ("wrong-checksum.png", "broken PNG: its compressed data is damaged"),
];

#[test]
fn bad_files_are_refused_with_a_reason_and_quickly() {
    let reasons: BTreeMap<_, _> = REASONS.iter().copied().collect();
    let plan = plan(&json!([{ "name": "small", "width": 16, "format": "jpeg" }]));
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (name, file) in files(&data().join("bad")) {
        let begin = Instant::now();
        let said = match render(&plan, &file, &Limits::default()) {
            Ok(_) => "nothing".to_owned(),
            Err(failure) => failure.to_string(),
        };
        if reasons.get(name.as_str()) != Some(&said.as_str()) {
            wrong.push(format!("    (\"{name}\", \"{said}\"),"));
        }
        // Milliseconds in truth; a second says that nobody decoded 4225 megapixels.
        assert!(begin.elapsed() < Duration::from_secs(1), "{name} took {:?}", begin.elapsed());
        seen += 1;
    }
    assert!(wrong.is_empty(), "these are not expected:\n{}", wrong.join("\n"));
    assert_eq!(seen, REASONS.len(), "a reason without a file");
}

#[test]
fn every_form_of_a_jpeg_is_the_same_picture() {
    let (width, height, original) = full(&good("smooth.png"));
    let check = |name: &str, least: f64| {
        let (w, h, pixels) = full(&good(name));
        assert_eq!((w, h), (width, height), "{name}");
        let psnr = psnr(&original, &pixels);
        assert!(psnr > least, "{name}: {psnr:.1} dB");
    };
    check("baseline-444.jpg", 36.0);
    check("progressive-444.jpg", 36.0);
    check("rgb.jpg", 36.0);
    for name in
        ["baseline-420", "baseline-422", "baseline-440", "progressive", "restart", "progressive-restart"]
    {
        check(&format!("{name}.jpg"), 29.0);
    }
    // Three scans instead of one: what some decoders misread without a word.
    check("three-scans.jpg", 27.0);
    check("garbage-after.jpg", 29.0);
    check("no-end-marker.jpg", 29.0);
    // Its writer picks single pixels for the chroma of inks.
    check("ycck.jpg", 22.0);
    check("cmyk.jpg", 35.0);
    check("cmyk-progressive.jpg", 35.0);
    for name in ["baseline-411", "baseline-410", "baseline-441"] {
        check(&format!("{name}.jpg"), 23.0);
    }
    assert_eq!(full(&good("restart.jpg")), full(&good("baseline-420.jpg")));
    assert_eq!(full(&good("progressive.jpg")), full(&good("baseline-420.jpg")));
    assert_eq!(full(&good("progressive-restart.jpg")), full(&good("baseline-420.jpg")));
    assert_eq!(full(&good("grey-progressive.jpg")), full(&good("grey.jpg")));
}

#[test]
fn inks_without_adobes_marker_are_not_inverted() {
    let (_, _, inverted) = full(&good("cmyk.jpg"));
    let (_, _, plain) = full(&good("cmyk-plain.jpg"));
    // The same numbers, read the other way round: light where it was dark.
    let mean = |pixels: &[[u8; 4]]| {
        pixels.iter().map(|pixel| f64::from(pixel[1])).sum::<f64>() / pixels.len() as f64
    };
    assert!((mean(&inverted) - mean(&plain)).abs() > 50.0);
}

#[test]
fn orientations_are_applied() {
    let upright = full(&good("orientation-1.jpg"));
    assert_eq!((upright.0, upright.1), (40, 26));
    for tag in 2..=8u8 {
        let file = good(&format!("orientation-{tag}.jpg"));
        let header = decode::header(&file, &Limits::default()).expect("it is good");
        assert_eq!(header.orientation.tag(), tag);
        let (width, height, pixels) = full(&file);
        assert_eq!((width, height), if tag > 4 { (26, 40) } else { (40, 26) });
        // All eight files hold the same stored picture: undo the turn, pixel by pixel.
        let (w, h) = (width as usize, height as usize);
        for y in 0..h {
            for x in 0..w {
                let (sx, sy) = match tag {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, w - 1 - x),
                    7 => (h - 1 - y, w - 1 - x),
                    _ => (h - 1 - y, x),
                };
                assert_eq!(pixels[y * w + x], upright.2[sy * 40 + sx], "{tag}: {x} {y}");
            }
        }
    }
    for (name, tag) in [("orientation-6.png", 6), ("orientation-8.webp", 8)] {
        let header = decode::header(&good(name), &Limits::default()).expect("it is good");
        assert_eq!(header.orientation.tag(), tag);
        assert_eq!(header.shown(), (23, 37));
    }
}

#[test]
fn renditions_have_the_sizes_that_were_asked_for() {
    let check = |name: &str, rendition: serde_json::Value, expected: (u32, u32)| {
        let mut rendition = rendition;
        rendition["name"] = "x".into();
        rendition["format"] = "png".into();
        let plan = plan(&json!([rendition]));
        let made = render(&plan, &good(name), &Limits::default()).expect("it is good");
        assert_eq!((made[0].width, made[0].height), expected, "{name} {rendition}");
        let (width, height, _) = rgba(&made[0].bytes);
        assert_eq!((width, height), expected, "{name} {rendition}");
    };
    // 40 x 26, and 26 x 40 as shown.
    check("orientation-1.jpg", json!({ "width": 20 }), (20, 13));
    check("orientation-1.jpg", json!({ "height": 13 }), (20, 13));
    check("orientation-1.jpg", json!({ "width": 20, "height": 20 }), (20, 13));
    check("orientation-1.jpg", json!({ "width": 20, "height": 5 }), (8, 5));
    check("orientation-1.jpg", json!({ "width": 4000 }), (40, 26));
    check("orientation-1.jpg", json!({ "width": 1 }), (1, 1));
    check("orientation-6.jpg", json!({ "width": 13 }), (13, 20));
    check("orientation-6.jpg", json!({ "width": 20, "height": 20 }), (13, 20));
    check("orientation-1.jpg", json!({ "width": 10, "height": 10, "fit": "cover" }), (10, 10));
    check("orientation-6.jpg", json!({ "width": 20, "height": 10, "fit": "cover" }), (20, 10));
    // Nothing grows: the box is met as far as the picture goes.
    check("orientation-1.jpg", json!({ "width": 100, "height": 20, "fit": "cover" }), (40, 20));
    check("orientation-1.jpg", json!({ "width": 100, "height": 100, "fit": "cover" }), (40, 26));
    check("one-pixel.jpg", json!({ "width": 100 }), (1, 1));
    check("one-row.jpg", json!({ "width": 5 }), (5, 1));
    check("one-column.jpg", json!({ "height": 5 }), (1, 5));
}

#[test]
fn cover_crops_from_the_centre() {
    let (width, _, whole) = full(&good("smooth.png"));
    let plan = plan(&json!([
        { "name": "x", "width": 45, "height": 45, "fit": "cover", "format": "png" }
    ]));
    let made = render(&plan, &good("smooth.png"), &Limits::default()).expect("it is good");
    let (_, _, square) = rgba(&made[0].bytes);
    // 67 x 45 loses 11 columns on either side.
    for y in 0..45usize {
        let row = &whole[y * width as usize + 11..][..45];
        assert_eq!(row, &square[y * 45..][..45], "{y}");
    }
}

#[test]
fn decoding_at_reduced_size_is_the_same_picture() {
    let limits = Limits::default();
    let path = "../../pipelines/media-on-upload/buckets/uploads/incoming/retina.jpg";
    let file = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is there");
    let header = decode::header(&file, &limits).expect("it is good");
    let at = |shrink| match decode::decode(&file, &header, &limits, shrink, &|| false).expect("it is good") {
        Pixels::Ycc(planes) => *planes,
        other => panic!("{other:?}"),
    };
    let whole = at(Shrink::None);
    for (shrink, by) in [(Shrink::Half, 2usize), (Shrink::Quarter, 4), (Shrink::Eighth, 8)] {
        for (whole, small) in whole.iter().zip(at(shrink)) {
            assert!((small.scale.0 * by as f64 - whole.scale.0).abs() < 1e-9);
            let (mut sum, mut count) = (0.0, 0.0);
            for y in 0..whole.height / by {
                for x in 0..whole.width / by {
                    let block =
                        (0..by * by).map(|i| whole.data[(y * by + i / by) * whole.width + x * by + i % by]);
                    let mean = block.map(f64::from).sum::<f64>() / (by * by) as f64;
                    sum += (mean - f64::from(small.data[y * small.width + x])).powi(2);
                    count += 1.0;
                }
            }
            let error = f64::sqrt(sum / count);
            assert!(error < 2.5, "{shrink:?}: off by {error}");
        }
    }
}

#[test]
fn alpha_survives_where_it_can_and_becomes_white_where_not() {
    let plan = plan(&json!([
        { "name": "p", "format": "png" },
        { "name": "w", "format": "webp" },
        { "name": "j", "format": "jpeg", "quality": 100 },
    ]));
    let made = render(&plan, &good("rgba-8.png"), &Limits::default()).expect("it is good");
    let (_, _, png) = rgba(&made[0].bytes);
    let (_, _, webp) = full(&made[1].bytes);
    let (_, _, jpeg) = full(&made[2].bytes);
    assert_eq!(png, full(&good("rgba-8.png")).2);
    assert!(png.iter().zip(&webp).all(|(a, b)| a[3] == b[3]));
    assert_eq!(png[0][3], 0);
    assert!(jpeg[0].iter().all(|sample| *sample > 245), "{:?}", jpeg[0]);
}

#[test]
fn info_tells_the_original_as_shown() {
    let plan = plan(&json!([{ "name": "info", "format": "info" }]));
    let file = good("orientation-6.jpg");
    let made = render(&plan, &file, &Limits::default()).expect("it is good");
    let info: serde_json::Value = serde_json::from_slice(&made[0].bytes).expect("it is JSON");
    let expected = json!({
        "width": 26, "height": 40, "format": "jpeg", "orientation": 6, "bytes": file.len(), "frames": 1,
        "colour": "rgb", "depth": 8, "alpha": false, "progressive": false, "sampling": "4:2:0",
    });
    for (key, value) in expected.as_object().expect("it is one") {
        assert_eq!(&info[key], value, "{key}");
    }
    let colours = info["colours"].as_array().expect("they are there");
    let shares: u64 = colours.iter().filter_map(|colour| colour["share"].as_u64()).sum();
    assert!((1..=5).contains(&colours.len()) && (97..=103).contains(&shares), "{colours:?}");
    assert!(info["thumbhash"].as_str().is_some_and(|hash| hash.len() > 20));
    assert_eq!((made[0].ext, made[0].media_type), ("json", "application/json"));
}

#[test]
fn metadata_does_not_pass() {
    let plan = plan(&json!([
        { "name": "j", "format": "jpeg" },
        { "name": "w", "format": "webp" },
        { "name": "p", "format": "png" },
    ]));
    for rendition in render(&plan, &good("orientation-6.jpg"), &Limits::default()).expect("it is good") {
        let has = |what: &[u8]| rendition.bytes.windows(what.len()).any(|window| window == what);
        assert!(!has(b"Exif") && !has(b"EXIF") && !has(b"eXIf"), "{}", rendition.name);
    }
}

#[test]
fn limits_are_those_that_were_given() {
    let plan = plan(&json!([{ "name": "x", "format": "webp" }]));
    let said = |limits: &Limits| render(&plan, &good("smooth.png"), limits).expect_err("a limit").to_string();
    let limits = Limits { pixels: 3_000, ..Limits::default() };
    assert_eq!(said(&limits), "too large: 67 x 45 pixels are 0 megapixels, the limit is 0");
    let limits = Limits { input_bytes: 100, ..Limits::default() };
    assert!(said(&limits).starts_with("too large: the file has "));
    let limits = Limits { output_pixels: 3_000, ..Limits::default() };
    assert!(said(&limits).starts_with("rendition \"x\" is impossible: its 67 x 45 pixels"));
}

#[test]
fn webp_that_would_be_too_tall_is_refused_before_decoding() {
    // A PNG of 1 x 20000 pixels that ends after its header.
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\x4e\x20\x08\0\0\0\0".to_vec();
    file.extend([0; 4]);
    let plan = plan(&json!([{ "name": "tall", "format": "webp" }]));
    let said = render(&plan, &file, &Limits::default()).expect_err("too tall").to_string();
    let expected = "it would have 1 x 20000 pixels, and image/webp ends at 16383 a side";
    assert_eq!(said, format!("rendition \"tall\" is impossible: {expected}"));
}

#[test]
fn stops_when_told() {
    let plan = plan(&json!([
        { "name": "j", "format": "jpeg" },
        { "name": "w", "width": 30, "format": "webp" },
        { "name": "p", "format": "png" },
    ]));
    let limits = Limits::default();
    for name in ["baseline-420.jpg", "progressive.jpg", "smooth.png", "lossless-alpha.webp"] {
        let file = good(name);
        let header = decode::header(&file, &limits).expect("it is good");
        // After every number of questions it either stops or is done.
        for patience in 0..1000 {
            let asked = std::cell::Cell::new(0);
            let stop = || {
                asked.set(asked.get() + 1);
                asked.get() > patience
            };
            match plan.render(&file, &header, &limits, &stop) {
                Err(failure) => assert_eq!(failure, Failure::Stopped, "{name} {patience}"),
                Ok(renditions) => {
                    assert_eq!(renditions.len(), 3);
                    assert!(patience > 3, "{name} was asked {patience} times only");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_header_can_be_read_from_the_beginning_of_a_file() {
    let limits = Limits::default();
    for (name, file) in files(&data().join("good")) {
        let whole = decode::header(&file, &limits).expect("it is good");
        // A JPEG's tables may come before its frame header; the rest tell at once.
        let head = match whole.kind {
            Kind::Jpeg => 1200,
            // The directory may be at the end.
            Kind::Tiff => file.len(),
            Kind::Bmp => 2000,
            _ => 64,
        };
        let head = &file[..file.len().min(head)];
        let begun = decode::header(head, &limits).unwrap_or_else(|reject| panic!("{name}: {reject}"));
        assert_eq!(
            (begun.width, begun.height, begun.kind),
            (whole.width, whole.height, whole.kind),
            "{name}"
        );
    }
}

#[test]
fn profiles_and_exif_blocks_are_handed_on() {
    let limits = Limits::default();
    let header = |name: &str| decode::header(&good(name), &limits).expect("it is good");
    let jpeg = header("profile.jpg").icc.expect("it has one");
    assert_eq!(&jpeg[36..40], b"acsp");
    for name in ["profile.png", "profile.webp"] {
        assert_eq!(header(name).icc.as_ref(), Some(&jpeg), "{name}");
    }
    assert_eq!(header("smooth.png").icc, None);
    for (name, tag) in [("orientation-6.jpg", 6), ("orientation-6.png", 6), ("orientation-8.webp", 8)] {
        let header = header(name);
        let exif = header.exif.expect("it has one");
        assert!(exif.starts_with(b"MM\0*") || exif.starts_with(b"II*\0"), "{name}");
        assert_eq!(header.orientation.tag(), tag, "{name}");
    }
    let tight = Limits { metadata_bytes: 100, ..limits };
    let expected = format!("too large: its colour profile has {} bytes, the limit is 100", jpeg.len());
    for name in ["profile.jpg", "profile.webp"] {
        assert_eq!(decode::header(&good(name), &tight).expect_err("a limit").to_string(), expected);
    }
    let expected = "too large: its colour profile has more than 100 bytes, the limit is 100";
    assert_eq!(decode::header(&good("profile.png"), &tight).expect_err("a limit").to_string(), expected);
}

/// A profile in two segments, and what becomes of it when they do not agree.
#[test]
fn the_parts_of_a_profile_are_put_together() {
    let file = good("profile.jpg");
    let at = file.windows(12).position(|window| window == b"ICC_PROFILE\0").expect("it has one") - 4;
    let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
    let profile = &file[at + 18..at + 2 + length];
    let part = |number: u8, part: &[u8]| {
        let mut segment = b"\xff\xe2".to_vec();
        segment.extend((part.len() as u16 + 16).to_be_bytes());
        segment.extend(b"ICC_PROFILE\0");
        segment.extend([number, 2]);
        segment.extend(part);
        segment
    };
    let (begin, end) = profile.split_at(100);
    let with = |parts: [Vec<u8>; 2]| {
        let parts = parts.concat();
        let file = [&file[..at], &parts, &file[at + 2 + length..]].concat();
        decode::header(&file, &Limits::default()).expect("it is good").icc
    };
    assert_eq!(with([part(1, begin), part(2, end)]).as_deref(), Some(profile));
    assert_eq!(with([part(2, end), part(1, begin)]).as_deref(), Some(profile));
    assert_eq!(with([part(1, begin), part(1, end)]), None);
    assert_eq!(with([part(1, begin), part(3, end)]), None);
}

/// All frames of an animation: pixels and milliseconds.
fn frames(file: &[u8], limits: &Limits) -> Result<Vec<(Vec<u8>, u32)>, Failure> {
    let header = decode::header(file, limits)?;
    let mut frames = decode::frames(file, &header, limits)?;
    let mut all = Vec::new();
    while let Some(frame) = frames.next(&|| false)? {
        let Pixels::Rgba(rgba) = frame.pixels else { panic!("it is RGBA") };
        assert_eq!((rgba.width, rgba.height), (header.width as usize, header.height as usize));
        assert_eq!(rgba.data.len(), rgba.width * rgba.height * 4);
        all.push((rgba.data, frame.millis));
    }
    assert_eq!(all.len(), header.frames as usize);
    Ok(all)
}

#[test]
fn animations_are_read_frame_by_frame() {
    let limits = Limits::default();
    let check = |name: &str, loops: u32, millis: &[u32]| {
        let file = good(name);
        let header = decode::header(&file, &limits).expect("it is good");
        assert_eq!((header.frames as usize, header.loops), (millis.len(), loops), "{name}");
        let all = frames(&file, &limits).expect("it is good");
        assert_eq!(all.iter().map(|(_, millis)| *millis).collect::<Vec<_>>(), millis, "{name}");
        assert!(all.windows(2).all(|pair| pair[0].0 != pair[1].0), "{name}: two frames are the same");
        (header, all)
    };
    // 0 and 10 ms are shown as 100, as browsers do.
    for name in ["animated.gif", "animated-blend.webp", "animated.png"] {
        let loops = if name == "animated-blend.webp" { 2 } else { 0 };
        let millis: &[u32] = match name {
            "animated.gif" => &[100, 70, 100, 100, 20, 3000, 100],
            _ => &[100, 70, 100, 100, 20, 40],
        };
        let (header, all) = check(name, loops, millis);
        // The first frame is what a still picture is made of.
        let still = decode::decode(&good(name), &header, &limits, Shrink::None, &|| false);
        let Ok(Pixels::Rgba(still)) = still else { panic!("{name}: {still:?}") };
        // What cannot be seen may have any colour.
        let seen = |data: &[u8]| -> Vec<[u8; 4]> {
            data.as_chunks::<4>().0.iter().map(|pixel| if pixel[3] == 0 { [0; 4] } else { *pixel }).collect()
        };
        assert!(seen(&still.data) == seen(&all[0].0), "{name}");
    }
    // The same frames, without loss, once with a still picture apart.
    let (_, png) = check("animated.png", 0, &[100, 70, 100, 100, 20, 40]);
    assert!(check("animated-apart.png", 3, &[100, 70, 100, 100, 20, 40]).1 == png);
    assert!(check("animated-interlaced-16.png", 0, &[100, 70, 100]).1 == png[..3]);
    check("animated-thrice.gif", 3, &[100, 70]);
    check("animated-palette.png", 0, &[100, 50]);
    check("animated.webp", 0, &[100, 100]);
    check("palette.gif", 1, &[100]);
}

/// Good as a still picture, and bad as an animation.
#[test]
fn animations_that_break_off_are_refused_when_all_of_them_is_wanted() {
    let reasons: BTreeMap<_, _> = BTreeMap::from([
        ("frame-off-canvas.webp", "broken WebP: one of its frames does not lie on its canvas"),
        ("garbage-between.gif", "broken GIF: between its frames is something else"),
        (
            "overhang-bomb.gif",
            "too large: 31 frames of 37 x 23 pixels are 2430 megapixels, the limit is 2000",
        ),
        ("too-few-frames.png", "broken PNG: a picture that its header promises is missing"),
        ("truncated.gif", "broken GIF: the file ends before the picture does"),
        ("truncated.webp", "broken WebP: the file ends before the picture does"),
    ]);
    let limits = Limits::default();
    let plan = plan(&json!([{ "name": "small", "width": 16, "format": "jpeg" }]));
    let files = files(&data().join("half"));
    for (name, file) in &files {
        render(&plan, file, &limits).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let said = frames(file, &limits).expect_err(name).to_string();
        assert_eq!(Some(&said.as_str()), reasons.get(name.as_str()), "{name}");
    }
    assert_eq!(files.len(), reasons.len());
    let file = good("animated.gif");
    let limits = Limits { frame_pixels: 5000, ..limits };
    assert_eq!(
        frames(&file, &limits).expect_err("a limit").to_string(),
        "too large: 7 frames of 37 x 23 pixels are 0 megapixels, the limit is 0"
    );
    let limits = Limits { frames: 6, ..limits };
    assert_eq!(
        frames(&file, &limits).expect_err("a limit").to_string(),
        "too large: it has 7 frames, the limit is 6"
    );
}

/// Every way to store pixels without loss: the same pixels.
#[test]
fn every_form_without_loss_is_the_same_picture() {
    let same = |first: &str, others: &[&str]| {
        let expected = full(&good(first));
        for name in others {
            let (width, height, pixels) = full(&good(name));
            assert_eq!((width, height), (expected.0, expected.1), "{name}");
            let differs = pixels.iter().zip(&expected.2).position(|(a, b)| a != b);
            assert_eq!(differs, None, "{name} is not {first}");
        }
    };
    same("rgb-8.png", &["rgb.tif", "rgb-24.bmp"]);
    same(
        "rgb.tif",
        &[
            "circle.tif",
            "profile.tif",
            "rgb-16-predictor-big-endian.tif",
            "rgb-16.tif",
            "rgb-and-more.tif",
            "rgb-big-endian.tif",
            "rgb-packbits.tif",
            "rgb-planes.tif",
            "rgb-tile-planes.tif",
            "rgb-tiles.tif",
        ],
    );
    same("rgb-lzw.tif", &["rgb-lzw-predictor.tif", "two-pages.tif"]);
    same("grey.tif", &["grey-16.tif", "grey-white-is-zero.tif"]);
    same("rgba.tif", &["rgba-16-planes.tif", "rgba-32.bmp", "rgba-32-v4.bmp"]);
    same("rgb-24.bmp", &["alpha-of-nothing.bmp", "rgb-32.bmp", "top-down.bmp"]);
    same("palette-4.bmp", &["core-4.bmp", "runs-4.bmp", "runs-8.bmp", "short-palette-8.bmp"]);
    same("palette-4.tif", &["palette-8.tif"]);
    same("palette.gif", &["global-palette.gif", "interlaced.gif", "no-trailer.gif", "profile.gif"]);
}

/// Run lengths that leave pixels out: those are black.
#[test]
fn run_lengths_may_step_over_pixels() {
    let (_, _, palette) = full(&good("runs-with-steps.bmp"));
    let at = |x: usize, y: usize| palette[(22 - y) * 37 + x];
    let (zero, one, three, five) = (at(36, 0), at(0, 3), at(0, 0), at(12, 2));
    assert!(zero != one && zero != three && zero != five && one != three && one != five && three != five);
    for y in 0..23 {
        for x in 0..37 {
            let expected = match (x, y) {
                (0..5, 0) => three,
                (12..16, 2) => five,
                (0..9, 3) => one,
                _ => zero,
            };
            assert_eq!(at(x, y), expected, "{x} {y}");
        }
    }
}

/// Numbers that look random and are the same each time.
fn noise(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below.max(1)
    }
}

/// Cut off anywhere, bits turned anywhere: an answer, in bounded time. What is decoded is not looked at.
#[test]
fn cut_and_damaged_files_neither_panic_nor_hang() {
    let plan = plan(&json!([
        { "name": "small", "width": 8, "format": "jpeg" },
        { "name": "webp", "width": 16, "format": "webp" },
        { "name": "full", "format": "png" },
    ]));
    let limits = Limits { pixels: 1_000_000, frame_pixels: 3_000_000, ..Limits::default() };
    let try_it = |name: &str, what: &str, file: &[u8]| {
        let begin = Instant::now();
        let _ = render(&plan, file, &limits);
        if let Ok(header) = decode::header(file, &limits)
            && let Ok(mut frames) = decode::frames(file, &header, &limits)
        {
            while let Ok(Some(_)) = frames.next(&|| false) {}
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{name}, {what}: {:?}", begin.elapsed());
    };
    for folder in ["good", "bad", "half"] {
        for (index, (name, file)) in files(&data().join(folder)).into_iter().enumerate() {
            let mut random = noise(index as u64 + 1);
            // Headers byte by byte, and all of what is small.
            for end in 0..file.len().min(400) {
                let _ = decode::header(&file[..end], &limits);
                if file.len() < 400 {
                    try_it(&name, &format!("cut at {end}"), &file[..end]);
                }
            }
            for _ in 0..20 {
                let end = random(file.len() + 1);
                try_it(&name, &format!("cut at {end}"), &file[..end]);
            }
            for round in 0..60 {
                let mut damaged = file.clone();
                // The first bytes matter most: headers and tables.
                let reach = if round % 2 == 0 { damaged.len().min(200) } else { damaged.len() };
                if reach == 0 {
                    continue;
                }
                for _ in 0..=round % 4 {
                    let (at, bit) = (random(reach), random(8));
                    damaged[at] ^= 1 << bit;
                }
                try_it(&name, &format!("damaged, round {round}"), &damaged);
            }
        }
    }
}

/// The codec of this crate against another, independent one, on many small files.
#[test]
fn jpegs_decode_as_another_decoder_decodes_them() {
    let limits = Limits::default();
    let names =
        ["grey.jpg", "grey-progressive.jpg", "baseline-444.jpg", "progressive-444.jpg", "one-row.jpg"];
    for name in names {
        let file = good(name);
        let mut other = jpeg_decoder::Decoder::new(&file[..]);
        let expected = other.decode().expect("it is good");
        let header = decode::header(&file, &limits).expect("it is good");
        let pixels = decode::decode(&file, &header, &limits, Shrink::None, &|| false).expect("it is good");
        let ours: Vec<u8> = match pixels {
            Pixels::Grey(grey) => grey.data,
            _ => full(&file).2.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect(),
        };
        assert_eq!(ours.len(), expected.len(), "{name}");
        let worst = ours.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        // Two integer transforms, each within the standard's tolerance, and a rounding of colours.
        assert!(worst <= Some(4), "{name}: {worst:?}");
    }
}
