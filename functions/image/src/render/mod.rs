//! One decode, then every rendition: the cascade, colours, turning, finishing, encoding.
//!
//! The picture is turned late, when it is small.

#[cfg(feature = "webp")]
mod animate;
mod finish;
mod geometry;
mod layout;

use std::sync::Arc;

use tidemill_core::ConfigError;

use crate::colour::{self, Profile, Space};
use crate::config::{Config, Format, Keep, RenditionConfig};
use crate::decode::{self, Header, megapixels};
use crate::encode::{self, Metadata, Settings, Unwritten};
use crate::exif;
use crate::finish::watermark::Watermark;
use crate::info;
use crate::limits::Limits;
use crate::pixels::Pixels;
use crate::reject::{Failure, Reject};
use crate::resample::Resampler;
pub(crate) use geometry::canvas;
pub(crate) use layout::{Layout, Level};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Plan {
    renditions: Vec<RenditionPlan>,
    keep: Vec<Keep>,
}

/// A rendition, and what was prepared for it.
#[derive(Clone, Debug)]
pub(crate) struct RenditionPlan {
    pub(crate) config: RenditionConfig,
    pub(crate) watermark: Option<Arc<Watermark>>,
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

/// What all renditions of one picture share.
struct Picture<'a> {
    header: &'a Header,
    /// The bytes of its file.
    bytes: u64,
    /// How its colours become sRGB, if there is anything to do.
    profile: Option<Profile>,
    /// The profile that its renditions keep.
    kept_icc: Option<&'a [u8]>,
    /// The Exif block that its renditions keep.
    kept_exif: Option<Vec<u8>>,
}

impl Plan {
    /// Checks a configuration: all that is wrong with it at once, or a plan.
    pub fn check(config: &Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = config.check();
        let mut renditions = Vec::new();
        for (index, config) in config.renditions.iter().enumerate() {
            let watermark = config.watermark.as_ref().map(Watermark::prepare).transpose();
            match watermark {
                Ok(watermark) => {
                    let watermark = watermark.map(Arc::new);
                    renditions.push(RenditionPlan { config: config.clone(), watermark });
                }
                Err(message) => errors.push(ConfigError {
                    pointer: format!("/renditions/{index}/watermark"),
                    message,
                    hint: None,
                }),
            }
        }
        if errors.is_empty() { Ok(Self { renditions, keep: config.keep.clone() }) } else { Err(errors) }
    }

    pub(crate) fn renditions(&self) -> &[RenditionPlan] {
        &self.renditions
    }

    /// Whether a picture's colours are converted, or may be: only a whole file tells for certain.
    pub(crate) fn converts(&self, header: &Header) -> bool {
        let keeps = self.keep.contains(&Keep::Icc) && header.space() != Space::Cmyk;
        !keeps && (header.managed || header.unread.icc)
    }

    /// The levels of the renditions that show one frame.
    pub(crate) fn still(&self, header: &Header) -> Layout {
        self.layout(header, false)
    }

    /// The levels of the renditions that show all frames of a picture that has more than one.
    pub(crate) fn moving(&self, header: &Header) -> Layout {
        self.layout(header, true)
    }

    fn layout(&self, header: &Header, moving: bool) -> Layout {
        let animated = header.frames > 1 || header.unread.frames;
        let configs = self.renditions.iter().map(|rendition| &rendition.config).enumerate();
        let chosen = configs.filter(|(_, rendition)| (animated && rendition.moves()) == moving);
        Layout::new(chosen, header, self.converts(header))
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
        let (still, moving) = (self.still(header), self.moving(header));
        self.check_sizes(header, &still, limits)?;
        self.check_sizes(header, &moving, limits)?;
        let picture = self.picture(data, header);
        let mut files: Vec<Option<Vec<u8>>> = self.renditions.iter().map(|_| None).collect();
        self.render_still(data, &picture, &still, limits, stop, &mut files)?;
        // Nothing else moves, and a configuration that asks for it was refused.
        #[cfg(feature = "webp")]
        self.render_moving(data, &picture, &moving, limits, stop, &mut files)?;
        let levels = || still.levels.iter().chain(&moving.levels);
        let finished = self.renditions.iter().zip(files).enumerate().map(|(index, (rendition, bytes))| {
            let config = &rendition.config;
            let level = levels().find(|level| level.renditions.contains(&index));
            // None is left out in silence: an animation whose file tells of frames may give none.
            let (Some(level), Some(bytes)) = (level, bytes) else {
                let reason = "the file has no frame that can be shown".to_owned();
                return Err(Reject::Rendition { name: config.name.clone(), reason }.into());
            };
            let (width, height) = match config.format {
                Format::Info => header.shown(),
                _ => canvas(config, header.orientation.swap(level.size)),
            };
            Ok(Rendition {
                name: config.name.clone(),
                media_type: config.format.media_type(),
                ext: config.format.ext(),
                bytes,
                width,
                height,
            })
        });
        finished.collect()
    }

