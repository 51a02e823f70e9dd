//! `tidemill convert`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tidemill_image::config::{Config, Fit, Format, RenditionConfig};
use tidemill_image::{Failure as Undone, Limits, Plan, Reject, decode, sniff};

use crate::failure::{Ending, Failure, why};
use crate::human::clean;
use crate::place::show;
use crate::{files, human, say};

const EXAMPLES: &str = "\
Examples:
  tidemill convert in.jpg out.webp --width 800
  tidemill convert in.png square.jpg --width 256 --height 256 --fit cover --quality 85
  tidemill convert in.jpg info.json
  tidemill convert - - --format webp < in.jpg > out.webp

The output's extension says the format: jpg, webp, png, or json for what is known of the picture.
Pictures are turned as their EXIF says, metadata is left out, and nothing is ever enlarged.";

/// Convert one image, without a pipeline
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The image: JPEG, PNG or WebP; - for stdin
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where to write; - for stdout
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// At most this many pixels wide
    #[arg(long, value_name = "PIXELS")]
    width: Option<u32>,
    /// At most this many pixels high
    #[arg(long, value_name = "PIXELS")]
    height: Option<u32>,
    /// Show all of the picture inside width and height, or cover them and crop [default: inside]
    #[arg(long)]
    fit: Option<FitArg>,
    /// The quality of JPEG and WebP, 1 to 100 [default: 80]
    #[arg(long, value_name = "NUMBER")]
    quality: Option<u8>,
    /// The format, if the output's extension does not say it
    #[arg(long)]
    format: Option<FormatArg>,
    /// How large a picture may be, in millions of pixels
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    megapixels: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FitArg {
    Inside,
    Cover,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArg {
    Jpeg,
    Webp,
    Png,
    Info,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Jpeg => Self::Jpeg,
            FormatArg::Webp => Self::Webp,
            FormatArg::Png => Self::Png,
            FormatArg::Info => Self::Info,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let plan = plan(args)?;
    if same_file(&args.input, &args.output) {
        return Err(Failure::usage(format!("`{}` is the input itself", show(&args.output)))
            .hint("give the output another name"));
    }
    let limits = Limits {
        pixels: args.megapixels * 1_000_000,
        output_pixels: args.megapixels * 1_000_000,
        ..Limits::default()
    };
    let data = read(&args.input, &limits)?;
    let name =
        if is_standard(&args.input) { "the image".to_owned() } else { format!("`{}`", show(&args.input)) };
    let rejected = |reject: &Reject| rejected(&name, reject);
    if sniff::content(&data).is_none() {
        return Err(Failure::new(format!("{name} is no image that is known here"))
            .hint("JPEG, PNG, WebP, GIF, TIFF and BMP can be read"));
    }
    let header = decode::header(&data, &limits).map_err(|reject| rejected(&reject))?;
    let renditions = plan.render(&data, &header, &limits, &|| false).map_err(|undone| match undone {
        Undone::Rejected(reject) => rejected(&reject),
        Undone::Stopped => Failure::new(undone.to_string()),
    })?;
    let Some(rendition) = renditions.first() else {
        return Err(Failure::new("the image function gave nothing"));
    };
    if is_standard(&args.output) {
        say::bytes(&rendition.bytes)?;
        return Ok(Ending::Done);
    }
    files::write(&args.output, &rendition.bytes)?;
    say::talk(&format!(
        "{}: {} x {}, {} -> {}: {} x {}, {}",
        show(&args.input),
        header.shown().0,
        header.shown().1,
        human::bytes(data.len() as u64),
        show(&args.output),
        rendition.width,
        rendition.height,
        human::bytes(rendition.bytes.len() as u64)
    ));
    Ok(Ending::Done)
}

/// The one rendition that is asked for.
fn plan(args: &Args) -> Result<Plan, Failure> {
    let format = match args.format {
        Some(format) => format.into(),
        None => format_of(&args.output)?,
    };
    let rendition = RenditionConfig {
        name: "image".to_owned(),
        format,
        width: args.width,
        height: args.height,
        fit: args.fit.map(|fit| match fit {
            FitArg::Inside => Fit::Inside,
            FitArg::Cover => Fit::Cover,
        }),
        quality: args.quality,
    };
    Plan::check(&Config { renditions: vec![rendition] }).map_err(|errors| {
        let flag = |pointer: &str| format!("--{}", pointer.rsplit('/').next().unwrap_or_default());
        let said: Vec<String> =
            errors.iter().map(|error| format!("{}: {}", flag(&error.pointer), error.message)).collect();
        let failure = Failure::usage(said.join("; "));
        match errors.iter().find_map(|error| error.hint.clone()) {
            Some(hint) => failure.hint(hint),
            None => failure.hint("see `tidemill convert --help`"),
        }
    })
}

fn format_of(path: &Path) -> Result<Format, Failure> {
    if is_standard(path) {
        return Err(Failure::usage("stdout has no extension that says the format")
            .hint("add --format jpeg, webp, png or info"));
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        Some("jpg" | "jpeg" | "jpe" | "jfif") => Ok(Format::Jpeg),
        Some("webp") => Ok(Format::Webp),
        Some("png") => Ok(Format::Png),
        Some("json") => Ok(Format::Info),
        Some(other) => {
            Err(Failure::usage(format!("no format that can be written has the extension .{}", clean(other)))
                .hint("name the output .jpg, .webp, .png or .json, or add --format"))
        }
        None => Err(Failure::usage(format!("`{}` has no extension that says the format", show(path)))
            .hint("name the output .jpg, .webp, .png or .json, or add --format")),
    }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether two paths lead to one file, by whatever links.
fn same_file(input: &Path, output: &Path) -> bool {
    if is_standard(input) || is_standard(output) {
        return false;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let (Ok(a), Ok(b)) = (std::fs::metadata(input), std::fs::metadata(output)) {
            return (a.dev(), a.ino()) == (b.dev(), b.ino());
        }
    }
    matches!((input.canonicalize(), output.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let mut data = Vec::new();
    // One byte more than is allowed tells that it is too much.
    let most = limits.input_bytes + 1;
    let read = if is_standard(path) {
        io::stdin().lock().take(most).read_to_end(&mut data)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut data))
    };
    match read {
        Ok(_) if data.len() as u64 > limits.input_bytes => {
            Err(Failure::new(format!("`{}` has more than {}", show(path), human::bytes(limits.input_bytes)))
                .hint("that is more than an image may have here"))
        }
        Ok(_) => Ok(data),
        Err(error) => {
            let failure = Failure::usage(format!("cannot read `{}`: {}", show(path), why(&error)));
            Err(match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    failure.hint("give yourself the right to read it, and to enter its folder, with `chmod`")
                }
                _ => failure.hint("give the name of an image file, or - for stdin"),
            })
        }
    }
}

fn rejected(name: &str, reject: &Reject) -> Failure {
    let failure = Failure::new(format!("{name}: {}", clean(&reject.to_string())));
    match reject {
        Reject::TooLarge { .. } => failure.hint("if you trust it, allow more with --megapixels"),
        Reject::Unsupported(_) | Reject::NotAnImage { .. } => failure.hint("JPEG, PNG, WebP, GIF, TIFF and BMP can be read"),
        Reject::Rendition { .. } => failure.hint("ask for less with --width, or for another format"),
        _ => failure.hint("it may have been cut off or damaged: fetch it again, or open it elsewhere"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_format() {
        let check = |path: &str, expected: Option<Format>| {
            assert_eq!(format_of(Path::new(path)).ok(), expected, "{path}");
        };
        check("a/b.JPG", Some(Format::Jpeg));
        check("b.c.webp", Some(Format::Webp));
        check("b.png", Some(Format::Png));
        check("b.json", Some(Format::Info));
        for path in ["b", "b.gif", ".png", "-", "b."] {
            check(path, None);
        }
    }
}
