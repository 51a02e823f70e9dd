//! Pixel truth: what Pillow makes of the same files.
//!
//! Needs python3 and Pillow of a fixed version, which is installed into a folder below the target folder at the
//! first run. Where that cannot be had, the tests are reported as ignored with the reason; if
//! `TIDEMILL_REQUIRE_ORACLES` is 1, they fail instead.

mod colours;
mod finish;
mod jpeg;
mod venv;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use libtest_mimic::{Arguments, Failed, Trial};
use tidemill_image::decode::{self, Shrink};
use tidemill_image::pixels::Pixels;
use tidemill_image::{Config, Limits, Plan};

const PILLOW: &str = "pillow==13.0.0";

/// Prepares files for comparison: each argument pair is a source, and a size or `full`; RGBA comes out.
const SCRIPT: &str = r#"
import sys, json
from PIL import Image, ImageFile, ImageOps
ImageFile.LOAD_TRUNCATED_IMAGES = True
out, jobs = sys.argv[1], json.load(sys.stdin)
for index, job in enumerate(jobs):
    image = Image.open(job["file"])
    if "frame" in job:
        # GIF frames as they are shown, in colours of their own from the first on.
        image.seek(job["frame"])
    else:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda v: v * (1 / 257) + 0.5).convert("L")
    alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    image = image.convert("RGBA" if alpha else "RGB")
    if job.get("crop"):
        image = image.crop(job["crop"])
    if job.get("white") and alpha:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if job.get("size"):
        image = image.resize(job["size"], Image.Resampling.LANCZOS)
    image = image.convert("RGBA")
    with open(f"{out}/{index}", "wb") as file:
        file.write(b"%d %d\n" % image.size + image.tobytes())
"#;

type Picture = (u32, u32, Vec<[u8; 4]>);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// What Pillow makes of a list of jobs.
fn pillow(python: &Path, name: &str, jobs: &serde_json::Value) -> Result<Vec<Picture>, Failed> {
    let out = venv::folder().join(format!("out-{name}"));
    fs::create_dir_all(&out)?;
    let mut child =
        Command::new(python).args(["-c", SCRIPT]).arg(&out).stdin(std::process::Stdio::piped()).spawn()?;
    serde_json::to_writer(child.stdin.take().ok_or("no stdin")?, jobs)?;
    if !child.wait()?.success() {
        return Err("the script failed".into());
    }
    pillow_pictures(&out, jobs.as_array().map_or(0, Vec::len))
}

/// What a script has written: numbered files of a line with the size, and pixels.
fn pillow_pictures(out: &Path, count: usize) -> Result<Vec<Picture>, Failed> {
    (0..count)
        .map(|index| {
            let file = fs::read(out.join(index.to_string()))?;
            let line = file.iter().position(|byte| *byte == b'\n').ok_or("no size")?;
            let size = String::from_utf8_lossy(&file[..line]).into_owned();
            let (width, height) = size.split_once(' ').ok_or("no size")?;
            Ok((width.parse()?, height.parse()?, file[line + 1..].as_chunks::<4>().0.to_vec()))
        })
        .collect()
}

fn rgba(file: &[u8]) -> Result<Picture, Failed> {
    let limits = Limits::default();
    let header = decode::header(file, &limits)?;
    let plan = plan(&serde_json::json!([{ "name": "png", "format": "png" }]))?;
    let png = plan.render(file, &header, &limits, &|| false)?.remove(0).bytes;
    let header = decode::header(&png, &limits)?;
    let colours = match decode::decode(&png, &header, &limits, Shrink::None, &|| false)? {
        Pixels::Grey(grey) => grey.data.iter().map(|y| [*y, *y, *y, 255]).collect(),
        Pixels::Rgb(rgb) => rgb.data.as_chunks::<3>().0.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect(),
        Pixels::Rgba(rgba) => rgba.data.as_chunks::<4>().0.to_vec(),
        Pixels::Ycc(_) | Pixels::Cmyk(_) => return Err("a PNG has neither chroma nor inks".into()),
    };
    Ok((header.width, header.height, colours))
}

fn plan(renditions: &serde_json::Value) -> Result<Plan, Failed> {
    let config: Config = serde_json::from_value(serde_json::json!({ "renditions": renditions }))?;
    Plan::check(&config).map_err(|errors| errors[0].to_string().into())
}

/// Peak signal to noise over all samples, colours weighted by alpha.
fn psnr(a: &Picture, b: &Picture) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.2.iter().zip(&b.2) {
        let weight = f64::from(a[3].max(b[3])) / 255.0;
        for (a, b) in a[..3].iter().zip(b) {
            sum += (f64::from(a.abs_diff(*b)) * weight).powi(2);
        }
        sum += f64::from(a[3].abs_diff(b[3])).powi(2);
    }
    10.0 * (255.0f64.powi(2) / (sum / (a.2.len() * 4) as f64).max(1e-6)).log10()
}

