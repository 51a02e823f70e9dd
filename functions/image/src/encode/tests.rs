//! What is written, read back: by the decoders of this crate, and by Pillow.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use super::{Animation, Metadata, Settings, Unwritten};
use crate::decode::{self, Shrink};
use crate::limits::Limits;
use crate::pixels::{Packed, Pixels, Plane};

#[path = "../../tests/venv/mod.rs"]
mod venv;

type Encoder = fn(&Pixels, &Settings, &Metadata<'_>, &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten>;

const ENCODERS: [(&str, Encoder); 4] =
    [("avif", super::avif), ("jpg", super::jpeg), ("png", super::png), ("webp", super::webp)];

const LOSSY: Settings = Settings { quality: 80, lossless: false, progressive: false };
/// Lossless where there is a choice; else the other way of writing.
const LOSSLESS: Settings = Settings { quality: 80, lossless: true, progressive: true };

fn go_on() -> bool {
    false
}

/// A scene of slopes, an edge and some grain, of `N` samples a pixel; the last of four is alpha.
fn packed<const N: usize>(width: usize, height: usize) -> Packed {
    let mut state = 1u32;
    let mut data = Vec::with_capacity(width * height * N);
    for y in 0..height {
        for x in 0..width {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 28) as usize;
            let edge = if x * 3 > y * 2 + width / 4 { 90 } else { 0 };
            let alpha = (x * 400 / width).saturating_sub(60).min(255);
            let pixel =
                [edge + x * 120 / width + grain, edge / 2 + y * 140 / height + grain, 200 - edge, alpha];
            data.extend(pixel[..N].iter().map(|sample| *sample as u8));
        }
    }
    Packed { width, height, scale: (1.0, 1.0), data }
}

fn grey(width: usize, height: usize) -> Plane {
    Plane { width, height, scale: (1.0, 1.0), data: packed::<1>(width, height).data }
}

/// Planes with chroma of the luma's size, or of half of it.
fn planes(width: usize, height: usize, full: bool) -> Pixels {
    let [y, cb, cr] = crate::pixels::separate::<3>(&packed::<3>(width, height));
    if !full {
        return Pixels::Ycc(Box::new([y, cb, cr]));
    }
    let wide = |half: &Plane| {
        let sample = |i: usize| half.data[i / width / 2 * half.width + i % width / 2];
        Plane { width, height, scale: (1.0, 1.0), data: (0..width * height).map(sample).collect() }
    };
    let (cb, cr) = (wide(&cb), wide(&cr));
    Pixels::Ycc(Box::new([y, cb, cr]))
}

fn decoded(file: &[u8]) -> Pixels {
    let limits = Limits::default();
    let header = decode::header(file, &limits).expect("it has a header");
    decode::decode(file, &header, &limits, Shrink::None, &go_on).expect("it can be decoded")
}

#[test]
fn lossless_webp_gives_every_visible_pixel_back() {
    for (width, height) in [(1, 1), (7, 3), (150, 99)] {
        let rgb = packed::<3>(width, height);
        let file = super::webp(&Pixels::Rgb(rgb.clone()), &LOSSLESS, &Metadata::default(), &go_on);
        assert_eq!(decoded(&file.expect("it can be written")), Pixels::Rgb(rgb));

        let rgba = packed::<4>(width, height);
        let file = super::webp(&Pixels::Rgba(rgba.clone()), &LOSSLESS, &Metadata::default(), &go_on);
        let Pixels::Rgba(back) = decoded(&file.expect("it can be written")) else { panic!("alpha is lost") };
        let visible = |pixel: &[u8; 4]| if pixel[3] == 0 { [0; 4] } else { *pixel };
        let expected: Vec<_> = rgba.data.as_chunks::<4>().0.iter().map(visible).collect();
        assert_eq!(back.data.as_chunks::<4>().0, expected);

        let grey = grey(width, height);
        let file = super::webp(&Pixels::Grey(grey.clone()), &LOSSLESS, &Metadata::default(), &go_on);
        let Pixels::Rgb(back) = decoded(&file.expect("it can be written")) else { panic!("no RGB") };
        assert!(back.data.as_chunks::<3>().0.iter().zip(&grey.data).all(|(rgb, y)| *rgb == [*y; 3]));

        let Pixels::Ycc(full) = planes(width, height, true) else { panic!("no planes") };
        let expected = crate::pixels::interleave(&full);
        let file = super::webp(&Pixels::Ycc(full), &LOSSLESS, &Metadata::default(), &go_on);
        assert_eq!(decoded(&file.expect("it can be written")), Pixels::Rgb(expected));
    }
}

