//! Manifests that do not start: every mistake at once, each with its place and the way out.

use std::fs;

use fleetwright_tests::{Ended, Layout, command, places};
use serde_json::Value;

/// The head of a manifest: six lines, and one empty.
const HEAD: &str = "schema = 1\nname = \"refused\"\n[models.stub]\nuse = \"stub@1\"\n\n";

fn check(layout: &Layout) -> Ended {
    let mut words = vec!["check".into(), "--json".into()];
    words.extend(layout.flags());
    command(words, "").unwrap()
}

/// What is wrong with a manifest: `(code, line, column, message, hint)` each.
fn refused(layout: &Layout) -> Vec<Found> {
    let ended = check(layout);
    assert_eq!(ended.code, Some(1), "{ended}");
    let error = ended.error().unwrap();
    let found = error["diagnostics"]
        .as_array()
        .unwrap_or_else(|| panic!("no diagnostics: {ended}"));
    found.iter().map(|one| Found::of(one, layout)).collect()
}

#[derive(Debug)]
struct Found {
    code: String,
    line: u64,
    column: u64,
    message: String,
    notes: String,
    hint: String,
}

impl Found {
    fn of(one: &Value, layout: &Layout) -> Found {
        assert_eq!(
            one["file"],
            layout.manifest().display().to_string(),
            "{one:#}"
        );
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        Found {
            code: text("code"),
            line: one["line"].as_u64().unwrap(),
            column: one["column"].as_u64().unwrap(),
            message: text("message"),
            notes: one["notes"].to_string(),
            hint: text("hint"),
        }
    }

    fn place(&self) -> (&str, u64, u64) {
        (&self.code, self.line, self.column)
    }
}

