//! What differs between two manifests: each edit is named in its place, and nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{Difference, Kind, MAX_DETAILS, Manifest, Place, Source, diff, parse};
use proptest::prelude::*;
use serde_json::json;

const FLEET: &str = r#"
schema = 1
name = "inbox"

[submission]
fields = ["subject", "body"]

[defaults.limits]
queue = 9

[models.encoder]
use = "minilm@1"

[models.large]
use = "minilm@2"
batch = { max = 4, delay = "1ms" }

[[stage]]
name = "classify"
plugin = "classify@1"
models = { encoder = "encoder" }
reads = ["subject", "body"]
[stage.config]
floor = 0.5
[stage.canary]
plugin = "classify@2"
weight = 0.1

[[stage]]
name = "route"
plugin = "route@1"
needs = ["classify"]
when = 'classify.type != "spam"'
reads = ["classify"]
limits = { memory = "64MiB" }

[[stage]]
name = "extract"
plugin = "extract@1"
needs = ["classify"]
on_error = "continue"
[stage.shadow]
plugin = "extract@2"
"#;

fn accepted(text: &str) -> Manifest {
    let source = Source::new("fleet.toml", text);
    parse(&source).unwrap_or_else(|found| panic!("{text}\n{}", found.render(&source, false)))
}

/// The differences after an edit, as lines.
fn after(old: &str, new: &str) -> Vec<String> {
    assert!(FLEET.contains(old), "{old}");
    let edited = accepted(&FLEET.replacen(old, new, 1));
    let found = diff(&accepted(FLEET), &edited);
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn each_key_is_named_with_what_was_and_what_is() {
    let pin = "0123456789abcdef".repeat(4);
    let cases = [
        (
            "name = \"inbox\"",
            "name = \"desk\"",
            "fleet changed: name: inbox → desk",
        ),
        (
            "[\"subject\", \"body\"]\n\n[def",
            "[\"subject\", \"body\", \"to\"]\n\n[def",
            "fleet changed: fields: + to",
        ),
        (
            "fields = [\"subject\", \"body\"]",
            "fields = [\"body\", \"subject\"]",
            "fleet changed: order of fields: subject, body → body, subject",
        ),
        (
            "use = \"minilm@1\"",
            "use = \"minilm@1.0.0\"",
            "model encoder changed: use: minilm@1 → minilm@1.0.0",
        ),
        (
            "use = \"minilm@1\"",
            &format!("use = \"minilm@1\"\ndigest = \"sha256:{pin}\""),
            "model encoder changed: digest: none → sha256:0123456789ab…",
        ),
        (
            "use = \"minilm@1\"",
            "use = \"minilm@1\"\ndevice = \"cuda:0\"",
            "model encoder changed: device: auto → cuda:0",
        ),
        (
            "use = \"minilm@1\"",
            "use = \"minilm@1\"\ndevice_memory = \"2GiB\"",
            "model encoder changed: device_memory: what there is → 2GiB",
        ),
        (
            "{ max = 4, delay = \"1ms\" }",
            "{ delay = \"2ms\" }",
            "model large changed: batch.max: 4 → as the card says; batch.delay: 1ms → 2ms",
        ),
        (
            "use = \"minilm@1\"",
            "use = \"minilm@1\"\nthreads = 2\nrun = \"5s\"\nqueue = 64\nbatch = { tokens = 512 }",
            "model encoder changed: batch.tokens: as suits the device → 512; run: 30s → 5s; threads: a quarter of all → 2; queue: 256 → 64",
        ),
        (
            "[defaults",
            "[inference]\nthreads = 3\n\n[defaults",
            "fleet changed: inference.threads: as the cores say → 3",
        ),
        (
            "plugin = \"classify@1\"",
            "plugin = \"classify@3\"",
            "stage classify changed: plugin: classify@1 → classify@3",
        ),
        (
            "models = { encoder = \"encoder\" }",
            "models = { encoder = \"large\", heads = \"encoder\" }",
            "stage classify changed: models.encoder: encoder → large; models: + heads = encoder",
        ),
        (
            "models = { encoder = \"encoder\" }",
            "",
            "stage classify changed: models: − encoder",
        ),
        (
            "reads = [\"subject\", \"body\"]",
            "reads = [\"body\", \"attachments\"]",
            "stage classify changed: reads: + attachments, − subject",
        ),
        (
            "floor = 0.5",
            "floor = 0.6",
            "stage classify changed: config./floor: 0.5 → 0.6",
        ),
        (
            "weight = 0.1",
            "weight = \"25%\"",
            "stage classify changed: canary.weight: 10 % → 25 %",
        ),
        (
            "weight = 0.1",
            "header = \"x-try\"",
            "stage classify changed: canary: 10 % → header x-try",
        ),
        (
            "weight = 0.1",
            "weight = 0.1\npromote_after = \"1h\"\nmax_error_rate = 0.01\nmax_p99_ratio = 2\nmin_requests = 7",
            "stage classify changed: canary.promote_after: 10m → 1h; canary.max_error_rate: 5 % → 1 %; \
             canary.max_p99_ratio: 1.5 → 2; canary.min_requests: 100 → 7",
        ),
        (
            "weight = 0.1",
            "weight = 0.1\nmodels = { encoder = \"large\" }\nconfig = { floor = 0.9 }",
            "stage classify changed: canary.models: the stage's → encoder = large; \
             canary.config: the stage's → {\"floor\":0.9}",
        ),
        (
            "[stage.canary]\nplugin = \"classify@2\"\nweight = 0.1",
            "",
            "stage classify changed: canary: removed, was classify@2 at 10 %",
        ),
        (
            "when = 'classify.type != \"spam\"'",
            "",
            "stage route changed: when: classify.type != \"spam\" → none",
        ),
        (
            "memory = \"64MiB\"",
            "memory = \"128MiB\", rate = \"5/s\", fuel = 1000",
            "stage route changed: limits.memory: 64MiB → 128MiB; limits.rate: none → 5/s; limits.fuel: none → 1000",
        ),
        (
            "reads = [\"classify\"]",
            "reads = [\"classify\"]\nwasi = [\"clocks\"]\ncanary = { plugin = \"route@2\", header = \"x-try\" }",
            "stage route changed: wasi: + clocks; canary: added, route@2 by header x-try",
        ),
        (
            "on_error = \"continue\"",
            "",
            "stage extract changed: on_error: continue → fail",
        ),
        (
            "plugin = \"extract@2\"",
            "plugin = \"extract@2\"\nsample = 0.5",
            "stage extract changed: shadow.sample: 100 % → 50 %",
        ),
        (
            "[stage.shadow]\nplugin = \"extract@2\"",
            "",
            "stage extract changed: shadow: removed, was extract@2 on 100 %",
        ),
    ];
    for (old, new, line) in cases {
        assert_eq!(after(old, new), [line]);
    }
}

#[test]
fn a_default_that_changes_is_named_at_each_stage_that_has_it() {
    assert_eq!(
        after("queue = 9", "queue = 8"),
        ["classify", "route", "extract"]
            .map(|stage| format!("stage {stage} changed: limits.queue: 9 → 8"))
    );
}

#[test]
fn what_came_stands_in_the_new_order_and_what_went_stands_last() {
    let route = FLEET.find("[[stage]]\nname = \"route\"").unwrap();
    let extract = FLEET.find("[[stage]]\nname = \"extract\"").unwrap();
    let text = format!(
        "{}[[stage]]\nname = \"first\"\nplugin = \"first@1\"\nneeds = [\"classify\"]\nmodels = {{ a = \"aaa\" }}\n\n{}",
        &FLEET[..route],
        &FLEET[extract..]
    );
    let text = text.replace(
        "[models.large]\nuse = \"minilm@2\"\nbatch = { max = 4, delay = \"1ms\" }",
        "[models.aaa]\nuse = \"a@1\"",
    );
    let text = text.replace("plugin = \"extract@1\"", "plugin = \"extract@3\"");
    let found = diff(&accepted(FLEET), &accepted(&text));
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "model aaa added: use: a@1; device: auto",
            "stage first added: plugin: first@1; needs: classify; reads: none; models: a = aaa",
            "stage extract changed: plugin: extract@1 → extract@3",
            "model large removed: use: minilm@2; device: auto",
            "stage route removed: plugin: route@1; needs: classify; reads: classify",
        ]
    );
}

