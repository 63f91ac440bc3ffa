//! `fleetwright eval`: what it measures, what it writes, what it refuses, and that it does so again to the byte.

use std::fs;
use std::process::Stdio;

use fleetwright_tests::versions::put;
use fleetwright_tests::{Ended, Layout, command, digest, places, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

mod baseline;

/// A fleet of one stage that echoes the subject and says a word of its own.
fn fleet(config: &str) -> Layout {
    let text = format!(
        "schema = 1\nname = \"said\"\n\n[[stage]]\nname = \"first\"\nplugin = \"versioned@1.0.70001\"\nreads = [\"subject\"]\nconfig = {{ {config} }}\n"
    );
    let layout = Layout::new(&text, &[]).unwrap();
    put(&layout, 1, "v1.wasm").unwrap();
    layout
}

/// Evaluates lines, and gives what became of it and the report.
fn eval(layout: &Layout, lines: &[Value], words: &[&str]) -> (Ended, Option<Value>) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    eval_text(layout, text.as_bytes(), words)
}

fn eval_text(layout: &Layout, text: &[u8], words: &[&str]) -> (Ended, Option<Value>) {
    let data = layout.write("data.jsonl", text).unwrap();
    let out = layout.folder().join("out");
    let mut all: Vec<std::ffi::OsString> = vec!["eval".into(), data.into()];
    all.extend(["--out".into(), out.clone().into_os_string()]);
    all.extend(words.iter().map(Into::into));
    all.extend(layout.flags());
    let ended = command(all, "").unwrap();
    let report = fs::read_to_string(out.join("report.json")).ok();
    (
        ended,
        report.map(|text| serde_json::from_str(&text).unwrap()),
    )
}

fn sample(number: usize, subject: &str, expect: Value) -> Value {
    json!({"id": format!("s{number}"), "fields": {"subject": subject}, "expect": expect})
}

/// Samples of which three in four are as the fleet says.
fn samples(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let said = if number % 4 == 0 { "order" } else { "card" };
            sample(
                number,
                &format!("number {number}"),
                json!({"answer": {"/word": said}}),
            )
        })
        .collect()
}

fn figure<'v>(report: &'v Value, name: &str, of: Option<&str>) -> &'v Value {
    let figures = report["measured"]["measures"][0]["figures"]
        .as_array()
        .unwrap();
    let found = figures
        .iter()
        .find(|one| one["name"] == name && one.get("of").and_then(Value::as_str) == of);
    found.unwrap_or_else(|| panic!("no `{name}` of {of:?}: {report:#}"))
}

#[test]
fn a_stage_is_measured_and_the_report_says_on_what() {
    let layout = fleet("word = \"card\"");
    let (ended, report) = eval(&layout, &samples(40), &["--stage", "first"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stdout.contains("accuracy"), "{ended}");
    let report = report.unwrap();
    let accuracy = figure(&report, "accuracy", None);
    assert_eq!(
        (&accuracy["value"], &accuracy["cases"]),
        (&json!(0.75), &json!(40))
    );
    let (low, high) = (
        accuracy["low"].as_f64().unwrap(),
        accuracy["high"].as_f64().unwrap(),
    );
    assert!(
        0.5 < low && low < 0.75 && 0.75 < high && high < 0.95,
        "{accuracy}"
    );
    assert_eq!(figure(&report, "recall", Some("card"))["value"], 1);
    assert_eq!(figure(&report, "precision", Some("card"))["value"], 0.75);
    assert_eq!(figure(&report, "recall", Some("order"))["value"], 0);
    let measured = &report["measured"];
    assert_eq!(measured["complete"], true);
    for (place, digest) in [
        ("the data", &measured["data"]["digest"]),
        ("what ran", &measured["data"]["contents"]),
        ("the manifest", &measured["manifest"]),
        ("the plugin", &measured["stages"][0]["plugin"]["digest"]),
        ("the config", &measured["stages"][0]["config"]),
        ("all of it", &report["digest"]),
    ] {
        let digest = digest.as_str().unwrap();
        assert!(
            digest.starts_with("sha256:") && digest.len() == 71,
            "{place}: {digest}"
        );
    }
    assert!(report["run"]["latency"]["p99"].as_f64().unwrap() > 0.0);
    assert!(report["run"]["latency"]["cpu"].as_f64().unwrap() > 0.0);
    assert_eq!(
        (&measured["data"]["rows"], &measured["data"]["samples"]),
        (&json!(40), &json!(40))
    );
    let page = fs::read_to_string(layout.folder().join("out/report.html")).unwrap();
    assert!(
        page.contains("Confusion matrix") && page.ends_with("</html>\n"),
        "{page}"
    );
    for outside in ["<script", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(outside), "the page loads nothing: {outside}");
    }
}

