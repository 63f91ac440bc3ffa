//! Limits of a call, pins, canaries and shadows: what is accepted, and what it means.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{Canary, Limits, Manifest, Rate, Shadow, Source, Split, parse};
use serde_json::json;
use std::time::Duration;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const FLEET: &str = r#"
schema = 1
name = "inbox"

[defaults.limits]
rate = "10/m"
attachments = 2

[models.encoder]
use = "minilm@1"
digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

[models.large]
use = "minilm@2"

[[stage]]
name = "classify"
plugin = "classify@1"
models = { encoder = "encoder" }

[stage.config]
floor = 0.5

"#;

fn accepted(text: &str) -> Manifest {
    let source = Source::new("fleet.toml", text);
    parse(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)))
}

/// The fleet, its one stage ending with these lines.
fn with(lines: &str) -> Manifest {
    accepted(&format!("{FLEET}{lines}\n"))
}

fn canary(lines: &str) -> Canary {
    let manifest = with(&format!(
        "[stage.canary]\nplugin = \"classify@2\"\n{lines}\n"
    ));
    manifest.stages[0].canary.clone().unwrap()
}

/// The codes with which the fleet is refused, its one stage ending with these lines.
fn refused(lines: &str) -> Vec<String> {
    let found = parse(&Source::new("fleet.toml", format!("{FLEET}{lines}\n"))).unwrap_err();
    found.iter().map(|found| found.code.to_string()).collect()
}

#[test]
fn limits_of_a_call_have_the_defaults_that_the_schema_says() {
    let limits = Limits::default();
    assert_eq!((limits.log, limits.input), (64 << 10, 1 << 20));
    assert_eq!((limits.computes, limits.depth), (256, 64));
    assert_eq!(
        (limits.attachments, limits.attachment_bytes),
        (16, 32 << 20)
    );
    assert_eq!((limits.rate, limits.fuel), (None, None));
}

#[test]
fn limits_of_a_call_are_read_and_a_stage_goes_before_the_defaults() {
    let manifest = with(
        "[stage.limits]\nlog = \"0B\"\nrate = \"600/m\"\ncomputes = 0\ninput = \"64MiB\"\ndepth = 120\n\
         attachment_bytes = \"1GiB\"\nfuel = 9223372036854775807\n",
    );
    let limits = manifest.stages[0].limits;
    let rate = Rate {
        calls: 600,
        per: Duration::from_secs(60),
    };
    let expected = Limits {
        log: 0,
        rate: Some(rate),
        computes: 0,
        input: 64 << 20,
        depth: 120,
        attachments: 2,
        attachment_bytes: 1 << 30,
        fuel: Some(9_223_372_036_854_775_807),
        ..Limits::default()
    };
    assert_eq!(limits, expected);
    let inherited = with("").stages[0].limits.rate.unwrap();
    assert_eq!(inherited.to_string(), "10/m");
}

#[test]
fn a_stage_may_do_without_a_rate_and_fuel_whatever_the_defaults_say() {
    let defaults = "[defaults.limits]\nrate = \"10/m\"\nfuel = 5000\n";
    let with = |stage: &str| {
        let stage = format!("[[stage]]\nname = \"a\"\nplugin = \"a@1\"\n{stage}\n");
        let manifest = accepted(&format!("schema = 1\nname = \"x\"\n{defaults}{stage}"));
        let limits = manifest.stages[0].limits;
        (limits.rate.map(|rate| rate.to_string()), limits.fuel)
    };
    assert_eq!(with(""), (Some("10/m".into()), Some(5000)));
    assert_eq!(
        with("limits = { rate = \"none\", fuel = \"none\" }"),
        (None, None)
    );
}

#[test]
fn numbers_may_be_written_as_toml_writes_them() {
    let limits =
        with("limits.computes = 0x1_0\nlimits.fuel = 1_000_000\n").stages[0].config["limits"]
            .clone();
    assert_eq!(
        limits,
        json!({ "computes": 16, "fuel": 1_000_000 }),
        "in config, as any value"
    );
    let limits = with("[stage.limits]\ncomputes = 0x1_0\nfuel = 1_000_000\n").stages[0].limits;
    assert_eq!((limits.computes, limits.fuel), (16, Some(1_000_000)));
}