#[test]
fn stages_that_change_places_are_a_difference_of_the_fleet() {
    let fleet = |names: [&str; 2]| {
        let stage =
            |name| format!("[[stage]]\nname = \"{name}\"\nplugin = \"{name}@1\"\nneeds = []\n");
        accepted(&format!(
            "schema = 1\nname = \"a\"\n{}",
            names.map(stage).concat()
        ))
    };
    let found = diff(&fleet(["a", "b"]), &fleet(["b", "a"]));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "fleet changed: order of stages: a, b → b, a"
    );
}

#[test]
fn comments_and_the_way_of_writing_are_no_difference() {
    let moved = format!(
        "# a comment\n{}",
        FLEET.replace("0.1", "\"10%\"").replace(" = ", "  =  ")
    );
    let moved = moved.replace("type  !=", "type !=");
    let moved = moved.replace(
        "reads  =  [\"subject\", \"body\"]",
        "reads = [\"body\", \"subject\"]",
    );
    assert_eq!(diff(&accepted(FLEET), &accepted(&moved)), []);
}

#[test]
fn it_is_written_as_json_and_read_again() {
    let edited = FLEET
        .replace("name = \"inbox\"", "name = \"desk\"")
        .replace("@1\"\nneeds", "@3\"\nneeds");
    let found = diff(&accepted(FLEET), &accepted(&edited));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(
        json[0],
        json!({ "place": "fleet", "kind": "changed", "details": ["name: inbox → desk"] })
    );
    assert_eq!(
        json[1],
        json!({ "place": "stage", "name": "route", "kind": "changed", "details": ["plugin: route@1 → route@3"] })
    );
    let read: Vec<Difference> = serde_json::from_value(json).unwrap();
    assert_eq!(read, found);
}

