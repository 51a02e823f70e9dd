//! One decode, then every rendition: sizes, crops, the cascade, turning, encoding.
//!
//! The plan of a picture is a list of levels, largest first. A level is a size and a crop; renditions of the
//! same level share it. A level is resampled from the smallest earlier level that still has twice its size
//! across and down, which is what Lanczos needs to look as if it came from the original; else from the
//! original. The picture is turned last, when it is small.

use serde::Serialize;

use tidemill_core::ConfigError;

use crate::colour;
use crate::config::{Config, DEFAULT_QUALITY, Fit, Format, RenditionConfig};
use crate::decode::{self, Header, Shrink, megapixels};
use crate::encode::{self, Unwritten};
use crate::limits::Limits;
use crate::pixels::Pixels;
use crate::reject::{Failure, Reject};
use crate::resample::{Crop, Resampler};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Plan {
    renditions: Vec<RenditionConfig>,
}

/// One finished output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// The name from the configuration.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its extension, without the dot.
    pub ext: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
    /// Its width as shown; of an info rendition, that of the original.
    pub width: u32,
    /// Its height as shown; of an info rendition, that of the original.
    pub height: u32,
}

/// What an info rendition holds.
#[derive(Serialize)]
struct Info<'a> {
    width: u32,
    height: u32,
    format: &'a str,
    orientation: u8,
    bytes: u64,
}

/// A size and a crop that one or more renditions have, in the picture's stored orientation.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) crop: Crop,
    pub(crate) size: (u32, u32),
    /// Whether chroma is kept at full size (for PNG) or at half (for JPEG and WebP).
    pub(crate) full_chroma: bool,
    /// The earlier level that it is made from.
    pub(crate) parent: Option<usize>,
    /// Indices of its renditions.
    pub(crate) renditions: Vec<usize>,
}

/// How a picture becomes its renditions.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) shrink: Shrink,
    pub(crate) levels: Vec<Level>,
}

impl Layout {
    /// The last level that needs what `parent` names.
    pub(crate) fn last_use(&self, parent: Option<usize>) -> Option<usize> {
        self.levels.iter().rposition(|level| level.parent == parent)
    }
}

/// What is asked of Lanczos at most: a source of twice the size, give or take the rounding of a side.
const CASCADE: f64 = 1.95;

impl Plan {
    /// Checks a configuration: all that is wrong with it at once, or a plan.
    pub fn check(config: &Config) -> Result<Self, Vec<ConfigError>> {
        let errors = config.check();
        if errors.is_empty() { Ok(Self { renditions: config.renditions.clone() }) } else { Err(errors) }
    }

    pub(crate) fn renditions(&self) -> &[RenditionConfig] {
        &self.renditions
    }

    pub(crate) fn layout(&self, header: &Header) -> Layout {
        let mut levels: Vec<Level> = Vec::new();
        for (index, rendition) in self.renditions.iter().enumerate() {
            if rendition.format == Format::Info {
                continue;
            }
            let (crop, size) = geometry(rendition, header);
            let full_chroma = rendition.format == Format::Png;
            let same = |level: &&mut Level| {
                level.crop == crop && level.size == size && level.full_chroma == full_chroma
            };
            match levels.iter_mut().find(same) {
                Some(level) => level.renditions.push(index),
                None => levels.push(Level { crop, size, full_chroma, parent: None, renditions: vec![index] }),
            }
        }
        let area = |level: &Level| u64::from(level.size.0) * u64::from(level.size.1);
        levels.sort_by_key(|level| std::cmp::Reverse(area(level)));
        let whole = (f64::from(header.width), f64::from(header.height));
        for index in 1..levels.len() {
            let (earlier, level) = (&levels[..index], &levels[index]);
            let fits = |parent: &Level| {
                // How much of the parent the level's crop has, against the level's own size.
                let across = level.crop.width / whole.0 * f64::from(parent.size.0) / f64::from(level.size.0);
                let down = level.crop.height / whole.1 * f64::from(parent.size.1) / f64::from(level.size.1);
                (parent.crop.width, parent.crop.height) == whole && across >= CASCADE && down >= CASCADE
            };
            levels[index].parent = earlier.iter().rposition(fits);
        }
        // Half size may be decoded as soon as the largest level has half the picture's size; less only where
        // a factor of two is left to the resampler, or it would show.
        let ratio = levels
            .iter()
            .filter(|level| level.parent.is_none())
            .map(|level| {
                let across = level.crop.width / f64::from(level.size.0);
                across.min(level.crop.height / f64::from(level.size.1))
            })
            .fold(f64::INFINITY, f64::min);
        let shrink = match ratio {
            _ if levels.is_empty() => Shrink::None,
            16.0.. => Shrink::Eighth,
            8.0.. => Shrink::Quarter,
            2.0.. => Shrink::Half,
            _ => Shrink::None,
        };
        Layout { shrink, levels }
    }

