//! `convert`.

use crate::context::{Context, sample};

fn context() -> Context {
    let context = Context::new();
    context.write("cat.png", sample("cats/chelsea.png"));
    context
}

#[test]
fn by_extension() {
    let context = context();
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "cat.webp", "--width", "120"]), @"
    $ tidemill convert cat.png cat.webp --width 120
    exit code: 0
    ----- stderr -----
    cat.png: 451 x 300, 241 kB -> cat.webp: 120 x 80, 2.12 kB
    ");
    insta::assert_snapshot!(
        context.run(&["convert", "cat.webp", "cat.jpg", "--width", "64", "--height", "64", "--fit", "cover", "--quality", "60"]),
        @"
    $ tidemill convert cat.webp cat.jpg --width 64 --height 64 --fit cover --quality 60
    exit code: 0
    ----- stderr -----
    cat.webp: 120 x 80, 2.12 kB -> cat.jpg: 64 x 64, 1.10 kB
    "
    );
    insta::assert_snapshot!(context.run(&["convert", "cat.jpg", "cat.png"]), @"
    $ tidemill convert cat.jpg cat.png
    exit code: 0
    ----- stderr -----
    cat.jpg: 64 x 64, 1.10 kB -> cat.png: 64 x 64, 8.09 kB
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.jpg", "cat.json"]), @"
    $ tidemill convert cat.jpg cat.json
    exit code: 0
    ----- stderr -----
    cat.jpg: 64 x 64, 1.10 kB -> cat.json: 64 x 64, 344 B
    ");
    let info: serde_json::Value = serde_json::from_slice(&context.read("cat.json")).unwrap();
    assert_eq!((&info["width"], &info["height"], &info["format"]), (&64.into(), &64.into(), &"jpeg".into()));
    assert!(context.read("cat.webp").starts_with(b"RIFF"));
    let names = std::fs::read_dir(context.path("")).unwrap().count();
    assert_eq!(names, 4, "nothing but the pictures is left behind");
}

#[test]
fn standard_streams() {
    let context = context();
    let output = {
        use std::io::Write;
        let mut child = context
            .command(&["convert", "-", "-", "--format", "jpeg", "--width", "32"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&context.read("cat.png")).unwrap();
        child.wait_with_output().unwrap()
    };
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(output.stdout.starts_with(b"\xff\xd8\xff"));
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "-"]), @"
    $ tidemill convert cat.png -
    exit code: 2
    ----- stderr -----
    error: stdout has no extension that says the format
    hint: add --format jpeg, webp, png, avif or info
    ");
}