#[test]
fn much_is_counted_and_what_a_file_says_is_made_plain() {
    let keys: String = (0..100)
        .map(|i| format!("k{i} = \"\\u001b[31m\"\n"))
        .collect();
    let text = FLEET.replace("floor = 0.5\n", &keys);
    let found = diff(&accepted(FLEET), &accepted(&text));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].details.len(), MAX_DETAILS);
    assert_eq!(found[0].details[MAX_DETAILS - 1], "and 70 more");
    assert!(!found[0].to_string().contains(char::is_control));
}

/// A fleet in parts, each of which is a place of its own.
#[derive(Debug, Clone)]
struct Parts {
    name: u8,
    /// Model → version.
    models: Vec<u8>,
    stages: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    version: u8,
    memory: u8,
    floor: u8,
    canary: Option<u8>,
    shadow: Option<u8>,
    needs_all: bool,
}

fn part() -> impl Strategy<Value = Part> {
    let candidate = || prop::option::of(1_u8..100);
    (
        0_u8..9,
        1_u8..99,
        any::<u8>(),
        candidate(),
        candidate(),
        any::<bool>(),
    )
        .prop_map(|(version, memory, floor, canary, shadow, needs_all)| Part {
            version,
            memory,
            floor,
            canary,
            shadow,
            needs_all,
        })
}

fn parts() -> impl Strategy<Value = Parts> {
    let models = prop::collection::vec(0_u8..9, 1..4);
    (any::<u8>(), models, prop::collection::vec(part(), 1..6)).prop_map(|(name, models, stages)| {
        Parts {
            name,
            models,
            stages,
        }
    })
}

