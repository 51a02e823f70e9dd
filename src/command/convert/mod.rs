//! `tidemill convert`.

mod options;

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use tidemill_image::config::{Config, Format};
use tidemill_image::{Failure as Undone, Limits, Plan, Reject, decode};

use self::options::Options;
use crate::failure::{Ending, Failure};
use crate::human::clean;
use crate::pictures::{is_standard, read, rejected};
use crate::place::show;
use crate::{files, human, say};

const EXAMPLES: &str = "\
Examples:
  tidemill convert in.jpg out.webp --width 800
  tidemill convert in.png square.jpg --width 256 --height 256 --fit cover --gravity north
  tidemill convert logo.png card.jpg --width 600 --height 315 --fit contain --background '#f4f4f4'
  tidemill convert in.tif out.jpg --progressive --keep copyright --watermark-text '© Me'
  tidemill convert in.gif out.webp
  tidemill convert in.jpg info.json
  tidemill convert - - --format webp < in.jpg > out.webp

The output's extension says the format: jpg, webp, png, avif, or json for what is known of the picture.
Pictures are turned as their Exif says, colours are converted to sRGB, metadata is left out, and nothing is
enlarged unless --enlarge says so.";

/// Convert one image, without a pipeline
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The image; - for stdin
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where to write; - for stdout
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The format, if the output's extension does not say it
    #[arg(long, value_parser = formats())]
    format: Option<Format>,
    #[command(flatten)]
    options: Options,
    /// How large a picture may be, in millions of pixels
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    megapixels: u64,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["jpeg", "webp", "png", "avif", "info"])
        .try_map(|word| serde_json::from_value::<Format>(word.into()))
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
    let rejected = |reject: &Reject| rejected(&args.input, &data, reject);
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
        Some(format) => format,
        None => format_of(&args.output)?,
    };
    let rendition = args.options.rendition(format)?;
    let keep = args.options.keep();
    Plan::check(&Config { renditions: vec![rendition], keep }).map_err(|errors| {
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
    let hint = "name the output .jpg, .webp, .png, .avif or .json, or add --format";
    if is_standard(path) {
        return Err(Failure::usage("stdout has no extension that says the format")
            .hint("add --format jpeg, webp, png, avif or info"));
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        Some("jpg" | "jpeg" | "jpe" | "jfif") => Ok(Format::Jpeg),
        Some("webp") => Ok(Format::Webp),
        Some("png") => Ok(Format::Png),
        Some("avif") => Ok(Format::Avif),
        Some("json") => Ok(Format::Info),
        Some(other) => {
            Err(Failure::usage(format!("no format that can be written has the extension .{}", clean(other)))
                .hint(hint))
        }
        None => {
            Err(Failure::usage(format!("`{}` has no extension that says the format", show(path))).hint(hint))
        }
    }
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
