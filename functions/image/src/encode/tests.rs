//! What is written, read back: by the decoders of this crate, and by Pillow.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use super::{Metadata, Settings, Unwritten};
use crate::decode::{self, Shrink};
use crate::limits::Limits;
use crate::pixels::{Packed, Pixels, Plane};

#[path = "../../tests/venv/mod.rs"]
mod venv;

type Encoder = fn(&Pixels, &Settings, &Metadata<'_>, &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten>;

const ENCODERS: [(&str, Encoder); 3] = [("jpg", super::jpeg), ("png", super::png), ("webp", super::webp)];

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
fn planes_with_less_chroma_are_refused_where_every_pixel_has_its_own() {
    let half = planes(20, 20, false);
    for written in [
        super::webp(&half, &LOSSLESS, &Metadata::default(), &go_on),
        super::png(&half, &LOSSY, &Metadata::default(), &go_on),
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
                let metadata = Metadata { icc: Some(b"profile"), exif: Some(b"tiff") };
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
                let picture = if ext == "png" || settings.lossless && *name == "planes" {
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
                    let file = encode(picture, settings, &metadata, &go_on).expect("it can be written");
                    // Our own decoder reads it as well, to the same pixels as without.
                    let bare = encode(picture, settings, &Metadata::default(), &go_on);
                    assert_eq!(decoded(&file), decoded(&bare.expect("it can be written")));
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