#[test]
fn a_run_names_the_programs_that_ran_by_their_bytes() {
    let layout = fleet("word = \"card\"");
    let (_, report) = eval(&layout, &samples(4), &["--stage", "first"]);
    let report = report.unwrap();
    let programs = &report["run"]["programs"];
    let host = fs::read(places::host().unwrap()).unwrap();
    assert_eq!(
        (&programs["host"]["digest"], &programs["host"]["bytes"]),
        (&json!(digest(&host)), &json!(host.len())),
        "{programs:#}"
    );
    let inference = &programs["inference"];
    assert!(
        inference["version"]
            .as_str()
            .is_some_and(|version| !version.is_empty())
    );
    let files = inference["files"].as_array().map_or(0, Vec::len);
    assert_eq!(inference["embedded"], files == 0, "{inference:#}");
    assert_eq!(
        inference["name"],
        if files == 0 { "rten" } else { "onnxruntime" }
    );
    assert!(
        report["measured"].get("programs").is_none(),
        "what hangs on the machine is no part of what was measured"
    );
    let page = fs::read_to_string(layout.folder().join("out/report.html")).unwrap();
    assert!(page.contains(&digest(&host)), "{page}");
}

#[test]
fn a_limit_leaves_samples_out_and_the_report_says_so() {
    let layout = fleet("word = \"card\"");
    let words = ["--stage", "first", "--limit", "10"];
    let (ended, part) = eval(&layout, &samples(40), &words);
    assert_eq!(ended.code, Some(0), "it did what was asked for: {ended}");
    let said = "not complete: `--limit` takes the first 10 of 40 samples";
    assert!(ended.stdout.contains(said), "{ended}");
    let page = fs::read_to_string(layout.folder().join("out/report.html")).unwrap();
    assert!(page.contains(said), "{page}");
    let part = part.unwrap();
    let measured = &part["measured"];
    assert_eq!(
        (&measured["complete"], &measured["settings"]["limit"]),
        (&json!(false), &json!(10))
    );
    assert_eq!(
        (&measured["data"]["rows"], &measured["data"]["samples"]),
        (&json!(40), &json!(10))
    );
    assert_eq!(figure(&part, "accuracy", None)["cases"], 10);
    let part = layout
        .write("part.json", part.to_string().as_bytes())
        .unwrap();

    let (ended, whole) = eval(
        &layout,
        &samples(40),
        &[
            "--stage",
            "first",
            "--limit",
            "40",
            "--baseline",
            part.to_str().unwrap(),
        ],
    );
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(!ended.stdout.contains("not complete"), "{ended}");
    let whole = whole.unwrap();
    assert_eq!(whole["measured"]["complete"], true, "it leaves none out");
    let compared = &whole["compared"];
    assert_eq!(
        (&compared["same_data"], &compared["same_samples"]),
        (&json!(true), &json!(false))
    );
    let measure = &compared["measures"][0];
    assert_eq!(
        (&measure["matched"], &measure["paired"]),
        (&json!(10), &json!(false)),
        "too few are the same for case by case: {compared:#}"
    );
    assert!(
        ended
            .stdout
            .contains("of the same data file, but of other samples of it"),
        "{ended}"
    );
}

