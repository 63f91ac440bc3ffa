//! The verbs that run and end.

use std::ffi::OsString;
use std::fs;

use fleetwright_tests::{Ended, Host, Layout, command, digest, places};
use serde_json::{Value, json};

fn verb(layout: &Layout, words: &[&str], input: &str) -> Ended {
    let mut all: Vec<OsString> = words.iter().map(Into::into).collect();
    all.extend(layout.flags());
    command(all, input).unwrap()
}

fn data(name: &str) -> String {
    places::root()
        .join("tests/data")
        .join(name)
        .display()
        .to_string()
}

#[test]
fn run_reads_each_kind_of_file_and_standard_input() {
    let layout = Layout::shipped().unwrap();
    let files = [
        "01-card-stolen.txt",
        "08-delivery.json",
        "06-cancel.eml",
        "invoice.pdf",
    ]
    .map(data);
    let mut words = vec!["run", "--json"];
    words.extend(files.iter().map(String::as_str));
    words.push("-");
    let ended = verb(
        &layout,
        &words,
        r#"{"subject": "Invoice 7", "body": "Please send invoice 7 again."}"#,
    );
    assert_eq!(ended.code, Some(0), "{ended}");
    let lines = ended.lines().unwrap();
    assert_eq!(lines.len(), 5, "{ended}");
    for (line, file) in lines
        .iter()
        .zip(files.iter().map(String::as_str).chain(["standard input"]))
    {
        assert_eq!(
            (&line["file"], &line["status"]),
            (&json!(file), &json!("completed")),
            "{line:#}"
        );
        assert_eq!(line["stages"].as_object().unwrap().len(), 5, "{line:#}");
    }
    assert_eq!(
        lines[3]["stages"]["extract"]["answer"]["invoice"]["number"], "INV-2025-00417",
        "{:#}",
        lines[3]
    );
}

#[test]
fn run_takes_text_from_standard_input_and_goes_through_a_host_that_serves() {
    let host = Host::start(Layout::named("echo", &["hostile"]).unwrap(), &[]).unwrap();
    let url = format!("http://{}", host.address());
    let here = verb(
        host.layout(),
        &["run", "-"],
        "Subject: Hello\n\nfrom a pipe\n",
    );
    let there = verb(
        host.layout(),
        &["run", "--url", &url, "-"],
        "Subject: Hello\n\nfrom a pipe\n",
    );
    for ended in [&here, &there] {
        assert_eq!(ended.code, Some(0), "{ended}");
        // No terminal reads it, so that it is JSON without being asked.
        let line = &ended.lines().unwrap()[0];
        assert_eq!(
            line["stages"]["echo"]["answer"]["fields"],
            json!({ "subject": "Hello", "body": "from a pipe" }),
            "{line:#}"
        );
    }
    let nowhere = verb(
        host.layout(),
        &["run", "--url", "http://127.0.0.1:9", "-"],
        "Hello",
    );
    assert!(
        nowhere.code == Some(1) && nowhere.stderr.contains("fleetwright serve"),
        "{nowhere}"
    );
    let table = verb(host.layout(), &["run", "--table", "-"], "Hello");
    assert!(
        table.code == Some(0) && table.stdout.contains("echo") && table.lines().is_err(),
        "{table}"
    );
}

