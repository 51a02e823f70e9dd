//! What is done to a picture after resizing, and what is told of its Exif block, against Pillow.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Failed;
use tidemill_image::exif;
use tidemill_image::finish::canvas::{contain, flatten};
use tidemill_image::finish::colour_value::Colour;
use tidemill_image::finish::filter::blur;
use tidemill_image::finish::gravity::Gravity;
use tidemill_image::finish::watermark::{Watermark, WatermarkConfig};
use tidemill_image::pixels::{Packed, Pixels};

use crate::venv;

/// Each job is a picture in raw bytes and what to do with it; raw bytes come out.
const SCRIPT: &str = r#"
import sys, json
from PIL import Image, ImageFilter
from PIL.TiffImagePlugin import IFDRational
out, jobs = sys.argv[1], json.load(sys.stdin)
for index, job in enumerate(jobs):
    if "exif" in job:
        exif = Image.Exif()
        for tag, value in job["exif"].items():
            exif[int(tag)] = value
        more = exif.get_ifd(0x8769)
        for tag, value in job["more"].items():
            more[int(tag)] = IFDRational(*value) if isinstance(value, list) else value
        data = exif.tobytes()
    elif "read" in job:
        exif = Image.Exif()
        exif.load(open(job["read"], "rb").read())
        data = json.dumps(dict(exif)).encode()
    else:
        mode = "RGBA" if job["alpha"] else "RGB"
        image = Image.frombytes(mode, job["size"], open(job["file"], "rb").read())
        if job["do"] == "blur":
            if job["alpha"]:
                image = image.convert("RGBa").filter(ImageFilter.GaussianBlur(job["sigma"])).convert("RGBA")
            else:
                image = image.filter(ImageFilter.GaussianBlur(job["sigma"]))
        elif job["do"] == "contain":
            canvas = Image.new("RGBA", job["canvas"], tuple(job["background"]))
            canvas.paste(image, job["at"])
            image = canvas
        elif job["do"] == "flatten":
            ground = Image.new("RGBA", image.size, tuple(job["background"]))
            image = Image.alpha_composite(ground, image).convert("RGB")
        elif job["do"] == "mark":
            mark = Image.frombytes("RGBA", job["mark_size"], open(job["mark"], "rb").read())
            share = job["opacity"] / 100
            mark.putalpha(mark.getchannel("A").point(lambda v: v * share + 0.5))
            whole = Image.new("RGBA", image.size)
            whole.paste(mark, job["at"])
            image = Image.alpha_composite(image.convert("RGBA"), whole)
        data = image.tobytes()
    with open(f"{out}/{index}", "wb") as file:
        file.write(data)
"#;

/// What the script makes of each job.
fn pillow(python: &Path, name: &str, jobs: &[serde_json::Value]) -> Result<Vec<Vec<u8>>, Failed> {
    let out = venv::folder().join(format!("out-{name}"));
    fs::create_dir_all(&out)?;
    let mut child = Command::new(python).args(["-c", SCRIPT]).arg(&out).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no stdin")?.write_all(&serde_json::to_vec(jobs)?)?;
    if !child.wait()?.success() {
        return Err("the script failed".into());
    }
    (0..jobs.len()).map(|index| Ok(fs::read(out.join(index.to_string()))?)).collect()
}

/// A picture with slopes, edges and some grain: its pixels, and where they lie as a file.
fn picture(name: &str, (width, height): (usize, usize), alpha: bool) -> Result<(Pixels, String), Failed> {
    let pixel = |at: usize| {
        let (x, y) = (at % width, at / width);
        let grain = (at.wrapping_mul(2_654_435_761) >> 9) % 40;
        let edge = if x * height > y * width { 90 } else { 0 };
        [x * 150 / width + grain, y * 150 / height + edge, 60 + edge + grain, 255 - (x * 255 / width)]
            .map(|sample| sample.min(255) as u8)
    };
    let channels = if alpha { 4 } else { 3 };
    let data: Vec<u8> = (0..width * height).flat_map(|at| pixel(at).into_iter().take(channels)).collect();
    let file = venv::folder().join(format!("{name}-{width}-{height}-{channels}.raw"));
    fs::write(&file, &data)?;
    let packed = Packed { width, height, scale: (1.0, 1.0), data };
    let pixels = if alpha { Pixels::Rgba(packed) } else { Pixels::Rgb(packed) };
    Ok((pixels, file.to_string_lossy().into_owned()))
}