#[test]
fn what_is_measured_is_the_same_to_the_byte_however_many_run_at_once() {
    let layout = fleet("word = \"card\", fail_percent = 20");
    let (_, one) = eval(&layout, &samples(60), &["--stage", "first", "--jobs", "1"]);
    let (_, many) = eval(&layout, &samples(60), &["--stage", "first", "--jobs", "7"]);
    let (one, many) = (one.unwrap(), many.unwrap());
    assert_eq!(one["measured"].to_string(), many["measured"].to_string());
    assert_eq!(one["digest"], many["digest"]);
    let (_, other) = eval(&layout, &samples(60), &["--stage", "first", "--seed", "2"]);
    assert_ne!(
        one["digest"],
        other.unwrap()["digest"],
        "another seed draws other intervals"
    );
}

#[test]
fn a_sample_without_an_answer_is_wrong_and_told() {
    let layout = fleet("word = \"card\", broken = true");
    let (ended, report) = eval(&layout, &samples(8), &["--stage", "first"]);
    assert_eq!(ended.code, Some(1), "nothing was answered: {ended}");
    let report = report.unwrap();
    assert_eq!(figure(&report, "accuracy", None)["value"], 0);
    let failure = &report["measured"]["failures"][0];
    assert_eq!(
        (&failure["stage"], &failure["reason"], &failure["samples"]),
        (&json!("first"), &json!("plugin"), &json!(8)),
        "{failure}"
    );
    assert_eq!(failure["first"][0], "s0");
    assert!(
        report["run"]["failures"]["first plugin"]
            .as_str()
            .unwrap()
            .contains("as told")
    );
    assert!(
        ended
            .stdout
            .contains("8 samples without an answer of first: plugin"),
        "{ended}"
    );
}

#[test]
fn the_fleet_is_measured_stage_by_stage() {
    let layout = Layout::named("graph", &["hostile"]).unwrap();
    let (ended, _) = eval(
        &layout,
        &[sample(1, "x", json!({"answer": {"/a": 1}}))],
        &[],
    );
    assert!(
        ended.code == Some(1) && ended.stderr.contains("does not say of which stage"),
        "{ended}"
    );
    let layout = fleet("word = \"card\"");
    let lines: Vec<Value> = samples(8)
        .into_iter()
        .map(|mut line| {
            let expect = line["expect"].take();
            line["expect"] = json!({"first": expect});
            line["group"] = json!(if line["id"] == "s0" { "a" } else { "b" });
            line
        })
        .collect();
    let (ended, report) = eval(&layout, &lines, &[]);
    assert_eq!(ended.code, Some(0), "{ended}");
    let report = report.unwrap();
    assert_eq!(report["measured"]["measures"][0]["name"], "first/word");
    assert_eq!(
        report["measured"]["measures"][0]["groups"]["a"][0]["value"],
        0
    );
    assert_eq!(figure(&report, "accuracy", None)["value"], 0.75);
}