    fn picture<'a>(&self, data: &[u8], header: &'a Header) -> Picture<'a> {
        let icc = header.icc.as_deref();
        let profile =
            if self.converts(header) { icc.and_then(|icc| Profile::read(icc, header.space())) } else { None };
        let keeps = |what| self.keep.contains(&what);
        Picture {
            header,
            bytes: data.len() as u64,
            profile,
            kept_icc: icc.filter(|_| keeps(Keep::Icc)),
            kept_exif: header.exif.as_deref().filter(|_| keeps(Keep::Copyright)).and_then(exif::copyright),
        }
    }

    fn render_still(
        &self,
        data: &[u8],
        picture: &Picture<'_>,
        layout: &Layout,
        limits: &Limits,
        stop: &dyn Fn() -> bool,
        files: &mut [Option<Vec<u8>>],
    ) -> Result<(), Failure> {
        if layout.levels.is_empty() {
            return Ok(());
        }
        let header = picture.header;
        let mut original = Some(decode::decode(data, header, limits, layout.shrink, stop)?);
        let mut resampler = Resampler::new();
        let mut made: Vec<Option<Pixels>> = Vec::new();
        for (index, level) in layout.levels.iter().enumerate() {
            if stop() {
                return Err(Failure::Stopped);
            }
            let pixels = match level.parent {
                // What a later level needs is kept until then, so it is here.
                Some(parent) => made[parent].as_ref().map(|parent| resample(&mut resampler, parent, level)),
                None => original.as_ref().map(|original| {
                    colour::to_srgb(resample(&mut resampler, original, level), picture.profile.as_ref())
                }),
            };
            let Some(pixels) = pixels else { continue };
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
                let plan = &self.renditions[*rendition];
                let file = if plan.config.format == Format::Info {
                    info::document(header, picture.bytes, &turned)
                } else {
                    let finished = finish::finish(&turned, plan);
                    write(&finished, &plan.config, &picture.metadata(finished.space()), stop)?
                };
                files[*rendition] = Some(file);
            }
            drop(turned);
            let later = layout.last_use(Some(index)).is_some();
            made.push(later.then_some(pixels));
        }
        Ok(())
    }

    /// Refuses what a format or a limit does not allow, before anything is decoded.
    fn check_sizes(&self, header: &Header, layout: &Layout, limits: &Limits) -> Result<(), Reject> {
        for level in &layout.levels {
            for rendition in level.renditions.iter().map(|index| &self.renditions[*index].config) {
                let (width, height) = canvas(rendition, header.orientation.swap(level.size));
                let pixels = u64::from(width) * u64::from(height);
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

impl Picture<'_> {
    /// What is written beside samples of a space. A profile of others, such as one of colours beside what has
    /// become grey, would mislead.
    fn metadata(&self, space: Space) -> Metadata<'_> {
        let icc = self.kept_icc.filter(|icc| colour::space_of(icc) == Some(space));
        Metadata { icc, exif: self.kept_exif.as_deref() }
    }
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

fn settings(rendition: &RenditionConfig) -> Settings {
    let RenditionConfig { lossless, progressive, .. } = *rendition;
    Settings { quality: rendition.quality(), lossless, progressive }
}

fn write(
    pixels: &Pixels,
    rendition: &RenditionConfig,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Failure> {
    let settings = settings(rendition);
    let written = match rendition.format {
        #[cfg(feature = "jpeg")]
        Format::Jpeg => encode::jpeg(pixels, &settings, metadata, stop),
        #[cfg(feature = "webp")]
        Format::Webp => encode::webp(pixels, &settings, metadata, stop),
        #[cfg(feature = "png")]
        Format::Png => encode::png(pixels, &settings, metadata, stop),
        #[cfg(feature = "avif")]
        Format::Avif => encode::avif(pixels, &settings, metadata, stop),
        format => Err(Unwritten::Impossible(format!("this build cannot write {}", format.media_type()))),
    };
    written.map_err(|unwritten| failure(unwritten, rendition))
}

fn failure(unwritten: Unwritten, rendition: &RenditionConfig) -> Failure {
    match unwritten {
        Unwritten::Stopped => Failure::Stopped,
        Unwritten::Impossible(reason) => {
            Failure::Rejected(Reject::Rendition { name: rendition.name.clone(), reason })
        }
    }
}