fn bytes(pixels: Pixels) -> Result<Vec<u8>, Failed> {
    match pixels {
        Pixels::Rgb(packed) | Pixels::Rgba(packed) => Ok(packed.data),
        other => Err(format!("{other:?} is not interleaved").into()),
    }
}

/// Fails if the mean or the largest difference is above its bound.
fn compare(what: &str, ours: &[u8], expected: &[u8], mean: f64, most: u8) -> Result<(), Failed> {
    if ours.len() != expected.len() {
        return Err(format!("{what}: {} bytes instead of {}", ours.len(), expected.len()).into());
    }
    let differences = ours.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    let worst = differences.clone().max().unwrap_or(0);
    let is = differences.map(f64::from).sum::<f64>() / ours.len() as f64;
    if is > mean || worst > most {
        return Err(format!("{what}: {is:.3} in the mean, {worst} at most").into());
    }
    Ok(())
}

/// Pillow's Gaussian is three boxes at every sigma, ours above 4; alpha weighs in both. Pillow repeats the edges
/// anew for each box, which shows where sigma comes near the picture's size.
pub(crate) fn blurs(python: &Path) -> Result<(), Failed> {
    let (mut jobs, mut ours) = (Vec::new(), Vec::new());
    for (size, alpha, most) in [((120, 90), false, 20.0), ((61, 37), true, 6.0), ((1, 40), false, 4.0)] {
        for sigma in [0.5, 1.0, 2.5, 4.0, 6.0, 20.0].into_iter().filter(|sigma| *sigma <= most) {
            let (mut pixels, file) = picture("blur", size, alpha)?;
            blur(&mut pixels, sigma);
            ours.push((format!("{size:?} {alpha} {sigma}"), alpha, bytes(pixels)?));
            jobs.push(serde_json::json!({
                "file": file, "size": [size.0, size.1], "alpha": alpha, "do": "blur", "sigma": sigma,
            }));
        }
    }
    for ((what, alpha, ours), expected) in ours.iter().zip(&pillow(python, "blur", &jobs)?) {
        // What can hardly be seen has colours of few bits in Pillow.
        let visible = |data: &[u8], at: usize| *alpha && data[at / 4 * 4 + 3] < 64;
        let masked = |data: &[u8]| -> Vec<u8> {
            (0..data.len()).map(|at| if visible(expected, at) { 0 } else { data[at] }).collect()
        };
        compare(what, &masked(ours), &masked(expected), 0.8, 10)?;
    }
    Ok(())
}

/// Canvases and grounds, to the bit.
pub(crate) fn grounds(python: &Path) -> Result<(), Failed> {
    let (mut jobs, mut ours) = (Vec::new(), Vec::new());
    let colours =
        [Colour::WHITE, Colour { r: 20, g: 140, b: 250, a: 255 }, Colour { r: 9, g: 90, b: 200, a: 70 }];
    for size in [(40u32, 30u32), (7, 5), (1, 1)] {
        for background in colours {
            let ground = [background.r, background.g, background.b, background.a];
            for gravity in [Gravity::Centre, Gravity::SouthEast, Gravity::West] {
                let canvas = (size.0 + 9, size.1 + 4);
                let (pixels, file) = picture("contain", (size.0 as usize, size.1 as usize), true)?;
                let laid = contain(&pixels, canvas, gravity, background);
                ours.push((format!("contain {size:?} {gravity:?}"), bytes(laid)?));
                let (left, top) = gravity.place(size, canvas);
                jobs.push(serde_json::json!({
                    "file": file, "size": [size.0, size.1], "alpha": true, "do": "contain",
                    "canvas": [canvas.0, canvas.1], "at": [left, top], "background": ground,
                }));
            }
            if background.a == 255 {
                let (pixels, file) = picture("flatten", (size.0 as usize, size.1 as usize), true)?;
                ours.push((format!("flatten {size:?} {background}"), bytes(flatten(pixels, background))?));
                jobs.push(serde_json::json!({
                    "file": file, "size": [size.0, size.1], "alpha": true, "do": "flatten",
                    "background": ground,
                }));
            }
        }
    }
    for ((what, ours), expected) in ours.iter().zip(&pillow(python, "grounds", &jobs)?) {
        compare(what, ours, expected, if what.starts_with("flatten") { 0.5 } else { 0.0 }, 1)?;
    }
    Ok(())
}