fn one(layout: &Layout) -> Found {
    let mut found = refused(layout);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn with_stage(stage: &str) -> Layout {
    Layout::new(&format!("{HEAD}{stage}"), &["hostile"]).unwrap()
}

#[test]
fn a_plugin_that_is_not_there_is_told_with_what_is() {
    let layout = with_stage(
        "[[stage]]\nname = \"a\"\nplugin = \"hostle@1\"\nmodels = { model = \"stub\" }\n",
    );
    fs::write(layout.plugins().join("junk.wasm"), b"this is no component").unwrap();
    let found = one(&layout);
    assert_eq!(found.place(), ("plugin-not-found", 8, 10), "{found:?}");
    assert!(
        found.message.contains("`hostle@1`") && found.hint.contains("`hostile`"),
        "{found:?}"
    );
    assert!(
        found.notes.contains("junk.wasm") && found.notes.contains("not a WebAssembly component"),
        "{found:?}"
    );

    let newer = with_stage(
        "[[stage]]\nname = \"a\"\nplugin = \"hostile@7\"\nmodels = { model = \"stub\" }\n",
    );
    let found = one(&newer);
    assert_eq!(found.place(), ("plugin-not-found", 8, 10), "{found:?}");
    assert!(found.hint.contains("`1.0.0`"), "{found:?}");
}

#[test]
fn a_file_that_is_no_component_stops_nothing_that_does_not_need_it() {
    let layout = with_stage(
        "[[stage]]\nname = \"a\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = \"echo\" }\n",
    );
    fs::write(layout.plugins().join("junk.wasm"), b"this is no component").unwrap();
    let ended = check(&layout);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(
        ended.stderr.contains("junk.wasm"),
        "it is named all the same: {ended}"
    );
}

#[test]
fn roles_and_config_and_digest_are_held_against_the_plugin_all_at_once() {
    let layout = with_stage(
        "[[stage]]\nname = \"unbound\"\nplugin = \"hostile@1\"\nconfig = { case = \"echo\" }\n\n\
         [[stage]]\nname = \"misbound\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\", modle = \"stub\" }\nconfig = { case = \"echo\" }\n\n\
         [[stage]]\nname = \"misconfigured\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = 7, colour = \"red\" }\n\n\
         [[stage]]\nname = \"pinned\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = \"echo\" }\n\
         digest = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n",
    );
    let found = refused(&layout);
    let places: Vec<_> = found.iter().map(Found::place).collect();
    let lines: Vec<_> = places
        .iter()
        .map(|(code, line, _)| (*code, *line))
        .collect();
    assert_eq!(
        lines,
        [
            ("role-not-bound", 8),
            ("role-unknown", 14),
            ("config-refused", 21),
            ("config-refused", 21),
            ("digest-mismatch", 28)
        ],
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .all(|one| one.column > 1 && !one.hint.is_empty()),
        "{found:#?}"
    );
    assert!(found[0].hint.contains("`model = "), "{found:#?}");
    assert!(found[1].message.contains("`modle`"), "{found:#?}");
    assert!(
        found[2..4].iter().any(|one| one.message.contains("colour")),
        "{found:#?}"
    );
    let digest = fleetwright_tests::digest(&fs::read(places::guest("hostile").unwrap()).unwrap());
    assert!(found[4].message.contains(&digest), "{found:#?}");
}

#[test]
fn two_components_that_claim_one_version_are_not_chosen_between() {
    let stage = "[[stage]]\nname = \"a\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = \"echo\" }\n";
    let mut bytes = fs::read(places::guest("hostile").unwrap()).unwrap();
    let pin = format!(
        "{stage}digest = \"{}\"\n",
        fleetwright_tests::digest(&bytes)
    );
    let layout = with_stage(&pin);
    fs::write(layout.plugins().join("copy.wasm"), &bytes).unwrap();
    let ended = check(&layout);
    assert_eq!(
        ended.code,
        Some(0),
        "the same component twice is one, and its digest is the one pinned: {ended}"
    );

    // A section that says nothing: the same plugin to whoever asks it, another to whoever looks.
    bytes.extend([0x00, 0x02, 0x01, b'x']);
    fs::write(layout.plugins().join("copy.wasm"), &bytes).unwrap();
    assert_eq!(
        check(&layout).code,
        Some(0),
        "the digest that is pinned chooses"
    );
    let layout = with_stage(stage);
    fs::write(layout.plugins().join("copy.wasm"), &bytes).unwrap();
    let found = one(&layout);
    assert_eq!(found.place(), ("plugin-ambiguous", 8, 10), "{found:?}");
    assert!(
        found.notes.contains("copy.wasm") && found.notes.contains("hostile.wasm"),
        "{found:?}"
    );
}

#[test]
fn a_model_whose_file_was_changed_does_not_load() {
    let models = tempfile::tempdir().unwrap();
    let folder = models.path().join("sentence-scorer/3.0.0");
    fs::create_dir_all(&folder).unwrap();
    let shipped = places::root().join("models/sentence-scorer/3.0.0");
    for file in ["model.toml", "model.onnx"] {
        fs::copy(shipped.join(file), folder.join(file)).unwrap();
    }
    let text = "schema = 1\nname = \"changed\"\n[models.scorer]\nuse = \"sentence-scorer@3\"\n\n\
                [[stage]]\nname = \"a\"\nplugin = \"hostile@1\"\nmodels = { model = \"scorer\" }\nconfig = { case = \"echo\" }\n";
    let layout = Layout::new(text, &["hostile"])
        .unwrap()
        .with_models(models.path());
    let sound = check(&layout);
    assert_eq!(sound.code, Some(0), "{sound}");

    let weights = folder.join("model.onnx");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, &bytes).unwrap();
    let found = one(&layout);
    assert_eq!(found.place(), ("model-refused", 4, 7), "{found:?}");
    let digest = fleetwright_tests::digest(&bytes);
    assert!(
        found.message.contains(digest.trim_start_matches("sha256:"))
            && found.message.contains("model.onnx"),
        "{found:?}"
    );

    let mut words = vec!["models".into(), "verify".into(), "--json".into()];
    words.extend(layout.flags());
    let verified = command(words, "").unwrap();
    assert_eq!(verified.code, Some(1), "{verified}");
    assert_eq!(verified.json().unwrap()["ok"], false, "{verified}");
}

#[test]
fn a_model_that_is_not_there_is_told_with_those_that_are() {
    let text = "schema = 1\nname = \"absent\"\n[models.stub]\nuse = \"stubb@1\"\n\n\
                [[stage]]\nname = \"a\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = \"echo\" }\n";
    let found = one(&Layout::new(text, &["hostile"]).unwrap());
    assert_eq!(found.place(), ("model-not-found", 4, 7), "{found:?}");
    assert!(found.hint.contains("`stub@1.0.0`"), "{found:?}");
}

