//! Files that cannot be stages: each is refused with its own reason, and the host serves what is sound beside them.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use fleetwright_tests::host::subject;
use fleetwright_tests::{Ended, Guest, Host, Layout, command, until, wat};

use crate::assertions::still_works;

/// A file, and a part of the reason for which it is refused.
struct Bad {
    name: &'static str,
    bytes: Vec<u8>,
    reason: &'static str,
}

fn bad(name: &'static str, reason: &'static str, bytes: impl Into<Vec<u8>>) -> Bad {
    let bytes = bytes.into();
    Bad {
        name,
        bytes,
        reason,
    }
}

fn guest(name: &str) -> Guest {
    Guest::named(name).unwrap()
}

fn written(name: &'static str, reason: &'static str) -> Bad {
    bad(name, reason, guest(name).component().unwrap())
}

/// The guest `idle`, which lies in one thing.
fn liar(name: &'static str, reason: &'static str, lie: impl FnOnce(&mut Guest)) -> Bad {
    let mut guest = guest("idle");
    lie(&mut guest);
    bad(name, reason, guest.component().unwrap())
}

/// What is no component of this world.
fn no_stages() -> Vec<Bad> {
    let idle = guest("idle").component().unwrap();
    let component = |text: &str| wat::parse(text).unwrap();
    let memories = "(memory 1)".repeat(9);
    vec![
        bad("empty", "not a WebAssembly component", ""),
        bad(
            "text",
            "not a WebAssembly component",
            "this is no component",
        ),
        bad(
            "core-module",
            "not a WebAssembly component",
            component("(module)"),
        ),
        bad("header", "not a WebAssembly component", &idle[..6]),
        bad(
            "truncated",
            "not a WebAssembly component",
            &idle[..idle.len() / 2],
        ),
        bad(
            "many-memories",
            "defined memories count of 9",
            component(&format!(
                "(component (core module $m {memories}) (core instance (instantiate $m)))"
            )),
        ),
        bad(
            "foreign-import",
            "imports `evil:net/socket@1.0.0`, which is not part of world",
            component("(component (import \"evil:net/socket@1.0.0\" (instance)))"),
        ),
        bad(
            "files",
            "imports `wasi:filesystem/types@0.2.6`, which is not part of world",
            component("(component (import \"wasi:filesystem/types@0.2.6\" (instance)))"),
        ),
        bad(
            "false-interface",
            "does not fit world",
            component(
                "(component (import \"wasi:nn/no-such@0.2.0-rc-2024-10-28\" (instance (export \"f\" (func)))))",
            ),
        ),
        bad(
            "wrong-world",
            "does not fit world",
            component("(component)"),
        ),
        liar("wrong-version", "does not fit world", |guest| {
            guest.world = "2.0.0".into()
        }),
    ]
}

/// What fails when it is asked what it is, or says what cannot be.
fn no_descriptions() -> Vec<Bad> {
    let deep = "[".repeat(100_000);
    vec![
        written("start-trap", "unreachable"),
        written("start-spin", "`describe` failed"),
        written("describe-trap", "unreachable"),
        written("describe-spin", "`describe` failed"),
        written("greedy", "limits.memory"),
        liar("name", "is not `[a-z][a-z0-9-]*`", |guest| {
            guest.name = "Idle!".into()
        }),
        liar("long-name", "is not `[a-z][a-z0-9-]*`", |guest| {
            guest.name = "x".repeat(65)
        }),
        liar("version", "no semantic version", |guest| {
            guest.version = "newest".into()
        }),
        liar("role", "role `` is not", |guest| {
            guest.roles = vec![String::new()]
        }),
        liar("role-twice", "stands twice", |guest| {
            guest.roles = vec!["model".into(), "model".into()]
        }),
        liar("schema-text", "no JSON", |guest| {
            guest.config_schema = "a schema".into()
        }),
        liar("schema-number", "no JSON Schema", |guest| {
            guest.config_schema = "7".into()
        }),
        liar("answer-schema", "no JSON", |guest| {
            guest.answer_schema = "{".into()
        }),
        liar("schema-deep", "no JSON", |guest| guest.config_schema = deep),
        liar("long-winded", "say less", |guest| {
            guest.summary = "x".repeat(10 << 20)
        }),
    ]
}