/// An image as a mark, of the very size that is drawn, so that only composition is compared.
pub(crate) fn marks(python: &Path) -> Result<(), Failed> {
    let (mark, raw) = picture("mark", (37, 23), true)?;
    let url = format!("data:image/png;base64,{}", STANDARD.encode(png(&bytes(mark)?, 37, 23)?));
    let (mut jobs, mut ours) = (Vec::new(), Vec::new());
    for alpha in [false, true] {
        for (opacity, margin) in [(100, 0), (55, 3), (20, 10)] {
            let config = serde_json::json!({
                "image": url, "opacity": opacity, "margin": margin, "width": 37, "gravity": "southeast",
            });
            let config: WatermarkConfig = serde_json::from_value(config)?;
            let (mut pixels, file) = picture("marked", (100, 70), alpha)?;
            Watermark::prepare(&config)?.draw(&mut pixels);
            let mut drawn = bytes(pixels)?;
            if !alpha {
                drawn = drawn.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
            }
            ours.push((format!("{alpha} {opacity} {margin}"), drawn));
            // Of the shorter side, which has 70 pixels.
            let margin = (70 * margin + 50) / 100;
            jobs.push(serde_json::json!({
                "file": file, "size": [100, 70], "alpha": alpha, "do": "mark", "opacity": opacity,
                "mark": raw, "mark_size": [37, 23], "at": [100 - 37 - margin, 70 - 23 - margin],
            }));
        }
    }
    for ((what, ours), expected) in ours.iter().zip(&pillow(python, "marks", &jobs)?) {
        compare(what, ours, expected, 0.1, 3)?;
    }
    Ok(())
}

fn png(rgba: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Failed> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(rgba)?;
    Ok(file)
}

/// A block that Pillow writes is read, and one that we write is read by Pillow.
pub(crate) fn exif_blocks(python: &Path) -> Result<(), Failed> {
    let main = serde_json::json!({
        "271": "Maker", "272": "Model 7", "305": "1.2", "315": "Zoe", "33432": "2024, all rights reserved",
        "270": "private", "316": "private",
    });
    let more = serde_json::json!({
        "33434": [1, 320], "33437": [56, 10], "34855": 800, "36867": "2023:12:31 23:59:59",
        "36881": "-05:00", "37385": 16, "37386": [850, 10], "41989": 85, "42036": "85mm f/1.4",
        "42033": "private", "37510": "private",
    });
    let block = pillow(python, "exif", &[serde_json::json!({ "exif": main, "more": more })])?.remove(0);
    let expected = serde_json::json!({
        "make": "Maker", "model": "Model 7", "software": "1.2", "artist": "Zoe",
        "copyright": "2024, all rights reserved", "exposure": "1/320", "aperture": 5.6, "iso": 800,
        "taken": "2023-12-31T23:59:59-05:00", "flash": false, "focal_length": 85, "focal_length_35mm": 85,
        "lens": "85mm f/1.4",
    });
    let fields = serde_json::to_value(exif::safe_fields(&block))?;
    if fields != expected {
        return Err(format!("{fields}").into());
    }
    let kept = venv::folder().join("kept.exif");
    fs::write(&kept, exif::copyright(&block).ok_or("nothing was kept")?)?;
    let read = pillow(python, "kept", &[serde_json::json!({ "read": kept })])?.remove(0);
    let read: serde_json::Value = serde_json::from_slice(&read)?;
    if read != serde_json::json!({ "315": "Zoe", "33432": "2024, all rights reserved" }) {
        return Err(format!("{read}").into());
    }
    Ok(())
}