#[test]
fn lossy_webp_takes_chroma_of_either_size() {
    for (width, height) in [(1, 1), (1, 2), (2, 1), (7, 3), (150, 99)] {
        for full in [false, true] {
            let file = super::webp(&planes(width, height, full), &LOSSY, &Metadata::default(), &go_on);
            let size = decoded(&file.expect("it can be written")).size();
            assert_eq!(size, (width as u32, height as u32));
        }
    }
}

#[test]
fn pngs_of_few_colours_give_every_pixel_back_and_are_smaller() {
    for count in [1, 2, 3, 4, 5, 16, 17, 256, 257] {
        for (width, height) in [(97, 33), (64, 40), (5, 2)] {
            let colour = |i: usize| {
                let i = (i / 7 + i / width) % count;
                [
                    (i * 7 % 256) as u8,
                    (i * 13 % 251) as u8,
                    i as u8,
                    if i % 5 == 1 { (i % 255) as u8 } else { 255 },
                ]
            };
            let rgba: Vec<u8> = (0..width * height).flat_map(colour).collect();
            let rgb: Vec<u8> =
                (0..width * height).flat_map(|i| [colour(i)[0], colour(i)[1], i as u8 & 0xf0]).collect();
            let scale = (1.0, 1.0);
            for picture in [
                Pixels::Rgba(Packed { width, height, scale, data: rgba }),
                Pixels::Rgb(Packed { width, height, scale, data: rgb }),
            ] {
                let file =
                    super::png(&picture, &LOSSY, &Metadata::default(), &go_on).expect("it can be written");
                let indexed = file[25] == 3;
                if let Pixels::Rgba(rgba) = &picture
                    && width > 5
                {
                    let distinct: BTreeSet<_> = rgba.data.as_chunks::<4>().0.iter().collect();
                    assert!(!indexed || distinct.len() <= 256, "{count} colours, {width} x {height}");
                    assert!(indexed || !(2..=16).contains(&count), "{count} colours, {width} x {height}");
                }
                let expected = match &picture {
                    // A palette without transparency is read without it.
                    Pixels::Rgba(rgba)
                        if indexed && rgba.data.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255) =>
                    {
                        let data = rgba.data.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
                        Pixels::Rgb(Packed { width, height, scale, data: data.collect() })
                    }
                    _ => picture,
                };
                assert!(decoded(&file) == expected, "{count} colours, {width} x {height}");
            }
        }
    }
}

#[test]
fn planes_with_too_much_or_too_little_chroma_are_refused() {
    let half = planes(20, 20, false);
    for written in [
        super::webp(&half, &LOSSLESS, &Metadata::default(), &go_on),
        super::png(&half, &LOSSY, &Metadata::default(), &go_on),
        super::jpeg(&planes(20, 20, true), &LOSSY, &Metadata::default(), &go_on),
    ] {
        assert!(matches!(written, Err(Unwritten::Impossible(_))), "{written:?}");
    }
}

