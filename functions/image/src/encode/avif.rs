//! AVIF (AV1 Image File Format 1.1): colours, and transparency as a picture of its own, by rav1e.
//!
//! rav1e is built without assembler and without threads, and a picture is one tile unless it is larger than the
//! standard lets a tile be: the bytes depend on the pixels alone. (One of its numbers, the weight of bits
//! against distortion, comes from the system's `exp`. Were its last bit another, a choice would change only
//! where two costs agree to fifteen digits.)

use avif_serialize::Aviffy;
use avif_serialize::constants::MatrixCoefficients;
use rav1e::config::SpeedSettings;
use rav1e::prelude::{
    ChromaSampling, ColorDescription, ColorPrimaries, Config, Context, EncoderConfig, EncoderStatus,
    MatrixCoefficients as Matrix, PixelRange, Rational, SceneDetectionSpeed, TransferCharacteristics,
};

use super::{Metadata, Settings, Unwritten, halved, impossible};
use crate::colour;
use crate::pixels::{Packed, Pixels, Plane, separate};

/// AVIF of 8 bits, lossy. Chroma planes have half the luma's size. A profile cannot be carried.
pub(crate) fn avif(
    pixels: &Pixels,
    settings: &Settings,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    if metadata.icc.is_some() {
        return Err(Unwritten::Impossible("AVIF is written without colour profiles".to_owned()));
    }
    let quality = settings.quality;
    match pixels {
        Pixels::Grey(grey) => write(std::slice::from_ref(grey), None, quality, metadata, stop),
        Pixels::Ycc(planes) => write(&halved(planes)?[..], None, quality, metadata, stop),
        Pixels::Rgb(rgb) => write(&separate::<3>(rgb), None, quality, metadata, stop),
        Pixels::Rgba(rgba) => {
            let (colours, alpha) = apart(rgba);
            let alpha = alpha.data.iter().any(|alpha| *alpha < 255).then_some(&alpha);
            write(&separate::<3>(&colours), alpha, quality, metadata, stop)
        }
        Pixels::Cmyk(cmyk) => write(&separate::<3>(&colour::paper(cmyk)), None, quality, metadata, stop),
    }
}

/// A picture of one plane or of three, and its transparency, as a file.
fn write(
    planes: &[Plane],
    alpha: Option<&Plane>,
    quality: u8,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    let quantizer = quantizer(quality);
    // Edges of transparency show more than their size tells.
    let alpha = alpha.map(|alpha| bitstream(std::slice::from_ref(alpha), quantizer / 2, stop)).transpose()?;
    let colours = bitstream(planes, quantizer, stop)?;
    if stop() {
        return Err(Unwritten::Stopped);
    }
    let (width, height) = (planes[0].width as u32, planes[0].height as u32);
    let mut file = Aviffy::new();
    file.set_width(width).set_height(height).set_bit_depth(8).set_seq_profile(0);
    file.set_chroma_subsampling((true, true)).set_monochrome(planes.len() == 1);
    file.set_matrix_coefficients(MatrixCoefficients::Bt601);
    if let Some(exif) = metadata.exif {
        file.set_exif(exif.to_vec());
    }
    let mut out = Vec::new();
    file.write_slice(&mut out, &colours, alpha.as_deref()).map_err(|error| impossible(&error))?;
    Ok(out)
}

/// The quantiser at every tenth of quality from 0, such that the same number means about the same as in JPEG:
/// see "AVIF against sharp" in benches/README.md for how they were found.
const QUANTIZERS: [u8; 11] = [250, 228, 201, 179, 157, 143, 129, 109, 80, 35, 6];

fn quantizer(quality: u8) -> u8 {
    let quality = u32::from(quality.clamp(1, 100));
    let at = (quality / 10) as usize;
    let (low, part) = (u32::from(QUANTIZERS[at]), quality % 10);
    let high = u32::from(QUANTIZERS[(at + 1).min(10)]);
    ((low * (10 - part) + high * part + 5) / 10) as u8
}