/// A fleet over the shipped card of a generative model, whose model's entry has another line.
fn generative(line: &str) -> Layout {
    let text = format!(
        "schema = 1\nname = \"generative\"\n[models.writer]\nuse = \"smollm2@1\"\n{line}\n\
        [[stage]]\nname = \"a\"\nplugin = \"hostile@1\"\nmodels = {{ model = \"writer\" }}\nconfig = {{ case = \"echo\" }}\n"
    );
    let layout = Layout::new(&text, &["hostile"]).unwrap();
    layout.with_models(&places::root().join("models"))
}

#[test]
fn an_adapter_that_the_card_has_not_is_told_with_its_place() {
    let found = one(&generative("adapter = \"loud\""));
    assert_eq!(found.place(), ("adapter-not-found", 5, 11), "{found:?}");
    assert!(
        found
            .message
            .contains("`smollm2@1.0.0` has no adapter `loud`")
            && found.hint.contains("`[adapters]`"),
        "{found:?}"
    );
}

#[cfg(not(feature = "llama"))]
#[test]
fn a_generative_model_is_refused_by_a_host_without_llama_cpp_with_the_command() {
    let found = one(&generative(""));
    assert_eq!(found.place(), ("model-refused", 4, 7), "{found:?}");
    for part in [
        "format `gguf`",
        "feature `llama`",
        "`cargo xtask generative`",
    ] {
        assert!(found.message.contains(part), "{found:?}");
    }
}

#[test]
fn ten_mistakes_are_ten_findings() {
    let text = fs::read_to_string(places::root().join("host/manifest/tests/ui/ten-mistakes.toml"))
        .unwrap();
    let found = refused(&Layout::new(&text, &[]).unwrap());
    let mut codes: Vec<_> = found.iter().map(|one| one.code.as_str()).collect();
    assert!(found.len() >= 10, "{found:#?}");
    assert!(
        found.iter().all(|one| one.line > 1 && !one.hint.is_empty()),
        "{found:#?}"
    );
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() >= 9, "they are of different kinds: {codes:?}");
}

#[test]
fn a_host_with_such_a_manifest_does_not_serve_and_shows_the_place() {
    let layout = with_stage("[[stage]]\nname = \"a\"\nplugin = \"hostle@1\"\n");
    let mut words = vec!["serve".into(), "--listen".into(), "127.0.0.1:0".into()];
    words.extend(layout.flags());
    let ended = command(words, "").unwrap();
    assert_eq!(ended.code, Some(1), "{ended}");
    let place = format!("{}:8:10", layout.manifest().display());
    for part in [
        "error[plugin-not-found]",
        place.as_str(),
        "plugin = \"hostle@1\"",
        "^^^^",
        "help: ",
    ] {
        assert!(ended.stderr.contains(part), "`{part}` is not in {ended}");
    }
    assert_eq!(ended.stdout, "");
}

#[test]
fn what_is_not_there_at_all_is_told_with_the_flag_that_names_another() {
    let layout = Layout::new(HEAD, &[]).unwrap();
    let words = |changed: &str, to: &str| {
        let mut words: Vec<std::ffi::OsString> = vec!["check".into()];
        words.extend(layout.flags());
        let at = words.iter().position(|word| word == changed).unwrap();
        words[at + 1] = to.into();
        words
    };
    let ended = command(words("--fleet", "/no/such/fleet.toml"), "").unwrap();
    assert!(
        ended.code == Some(1)
            && ended.stderr.contains("`/no/such/fleet.toml`")
            && ended.stderr.contains("--fleet"),
        "{ended}"
    );

    let layout = with_stage(
        "[[stage]]\nname = \"a\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = \"echo\" }\n",
    );
    fs::remove_dir_all(layout.plugins()).unwrap();
    let ended = check(&layout);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended.error().unwrap()["error"]
            .as_str()
            .unwrap()
            .contains("--plugins"),
        "{ended}"
    );
}