#[test]
fn refusals() {
    let context = context();
    let before = context.read("cat.png");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "cat.png"]), @"
    $ tidemill convert cat.png cat.png
    exit code: 2
    ----- stderr -----
    error: `cat.png` is the input itself
    hint: give the output another name
    ");
    insta::assert_snapshot!(context.run(&["convert", "dog.png", "dog.webp"]), @"
    $ tidemill convert dog.png dog.webp
    exit code: 2
    ----- stderr -----
    error: cannot read `dog.png`: it is not there
    hint: give the name of an image file, or - for stdin
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "cat.gif"]), @"
    $ tidemill convert cat.png cat.gif
    exit code: 2
    ----- stderr -----
    error: no format that can be written has the extension .gif
    hint: name the output .jpg, .webp, .png, .avif or .json, or add --format
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "cat"]), @"
    $ tidemill convert cat.png cat
    exit code: 2
    ----- stderr -----
    error: `cat` has no extension that says the format
    hint: name the output .jpg, .webp, .png, .avif or .json, or add --format
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "no/where/cat.webp"]), @"
    $ tidemill convert cat.png no/where/cat.webp
    exit code: 1
    ----- stderr -----
    error: cannot write `no/where/cat.webp`: its folder is not there
    hint: make the folder first, or name another one
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "small.png", "--quality", "80"]), @"
    $ tidemill convert cat.png small.png --quality 80
    exit code: 2
    ----- stderr -----
    error: --quality: png has no quality
    hint: png is lossless: leave quality away, or choose webp
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "cat.webp", "--width", "0", "--fit", "cover"]), @"
    $ tidemill convert cat.png cat.webp --width 0 --fit cover
    exit code: 2
    ----- stderr -----
    error: --width: 0 pixels are not between 1 and 16383; --fit: cover needs both width and height
    hint: with one side alone there is nothing to crop: leave fit away
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "cat.webp", "--megapixels", "0"]), @"
    $ tidemill convert cat.png cat.webp --megapixels 0
    exit code: 2
    ----- stderr -----
    error: invalid value '0' for '--megapixels <NUMBER>': 0 is not in 1..=100000

    For more information, try '--help'.
    ");
    context.write("half.png", &before[..before.len() / 2]);
    insta::assert_snapshot!(context.run(&["convert", "half.png", "half.webp"]), @"
    $ tidemill convert half.png half.webp
    exit code: 1
    ----- stderr -----
    error: `half.png`: broken PNG: the file ends before the picture does
    hint: it may have been cut off or damaged: fetch it again, or open it elsewhere
    ");
    context.write("notes.jpg", "hello");
    insta::assert_snapshot!(context.run(&["convert", "notes.jpg", "notes.webp"]), @"
    $ tidemill convert notes.jpg notes.webp
    exit code: 1
    ----- stderr -----
    error: `notes.jpg` is no image that is known here
    hint: JPEG, PNG, WebP, GIF, TIFF and BMP can be read
    ");
    context.write("photo.heic", "\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    insta::assert_snapshot!(context.run(&["convert", "photo.heic", "photo.webp"]), @"
    $ tidemill convert photo.heic photo.webp
    exit code: 1
    ----- stderr -----
    error: `photo.heic`: HEIC cannot be read yet
    hint: HEIC holds HEVC, which no decoder under a permissive licence reads: on an iPhone choose Settings, Camera, Formats, Most Compatible, or export a JPEG
    ");
    context.write("empty.png", "");
    insta::assert_snapshot!(context.run(&["convert", "empty.png", "empty.webp"]), @"
    $ tidemill convert empty.png empty.webp
    exit code: 1
    ----- stderr -----
    error: `empty.png` is no image that is known here
    hint: JPEG, PNG, WebP, GIF, TIFF and BMP can be read
    ");
    assert_eq!(context.read("cat.png"), before);
    for name in ["half.webp", "notes.webp", "photo.webp", "empty.webp"] {
        assert!(!context.path(name).exists(), "{name}");
    }
}

/// A picture of 20,000 x 20,000 pixels in its header, and nothing behind it.
#[test]
fn a_bomb_is_refused_by_its_header() {
    let context = context();
    let mut bytes = context.read("cat.png");
    bytes[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    // The header's checksum is that of the PNG standard, section 5.3.
    let sum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    context.write("bomb.png", bytes);
    insta::assert_snapshot!(context.run(&["convert", "bomb.png", "bomb.webp"]), @"
    $ tidemill convert bomb.png bomb.webp
    exit code: 1
    ----- stderr -----
    error: `bomb.png`: too large: 20000 x 20000 pixels are 400 megapixels, the limit is 100
    hint: if you trust it, allow more with --megapixels
    ");
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 },
        )
    })
}

#[cfg(unix)]
#[test]
fn the_input_by_another_name_is_the_input() {
    let context = context();
    let before = context.read("cat.png");
    std::os::unix::fs::symlink("cat.png", context.path("link.png")).unwrap();
    std::fs::hard_link(context.path("cat.png"), context.path("hard.png")).unwrap();
    for name in ["link.png", "hard.png", "./cat.png"] {
        let said = context.run(&["convert", "cat.png", name, "--width", "10"]);
        assert!(said.contains("exit code: 2") && said.contains("is the input itself"), "{said}");
    }
    assert_eq!(context.read("cat.png"), before);
}

#[test]
fn looks() {
    let context = context();
    let probe = |name: &str| {
        let run = context.command(&["probe", name, "--json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&run.stdout).unwrap()
    };
    let done = |arguments: &[&str]| {
        let run = context.command(arguments).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    done(&[
        "convert",
        "cat.png",
        "card.jpg",
        "--width",
        "300",
        "--height",
        "300",
        "--fit",
        "contain",
        "--background",
        "#102030",
        "--progressive",
        "--watermark-text",
        "© Cat",
    ]);
    let card = probe("card.jpg");
    assert_eq!(
        (&card["width"], &card["height"], &card["progressive"]),
        (&300.into(), &300.into(), &true.into())
    );
    done(&[
        "convert",
        "cat.png",
        "marked.webp",
        "--lossless",
        "--grey",
        "--sharpen",
        "0.8",
        "--watermark",
        "card.jpg",
    ]);
    assert_eq!(probe("marked.webp")["width"], 451);
    done(&["convert", "cat.png", "cat.avif", "--width", "64"]);
    assert!(context.read("cat.avif")[4..].starts_with(b"ftypavif"));
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "x.jpg", "--watermark-text", "東"]), @"
    $ tidemill convert cat.png x.jpg --watermark-text 東
    exit code: 2
    ----- stderr -----
    error: --watermark: the watermark's font has no '東' (U+6771): it has Latin, Greek and Cyrillic
    hint: see `tidemill convert --help`
    ");
    insta::assert_snapshot!(context.run(&["convert", "cat.png", "x.jpg", "--gravity", "north", "--lossless"]), @"
    $ tidemill convert cat.png x.jpg --gravity north --lossless
    exit code: 2
    ----- stderr -----
    error: --gravity: gravity has no part in fit inside; --lossless: jpeg has no lossless
    hint: add fit: cover or fit: contain
    ");
}

#[test]
fn probe() {
    let context = context();
    insta::assert_snapshot!(context.run(&["probe", "cat.png", "card.gif"]), @"
    $ tidemill probe cat.png card.gif
    exit code: 1
    ----- stdout -----
    cat.png
      format       PNG
      size         451 x 300, 0.1 megapixels, 241 kB
      orientation  upright
      colour       rgb, 8 bits a sample
      profile      sRGB IEC61966-2.1 (nothing to convert)
      frames       1
      stripped     the colour profile
      can be kept  icc
    ----- stderr -----
    error: cannot read `card.gif`: it is not there
    hint: give the name of an image file, or - for stdin
    ");
    insta::assert_snapshot!(context.run(&["probe", "cat.png", "--json"]), @r#"
    $ tidemill probe cat.png --json
    exit code: 0
    ----- stdout -----
    {"file":"cat.png","width":451,"height":300,"format":"png","orientation":1,"frames":1,"bytes":240512,"colour":"rgb","depth":8,"alpha":false,"progressive":false,"profile":"sRGB IEC61966-2.1","stripped":["icc"],"keepable":["icc"]}
    "#);
}
