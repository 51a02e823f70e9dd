//! Files in, renditions out, on one thread: for measuring and for looking at results.
//!
//! ```sh
//! cargo run --release -p tidemill-image --example batch -- OUT CONFIG.json FILE...
//! ```
//!
//! Without a configuration (`-`) it makes the renditions that the comparison with sharp is about.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use tidemill_image::{Config, Limits, Plan, decode};

const DEFAULT: &str = r#"{ "renditions": [
    { "name": "large", "width": 2048, "format": "jpeg", "quality": 80 },
    { "name": "medium", "width": 1024, "format": "jpeg", "quality": 80 },
    { "name": "small", "width": 320, "format": "webp", "quality": 80 }
] }"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(out), Some(config)) = (arguments.next(), arguments.next()) else {
        return Err("usage: batch OUT CONFIG.json|- FILE...".into());
    };
    let text = if config == Path::new("-") { DEFAULT.to_owned() } else { fs::read_to_string(config)? };
    let config: Config = serde_json::from_str(&text)?;
    let plan = Plan::check(&config).map_err(|errors| errors[0].to_string())?;
    let limits = Limits::default();
    fs::create_dir_all(&out)?;
    for path in arguments {
        let data = fs::read(&path)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let done = decode::header(&data, &limits)
            .map_err(Into::into)
            .and_then(|header| plan.render(&data, &header, &limits, &|| false));
        match done {
            Ok(renditions) => {
                for rendition in renditions {
                    let name = format!("{stem}-{}.{}", rendition.name, rendition.ext);
                    fs::write(out.join(name), rendition.bytes)?;
                }
            }
            Err(failure) => return Err(format!("{}: {failure}", path.display()).into()),
        }
    }
    Ok(())
}