/// The plugin of stage `b`, under a name that no file has.
fn other() -> Vec<u8> {
    let mut other = guest("idle");
    (other.name, other.version) = ("another-name".into(), "3.1.0".into());
    other.component().unwrap()
}

const SOUND: &str = "schema = 1\nname = \"files\"\n[models.stub]\nuse = \"stub@1\"\n\n\
    [[stage]]\nname = \"a\"\nplugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = \"echo\" }\n\n\
    [[stage]]\nname = \"b\"\nplugin = \"another-name@3\"\n";

fn check(layout: &Layout) -> Ended {
    let mut words = vec!["check".into(), "--json".into()];
    words.extend(layout.flags());
    command(words, "").unwrap()
}

/// One host beside all of them: it serves, and says of each why it is none. Its file's name is only a name.
fn are_refused_and_stop_nothing(files: &[Bad]) {
    let layout = Layout::new(SOUND, &["hostile"]).unwrap();
    layout.put_plugin("idle", &other()).unwrap();
    for file in files {
        layout.put_plugin(file.name, &file.bytes).unwrap();
    }
    // Nothing of it is read, let alone held.
    let large = layout.put_plugin("large", b"\0asm").unwrap();
    is_large(&large);

    let host = Host::start(layout, &[]).unwrap();
    still_works(&host, &subject("anything"));
    let log = host.log();
    let refusals = files
        .iter()
        .map(|file| (file.name, file.reason))
        .chain([("large", "209715200 bytes")]);
    for (name, reason) in refusals {
        let file = format!("/{name}.wasm");
        let line = log.lines().find(|line| line.contains(&file));
        let line = line.unwrap_or_else(|| panic!("`{name}` is not named: {log}"));
        assert!(line.contains(reason), "`{reason}` is not in: {line}");
        assert!(line.len() < 4096, "{} bytes for one file", line.len());
    }
    let resident = host
        .metric("process_resident_memory_bytes", &[])
        .unwrap()
        .unwrap();
    assert!(resident < 400e6, "{resident} bytes are held");
}

fn is_large(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(200 << 20).unwrap();
}

/// Rounds after which what is held must have come to rest, and what three more of them may add then: threads keep some of what
/// they once needed for the next time, each a piece of its own, but what is lost is lost in every round.
const ROUNDS: usize = 30;
const REST_BYTES: f64 = 2.0 * 1024.0 * 1024.0;

/// Each in the place of a component that serves: the change is refused with the file's reason and counted, clients go on being
/// answered by what served, and what the file cost the host comes back.
fn are_refused_in_a_plugins_place(files: &[Bad]) {
    let layout = Layout::new(SOUND, &["hostile"]).unwrap();
    layout.put_plugin("b", &other()).unwrap();
    let host = Host::start(layout, &["--poll", "50ms"]).unwrap();
    let (mut held, mut refusals) = (Vec::<f64>::new(), 0.0);
    let rests = |held: &[f64]| match held {
        [.., before, _, _, now] => now - before < REST_BYTES,
        _ => false,
    };
    while !rests(&held) {
        assert!(
            held.len() < ROUNDS,
            "the host holds more and more: {held:?}"
        );
        for file in files {
            // What spins is given its whole time, each time: once is enough.
            if held.is_empty() || !file.name.ends_with("-spin") {
                refusals += 1.0;
                is_refused_in_a_plugins_place(&host, file);
            }
        }
        let resident = host.metric("process_resident_memory_bytes", &[]);
        held.push(resident.unwrap().unwrap());
    }
    let outcome = |outcome| {
        let labels = [("outcome", outcome)];
        host.metric("fleetwright_changes_total", &labels).unwrap()
    };
    assert!(
        outcome("refused") >= Some(refusals),
        "{:?}",
        outcome("refused")
    );
    assert_eq!(outcome("served"), None, "what served went on all the time");
}

