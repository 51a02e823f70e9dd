//! `tidemill probe`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tidemill_image::decode::{self, Header};
use tidemill_image::info::Description;
use tidemill_image::{Limits, exif};

use crate::failure::{Ending, Failure};
use crate::human::{self, clean};
use crate::pictures::{is_standard, read, rejected};
use crate::place::show;
use crate::say;

const EXAMPLES: &str = "\
Examples:
  tidemill probe photo.jpg
  tidemill probe *.webp --json
  tidemill probe - < photo.jpg

Only the header is read: what is broken further on is not noticed.
Exit code 1 if a file cannot be read.";

/// Say what an image is: size, colours, orientation, frames, metadata
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The images; - for stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print one JSON object per image and line
    #[arg(long)]
    json: bool,
}

/// What is said of one file.
#[derive(Serialize)]
struct Probed {
    file: String,
    #[serde(flatten)]
    is: Description,
    /// What a rendition leaves out.
    stripped: Vec<&'static str>,
    /// What `keep` can carry over.
    keepable: Vec<&'static str>,
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let mut ending = Ending::Done;
    for (index, path) in args.files.iter().enumerate() {
        match probe(path) {
            Ok((header, probed)) if !args.json => {
                let gap = if index > 0 { "\n" } else { "" };
                say::data(&format!("{gap}{}", table(&header, &probed)))?;
            }
            Ok((_, probed)) => say::data(&serde_json::to_string(&probed).unwrap_or_default())?,
            Err(failure) => {
                failure.say();
                ending = Ending::Failed;
            }
        }
    }
    Ok(ending)
}

fn probe(path: &Path) -> Result<(Header, Probed), Failure> {
    // Nothing is decoded, so a size can cost nothing.
    let limits = Limits { pixels: u64::MAX, frames: u32::MAX, ..Limits::default() };
    let data = read(path, &limits)?;
    let header = decode::header(&data, &limits).map_err(|reject| rejected(path, &data, &reject))?;
    let block = header.exif.as_deref();
    let mut stripped = Vec::new();
    let mut keepable = Vec::new();
    if block.is_some() {
        stripped.push("exif");
    }
    if block.is_some_and(exif::has_position) {
        stripped.push("gps");
    }
    if block.and_then(exif::copyright).is_some() {
        keepable.push("copyright");
    }
    if header.icc.is_some() {
        stripped.push("icc");
        keepable.push("icc");
    }
    let file = if is_standard(path) { "-".to_owned() } else { show(path) };
    let is = Description::of(&header, data.len() as u64);
    Ok((header, Probed { file, is, stripped, keepable }))
}

/// A person's view of it: what there is to say, line by line.
fn table(header: &Header, probed: &Probed) -> String {
    let is = &probed.is;
    let mut text = probed.file.clone();
    let mut line = |name: &str, value: String| {
        let _ = write!(text, "\n  {name:<12} {value}");
    };
    let form = match (header.progressive, is.sampling) {
        (true, Some(sampling)) => format!(", progressive, {sampling}"),
        (true, None) => ", interlaced".to_owned(),
        (false, Some(sampling)) => format!(", {sampling}"),
        (false, None) => String::new(),
    };
    line("format", format!("{}{form}", header.kind));
    let megapixels = header.pixels() as f64 / 1e6;
    line(
        "size",
        format!("{} x {}, {megapixels:.1} megapixels, {}", is.width, is.height, human::bytes(is.bytes)),
    );
    line(
        "orientation",
        match is.orientation {
            1 => "upright".to_owned(),
            tag => format!("{tag}: {}", turned(tag)),
        },
    );
    let alpha = if is.alpha { ", transparency" } else { "" };
    line("colour", format!("{}, {} bits a sample{alpha}", is.colour, is.depth));
    if let Some(profile) = &is.profile {
        let does = if header.managed { "converted to sRGB" } else { "nothing to convert" };
        line("profile", format!("{} ({does})", clean(profile)));
    }
    line(
        "frames",
        match (is.frames, header.loops) {
            (1, _) => "1".to_owned(),
            (frames, 0) => format!("{}, played for ever", human::count(frames.into())),
            (frames, loops) => {
                format!("{}, played {}", human::count(frames.into()), human::of(loops.into(), "time"))
            }
        },
    );
    for (name, value) in &is.exif {
        let value = match value {
            Value::String(text) => clean(text),
            other => other.to_string(),
        };
        line(&name.replace('_', " "), value);
    }
    let names = |list: &[&str]| {
        let long = list.iter().map(|name| match *name {
            "exif" => "Exif",
            "gps" => "a GPS position",
            "icc" => "the colour profile",
            other => other,
        });
        long.collect::<Vec<_>>().join(", ")
    };
    line(
        "stripped",
        if probed.stripped.is_empty() { "nothing is there".to_owned() } else { names(&probed.stripped) },
    );
    if !probed.keepable.is_empty() {
        line("can be kept", probed.keepable.join(", "));
    }
    text
}

fn turned(tag: u8) -> &'static str {
    match tag {
        2 => "shown mirrored",
        3 => "shown turned by 180 degrees",
        4 => "shown upside down, mirrored",
        5 => "shown mirrored along the diagonal",
        6 => "shown turned clockwise by 90 degrees",
        7 => "shown mirrored along the other diagonal",
        _ => "shown turned clockwise by 270 degrees",
    }
}