    /// Makes every rendition of one file, in the order of the configuration.
    ///
    /// `header` is what [`decode::header`] told of the same bytes. `stop` is asked often; once it says yes,
    /// the answer is [`Failure::Stopped`]. The same input gives the same bytes, always and everywhere.
    pub fn render(
        &self,
        data: &[u8],
        header: &Header,
        limits: &Limits,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Rendition>, Failure> {
        let layout = self.layout(header);
        self.check_sizes(header, &layout, limits)?;
        let mut files: Vec<Option<Vec<u8>>> = self.renditions.iter().map(|_| None).collect();
        if !layout.levels.is_empty() {
            let mut original = Some(decode::decode(data, header, limits, layout.shrink, stop)?);
            let mut resampler = Resampler::new();
            let mut made: Vec<Option<Pixels>> = Vec::new();
            for (index, level) in layout.levels.iter().enumerate() {
                if stop() {
                    return Err(Failure::Stopped);
                }
                let source = match level.parent {
                    Some(parent) => made[parent].as_ref(),
                    None => original.as_ref(),
                };
                // What a later level needs is kept until then, so it is here.
                let Some(source) = source else { continue };
                let pixels = colour::to_srgb(resample(&mut resampler, source, level));
                if layout.last_use(None) == Some(index) {
                    original = None;
                }
                for (parent, pixels) in made.iter_mut().enumerate() {
                    if layout.last_use(Some(parent)) == Some(index) {
                        *pixels = None;
                    }
                }
                let turned = encode::turn(&pixels, header.orientation);
                for rendition in &level.renditions {
                    let file = write(&turned, &self.renditions[*rendition], stop)?;
                    files[*rendition] = Some(file);
                }
                drop(turned);
                let later = layout.last_use(Some(index)).is_some();
                made.push(later.then_some(pixels));
            }
        }
        let (width, height) = header.shown();
        let info = || {
            let format = header.kind.name().to_ascii_lowercase();
            let orientation = header.orientation.tag();
            let info = Info { width, height, format: &format, orientation, bytes: data.len() as u64 };
            serde_json::to_vec(&info).unwrap_or_default()
        };
        let finished = self.renditions.iter().enumerate().map(|(index, rendition)| {
            let (width, height) = layout
                .levels
                .iter()
                .find(|level| level.renditions.contains(&index))
                .map_or((width, height), |level| header.orientation.swap(level.size));
            Rendition {
                name: rendition.name.clone(),
                media_type: rendition.format.media_type(),
                ext: rendition.format.ext(),
                bytes: files[index].take().unwrap_or_else(info),
                width,
                height,
            }
        });
        Ok(finished.collect())
    }

    /// Refuses what a format or a limit does not allow, before anything is decoded.
    fn check_sizes(&self, header: &Header, layout: &Layout, limits: &Limits) -> Result<(), Reject> {
        for level in &layout.levels {
            let (width, height) = header.orientation.swap(level.size);
            let pixels = u64::from(width) * u64::from(height);
            for rendition in level.renditions.iter().map(|index| &self.renditions[*index]) {
                let longest = rendition.format.longest_side();
                let name = || rendition.name.clone();
                if width.max(height) > longest {
                    let reason = format!(
                        "it would have {width} x {height} pixels, and {} ends at {longest} a side",
                        rendition.format.media_type()
                    );
                    return Err(Reject::Rendition { name: name(), reason });
                }
                if pixels > limits.output_pixels {
                    let reason = format!(
                        "its {width} x {height} pixels are {} megapixels, the limit is {}",
                        megapixels(pixels),
                        megapixels(limits.output_pixels)
                    );
                    return Err(Reject::Rendition { name: name(), reason });
                }
            }
        }
        Ok(())
    }
}

/// The part of the picture that a rendition shows and its size, both in the stored orientation.
fn geometry(rendition: &RenditionConfig, header: &Header) -> (Crop, (u32, u32)) {
    let (shown_width, shown_height) = header.shown();
    let (width, height) = (f64::from(shown_width), f64::from(shown_height));
    let across = rendition.width.map(|side| f64::from(side) / width);
    let down = rendition.height.map(|side| f64::from(side) / height);
    let side = |pixels: f64, most: u32| (pixels.round() as u32).clamp(1, most);
    let fit = rendition.fit.unwrap_or_default();
    let (crop, size) = if let (Fit::Cover, Some(across), Some(down)) = (fit, across, down) {
        // The box is filled as far as the picture goes without growing.
        let scale = across.max(down).min(1.0);
        let most = |asked: Option<u32>, whole: u32| asked.unwrap_or(whole).min(whole);
        let size = (
            side(width * scale, most(rendition.width, shown_width)),
            side(height * scale, most(rendition.height, shown_height)),
        );
        let crop_width = (f64::from(size.0) / scale).min(width);
        let crop_height = (f64::from(size.1) / scale).min(height);
        let crop = Crop {
            left: (width - crop_width) / 2.0,
            top: (height - crop_height) / 2.0,
            width: crop_width,
            height: crop_height,
        };
        (crop, size)
    } else {
        let scale = across.unwrap_or(1.0).min(down.unwrap_or(1.0)).min(1.0);
        let size = (
            side(width * scale, rendition.width.unwrap_or(shown_width).min(shown_width)),
            side(height * scale, rendition.height.unwrap_or(shown_height).min(shown_height)),
        );
        (Crop { left: 0.0, top: 0.0, width, height }, size)
    };
    // A centred crop stays centred however the picture is turned.
    let (left, top) = header.orientation.swap((crop.left, crop.top));
    let (width, height) = header.orientation.swap((crop.width, crop.height));
    (Crop { left, top, width, height }, header.orientation.swap(size))
}

fn resample(resampler: &mut Resampler, source: &Pixels, level: &Level) -> Pixels {
    let (crop, size) = (level.crop, level.size);
    let full = (1.0, 1.0);
    match source {
        Pixels::Grey(grey) => Pixels::Grey(resampler.plane(grey, crop, size, full)),
        Pixels::Ycc(planes) => {
            let chroma = if level.full_chroma { full } else { (0.5, 0.5) };
            let [y, cb, cr] = &**planes;
            Pixels::Ycc(Box::new([
                resampler.plane(y, crop, size, full),
                resampler.plane(cb, crop, size, chroma),
                resampler.plane(cr, crop, size, chroma),
            ]))
        }
        Pixels::Rgb(rgb) => Pixels::Rgb(resampler.packed::<3>(rgb, crop, size, false)),
        Pixels::Rgba(rgba) => Pixels::Rgba(resampler.packed::<4>(rgba, crop, size, true)),
        Pixels::Cmyk(cmyk) => Pixels::Cmyk(resampler.packed::<4>(cmyk, crop, size, false)),
    }
}

fn write(pixels: &Pixels, rendition: &RenditionConfig, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Failure> {
    let quality = rendition.quality.unwrap_or(DEFAULT_QUALITY);
    let settings = encode::Settings { quality, lossless: false, progressive: false };
    let metadata = encode::Metadata::default();
    let written = match rendition.format {
        #[cfg(feature = "jpeg")]
        Format::Jpeg => encode::jpeg(pixels, &settings, &metadata, stop),
        #[cfg(feature = "webp")]
        Format::Webp => encode::webp(pixels, &settings, &metadata, stop),
        #[cfg(feature = "png")]
        Format::Png => encode::png(pixels, &settings, &metadata, stop),
        format => {
            let _ = (pixels, settings, metadata, stop);
            Err(Unwritten::Impossible(format!("this build cannot write {}", format.media_type())))
        }
    };
    written.map_err(|unwritten| match unwritten {
        Unwritten::Stopped => Failure::Stopped,
        Unwritten::Impossible(reason) => {
            Failure::Rejected(Reject::Rendition { name: rendition.name.clone(), reason })
        }
    })
}
