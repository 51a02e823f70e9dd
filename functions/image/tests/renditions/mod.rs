//! What the configuration's keys do to a rendition.

use std::fs;
use std::thread;

use serde_json::{Value, json};
use tidemill_image::{Config, Limits, Plan, Rendition, decode};

use crate::{data, full, good, psnr, rgba};

/// The one rendition of a file that a configuration asks for, given without its name.
fn one(file: &[u8], rendition: Value) -> Rendition {
    with(file, rendition, &json!([]))
}

fn with(file: &[u8], mut rendition: Value, keep: &Value) -> Rendition {
    rendition["name"] = "x".into();
    let config: Config =
        serde_json::from_value(json!({ "renditions": [rendition], "keep": keep })).expect("it is one");
    let plan = Plan::check(&config).expect("it is right");
    let limits = Limits::default();
    let header = decode::header(file, &limits).expect("it is good");
    plan.render(file, &header, &limits, &|| false).expect("it is good").remove(0)
}

fn header(file: &[u8]) -> decode::Header {
    decode::header(file, &Limits::default()).expect("it is good")
}

fn colour_sample(name: &str) -> Vec<u8> {
    fs::read(data().join("colour").join(name)).expect("it is there")
}

/// However a picture is stored, the same part of it is shown.
#[test]
fn gravity_is_that_of_the_picture_as_shown() {
    const SIDES: [&str; 9] =
        ["north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest", "centre"];
    for tag in 1..=8 {
        let stored = good(&format!("orientation-{tag}.jpg"));
        let shown = one(&stored, json!({ "format": "png" })).bytes;
        for (gravity, (width, height)) in
            SIDES.iter().flat_map(|side| [(12, 26), (26, 8), (10, 10)].map(|size| (side, size)))
        {
            let cut = |file: &[u8]| {
                let rendition = json!({ "format": "png", "width": width, "height": height, "fit": "cover",
                    "gravity": gravity });
                let made = one(file, rendition);
                assert_eq!((made.width, made.height), (width, height));
                rgba(&made.bytes).2
            };
            let psnr = psnr(&cut(&shown), &cut(&stored));
            assert!(psnr > 28.0, "orientation {tag}, {gravity}, {width} x {height}: {psnr:.1} dB");
        }
    }
}

#[test]
fn gravity_cuts_at_its_side() {
    let (width, height, whole) = full(&good("smooth.png"));
    let (width, height) = (width as usize, height as usize);
    let check = |gravity: &str, left: usize, top: usize| {
        let rendition =
            json!({ "format": "png", "width": 45, "height": 45, "fit": "cover", "gravity": gravity });
        let (_, _, square) = rgba(&one(&good("smooth.png"), rendition).bytes);
        for y in 0..45 {
            assert_eq!(square[y * 45..][..45], whole[(top + y) * width + left..][..45], "{gravity}, row {y}");
        }
    };
    assert_eq!(height, 45);
    check("west", 0, 0);
    check("centre", 11, 0);
    check("southeast", width - 45, 0);
}

#[test]
fn contain_fills_the_box() {
    let file = good("smooth.png");
    let made = one(&file, json!({ "format": "png", "width": 100, "height": 100, "fit": "contain" }));
    let (width, height, pixels) = rgba(&made.bytes);
    // It is not enlarged, and lies in the centre.
    assert_eq!((width, height, pixels[0]), (100, 100, [0; 4]));
    assert_eq!(pixels[27 * 100 + 16], full(&file).2[0]);
    let made = one(
        &file,
        json!({ "format": "png", "width": 100, "height": 100, "fit": "contain", "background": "#102030",
            "gravity": "south", "enlarge": true }),
    );
    let (_, _, pixels) = rgba(&made.bytes);
    assert_eq!(pixels[0], [0x10, 0x20, 0x30, 255]);
    assert_ne!(pixels[99 * 100], [0x10, 0x20, 0x30, 255]);
    let made =
        one(&file, json!({ "format": "jpeg", "width": 30, "height": 60, "fit": "contain", "quality": 100 }));
    let (width, height, pixels) = full(&made.bytes);
    assert_eq!((width, height), (30, 60));
    assert!(pixels[0][..3].iter().all(|sample| *sample > 250), "a JPEG's background is white");
}

#[test]
fn enlarge_enlarges() {
    let file = good("smooth.png");
    for fit in ["inside", "cover", "contain"] {
        let made =
            one(&file, json!({ "format": "png", "width": 201, "height": 135, "fit": fit, "enlarge": true }));
        assert_eq!((made.width, made.height), (201, 135), "{fit}");
    }
    let made = one(&file, json!({ "format": "jpeg", "height": 90, "enlarge": true }));
    assert_eq!((made.width, made.height), (134, 90));
    let small = one(&file, json!({ "format": "png", "width": 134, "enlarge": true }));
    let back = one(&small.bytes, json!({ "format": "png", "width": 67 }));
    assert!(psnr(&full(&file).2, &rgba(&back.bytes).2) > 34.0, "it is the same picture");
}

#[test]
fn what_has_no_loss_loses_nothing() {
    for name in ["smooth.png", "baseline-420.jpg", "rgba-8.png", "cmyk.jpg", "grey.jpg", "orientation-6.jpg"]
    {
        let file = good(name);
        let png = rgba(&one(&file, json!({ "format": "png" })).bytes);
        let webp = full(&one(&file, json!({ "format": "webp", "lossless": true })).bytes);
        assert_eq!((png.0, png.1), (webp.0, webp.1), "{name}");
        let same = |(a, b): (&[u8; 4], &[u8; 4])| a == b || (a[3] == 0 && b[3] == 0);
        assert!(png.2.iter().zip(&webp.2).all(same), "{name}");
    }
}

