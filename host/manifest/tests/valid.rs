//! Manifests that are accepted, and what they mean.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{
    Batch, DEFAULT_FIELDS, DeviceChoice, Effort, Grant, Limits, Manifest, OnError, Source, parse,
};
use serde_json::json;
use std::time::Duration;

fn accepted(text: &str) -> Manifest {
    let source = Source::new("fleet.toml", text);
    parse(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)))
}

/// A fleet of stages, each `name: needs`; no needs written where there is no colon.
fn fleet(stages: &[&str]) -> Manifest {
    let mut text = "schema = 1\nname = \"inbox\"\n".to_owned();
    for stage in stages {
        let (name, needs) = stage
            .split_once(':')
            .map_or((*stage, None), |(n, d)| (n, Some(d)));
        text += &format!("[[stage]]\nname = \"{name}\"\nplugin = \"{name}@1\"\n");
        if let Some(needs) = needs {
            let needs: Vec<String> = needs
                .split_whitespace()
                .map(|n| format!("\"{n}\""))
                .collect();
            text += &format!("needs = [{}]\n", needs.join(", "));
        }
    }
    accepted(&text)
}

fn order(manifest: &Manifest) -> Vec<&str> {
    manifest
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect()
}

#[test]
fn what_is_not_written_has_a_safe_default() {
    let manifest = accepted(
        "schema = 1\nname = \"inbox\"\n[models.encoder]\nuse = \"minilm@1\"\n\
         [[stage]]\nname = \"classify\"\nplugin = \"classify@1\"\n",
    );
    assert_eq!(manifest.fields, DEFAULT_FIELDS);
    let model = &manifest.models["encoder"];
    assert_eq!(model.device, DeviceChoice::Auto);
    assert_eq!(
        model.batch,
        Batch {
            max: None,
            tokens: None,
            delay: None
        }
    );
    assert_eq!(
        model.effort,
        Effort {
            threads: None,
            run: Duration::from_secs(30),
            queue: 256
        }
    );
    assert_eq!(manifest.threads, None);
    let stage = &manifest.stages[0];
    assert_eq!(stage.limits, Limits::default());
    assert_eq!(stage.limits.memory, 64 << 20);
    assert_eq!(stage.limits.deadline, Duration::from_secs(5));
    assert_eq!(stage.on_error, OnError::Fail);
    assert!(stage.reads.is_empty() && stage.wasi.is_empty() && stage.needs.is_empty());
    assert!(stage.when.is_none() && stage.digest.is_none() && stage.config.is_empty());
}

const EVERYTHING: &str = r#"
schema = 1
name = "inbox"

[submission]
fields = ["subject", "orderId"]

[defaults.limits]
memory = "128MiB"
queue = 0

[inference]
threads = 4

[models.encoder]
use = "minilm@1.2.3"
device = "cuda:1"
device_memory = "2GiB"
batch = { max = 8, tokens = 512, delay = "2ms" }
threads = 2
run = "5s"
queue = 64

[[stage]]
name = "first-look"
plugin = "classify@^1.2"

[[stage]]
name = "extract"
plugin = "extract@1.0.0"
digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
models = { reader = "encoder" }
needs = ["first-look"]
when = 'first_look.type != "spam" && has(submission.orderId)'
reads = ["subject", "orderId", "attachments", "first-look"]
limits = { tensors = "1GiB", output = "1B", cpu = "1m", deadline = "90s", concurrency = 1 }
on_error = "hold"
wasi = ["random", "clocks"]

[stage.config]
floor = 0.5
names = ["a", "b"]
"a/b" = { deep = true }
"#;

