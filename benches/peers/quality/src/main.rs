//! SSIMULACRA2 of pictures against a reference, all as binary PPM: `quality REFERENCE.ppm PICTURE.ppm...`
//!
//! One score a line: 100 is the same picture, 90 cannot be told from it, 70 is high quality.

use std::error::Error;
use std::{env, fs};

use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

fn read(path: &str) -> Result<Rgb, Box<dyn Error>> {
    let file = fs::read(path)?;
    let mut parts = file.splitn(4, |byte| *byte == b'\n');
    let mut line = || parts.next().ok_or("the header is too short");
    if line()? != b"P6" {
        return Err("it is no binary PPM".into());
    }
    let size = std::str::from_utf8(line()?)?;
    let (width, height) = size.split_once(' ').ok_or("its size has two numbers")?;
    let (width, height): (usize, usize) = (width.parse()?, height.parse()?);
    line()?;
    let pixels = line()?.as_chunks::<3>().0;
    let pixels: Vec<[f32; 3]> = pixels.iter().map(|pixel| pixel.map(|sample| f32::from(sample) / 255.0)).collect();
    let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
    Ok(Rgb::new(pixels, width.try_into()?, height.try_into()?, transfer, primaries)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = env::args().skip(1);
    let reference = read(&paths.next().ok_or("usage: quality REFERENCE.ppm PICTURE.ppm...")?)?;
    for path in paths {
        println!("{:.3}", compute_frame_ssimulacra2(reference.clone(), read(&path)?)?);
    }
    Ok(())
}