/// Where measurement has put the fixed speed: see "AVIF against sharp" in benches/README.md.
fn speed() -> SpeedSettings {
    let mut speed = SpeedSettings::from_preset(9);
    speed.scene_detection_mode = SceneDetectionSpeed::None;
    speed.rdo_lookahead_frames = 1;
    speed.multiref = false;
    // A tenth of the time, and nothing that can be measured.
    speed.cdef = false;
    // A fifth of the time for 3 % of the bytes.
    speed.prediction.fine_directional_intra = false;
    speed
}

/// One picture in AV1: luma alone, or with two planes of half the size.
fn bitstream(planes: &[Plane], quantizer: u8, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten> {
    let size = (planes[0].width, planes[0].height);
    if stop() {
        return Err(Unwritten::Stopped);
    }
    let colour = planes.len() > 1;
    let config = EncoderConfig {
        width: size.0,
        height: size.1,
        time_base: Rational::new(1, 1),
        bit_depth: 8,
        chroma_sampling: if colour { ChromaSampling::Cs420 } else { ChromaSampling::Cs400 },
        pixel_range: PixelRange::Full,
        color_description: Some(ColorDescription {
            color_primaries: ColorPrimaries::BT709,
            transfer_characteristics: TransferCharacteristics::SRGB,
            matrix_coefficients: Matrix::BT601,
        }),
        still_picture: true,
        min_key_frame_interval: 0,
        max_key_frame_interval: 0,
        quantizer: usize::from(quantizer),
        min_quantizer: quantizer,
        tiles: 1,
        speed_settings: speed(),
        ..EncoderConfig::default()
    };
    let config = Config::new().with_encoder_config(config).with_threads(1);
    let mut context: Context<u8> = config.new_context().map_err(|error| impossible(&error))?;
    let mut frame = context.new_frame();
    for (plane, into) in planes.iter().zip(&mut frame.planes) {
        into.copy_from_raw_u8(&plane.data, plane.width, 1);
    }
    context.send_frame(frame).map_err(|error| impossible(&error))?;
    context.flush();
    let mut out = Vec::new();
    loop {
        match context.receive_packet() {
            Ok(packet) => out.extend(packet.data),
            Err(EncoderStatus::Encoded) => {}
            Err(EncoderStatus::LimitReached) => return Ok(out),
            Err(error) => return Err(impossible(&error)),
        }
    }
}

/// Colours and alpha. What is wholly transparent takes on a colour nearby, block by block: its own is not seen,
/// and would cost bits and bleed into what is.
fn apart(rgba: &Packed) -> (Packed, Plane) {
    const BLOCK: usize = 8;
    let (width, height, scale) = (rgba.width, rgba.height, rgba.scale);
    let pixels = rgba.data.as_chunks::<4>().0;
    let mut colours = Vec::with_capacity(pixels.len() * 3);
    let mut fills = vec![[0u8; 3]; width.div_ceil(BLOCK)];
    for (y, row) in pixels.chunks_exact(width).enumerate() {
        if y % BLOCK == 0 {
            let mut last = [255; 3];
            for (block, fill) in fills.iter_mut().enumerate() {
                let rows = pixels[y * width..].chunks_exact(width).take(BLOCK);
                let seen =
                    rows.flat_map(|row| row.iter().skip(block * BLOCK).take(BLOCK)).filter(|p| p[3] > 0);
                let (mut sum, mut count) = ([0u32; 3], 0);
                for pixel in seen {
                    count += 1;
                    for (sum, sample) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*sample);
                    }
                }
                if count > 0 {
                    last = sum.map(|sum| ((sum + count / 2) / count) as u8);
                }
                *fill = last;
            }
        }
        for (x, [r, g, b, alpha]) in row.iter().enumerate() {
            colours.extend(if *alpha == 0 { fills[x / BLOCK] } else { [*r, *g, *b] });
        }
    }
    let alpha = pixels.iter().map(|pixel| pixel[3]).collect();
    (Packed { width, height, scale, data: colours }, Plane { width, height, scale, data: alpha })
}
