//! Picture files that a command is given by name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tidemill_image::sniff::{self, Kind};
use tidemill_image::{Limits, Reject};

use crate::failure::{Failure, why};
use crate::human;
use crate::human::clean;
use crate::place::show;

/// Whether the name stands for stdin or stdout.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What a picture is called in a sentence.
pub(crate) fn called(path: &Path) -> String {
    if is_standard(path) { "the image".to_owned() } else { format!("`{}`", show(path)) }
}

/// `JPEG, PNG, ... and BMP can be read`.
pub(crate) fn readable() -> String {
    let kinds = [Kind::Jpeg, Kind::Png, Kind::Webp, Kind::Gif, Kind::Tiff, Kind::Bmp, Kind::Avif];
    let names: Vec<&str> = kinds.into_iter().filter(|kind| kind.readable()).map(Kind::name).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last} can be read", rest.join(", ")),
        _ => format!("{} can be read", names.concat()),
    }
}

/// The bytes of a file, or of stdin, if they are an image's and not too many.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
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
        Ok(_) if sniff::content(&data).is_none() => {
            Err(Failure::new(format!("{} is no image that is known here", called(path))).hint(readable()))
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

/// Says why a picture was refused, and what to do.
pub(crate) fn rejected(path: &Path, data: &[u8], reject: &Reject) -> Failure {
    let failure = Failure::new(format!("{}: {}", called(path), clean(&reject.to_string())));
    match reject {
        Reject::TooLarge { what, .. } if what.contains("megapixels") => {
            failure.hint("if you trust it, allow more with --megapixels")
        }
        Reject::TooLarge { .. } => failure.hint("make a smaller file of it with the program that it comes from"),
        Reject::Unsupported(_) | Reject::NotAnImage { .. } => failure.hint(match sniff::content(data) {
            Some(Kind::Heic) => {
                "HEIC holds HEVC, which no decoder under a permissive licence reads: on an iPhone choose Settings, \
                 Camera, Formats, Most Compatible, or export a JPEG"
                    .to_owned()
            }
            Some(Kind::Avif) => "export a PNG, a WebP or a JPEG from what it was made of".to_owned(),
            Some(Kind::CameraRaw) => "develop it first: export a JPEG or a 16-bit TIFF".to_owned(),
            Some(Kind::Svg) => "it has no pixels of its own: export a PNG of the size you want".to_owned(),
            _ => readable(),
        }),
        Reject::Rendition { .. } => failure.hint("ask for less with --width, or for another format"),
        _ => failure.hint("it may have been cut off or damaged: fetch it again, or open it elsewhere"),
    }
}