#[test]
fn run_ends_badly_where_a_submission_does() {
    let layout = Layout::named("graph", &["hostile"]).unwrap();
    let ended = verb(&layout, &["run", "--json", "-"], r#"{"subject": "fail"}"#);
    assert_eq!(ended.code, Some(1), "{ended}");
    let line = &ended.lines().unwrap()[0];
    assert_eq!(
        (&line["status"], &line["problem"]["stage"]),
        (&json!("failed"), &json!("fails")),
        "{line:#}"
    );
    let ended = verb(&layout, &["run", "--json", "-"], r#"{"subjet": "x"}"#);
    assert_eq!(ended.code, Some(1), "{ended}");
    let line = &ended.lines().unwrap()[0];
    assert_eq!(
        (&line["status"], &line["problem"]["type"]),
        (&json!("refused"), &json!("/problems/unknown-field")),
        "{line:#}"
    );
    let ended = verb(&layout, &["run", "/no/such/file.txt"], "");
    assert!(
        ended.code == Some(1) && ended.stderr.contains("/no/such/file.txt"),
        "{ended}"
    );
    assert_eq!(
        verb(&layout, &["run", "--json", "-"], r#"{"subject": "hold"}"#).code,
        Some(0),
        "a hold is no failure"
    );
}

#[test]
fn check_says_what_would_be_served() {
    let layout = Layout::named("graph", &["hostile"]).unwrap();
    let ended = verb(&layout, &["check", "--json"], "");
    assert_eq!(ended.code, Some(0), "{ended}");
    let checked = ended.json().unwrap();
    assert_eq!(
        (&checked["ok"], &checked["fleet"]["name"]),
        (&json!(true), &json!("graph")),
        "{checked:#}"
    );
    assert_eq!(checked["fleet"]["stages"].as_array().unwrap().len(), 10);
    let ended = verb(&layout, &["check"], "");
    assert!(
        ended.code == Some(0) && ended.stdout.contains("Fleet `graph` is valid: 10 stages"),
        "{ended}"
    );
}

#[test]
fn inspect_tells_what_a_component_is() {
    let file = places::guest("hostile").unwrap();
    let shown = file.display().to_string();
    let ended = command(["plugin", "inspect", "--json", &shown], "").unwrap();
    assert_eq!(ended.code, Some(0), "{ended}");
    let found = ended.json().unwrap();
    assert_eq!(
        found["digest"],
        digest(&fs::read(&file).unwrap()),
        "{found:#}"
    );
    assert_eq!(
        (
            &found["description"]["name"],
            &found["description"]["version"]
        ),
        (&json!("hostile"), &json!("1.0.0"))
    );
    assert_eq!(
        found["description"]["roles"][0]["name"], "model",
        "{found:#}"
    );
    assert_eq!(
        found["description"]["config_schema"]["required"],
        json!(["case"]),
        "{found:#}"
    );
    let imports: Vec<_> = found["imports"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(!imports.is_empty(), "{found:#}");
    for import in &imports {
        assert!(
            import.starts_with("wasi:nn/") || import.starts_with("fleetwright:stage/"),
            "{import}"
        );
    }
    let ended = command(["plugin", "inspect", &shown], "").unwrap();
    assert!(
        ended.code == Some(0) && ended.stdout.starts_with("hostile@1.0.0"),
        "{ended}"
    );

    let wasi = places::guest("wasi-user").unwrap().display().to_string();
    let wasi = command(["plugin", "inspect", "--json", &wasi], "")
        .unwrap()
        .json()
        .unwrap();
    assert!(
        wasi["imports"]
            .to_string()
            .contains("wasi:clocks/monotonic-clock"),
        "{wasi:#}"
    );

    let junk = data("invoice.pdf");
    let ended = command(["plugin", "inspect", &junk], "").unwrap();
    assert!(
        ended.code == Some(1) && ended.stderr.contains("not a WebAssembly component"),
        "{ended}"
    );
}

#[test]
fn the_shipped_plugins_import_models_and_nothing_of_wasi() {
    for plugin in ["classify", "route", "extract", "summarize", "comply"] {
        let file = places::plugin(plugin).unwrap().display().to_string();
        let found = command(["plugin", "inspect", "--json", &file], "")
            .unwrap()
            .json()
            .unwrap();
        assert_eq!(found["description"]["name"], plugin, "{found:#}");
        for import in found["imports"].as_array().unwrap() {
            let import = import.as_str().unwrap();
            assert!(
                import.starts_with("wasi:nn/") || import.starts_with("fleetwright:stage/"),
                "{plugin}: {import}"
            );
        }
    }
}

#[test]
fn the_shipped_models_are_listed_and_are_what_their_cards_say() {
    let layout = Layout::shipped().unwrap();
    let listed = verb(&layout, &["models", "list", "--json"], "");
    assert_eq!(listed.code, Some(0), "{listed}");
    let listed = listed.json().unwrap();
    let models = listed["models"].as_array().unwrap();
    let names: Vec<_> = models
        .iter()
        .filter_map(|model| model["name"].as_str())
        .collect();
    for name in [
        "minilm",
        "inbox-heads",
        "name-tagger",
        "sentence-scorer",
        "comply-heads",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    // What another build or another device needs is not pulled.
    let served = |format: &Value| cfg!(feature = "llama") || format != "gguf";
    for model in models {
        assert!(
            model["licence"]
                .as_str()
                .is_some_and(|licence| !licence.is_empty()),
            "{model:#}"
        );
        let files = model["files"].as_array().unwrap().iter();
        let for_any = |file: &&Value| file["devices"].as_array().is_none_or(Vec::is_empty);
        let mut wanted = files.filter(for_any).filter(|_| served(&model["format"]));
        assert!(wanted.all(|file| file["present"] == true), "{model:#}");
    }
    let verified = verb(&layout, &["models", "verify", "--json"], "");
    assert_eq!(verified.code, Some(0), "{verified}");
    assert_eq!(verified.json().unwrap()["ok"], true, "{verified}");
}

#[test]
fn doctor_tells_a_sound_fleet_from_one_that_cannot_start() {
    let sound = verb(
        &Layout::named("echo", &["hostile"]).unwrap(),
        &["doctor", "--json"],
        "",
    );
    assert_eq!(sound.code, Some(0), "{sound}");
    assert_eq!(sound.json().unwrap()["ok"], true, "{sound}");
    let unsound = verb(
        &Layout::named("echo", &[]).unwrap(),
        &["doctor", "--json"],
        "",
    );
    assert_eq!(unsound.code, Some(1), "{unsound}");
    let found = unsound.json().unwrap();
    let fleet = found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["what"] == "fleet")
        .unwrap();
    assert_eq!(fleet["state"], "missing", "{found:#}");
    assert!(
        fleet["mend"].is_string() && fleet["detail"].as_str().unwrap().contains("hostile@1"),
        "{found:#}"
    );
}
