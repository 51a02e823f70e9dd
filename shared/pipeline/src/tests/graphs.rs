//! The drawings: well formed, complete, and the same each time.

use super::{HEAD, parse};
use crate::Plan;
use crate::graph::{mermaid, svg};

const WIDE: &str = r#"
version: 1
name: media-on-upload
sources:
  uploads: { type: s3, bucket: uploads, prefix: incoming/ }
  letters: { type: s3, bucket: uploads, prefix: letters/2024/ }
  clicks: { type: kinesis, stream: clicks }
stages:
  renditions:
    type: copy
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
    copies: [{ name: small, ext: webp }, { name: medium, ext: jpg }, { name: large, ext: jpg }, { name: huge, ext: avif }, { name: info, ext: json }]
    when: { data: { key: [{ suffix: .jpg }, { suffix: .png }], bytes: [{ numeric: [">", 0] }] } }
  text: { type: copy, inputs: [letters], output: { bucket: text, key: "text/{key}.txt" } }
  captions: { type: copy, inputs: [renditions], output: { bucket: captions, key: "{key}" }, when: { data: { key: [{ suffix: small.webp }] } } }
  trail: { type: copy, inputs: [uploads, letters, renditions.outcomes, text.outcomes, captions.outcomes], output: { bucket: trail, key: "{id}" } }
  a-stage-whose-name-is-as-long-as-it-gets: { type: copy, inputs: [text, captions], output: { bucket: everything.that.was.ever.said.in.a.letter.or.below.a.photo, key: "{key}/<&\"'>/a key that goes on and on and on and on" } }
  per-page: { type: tally, inputs: [clicks], by: page, output: { bucket: counts, key: "pages/{id}.json" } }
"#;

fn plan(text: &str) -> Plan {
    parse(text).unwrap()
}

/// With `DRAW=FILE`, writes the drawing there, to be looked at.
#[test]
fn an_svg_is_well_formed_and_complete() {
    let svg = svg(&plan(WIDE));
    if let Some(path) = std::env::var_os("DRAW") {
        std::fs::write(path, &svg).unwrap();
    }
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    balanced(&svg);
    for word in ["<script", "<style", "href", "url(", "NaN"] {
        assert!(!svg.contains(word), "{word}");
    }
    for name in
        ["uploads", "letters", "clicks", "renditions", "captions", "trail", "per-page", "media", "counts"]
    {
        assert!(svg.contains(&format!(">{name}</text>")), "{name}");
    }
    // The inputs of stages, one place for each source, the outputs.
    assert_eq!(svg.matches("fill=\"none\"").count(), 11 + 3 + 6);
    assert_eq!(svg.matches("stroke-dasharray").count(), 3);
    assert_eq!(svg.matches(">outcomes</text>").count(), 3);
    assert_eq!(svg.matches(">when</text>").count(), 2);
    assert!(svg.contains("→ {key}/&lt;&amp;&quot;&#39;&gt;/a key"));
    assert!(
        svg.contains(
            "<title>→ {key}/&lt;&amp;&quot;&#39;&gt;/a key that goes on and on and on and on</title>"
        )
    );
    assert_eq!(svg, super::super::graph::svg(&plan(WIDE)), "the same each time");
}

/// Every tag is closed by its own name, and nothing but entities begins with `&`.
fn balanced(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in xml.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("closed");
        assert!(!text.contains('>'), "{text}");
        for entity in text.split('&').skip(1).chain(tag.split('&').skip(1)) {
            assert!(
                ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|known| entity.starts_with(known)),
                "{entity}"
            );
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn an_environment_is_named() {
    let text = WIDE.to_owned() + "environments: { prod: {} }\n";
    let plan = Plan::parse(std::path::Path::new("p"), &text, Some("prod"), super::FUNCTIONS).unwrap();
    assert!(svg(&plan).contains(">media-on-upload · prod</text>"));
}

#[test]
fn mermaid_is_a_flowchart() {
    let text = format!(
        "{HEAD}stages:
  pack:
    type: copy
    inputs: [uploads]
    output: {{ bucket: media, key: \"{{key}}/{{rendition}}.\\\"<#;\" }}
    copies: [{{ name: a }}]
    when: {{ data: {{ key: [{{ prefix: a }}] }} }}
  trail: {{ type: copy, inputs: [pack.outcomes, pack] }}
  pages: {{ type: tally, inputs: [clicks], by: page }}
"
    );
    assert_eq!(
        mermaid(&plan(&text)),
        r#"flowchart LR
  n0[("uploads")]
  n1(["uploads<br/>in/#42;"])
  n2>"clicks"]
  n3(["clicks<br/>records"])
  n4["pack<br/>copy<br/>a<br/>→ #123;key#125;/#123;rendition#125;.#34;#60;#35;#59;"]
  n5[("media")]
  n6["trail<br/>copy"]
  n7["pages<br/>tally"]
  n0 --> n1
  n2 --> n3
  n1 -->|when| n4
  n4 --> n5
  n4 -.->|outcomes| n6
  n4 --> n6
  n3 --> n7
  classDef bucket fill:#dcebfa,stroke:#3f7fbf,color:#1f2328
  class n0,n5 bucket
  classDef stream fill:#ece2fa,stroke:#8459c4,color:#1f2328
  class n2 stream
  classDef source fill:#dcf2e3,stroke:#36935a,color:#1f2328
  class n1,n3 source
  classDef stage fill:#fdf0d0,stroke:#bf8a1f,color:#1f2328
  class n4,n6,n7 stage
"#
    );
}

#[test]
fn the_largest_pipeline_is_drawn() {
    let names: Vec<String> = (0..128).map(|at| format!("stage-{at}")).collect();
    let stages: String = (0..128).fold(String::new(), |text, at| {
        let above: Vec<&str> = names[..at].iter().rev().take(60).map(String::as_str).collect();
        let inputs = if at == 0 { "uploads".to_owned() } else { above.join(", ") };
        text + &format!("  stage-{at}: {{ type: copy, inputs: [{inputs}] }}\n")
    });
    balanced(&svg(&plan(&format!("{HEAD}stages:\n{stages}"))));
}