#[test]
fn progressive_is_another_way_to_write_the_same() {
    for name in ["smooth.png", "baseline-420.jpg", "grey.jpg", "one-pixel.png"] {
        let plain = one(&good(name), json!({ "format": "jpeg" }));
        let progressive = one(&good(name), json!({ "format": "jpeg", "progressive": true }));
        assert!(!header(&plain.bytes).progressive && header(&progressive.bytes).progressive);
        assert!(full(&plain.bytes) == full(&progressive.bytes), "{name}");
    }
}

#[test]
fn animations_move_in_webp_alone() {
    for name in ["animated.gif", "animated.webp", "animated.png"] {
        let file = good(name);
        let before = header(&file);
        assert!(before.frames > 1, "{name}");
        let made = one(&file, json!({ "format": "webp", "width": 16 }));
        let after = header(&made.bytes);
        assert_eq!((after.frames, after.loops), (before.frames, before.loops), "{name}");
        assert_eq!((after.width, after.height), (made.width, made.height), "{name}");
        for still in [
            json!({ "format": "webp", "width": 16, "frames": "first" }),
            json!({ "format": "png", "width": 16 }),
            json!({ "format": "jpeg", "width": 16 }),
        ] {
            assert_eq!(header(&one(&file, still).bytes).frames, 1, "{name}");
        }
    }
}

#[test]
fn colours_are_converted_in_every_rendition_of_a_cascade() {
    let config = json!({ "renditions": [
        { "name": "large", "format": "jpeg", "quality": 95 },
        { "name": "half", "format": "webp", "width": 75, "lossless": true },
        { "name": "small", "format": "png", "width": 37 },
    ]});
    let plan = Plan::check(&serde_json::from_value(config).expect("it is one")).expect("it is right");
    for (managed, plain) in [("p3.jpg", "p3.png"), ("wide.webp", "wide.png"), ("inks.jpg", "inks-8.jpg")] {
        let make = |name: &str| {
            let file = colour_sample(name);
            assert!(header(&file).managed, "{name}");
            plan.render(&file, &header(&file), &Limits::default(), &|| false).expect("it is good")
        };
        for (a, b) in make(managed).into_iter().zip(make(plain)) {
            let psnr = psnr(&full(&a.bytes).2, &full(&b.bytes).2);
            assert!(psnr > 34.0, "{managed} {}: {psnr:.1} dB", a.name);
        }
    }
    for name in ["like-srgb.png", "cut.png", "nonsense.png", "grey-with-colours.png"] {
        assert!(!header(&colour_sample(name)).managed, "{name}");
    }
}

#[test]
fn only_what_is_kept_is_carried_over() {
    let file = colour_sample("p3.jpg");
    for format in ["jpeg", "png", "webp"] {
        let kept = header(&with(&file, json!({ "format": format }), &json!(["icc"])).bytes);
        assert_eq!(kept.icc, header(&file).icc, "{format}");
        assert!(kept.exif.is_none(), "{format}");
        let stripped = header(&one(&file, json!({ "format": format })).bytes);
        assert!(stripped.icc.is_none() && stripped.exif.is_none(), "{format}");
    }
    let kept = with(&colour_sample("p3.png"), json!({ "format": "webp", "lossless": true }), &json!(["icc"]));
    assert!(full(&colour_sample("p3.png")) == full(&kept.bytes), "the same colours, by the same profile");
    assert_eq!(header(&kept.bytes).icc, header(&colour_sample("p3.png")).icc);
    // A profile of colours does not speak of grey.
    let grey = with(&file, json!({ "format": "jpeg", "grey": true }), &json!(["icc"]));
    assert!(header(&grey.bytes).icc.is_none());
    // Inks become light, so their profile is of no use.
    let light = with(&colour_sample("inks.jpg"), json!({ "format": "jpeg" }), &json!(["icc"]));
    assert!(header(&light.bytes).icc.is_none());
}

/// A configuration with something of everything.
fn everything() -> Value {
    json!({ "renditions": [
        { "name": "cover", "format": "jpeg", "width": 30, "height": 30, "fit": "cover", "gravity": "west" },
        { "name": "contain", "format": "webp", "width": 40, "height": 20, "fit": "contain", "sharpen": 0.7 },
        { "name": "blur", "format": "png", "width": 33, "blur": 2.5, "grey": true },
        { "name": "mark", "format": "jpeg", "width": 60, "progressive": true, "watermark": { "text": "© Ä" } },
        { "name": "lossless", "format": "webp", "width": 20, "lossless": true },
        { "name": "info", "format": "info" },
    ]})
}

#[test]
fn bytes_are_the_same_on_any_number_of_threads() {
    let plan = Plan::check(&serde_json::from_value(everything()).expect("it is one")).expect("it is right");
    let names =
        ["baseline-420.jpg", "rgba-8.png", "animated.gif", "cmyk.jpg", "orientation-6.jpg", "rgb-16.tif"];
    let make = || -> Vec<_> {
        names
            .iter()
            .map(|name| {
                let file = good(name);
                plan.render(&file, &header(&file), &Limits::default(), &|| false).expect("it is good")
            })
            .collect()
    };
    let first = make();
    for threads in [1, 2, 8] {
        thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(make)).collect();
            for made in all {
                assert!(made.join().expect("it ends") == first, "{threads} threads");
            }
        });
    }
}