/// Every form of a picture by every encoder, alone, twice, and on several threads at once.
#[test]
fn bytes_are_the_same_on_any_number_of_threads() {
    let pictures = [
        Pixels::Grey(grey(61, 47)),
        planes(61, 47, false),
        Pixels::Rgb(packed::<3>(61, 47)),
        Pixels::Rgba(packed::<4>(61, 47)),
    ];
    for (name, encode) in ENCODERS {
        for (index, picture) in pictures.iter().enumerate() {
            for settings in [&LOSSY, &LOSSLESS] {
                let metadata = Metadata { icc: (name != "avif").then_some(b"profile"), exif: Some(b"tiff") };
                let once = encode(picture, settings, &metadata, &go_on);
                for threads in [1, 2, 8] {
                    thread::scope(|scope| {
                        let again = || encode(picture, settings, &metadata, &go_on);
                        let running: Vec<_> = (0..threads).map(|_| scope.spawn(again)).collect();
                        for thread in running {
                            let again = thread.join().expect("it does not panic");
                            assert!(again == once, "{name} of picture {index} differs");
                        }
                    });
                }
            }
        }
    }
}

/// What Pillow prints about files that a test wrote; nothing where Pillow cannot be had.
fn pillow(name: &str, files: &[(String, Vec<u8>)], script: &str) -> Option<Vec<String>> {
    let python = match venv::python(&["pillow==13.0.0"]) {
        Ok(python) => python,
        Err(reason) if env::var("TIDEMILL_REQUIRE_ORACLES").is_ok_and(|value| value == "1") => {
            panic!("required, and missing: {reason}")
        }
        Err(_) => return None,
    };
    let folder: PathBuf = venv::folder().join(format!("encode-{name}"));
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let paths = files.iter().map(|(name, file)| {
        let path = folder.join(name);
        fs::write(&path, file).expect("the target folder can be written");
        path
    });
    let output = Command::new(python)
        .args(["-c", script])
        .args(paths)
        .stderr(Stdio::inherit())
        .output()
        .expect("python can be started");
    assert!(output.status.success(), "the script failed");
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// A TIFF structure with one entry: an artist.
fn exif() -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    tiff.extend(b"\x01\x3b\0\x02\0\0\0\x05\0\0\0\x1a\0\0\0\0Anna\0\0");
    tiff
}

#[test]
fn pillow_finds_the_metadata_that_was_given() {
    let (profile, exif) = ((0..70_001u32).map(|i| (i % 253) as u8).collect::<Vec<_>>(), exif());
    let pictures = [
        ("planes", planes(33, 21, false)),
        ("rgb", Pixels::Rgb(packed::<3>(33, 21))),
        ("rgba", Pixels::Rgba(packed::<4>(33, 21))),
    ];
    let mut files = Vec::new();
    for (ext, encode) in ENCODERS {
        for (name, picture) in &pictures {
            for settings in [&LOSSY, &LOSSLESS] {
                let picture = if *name == "planes" && (ext == "png" || ext == "webp" && settings.lossless) {
                    &planes(33, 21, true)
                } else {
                    picture
                };
                for (given, metadata) in [
                    ("none", Metadata::default()),
                    ("icc", Metadata { icc: Some(&profile), exif: None }),
                    ("exif", Metadata { icc: None, exif: Some(&exif) }),
                    ("both", Metadata { icc: Some(&profile), exif: Some(&exif) }),
                ] {
                    let written = encode(picture, settings, &metadata, &go_on);
                    if ext == "avif" && metadata.icc.is_some() {
                        assert!(matches!(written, Err(Unwritten::Impossible(_))));
                        continue;
                    }
                    let file = written.expect("it can be written");
                    if ext != "avif" {
                        // Our own decoders read it as well, to the same pixels as without.
                        let bare = encode(picture, settings, &Metadata::default(), &go_on);
                        assert_eq!(decoded(&file), decoded(&bare.expect("it can be written")));
                    }
                    let name = format!("{name}-{}-{given}.{ext}", settings.lossless);
                    files.push((name, file));
                }
            }
        }
    }
    let script = "
import sys
from PIL import Image
expected = bytes(i % 253 for i in range(70001))
for path in sys.argv[1:]:
    image = Image.open(path)
    image.load()
    icc = image.info.get('icc_profile')
    icc = 'no' if not icc else 'whole' if icc == expected else 'wrong'
    print(path.rsplit('/', 1)[1], image.size, icc, image.getexif().get(0x13b))
";
    let Some(said) = pillow("metadata", &files, script) else { return };
    for ((name, _), said) in files.iter().zip(said) {
        let icc = if name.contains("-icc") || name.contains("-both") { "whole" } else { "no" };
        let artist = if name.contains("-exif") || name.contains("-both") { "Anna" } else { "None" };
        assert_eq!(said, format!("{name} (33, 21) {icc} {artist}"));
    }
}

