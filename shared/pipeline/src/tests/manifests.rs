//! Whole manifests: what is planned, and what is said.

use super::parse;

const PHOTOS: &str = "\
version: 1
name: media-on-upload
sources:
  uploads:
    type: s3
    bucket: uploads
    prefix: incoming/
stages:
  trail:
    type: copy
    inputs: [uploads, renditions.outcomes]
  renditions:
    type: copy
    inputs: [uploads]
    output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }
    copies:
      - { name: small, ext: webp }
      - { name: large, ext: jpg }
    when: { data: { key: [{ suffix: .jpg }] } }
    on_remove: keep
    attempts: 5
    timeout: 2m
    limits: { megapixels: 50 }
    lambda: { memory: 1769, timeout: 30s, concurrency: 50, storage: 512MB }
environments:
  prod:
    stages: { renditions: { lambda: { memory: 3008 }, copies: [{ name: only }] } }
";

#[test]
fn plans_a_pipeline() {
    let plan = parse(PHOTOS).unwrap();
    assert_eq!(plan.name, "media-on-upload");
}