#[test]
fn a_model_may_be_pinned() {
    let manifest = with("");
    let encoder = &manifest.models["encoder"];
    assert_eq!(encoder.digest.as_deref(), Some(DIGEST));
    let span = encoder.spans.digest.unwrap();
    assert_eq!(&FLEET[span.range()], format!("\"{DIGEST}\""));
    assert_eq!(manifest.models["large"].digest, None);
}

#[test]
fn a_canary_has_safe_defaults() {
    let canary = canary("weight = 0.1");
    assert_eq!(canary.split, Split::Weight(0.1));
    assert_eq!(canary.promote_after, Duration::from_secs(600));
    assert_eq!((canary.max_error_rate, canary.max_p99_ratio), (0.05, 1.5));
    assert_eq!(canary.min_requests, 100);
    assert!(canary.digest.is_none() && canary.models.is_none() && canary.config.is_none());
}

#[test]
fn a_share_is_written_as_a_number_or_as_a_percentage() {
    for (written, share) in [
        ("0.1", 0.1),
        ("1", 1.0),
        ("1.0", 1.0),
        ("1e-3", 0.001),
        ("0.000_1", 0.0001),
        ("\"10%\"", 0.1),
        ("\"100%\"", 1.0),
        ("\"0.5%\"", 0.005),
    ] {
        let canary = canary(&format!("weight = {written}"));
        assert_eq!(canary.split, Split::Weight(share), "{written}");
    }
    let canary = canary("weight = 1\nmax_error_rate = 0\nmax_p99_ratio = 2");
    assert_eq!((canary.max_error_rate, canary.max_p99_ratio), (0.0, 2.0));
}

#[test]
fn a_canary_may_be_asked_for_by_a_header() {
    let name = "x-canary_2.!#$%&'*+^`|~";
    let canary = canary(&format!("header = \"{name}\""));
    assert_eq!(canary.split, Split::Header(name.to_owned()));
    assert_eq!(canary.to_string(), format!("classify@2 by header {name}"));
    for bad in ["", "X", "a b", "a:b", "a/b", "ä", "a\\u0000", "a\\n"] {
        let lines = format!("[stage.canary]\nplugin = \"classify@2\"\nheader = \"{bad}\"\n");
        assert_eq!(refused(&lines), ["bad-header"], "{bad}");
    }
    let long = "a".repeat(65);
    let lines = format!("[stage.canary]\nplugin = \"classify@2\"\nheader = \"{long}\"\n");
    assert_eq!(refused(&lines), ["bad-header"]);
}

const BOTH: &str = r#"
[stage.canary]
plugin = "other@2.0.0"
digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
weight = "25%"
promote_after = "0ms"
max_error_rate = "1%"
max_p99_ratio = 100
min_requests = 1_000_000
models = { encoder = "large" }
config = { names = ["a", "b"] }

[stage.shadow]
plugin = "classify@3"
sample = 0.5

[stage.shadow.models]

[stage.shadow.config]
floor = 0.9
"#;

#[test]
fn everything_of_a_canary_and_a_shadow_is_read() {
    let manifest = with(BOTH);
    let stage = &manifest.stages[0];
    let canary = stage.canary.as_ref().unwrap();
    assert_eq!(canary.to_string(), "other@2.0.0 at 25 %");
    assert!(canary.plugin.is_exact());
    assert_eq!(canary.digest.as_deref(), Some(DIGEST));
    assert_eq!(canary.promote_after, Duration::ZERO);
    assert_eq!(
        (
            canary.max_error_rate,
            canary.max_p99_ratio,
            canary.min_requests
        ),
        (0.01, 100.0, 1_000_000)
    );
    assert_eq!(canary.models_in(stage)["encoder"], "large");
    assert_eq!(
        json!(canary.config_in(stage)),
        json!({ "names": ["a", "b"] })
    );
    let shadow = stage.shadow.as_ref().unwrap();
    assert_eq!(shadow.sample, 0.5);
    assert!(
        shadow.models_in(stage).is_empty(),
        "an empty table binds no model"
    );
    assert_eq!(json!(shadow.config_in(stage)), json!({ "floor": 0.9 }));
    assert_eq!(
        json!(stage.config),
        json!({ "floor": 0.5 }),
        "the stage's own stands"
    );
}