/// Frames in which a square walks over a slope that slowly grows darker, with some transparency.
fn frames(width: usize, height: usize, count: usize, alpha: bool) -> Vec<Packed> {
    let frame = |step: usize| {
        let mut data = Vec::with_capacity(width * height * 4);
        for y in 0..height {
            for x in 0..width {
                let slope = (255 - 2 * step + x / 4 - y / 4).clamp(0, 255) as u8;
                let square = x.abs_diff(step * 3 + 8) < 6 && y.abs_diff(height / 2) < 6;
                let opaque = !alpha || y > height / 4 || square;
                data.extend(match (square, opaque) {
                    (true, _) => [220, 30, 60, 255],
                    (false, true) => [slope, slope, 255 - slope, 255],
                    (false, false) => [0; 4],
                });
            }
        }
        Packed { width, height, scale: (1.0, 1.0), data }
    };
    (0..count).map(frame).collect()
}

fn animated(
    frames: &[Packed],
    millis: &[u32],
    settings: &Settings,
    loops: u32,
) -> Result<Vec<u8>, Unwritten> {
    let mut animation = Animation::new(frames[0].width, frames[0].height, settings, loops)?;
    for (frame, millis) in frames.iter().zip(millis) {
        animation.add(frame, *millis, &go_on)?;
    }
    animation.finish(&Metadata { icc: Some(b"profile"), exif: Some(&exif()) })
}

#[test]
fn pillow_plays_the_animation_that_was_written() {
    let (mut cases, mut files) = (Vec::new(), Vec::new());
    for (name, alpha, (width, height), loops) in
        [("opaque", false, (120, 80), 0), ("alpha", true, (121, 79), 3), ("tiny", false, (1, 1), 70_000)]
    {
        let frames = frames(width, height, 60, alpha);
        let millis: Vec<u32> = (0..60).map(|i| [40, 100, 10, 1, 9_000_000][i % 5]).collect();
        for settings in [&LOSSY, &LOSSLESS] {
            let file = animated(&frames, &millis, settings, loops).expect("it can be written");
            let again = animated(&frames, &millis, settings, loops);
            assert!(again.as_ref() == Ok(&file), "{name} differs from run to run");
            let lossless = settings.lossless;
            files.push((format!("{name}-{lossless}.webp"), file));
            cases.push((frames.clone(), millis.clone(), loops.min(65_535), lossless));
        }
    }
    let script = "
import sys
from PIL import Image
for path in sys.argv[1:]:
    image = Image.open(path)
    print(image.n_frames, image.info['loop'], image.info.get('icc_profile'), image.getexif().get(0x13b))
    for index in range(image.n_frames):
        image.seek(index)
        image.load()
        frame = image.convert('RGBA')
        print(image.info['duration'], frame.tobytes().hex())
";
    let Some(said) = pillow("animation", &files, script) else { return };
    let mut said = said.iter();
    for ((name, _), (frames, millis, loops, lossless)) in files.iter().zip(cases) {
        let first = said.next().expect("a line for each file");
        let (count, rest) = first.split_once(' ').expect("two words");
        assert_eq!(rest, format!("{loops} b'profile' Anna"), "{name}");
        let count: usize = count.parse().expect("a number");
        let (mut shown, mut ends) = (Vec::new(), 0);
        for line in said.by_ref().take(count) {
            let (duration, pixels) = line.split_once(' ').expect("two words");
            ends += duration.parse::<u32>().expect("a number");
            let byte = |hex: &[u8; 2]| u8::from_str_radix(str::from_utf8(hex).unwrap_or(""), 16);
            let pixels = pixels.as_bytes().as_chunks::<2>().0.iter().map_while(|hex| byte(hex).ok());
            shown.push((ends, pixels.collect::<Vec<_>>()));
        }
        assert_eq!(ends, millis.iter().sum::<u32>(), "{name}");
        if lossless {
            assert_eq!(count, frames.len(), "{name}");
        }
        // Frames that differ too little to be seen are one; so each is looked up by its time.
        let mut begins = 0;
        for (index, (frame, millis)) in frames.iter().zip(millis).enumerate() {
            let (_, pixels) = shown.iter().find(|(ends, _)| begins < *ends).expect("it is shown");
            begins += millis;
            if lossless {
                assert!(*pixels == frame.data, "{name} {index}");
                continue;
            }
            assert_eq!(pixels.len(), frame.data.len(), "{name} {index}");
            let squares = pixels.iter().zip(&frame.data).map(|(is, was)| u32::from(is.abs_diff(*was)).pow(2));
            let error = (f64::from(squares.sum::<u32>()) / frame.data.len() as f64).sqrt();
            // It does not grow, however slowly the scene changes.
            assert!(error < 5.0, "{name} {index}: off by {error}");
        }
    }
}