fn manifest(parts: &Parts) -> Manifest {
    let mut text = format!("schema = 1\nname = \"f{}\"\n", parts.name);
    for (index, version) in parts.models.iter().enumerate() {
        text += &format!("[models.m{index}]\nuse = \"minilm@{version}\"\n");
    }
    for (index, stage) in parts.stages.iter().enumerate() {
        let needs: Vec<String> = (0..index).map(|i| format!("\"s{i}\"")).collect();
        let needs = if stage.needs_all {
            needs.join(", ")
        } else {
            String::new()
        };
        text += &format!(
            "[[stage]]\nname = \"s{index}\"\nplugin = \"p@{}\"\nneeds = [{needs}]\nlimits = {{ memory = \"{}MiB\" }}\n\
             config = {{ floor = {} }}\n",
            stage.version, stage.memory, stage.floor
        );
        let candidates = [
            ("canary", "weight", stage.canary),
            ("shadow", "sample", stage.shadow),
        ];
        for (table, key, percent) in candidates {
            if let Some(percent) = percent {
                text += &format!("[stage.{table}]\nplugin = \"p@99\"\n{key} = \"{percent}%\"\n");
            }
        }
    }
    accepted(&text)
}

/// Makes one edit, and says where.
fn edit(parts: &mut Parts, what: u8, at: prop::sample::Index) -> (Place, Kind) {
    let index = at.index(parts.stages.len());
    let stage = &mut parts.stages[index];
    let place = Place::Stage(format!("s{index}"));
    match what {
        0 => stage.version += 1,
        1 => stage.memory += 1,
        2 => stage.floor ^= 1,
        3 => stage.canary = stage.canary.map_or(Some(7), |_| None),
        4 => stage.canary = stage.canary.map_or(Some(7), |percent| Some(percent + 1)),
        5 => stage.shadow = stage.shadow.map_or(Some(7), |percent| Some(percent + 1)),
        6 if index > 0 => stage.needs_all = !stage.needs_all,
        7 => {
            let index = at.index(parts.models.len());
            parts.models[index] += 1;
            return (Place::Model(format!("m{index}")), Kind::Changed);
        }
        8 => {
            parts.models.push(1);
            return (
                Place::Model(format!("m{}", parts.models.len() - 1)),
                Kind::Added,
            );
        }
        9 => {
            let part = parts.stages[index].clone();
            parts.stages.push(part);
            return (
                Place::Stage(format!("s{}", parts.stages.len() - 1)),
                Kind::Added,
            );
        }
        _ => {
            parts.name ^= 1;
            return (Place::Fleet, Kind::Changed);
        }
    }
    (place, Kind::Changed)
}

fn swapped(kind: Kind) -> Kind {
    match kind {
        Kind::Added => Kind::Removed,
        Kind::Removed => Kind::Added,
        Kind::Changed => Kind::Changed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_manifest_does_not_differ_from_itself(parts in parts()) {
        prop_assert_eq!(diff(&manifest(&parts), &manifest(&parts)), []);
    }

    #[test]
    fn one_edit_is_one_difference_in_its_place(parts in parts(), what in 0_u8..11, at in any::<prop::sample::Index>()) {
        let mut edited = parts.clone();
        let (place, kind) = edit(&mut edited, what, at);
        let (old, new) = (manifest(&parts), manifest(&edited));
        let found = diff(&old, &new);
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        prop_assert_eq!((&found[0].place, found[0].kind), (&place, kind));
        prop_assert!(!found[0].details.is_empty());
        let back = diff(&new, &old);
        prop_assert_eq!((&back[0].place, back[0].kind), (&place, swapped(kind)), "and back");
    }

    #[test]
    fn any_two_manifests_differ_where_they_are_not_equal(old in parts(), new in parts()) {
        let (old, new) = (manifest(&old), manifest(&new));
        let found = diff(&old, &new);
        prop_assert_eq!(found.is_empty(), old == new);
        for stage in &new.stages {
            let place = Place::Stage(stage.name.clone());
            let named = found.iter().filter(|found| found.place == place).count();
            prop_assert_eq!(named, usize::from(old.stage(&stage.name) != Some(stage)));
        }
        for difference in &found {
            prop_assert!(!difference.details.iter().any(|detail| {
                let sides = detail.split_once(": ").and_then(|(_, change)| change.split_once(" → "));
                sides.is_some_and(|(old, new)| old == new)
            }), "{}", difference);
        }
    }
}