#[test]
fn what_a_candidate_does_not_say_is_as_the_stage_says() {
    let manifest = with("[stage.shadow]\nplugin = \"classify@2\"\n");
    let stage = &manifest.stages[0];
    let shadow = stage.shadow.as_ref().unwrap();
    assert_eq!(shadow.sample, Shadow::SAMPLE);
    assert_eq!(shadow.models_in(stage), &stage.models);
    assert_eq!(shadow.config_in(stage), &stage.config);
}

#[test]
fn places_of_candidates_are_kept() {
    let text = format!("{FLEET}{BOTH}");
    let manifest = accepted(&text);
    let stage = &manifest.stages[0];
    let at = |span: fleetwright_manifest::Span| &text[span.range()];
    let canary = &stage.canary.as_ref().unwrap().spans;
    assert_eq!(at(canary.canary), "[stage.canary]");
    assert_eq!(at(canary.plugin), "\"other@2.0.0\"");
    assert_eq!(at(canary.split), "\"25%\"");
    assert_eq!(at(canary.roles["encoder"]), "encoder");
    assert_eq!(at(canary.config_at("/names/1")), "\"b\"");
    assert_eq!(at(canary.config_at("/names/7/x")), "[\"a\", \"b\"]");
    let shadow = &stage.shadow.as_ref().unwrap().spans;
    assert_eq!(at(shadow.shadow), "[stage.shadow]");
    assert_eq!(at(shadow.sample.unwrap()), "0.5");
    assert_eq!(at(shadow.config_at("/nowhere")), "[stage.shadow.config]");
}

#[test]
fn tables_and_inline_tables_mean_the_same() {
    let inline =
        "[[stage]]\nname = \"b\"\nplugin = \"b@1\"\ncanary = { plugin = \"b@2\", weight = 0.1 }\n";
    let table = "[[stage]]\nname = \"b\"\nplugin = \"b@1\"\n[stage.canary]\nplugin = \"b@2\"\nweight = 0.1\n";
    let dotted =
        "[[stage]]\nname = \"b\"\nplugin = \"b@1\"\ncanary.plugin = \"b@2\"\ncanary.weight = 0.1\n";
    assert_eq!(with(inline), with(table));
    assert_eq!(with(dotted), with(table));
    let manifest = with(table);
    assert!(
        manifest.stage("classify").unwrap().canary.is_none(),
        "it is of the last stage"
    );
    assert!(manifest.stage("b").unwrap().canary.is_some());
}

/// What makes a candidate another thing than its stage, however little.
#[test]
fn a_candidate_must_differ_from_its_stage_in_something() {
    let same = |lines: &str| {
        let lines = format!("[stage.shadow]\nplugin = \"classify@1\"\n{lines}\n");
        parse(&Source::new("fleet.toml", format!("{FLEET}{lines}"))).is_err()
    };
    assert!(same(""));
    assert!(same(
        "models = { encoder = \"encoder\" }\nconfig = { floor = 0.5 }"
    ));
    assert!(!same("models = { encoder = \"large\" }"));
    assert!(!same("models = {}"));
    assert!(!same("config = { floor = 0.6 }"));
    assert!(!same("config = {}"));
    assert!(!same(&format!("digest = \"{DIGEST}\"")));
    assert!(
        with("[stage.shadow]\nplugin = \"classify@1.0\"").stages[0]
            .shadow
            .is_some()
    );
    assert!(
        with("[stage.shadow]\nplugin = \"other@1\"").stages[0]
            .shadow
            .is_some()
    );
}

/// A value that could not be read may be what differs.
#[test]
fn nothing_is_said_of_sameness_where_something_could_not_be_read() {
    let lines = "[stage.canary]\nplugin = \"classify@1\"\nweight = 0.1\nconfig = 1\n";
    assert_eq!(refused(lines), ["wrong-type"]);
}