#[test]
fn frames_that_do_not_fit_are_refused_and_harm_nothing() {
    let mut animation = Animation::new(5, 4, &LOSSY, 0).expect("it is small");
    let impossible = |done: Result<(), Unwritten>| assert!(matches!(done, Err(Unwritten::Impossible(_))));
    impossible(animation.add(&packed::<4>(4, 5), 10, &go_on));
    impossible(animation.add(&packed::<3>(5, 4), 10, &go_on));
    impossible(animation.add(&packed::<4>(5, 4), 1 << 24, &go_on));
    assert_eq!(animation.add(&packed::<4>(5, 4), 10, &|| true), Err(Unwritten::Stopped));
    for _ in 0..3 {
        assert_eq!(animation.add(&packed::<4>(5, 4), 0, &go_on), Ok(()));
    }
    assert!(animation.finish(&Metadata::default()).is_ok());
    let empty = Animation::new(5, 4, &LOSSY, 0).expect("it is small").finish(&Metadata::default());
    assert!(matches!(empty, Err(Unwritten::Impossible(_))));
    for (width, height) in [(0, 1), (1, 0), (16_384, 1), (1, 16_384), (usize::MAX, 1)] {
        assert!(Animation::new(width, height, &LOSSY, 0).is_err(), "{width} x {height}");
    }
}

#[test]
fn an_animation_stops_when_told() {
    let frames = frames(64, 64, 3, true);
    for patience in 0.. {
        let asked = std::cell::Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > patience
        };
        let mut animation = Animation::new(64, 64, &LOSSY, 0).expect("it is small");
        let done = frames.iter().try_for_each(|frame| animation.add(frame, 10, &stop));
        if done == Ok(()) {
            assert!(patience > 6, "asked {patience} times only");
            break;
        }
        assert_eq!(done, Err(Unwritten::Stopped));
    }
}