/// Structural similarity of luma (Wang and others, 2004) over windows of 8 by 8, every 4 pixels.
fn ssim(a: &Picture, b: &Picture) -> f64 {
    let luma = |picture: &Picture| -> Vec<f64> {
        let weigh =
            |[r, g, b, _]: &[u8; 4]| 0.299 * f64::from(*r) + 0.587 * f64::from(*g) + 0.114 * f64::from(*b);
        picture.2.iter().map(weigh).collect()
    };
    let (width, height) = (a.0 as usize, a.1 as usize);
    let (first, second) = (luma(a), luma(b));
    let side = 8.min(width).min(height);
    let (mut sum, mut count) = (0.0, 0.0);
    for top in (0..=height - side).step_by(4) {
        for left in (0..=width - side).step_by(4) {
            let (mut ma, mut mb, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for y in top..top + side {
                for x in left..left + side {
                    let (a, b) = (first[y * width + x], second[y * width + x]);
                    ma += a;
                    mb += b;
                    aa += a * a;
                    bb += b * b;
                    ab += a * b;
                }
            }
            let n = (side * side) as f64;
            let (ma, mb) = (ma / n, mb / n);
            let (va, vb, cov) = (aa / n - ma * ma, bb / n - mb * mb, ab / n - ma * mb);
            let (c1, c2) = (6.5025, 58.5225);
            sum += (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
            count += 1.0;
        }
    }
    sum / count
}

/// Every good file at its own size, as Pillow decodes it.
fn decoded_pixels(python: &Path) -> Result<(), Failed> {
    // What Pillow does otherwise, and why that is no measure.
    let apart = [
        // Pillow inverts inks always; libvips, as we do, only where Adobe's marker is.
        "cmyk-plain.jpg",
        // Pillow compares the key with samples that it has widened already.
        "grey-key.png",
        // What Pillow does not read, or, as planes of 16 bits, misreads; and one whose alpha is nothing, which
        // it takes at its word. Another test says what these are the same as.
        "alpha-of-nothing.bmp",
        "animated-interlaced-16.png",
        // Pillow paints the background, browsers do not.
        "overhang.gif",
        "rgba-16-planes.tif",
        "runs-with-steps.bmp",
    ];
    // Chroma at a quarter of the width is repeated there and interpolated here.
    let coarse =
        ["baseline-410.jpg", "baseline-411.jpg", "baseline-441.jpg", "one-column.jpg", "one-row.jpg"];
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("tests/data/good"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !apart.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    let path = |name: &String| root().join("tests/data/good").join(name);
    let jobs: Vec<_> = names.iter().map(|name| serde_json::json!({ "file": path(name) })).collect();
    let expected = pillow(python, "decoded", &jobs.into())?;
    let mut wrong = Vec::new();
    for (name, expected) in names.iter().zip(&expected) {
        let ours = rgba(&fs::read(path(name))?)?;
        let least = match name {
            _ if coarse.contains(&name.as_str()) => 26.0,
            // Chroma of WebP is interpolated by libwebp in one way there, and here in another.
            _ if name.contains("webp") => 44.0,
            _ if name.contains("444") || name.contains("png") => 50.0,
            // Pillow cuts 16 bits, 5 bits and premultiplied colours off where we round.
            _ if name.contains("-16") || name.contains("-5") || name.contains("premultiplied") => 46.0,
            // Nothing is lost.
            _ if name.ends_with("gif") || name.ends_with("tif") || name.ends_with("bmp") => 90.0,
            _ => 48.0,
        };
        if (ours.0, ours.1) != (expected.0, expected.1) {
            wrong.push(format!("{name}: {} x {} instead of {} x {}", ours.0, ours.1, expected.0, expected.1));
        } else if psnr(&ours, expected) < least {
            wrong.push(format!("{name}: {:.1} dB, less than {least}", psnr(&ours, expected)));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Every frame of every animation, as Pillow shows it.
fn animations(python: &Path) -> Result<(), Failed> {
    let limits = Limits::default();
    let (mut jobs, mut ours, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for entry in fs::read_dir(root().join("tests/data/good"))? {
        let path = entry?.path();
        let file = fs::read(&path)?;
        let header = decode::header(&file, &limits)?;
        // Pillow counts the still picture that is apart as a frame.
        let apart = u32::from(path.ends_with("animated-apart.png"));
        // Pillow does not read a PNG of 16 bits frame by frame.
        if header.frames < 2 || path.ends_with("animated-interlaced-16.png") {
            continue;
        }
        let mut frames = decode::frames(&file, &header, &limits)?;
        for index in 0..header.frames {
            let Some(frame) = frames.next(&|| false)? else { return Err("too few frames".into()) };
            let Pixels::Rgba(rgba) = frame.pixels else { return Err("a frame is not RGBA".into()) };
            jobs.push(serde_json::json!({ "file": path, "frame": index + apart }));
            names.push(format!("{} {index}", path.display()));
            ours.push((header.width, header.height, rgba.data.as_chunks::<4>().0.to_vec()));
        }
    }
    let expected = pillow(python, "animations", &jobs.into())?;
    let mut wrong = Vec::new();
    for ((name, ours), expected) in names.iter().zip(&ours).zip(&expected) {
        // Rounding of half transparent pixels that are laid over each other.
        let least = if name.contains("gif") || name.contains("palette") { 90.0 } else { 46.0 };
        if (ours.0, ours.1) != (expected.0, expected.1) || psnr(ours, expected) < least {
            wrong.push(format!("{name}: {:.1} dB, less than {least}", psnr(ours, expected)));
        }
    }
    if names.len() < 20 {
        wrong.push(format!("{} frames only", names.len()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Renditions of the sample photos against Pillow's Lanczos.
fn renditions(python: &Path) -> Result<(), Failed> {
    let samples = root().join("../../pipelines/media-on-upload/buckets/uploads/incoming");
    let plan = plan(&serde_json::json!([
        { "name": "a", "width": 400, "format": "jpeg", "quality": 90 },
        { "name": "b", "width": 200, "format": "webp", "quality": 90 },
        { "name": "c", "width": 180, "format": "png" },
        { "name": "d", "width": 90, "height": 90, "fit": "cover", "format": "png" },
    ]))?;
    let limits = Limits::default();
    let (mut jobs, mut ours, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut paths = vec![root().join("tests/data/good/rgba-8.png"), root().join("tests/data/good/cmyk.jpg")];
    for photo in [
        "astronaut.jpg",
        "Käffchen am Tresen.jpg",
        "cats/chelsea.png",
        "retina.jpg",
        "space/deep-field.jpg",
        "space/launch.webp",
    ] {
        paths.push(samples.join(photo));
    }
    for path in paths {
        let file = fs::read(&path)?;
        let header = decode::header(&file, &limits)?;
        let (width, height) = header.shown();
        for rendition in plan.render(&file, &header, &limits, &|| false)? {
            let crop = (rendition.name == "d").then(|| {
                let side = f64::from(width.min(height));
                let side = side.max(f64::from(rendition.width.max(rendition.height)));
                let (left, top) = ((f64::from(width) - side) / 2.0, (f64::from(height) - side) / 2.0);
                [
                    left.max(0.0),
                    top.max(0.0),
                    f64::from(width) - left.max(0.0),
                    f64::from(height) - top.max(0.0),
                ]
                .map(|side| side.round() as i64)
            });
            jobs.push(serde_json::json!({
                "file": path, "size": [rendition.width, rendition.height],
                "white": rendition.ext == "jpg", "crop": crop,
            }));
            names.push(format!("{} {}", path.display(), rendition.name));
            ours.push((rendition.name.clone(), rgba(&rendition.bytes)?));
        }
    }
    let expected = pillow(python, "renditions", &jobs.into())?;
    let mut wrong = Vec::new();
    for ((name, (rendition, ours)), expected) in names.iter().zip(&ours).zip(&expected) {
        let (psnr, ssim) = (psnr(ours, expected), ssim(ours, expected));
        let (least_psnr, least_ssim) = match rendition.as_str() {
            "a" | "b" => (30.0, 0.93),
            _ => (38.0, 0.985),
        };
        if psnr < least_psnr || ssim < least_ssim {
            wrong.push(format!("{name}: {psnr:.1} dB, SSIM {ssim:.4}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = env::var("TIDEMILL_REQUIRE_ORACLES").is_ok_and(|value| value == "1");
    let python = if arguments.list { Err("not looked for".to_owned()) } else { venv::python(&[PILLOW]) };
    type Test = fn(&Path) -> Result<(), Failed>;
    let tests: [(&str, Test); 9] = [
        ("pillow_decodes_the_same_pixels", decoded_pixels),
        ("libjpeg_writes_and_we_read_the_same", jpeg::thousands),
        ("pillow_shows_the_same_frames", animations),
        ("pillow_makes_the_same_renditions", renditions),
        ("little_cms_gives_the_same_colours", colours::profiles),
        ("pillow_blurs_alike", finish::blurs),
        ("pillow_lays_the_same_grounds", finish::grounds),
        ("pillow_draws_the_same_marks", finish::marks),
        ("pillow_reads_and_writes_the_same_exif", finish::exif_blocks),
    ];
    let trials = tests.into_iter().map(|(name, test)| match &python {
        Ok(python) => {
            let python = python.clone();
            Trial::test(name, move || test(&python))
        }
        Err(reason) if required => {
            let reason = reason.clone();
            Trial::test(name, move || Err(format!("required, and missing: {reason}").into()))
        }
        Err(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