#[test]
fn everything_that_can_be_written_is_read() {
    let manifest = accepted(EVERYTHING);
    assert_eq!(manifest.fields, ["subject", "orderId"]);
    let model = &manifest.models["encoder"];
    assert_eq!(model.device, DeviceChoice::Cuda(1));
    assert_eq!(model.device_memory, Some(2 << 30));
    assert_eq!(
        model.batch,
        Batch {
            max: Some(8),
            tokens: Some(512),
            delay: Some(Duration::from_millis(2))
        }
    );
    assert_eq!(
        model.effort,
        Effort {
            threads: Some(2),
            run: Duration::from_secs(5),
            queue: 64
        }
    );
    assert_eq!(manifest.threads, Some(4));
    assert!(model.reference.is_exact());
    let stage = manifest.stage("extract").unwrap();
    assert_eq!(stage.models["reader"], "encoder");
    assert!(stage.digest.as_deref().unwrap().starts_with("sha256:0123"));
    assert_eq!(
        stage.limits,
        Limits {
            memory: 128 << 20,
            tensors: 1 << 30,
            output: 1,
            cpu: Duration::from_secs(60),
            deadline: Duration::from_secs(90),
            concurrency: 1,
            queue: 0,
            ..Limits::default()
        }
    );
    assert_eq!(stage.on_error, OnError::Hold);
    assert!(stage.wasi.iter().eq(&[Grant::Clocks, Grant::Random]));
    assert!(
        stage
            .reads
            .iter()
            .eq(["attachments", "first-look", "orderId", "subject"])
    );
    let config = json!({ "floor": 0.5, "names": ["a", "b"], "a/b": { "deep": true } });
    assert_eq!(json!(stage.config), config);
    let variables = stage.when.as_ref().unwrap().variables();
    assert!(variables.iter().eq(["first_look", "submission"]));
}

#[test]
fn places_in_the_file_are_kept() {
    let manifest = accepted(EVERYTHING);
    let spans = &manifest.stage("extract").unwrap().spans;
    let text = |span: fleetwright_manifest::Span| &EVERYTHING[span.range()];
    assert_eq!(text(spans.name), "\"extract\"");
    assert_eq!(text(spans.plugin), "\"extract@1.0.0\"");
    assert_eq!(text(spans.roles["reader"]), "reader");
    assert_eq!(text(spans.config_at("/names/1")), "\"b\"");
    assert_eq!(text(spans.config_at("/a~1b/deep")), "true");
    assert_eq!(
        text(spans.config_at("/floor/not/there")),
        "0.5",
        "the nearest around it"
    );
    assert_eq!(text(spans.config_at("/absent")), "[stage.config]");
    let first = &manifest.stage("first-look").unwrap().spans;
    assert_eq!(
        text(first.config_at("/absent")),
        "[[stage]]",
        "no config: the stage"
    );
    assert_eq!(text(manifest.models["encoder"].spans.name), "encoder");
}

#[test]
fn equality_is_of_meaning_and_not_of_places() {
    let moved = format!("# a comment\n\n{}", EVERYTHING.replace(" = ", "   =  "));
    let moved = moved.replace("first_look.type   =", "first_look.type =");
    assert_eq!(accepted(&moved), accepted(EVERYTHING));
    let other = EVERYTHING.replace("floor = 0.5", "floor = 0.6");
    assert_ne!(accepted(&other), accepted(EVERYTHING));
}

#[test]
fn a_stage_without_needs_needs_the_one_above() {
    let manifest = fleet(&["a", "b", "c"]);
    assert_eq!(order(&manifest), ["a", "b", "c"]);
    assert_eq!(manifest.stage("c").unwrap().needs, ["b"]);
    assert!(
        manifest.upstream("c").iter().eq(&["a", "b"]),
        "needs of needs count"
    );
}

#[test]
fn stages_that_share_needs_run_side_by_side() {
    let manifest = fleet(&["a", "b: a", "c: a", "d: b c"]);
    assert_eq!(
        manifest.stage("b").unwrap().needs,
        manifest.stage("c").unwrap().needs
    );
    assert!(!manifest.upstream("c").contains("b"));
    assert_eq!(manifest.upstream("d").len(), 3);
}

#[test]
fn the_order_is_of_needs_first_and_of_the_file_otherwise() {
    assert_eq!(
        order(&fleet(&["d: b c", "c: a", "b: a", "a:"])),
        ["a", "c", "b", "d"]
    );
    assert_eq!(
        order(&fleet(&["z:", "y:", "x:"])),
        ["z", "y", "x"],
        "no needs: the file's order"
    );
    assert_eq!(order(&fleet(&["b: c", "a:", "c:"])), ["a", "c", "b"]);
}

#[test]
fn a_long_chain_of_stages_is_read() {
    let names: Vec<String> = (0..256).map(|i| format!("s{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let manifest = fleet(&names);
    assert_eq!(manifest.upstream("s255").len(), 255);
}
