//! Profiles, against Little CMS as Pillow brings it: perceptual intent, into its own sRGB.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

use crate::{Picture, pillow_pictures, psnr, rgba, root, venv};

/// Each argument is a file; RGBA comes out.
const SCRIPT: &str = r#"
import io, sys
from PIL import Image, ImageCms
out, files = sys.argv[1], sys.argv[2:]
srgb = ImageCms.createProfile("sRGB")
for index, file in enumerate(files):
    image = Image.open(file)
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        converted = ImageCms.profileToProfile(image, profile, srgb, renderingIntent=0, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        converted = image.convert("RGB")
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    converted = converted.convert("RGBA")
    with open(f"{out}/{index}", "wb") as file:
        file.write(b"%d %d\n" % converted.size + converted.tobytes())
"#;

/// Every sample in `data/colour`, whatever its profile is.
pub(crate) fn profiles(python: &Path) -> Result<(), Failed> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("tests/data/colour"))? {
        files.push(entry?.path());
    }
    files.sort();
    let out = venv::folder().join("out-colours");
    fs::create_dir_all(&out)?;
    let done = Command::new(python)
        .args(["-c", SCRIPT])
        .arg(&out)
        .args(&files)
        .stdin(Stdio::null())
        .status()?
        .success();
    if !done {
        return Err("the script failed".into());
    }
    let expected = pillow_pictures(&out, files.len())?;
    let mut wrong = Vec::new();
    for (file, expected) in files.iter().zip(&expected) {
        let ours = rgba(&fs::read(file)?)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // Inks are interpolated in tetrahedra there and in cubes here, and chroma of half the size each in its own
        // way: an edge of two colours shows it.
        let (least, most) = match &*name {
            _ if name.starts_with("inks") => (50.0, 8),
            "p3.jpg" => (46.0, 32),
            _ => (58.0, 2),
        };
        let (psnr, worst) = (psnr(&ours, expected), worst(&ours, expected));
        if psnr < least || worst > most {
            wrong.push(format!("{name}: {psnr:.1} dB of {least}, {worst} steps of {most}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// The largest difference of a sample that can be seen.
fn worst(a: &Picture, b: &Picture) -> u8 {
    let pixels = a.2.iter().zip(&b.2).filter(|(a, _)| a[3] > 0);
    pixels.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b))).max().unwrap_or(0)
}