fn is_refused_in_a_plugins_place(host: &Host, file: &Bad) {
    let path = host.layout().plugins().join("b.wasm");
    let refused = || {
        let ready = host.get("/readyz?verbose").unwrap().json().unwrap();
        let text = ready["control"]["refused"]["text"].as_str();
        // As one line: it is wrapped for a person.
        text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    put_aged(&path, &file.bytes, file.name == LARGE);
    until(&format!("the refusal of `{}`", file.name), || {
        Ok(refused().filter(|said| said.contains(file.reason)))
    })
    .unwrap();
    still_works(host, &subject("anything"));
    put_aged(&path, &other(), false);
    until(&format!("the end of `{}`", file.name), || {
        Ok(refused().is_none().then_some(()))
    })
    .unwrap();
    still_works(host, &subject("anything"));
}

const LARGE: &str = "large";

/// Puts a file in place in one step, with times of an hour ago: it is whole, then, and counts at once.
fn put_aged(path: &Path, bytes: &[u8], large: bool) {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).unwrap();
    if large {
        is_large(&beside);
    }
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let file = File::options().write(true).open(&beside).unwrap();
    file.set_modified(hour_ago).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[test]
fn what_is_no_component_of_this_world_is_refused_in_a_plugins_place() {
    let mut files = no_stages();
    files.push(bad(LARGE, "209715200 bytes", ""));
    are_refused_in_a_plugins_place(&files);
}

#[test]
fn what_cannot_say_what_it_is_is_refused_in_a_plugins_place() {
    are_refused_in_a_plugins_place(&no_descriptions());
}

#[test]
fn what_is_no_component_of_this_world_is_refused_and_stops_nothing() {
    are_refused_and_stop_nothing(&no_stages());
}

#[test]
fn what_cannot_say_what_it_is_is_refused_and_stops_nothing() {
    are_refused_and_stop_nothing(&no_descriptions());
}

#[test]
fn a_stage_of_such_a_file_is_told_the_reason_at_its_place_in_the_manifest() {
    let layout = Layout::new(
        "schema = 1\nname = \"files\"\n[[stage]]\nname = \"a\"\nplugin = \"start-trap@1\"\n",
        &[],
    )
    .unwrap();
    let file = written("start-trap", "unreachable");
    layout.put_plugin(file.name, &file.bytes).unwrap();
    let ended = check(&layout);
    assert_eq!(ended.code, Some(1), "{ended}");
    let found = &ended.error().unwrap()["diagnostics"][0];
    assert_eq!(
        (&found["code"], &found["line"]),
        (&"plugin-not-found".into(), &5.into()),
        "{found:#}"
    );
    let notes = found["notes"].to_string();
    assert!(
        notes.contains("start-trap.wasm") && notes.contains(file.reason),
        "{found:#}"
    );
}

/// JSON, and an object, and yet no schema: it shows where a stage would be held to it.
#[test]
fn a_schema_that_is_none_refuses_its_stage() {
    type Break = fn(&mut Guest);
    let broken: [(&str, Break); 2] = [
        ("config", |guest| {
            guest.config_schema = r#"{"type":7}"#.into()
        }),
        ("answer", |guest| {
            guest.answer_schema = r#"{"type":7}"#.into()
        }),
    ];
    for (which, breaks) in broken {
        let layout = Layout::new(
            "schema = 1\nname = \"files\"\n[[stage]]\nname = \"a\"\nplugin = \"idle@1\"\n",
            &[],
        )
        .unwrap();
        let mut idle = guest("idle");
        breaks(&mut idle);
        layout
            .put_plugin("idle", &idle.component().unwrap())
            .unwrap();
        let ended = check(&layout);
        assert_eq!(ended.code, Some(1), "{ended}");
        let found = &ended.error().unwrap()["diagnostics"][0];
        assert_eq!(found["code"], "plugin-refused", "{found:#}");
        let message = found["message"].to_string();
        assert!(
            message.contains(&format!("{which} schema")) && message.contains("no JSON Schema"),
            "{found:#}"
        );
    }
}
