//! Thousands of JPEG files that libjpeg-turbo writes by way of Pillow, as it and we read them.
//!
//! Sizes of 1 to 70 pixels a side, grey, every subsampling that Pillow has, inks, baseline and progressive,
//! tables from finest to coarsest and at random, with and without restart intervals. Planes are compared where
//! both have the same: luma always, chroma and inks where they are not interpolated.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use tidemill_image::Limits;
use tidemill_image::decode::{self, Shrink};
use tidemill_image::pixels::Pixels;

const SCRIPT: &str = r#"
import io, random, struct, sys
from PIL import Image
random.seed(5)
out = open(sys.argv[1], "wb")
for index in range(3000):
    width, height = random.randint(1, 70), random.randint(1, 70)
    mode = random.choice(["L", "RGB", "RGB", "RGB", "CMYK"])
    coarse = (max(1, width // random.randint(1, 12)), max(1, height // random.randint(1, 12)))
    image = Image.frombytes(mode, coarse, random.randbytes(coarse[0] * coarse[1] * len(mode)))
    image = image.resize((width, height), random.choice([Image.NEAREST, Image.BICUBIC]))
    options = {"progressive": random.random() < 0.4, "optimize": random.random() < 0.5}
    subsampling = 0
    if random.random() < 0.2:
        options["qtables"] = [[random.randint(1, random.choice([3, 40, 255])) for _ in range(64)] for _ in range(2)]
    else:
        options["quality"] = random.randint(1, 100)
    if mode == "RGB":
        subsampling = options["subsampling"] = random.choice([0, 1, 2])
    interval = random.choice(["", "", "restart_marker_blocks", "restart_marker_rows"])
    if interval:
        options[interval] = random.randint(1, 9)
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    image = Image.open(file)
    if mode == "RGB":
        image.draft("YCbCr", image.size)
    planes = [plane.tobytes() for plane in image.split()][:1 if subsampling else 4]
    data = file.getvalue()
    out.write(struct.pack("<IIII", len(data), width, height, len(planes)) + data + b"".join(planes))
"#;

fn planes(file: &[u8]) -> Result<(usize, usize, Vec<Vec<u8>>), Failed> {
    let limits = Limits::default();
    let header = decode::header(file, &limits)?;
    Ok(match decode::decode(file, &header, &limits, Shrink::None, &|| false)? {
        Pixels::Grey(plane) => (plane.width, plane.height, vec![plane.data]),
        Pixels::Ycc(planes) => {
            (planes[0].width, planes[0].height, planes.iter().map(|plane| plane.data.clone()).collect())
        }
        Pixels::Cmyk(inks) => {
            let ink = |ink: usize| inks.data.as_chunks::<4>().0.iter().map(|pixel| pixel[ink]).collect();
            (inks.width, inks.height, (0..4).map(ink).collect())
        }
        other => return Err(format!("{other:?}").into()),
    })
}

/// Every file that libjpeg-turbo writes, to within what two exact transforms may differ by in rounding.
pub(crate) fn thousands(python: &Path) -> Result<(), Failed> {
    let path = super::venv::folder().join("jpeg-thousands");
    if !Command::new(python).args(["-c", SCRIPT]).arg(&path).status()?.success() {
        return Err("the script failed".into());
    }
    let all = fs::read(path)?;
    let mut rest = &all[..];
    let (mut files, mut samples, mut apart) = (0, 0u64, 0u64);
    while let Some((head, after)) = rest.split_first_chunk::<16>() {
        let [length, width, height, count] = std::array::from_fn(|field| {
            u32::from_le_bytes(std::array::from_fn(|byte| head[field * 4 + byte])) as usize
        });
        let (file, after) = after.split_at(length);
        let (theirs, after) = after.split_at(width * height * count);
        rest = after;
        let (w, h, ours) = planes(file).map_err(|error| format!("file {files}: {error:?}"))?;
        if (w, h) != (width, height) {
            return Err(format!("file {files}: {w} x {h} instead of {width} x {height}").into());
        }
        for (index, (ours, theirs)) in ours.iter().zip(theirs.chunks(width * height)).enumerate() {
            for (at, (a, b)) in ours.iter().zip(theirs).enumerate() {
                if a.abs_diff(*b) > 1 {
                    return Err(
                        format!("file {files}, plane {index}, sample {at}: {a} instead of {b}").into()
                    );
                }
                apart += u64::from(a != b);
                samples += 1;
            }
        }
        files += 1;
    }
    if files != 3000 || samples == 0 {
        return Err(format!("{files} files").into());
    }
    // Both round to the nearest: few samples lie so near the middle that they do it differently.
    if apart * 20 > samples {
        return Err(format!("{apart} of {samples} samples differ").into());
    }
    Ok(())
}