#[test]
fn pillow_sees_in_an_avif_what_was_put_in() {
    let (mut files, mut pictures) = (Vec::new(), Vec::new());
    for (width, height) in [(1, 1), (1, 9), (17, 2), (64, 64), (151, 99), (300, 200)] {
        for (name, picture) in [
            ("grey", Pixels::Grey(grey(width, height))),
            ("planes", planes(width, height, false)),
            ("rgb", Pixels::Rgb(packed::<3>(width, height))),
            ("rgba", Pixels::Rgba(packed::<4>(width, height))),
        ] {
            for quality in [50, 90, 100] {
                let settings = Settings { quality, ..LOSSY };
                let file = super::avif(&picture, &settings, &Metadata::default(), &go_on);
                let name = format!("{name}-{width}-{height}-{quality}.avif");
                files.push((name, file.expect("it can be written")));
                pictures.push((picture.clone(), quality));
            }
        }
    }
    let script = "
import sys
from PIL import Image
for path in sys.argv[1:]:
    image = Image.open(path)
    print(image.mode, image.size[0], image.size[1], image.convert('RGBA').tobytes().hex())
";
    let Some(said) = pillow("avif", &files, script) else { return };
    for (((name, _), (picture, quality)), said) in files.iter().zip(pictures).zip(said) {
        let (expected, width, height): (Vec<[u8; 4]>, _, _) = match &picture {
            Pixels::Grey(grey) => {
                (grey.data.iter().map(|y| [*y, *y, *y, 255]).collect(), grey.width, grey.height)
            }
            Pixels::Ycc(planes) => {
                let [y, cb, cr] = &**planes;
                let colour = |i: usize| {
                    let at = i / y.width / 2 * cb.width + i % y.width / 2;
                    let [r, g, b] = crate::pixels::rgb(y.data[i], cb.data[at], cr.data[at]);
                    [r, g, b, 255]
                };
                ((0..y.data.len()).map(colour).collect(), y.width, y.height)
            }
            Pixels::Rgb(rgb) => {
                let pixels = rgb.data.as_chunks::<3>().0.iter().map(|[r, g, b]| [*r, *g, *b, 255]);
                (pixels.collect(), rgb.width, rgb.height)
            }
            Pixels::Rgba(rgba) => (rgba.data.as_chunks::<4>().0.to_vec(), rgba.width, rgba.height),
            Pixels::Cmyk(_) => panic!("no such picture"),
        };
        let words: Vec<&str> = said.split(' ').collect();
        let mode = match &picture {
            Pixels::Grey(_) => "L",
            _ if expected.iter().any(|pixel| pixel[3] < 255) => "RGBA",
            _ => "RGB",
        };
        assert_eq!(words[..3], [mode, &width.to_string(), &height.to_string()], "{name}");
        let byte = |hex: &[u8; 2]| u8::from_str_radix(str::from_utf8(hex).unwrap_or(""), 16);
        let back: Vec<u8> =
            words[3].as_bytes().as_chunks::<2>().0.iter().map_while(|hex| byte(hex).ok()).collect();
        let back = back.as_chunks::<4>().0;
        assert_eq!(back.len(), expected.len(), "{name}");
        let luma =
            |[r, g, b, _]: &[u8; 4]| 0.299 * f64::from(*r) + 0.587 * f64::from(*g) + 0.114 * f64::from(*b);
        let (mut lumas, mut colours, mut alphas) = (0.0, 0.0, 0.0);
        for (is, was) in back.iter().zip(&expected) {
            let weight = f64::from(was[3]) / 255.0;
            lumas += ((luma(is) - luma(was)) * weight).powi(2);
            for (is, was) in is[..3].iter().zip(was) {
                colours += (f64::from(is.abs_diff(*was)) * weight).powi(2) / 3.0;
            }
            alphas += f64::from(is[3].abs_diff(was[3])).powi(2);
        }
        let [lumas, colours, alphas] =
            [lumas, colours, alphas].map(|sum| (sum / expected.len() as f64).sqrt());
        let most = match quality {
            50 => 12.0,
            90 => 3.5,
            _ => 1.5,
        };
        let said = format!("{name}: off by {lumas:.2}, colours by {colours:.2}, alpha by {alphas:.2}");
        // Colours have half the size: an edge in a picture of two rows is all that there is.
        let colours = if width.min(height) < 20 { 0.0 } else { colours - 8.0 };
        assert!(lumas < most && colours < most && alphas < most, "{said}");
    }
}