#[test]
fn every_mistake_of_a_data_file_is_told_at_once_with_its_line() {
    let layout = fleet("word = \"card\"");
    let text = r#"{"eval": {"name": "mistaken"}}
{"id": "a", "fields": {"subject": "x"}, "expect": {"answer": {"/word": "card"}}}

{"id": "a", "fields": {"subject": "x"}, "expect": {"answer": {"/word": "card"}}}
{"id": "b", "fields": {"sbject": "x"}, "expect": {"answer": {"/word": "card"}}}
{"id": "c", "fields": {"subject": "x"}, "expect": {"answer": {"/word": {"at_least": 1}}}}
{"id": "d", "fields": {"subject": "x"}, "expect": {}}
{"id": "e", "fields": {"subject": "x"}
{"id": "f", "fields": {"subject": "x"}, "expects": {}}
{"id": "g", "fields": {"subject": "x"}, "expect": {"other": {"answer": {"/word": "card"}}, "first": {"held": true}}, "stages": {"nobody": {}}}
{"id": "h", "fields": {"subject": "x"}, "attachments": ["no/such.pdf"], "expect": {"answer": {"word": "card"}}}
{"id": "i", "fields": {"subject": "x"}, "expect": {"spans": {"/word": [{"kind": "date", "start": 4, "end": 4}]}}}
{"expect": {"held": false}}
"#;
    let (ended, _) = eval_text(&layout, text.as_bytes(), &["--stage", "first"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    for said in [
        "has 10 mistakes",
        "line 4: `id` is `a`",
        "line 5: `sbject` is no field of this fleet, which has `subject`",
        "line 6: `/word` is {\"at_least\":1}: expect one label",
        "line 7: `expect` expects nothing",
        "line 8: ",
        "line 9: unknown field `expects`",
        "line 10: `nobody` is no stage of this fleet, which has `first`",
        "line 11: `word` is no JSON pointer: begin it with `/`",
        "line 12: a span of `date` starts at 4 and ends at 4",
        "line 13: there is nothing to work on",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {ended}");
    }
    let many: String = (0..100).map(|_| "{}\n").collect();
    let (ended, _) = eval_text(&layout, many.as_bytes(), &["--stage", "first"]);
    assert!(
        ended.stderr.contains("has 100 mistakes") && ended.stderr.contains("… and 80 more"),
        "{ended}"
    );
}

#[test]
fn what_cannot_be_used_is_refused_with_the_way_out() {
    let layout = fleet("word = \"card\"");
    let one = samples(1);
    for (words, said) in [
        (
            vec!["--stage", "second"],
            "`second` is no stage of this fleet: name one of `first`",
        ),
        (
            vec!["--stage", "first", "--baseline", "/no/such.json"],
            "cannot read the baseline `/no/such.json`",
        ),
        (
            vec!["--stage", "first", "--jobs", "0"],
            "is no number from 1",
        ),
    ] {
        let (ended, _) = eval(&layout, &one, &words);
        assert!(
            ended.code != Some(0) && ended.stderr.contains(said),
            "{said}: {ended}"
        );
    }
    let (ended, _) = eval_text(&layout, b"\n\n", &["--stage", "first"]);
    assert!(
        ended.code == Some(1) && ended.stderr.contains("has no sample"),
        "{ended}"
    );
    let all = ["eval", "/no/such.jsonl", "--stage", "first"].map(std::ffi::OsString::from);
    let ended = command(all.into_iter().chain(layout.flags()), "").unwrap();
    assert!(
        ended.code == Some(1) && ended.stderr.contains("/no/such.jsonl"),
        "{ended}"
    );
    let no_report = layout.write("data2.jsonl", b"{}").unwrap();
    let (ended, _) = eval(
        &layout,
        &one,
        &[
            "--stage",
            "first",
            "--baseline",
            no_report.to_str().unwrap(),
        ],
    );
    assert!(
        ended.code == Some(1) && ended.stderr.contains("is no baseline"),
        "{ended}"
    );
}

#[test]
fn the_shipped_stages_are_measured_by_every_task() {
    let layout = Layout::shipped().unwrap();
    let letter = "Please refund the 39.00 EUR to DE89 3704 0044 0532 0130 00. I sent the kettle back two weeks ago.";
    let iban = letter.find("DE89").unwrap();
    let invoice = fs::read(places::root().join("tests/data/invoice.pdf")).unwrap();
    layout.write("invoice.pdf", &invoice).unwrap();
    // All as it stands there, with one expectation that is wrong and one of a field that an answer never has.
    let of_invoice = json!({
        "id": "invoice",
        "fields": {"subject": "Our invoice", "body": "Please find it attached."},
        "attachments": ["invoice.pdf"],
        "expect": {"extract": {"fields": {"/invoice": {
            "issuer": "Nordlicht Werkzeuge GmbH", "number": ["417", "INV-2025-00417"], "date": "2025-03-14", "due_date": "2025-04-13",
            "total": "1234.57", "tax": "197.12", "currency": "USD", "discount": null
        }}}}
    });
    let letter = json!({
        "id": "letter",
        "fields": {"subject": "Refund", "body": letter},
        "attachments": [{"name": "note.txt", "text": "Order 4711."}],
        "expect": {
            "classify": {"answer": {"/type": "refund", "/sentiment": "furious"}},
            "extract": {"spans": {"/entities": [{"kind": "iban", "start": iban, "end": iban + 27}]}},
            "summarize": {"summary": {"/summary": ["The writer asks for a refund of 39.00 EUR for a kettle."]}},
            "comply": {"flags": {"/flags/*/rule": ["iban.mod97"]}, "held": false}
        }
    });
    let (ended, report) = eval(&layout, &[letter, of_invoice], &[]);
    assert_eq!(ended.code, Some(0), "{ended}");
    let report = report.unwrap();
    let of = |measure: &str, name: &str| {
        let measures = report["measured"]["measures"].as_array().unwrap();
        let measure = measures.iter().find(|one| one["name"] == measure);
        let figures = measure.unwrap_or_else(|| panic!("{report:#}"))["figures"]
            .as_array()
            .unwrap();
        let figure = figures
            .iter()
            .find(|one| one["name"] == name && one.get("of").is_none());
        figure.unwrap()["value"].as_f64().unwrap()
    };
    assert_eq!(of("classify/type", "accuracy"), 1.0);
    assert_eq!(of("classify/sentiment", "accuracy"), 0.0);
    assert_eq!(of("extract/entities", "f1"), 1.0);
    assert!(of("summarize/summary", "rouge-1") > 0.3, "{report:#}");
    assert_eq!(of("comply/flags/*/rule", "recall"), 1.0);
    assert_eq!(of("comply held", "accuracy"), 1.0);
    assert_eq!(of("extract/invoice", "exact-match"), 0.875, "{report:#}");
    assert_eq!(of("extract/invoice", "all-fields"), 0.0);
    let fields = &report["measured"]["samples"][1]["cases"]["extract/invoice"];
    assert_eq!(
        (&fields["number"], &fields["currency"], &fields["discount"]),
        (&json!("right"), &json!("wrong"), &json!("absent")),
        "{fields:#}"
    );
    assert!(
        ended
            .stdout
            .contains("none of the labels that can be found: `furious`"),
        "{ended}"
    );
}

#[test]
fn a_signal_ends_it_with_what_there_is() {
    let layout = fleet("word = \"card\", turns = 2000000");
    let text: String = samples(100_000)
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    let data = layout.write("data.jsonl", text.as_bytes()).unwrap();
    let out = layout.folder().join("out");
    let mut words: Vec<std::ffi::OsString> =
        vec!["eval".into(), data.into(), "--stage".into(), "first".into()];
    words.extend(["--out".into(), out.clone().into_os_string()]);
    words.extend(layout.flags());
    let mut child = fleetwright_tests::command::host(words)
        .unwrap()
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Signals are heard by the time that the folder is there.
    until("the folder", || Ok(out.is_dir().then_some(()))).unwrap();
    let id = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "it ends by itself");
    if let Ok(report) = fs::read_to_string(out.join("report.json")) {
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["measured"]["complete"], false);
    }
}

#[test]
fn a_deadline_stands_in_the_place_of_the_stages_own() {
    let layout =
        fleet("word = \"card\", turns = 400000000 }\nlimits = { cpu = \"60s\", deadline = \"1ms\"");
    let (ended, report) = eval(&layout, &samples(2), &["--stage", "first"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    let report = report.unwrap();
    assert_eq!(report["measured"]["failures"][0]["reason"], "deadline");
    assert_eq!(report["measured"]["settings"]["own_deadlines"], true);
    let words = ["--stage", "first", "--deadline", "200s"];
    let (ended, report) = eval(&layout, &samples(2), &words);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(
        report.unwrap()["measured"]["settings"]["own_deadlines"],
        false
    );
}
