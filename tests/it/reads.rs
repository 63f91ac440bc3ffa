//! Least privilege for data: a stage is shown what `reads` grants, and no word more.

use fleetwright_tests::versions::replace;
use fleetwright_tests::{Host, Layout, command};
use serde_json::{Value, json};

use crate::assertions::outcome;

/// What each field says, told apart from all others.
const WORDS: [&str; 7] = [
    "apricot",
    "bramble",
    "cherry",
    "damson",
    "elderberry",
    "fig",
    "gooseberry",
];

fn submission() -> Value {
    json!({
        "subject": "apricot", "body": "bramble", "from": "cherry", "to": "damson", "date": "elderberry",
        "messages": [{ "body": "fig" }],
        "attachments": [{ "name": "gooseberry.txt", "base64": "Z29vc2ViZXJyeQ==" }],
    })
}

fn shown(stages: &Value, stage: &str) -> Value {
    stages[stage]["answer"].clone()
}

#[test]
fn a_stage_sees_what_it_was_granted_and_nothing_else() {
    let host = Host::start(Layout::named("reads", &["hostile"]).unwrap(), &[]).unwrap();
    let outcome = outcome(&host.submit(&submission()).unwrap(), "completed");
    let stages = &outcome["stages"];
    let file = json!([{ "name": "gooseberry.txt", "media_type": "text/plain", "bytes": 10 }]);

    let first = json!({ "fields": { "subject": "apricot" }, "attachments": [] });
    assert_eq!(shown(stages, "subject-only"), first);
    assert_eq!(
        shown(stages, "files"),
        json!({ "fields": { "body": "bramble" }, "attachments": file })
    );
    assert_eq!(
        shown(stages, "earlier"),
        json!({ "fields": { "subject-only": first }, "attachments": [] })
    );
    // `left-out` is granted and did not run: it is absent, not null.
    let people = json!({ "from": "cherry", "to": "damson", "date": "elderberry", "messages": [{ "body": "fig" }] });
    assert_eq!(
        shown(stages, "people"),
        json!({ "fields": people, "attachments": [] })
    );
    assert_eq!(
        shown(stages, "nothing"),
        json!({ "fields": {}, "attachments": [] })
    );

    // No way round: not one word of what was not granted stands anywhere in an answer.
    for (stage, granted) in [
        ("subject-only", &["apricot"][..]),
        ("files", &["bramble", "gooseberry"]),
        ("earlier", &["apricot"]),
        ("people", &["cherry", "damson", "elderberry", "fig"]),
        ("nothing", &[]),
    ] {
        let answer = shown(stages, stage).to_string();
        let found: Vec<_> = WORDS
            .into_iter()
            .filter(|word| answer.contains(word))
            .collect();
        assert_eq!(found, granted, "{stage}");
    }
}

/// A stage of the guest `hostile` that echoes what it is shown, with so much fuel.
fn metered(fuel: u64) -> String {
    format!(
        "schema = 1\nname = \"metered\"\n[models.stub]\nuse = \"stub@1\"\n\n[[stage]]\nname = \"echo\"\nplugin = \"hostile@1\"\n\
         reads = [\"subject\"]\nmodels = {{ model = \"stub\" }}\nconfig = {{ case = \"echo\" }}\n\
         limits = {{ fuel = {fuel}, cpu = \"60s\", input = \"1KiB\", depth = 2, attachments = 0 }}\n"
    )
}

/// Serves the stage with so much fuel.
fn refuel(host: &Host, fuel: u64) {
    replace(&host.layout().manifest(), metered(fuel).as_bytes()).unwrap();
    let mut words: Vec<std::ffi::OsString> = ["swap", "echo", "hostile@1"].map(Into::into).into();
    words.extend(host.layout().flags());
    let swapped = command(words, "").unwrap();
    assert_eq!(swapped.code, Some(0), "{swapped}");
}

/// Neither an error nor the time that it takes tells a guest what else a submission carries: to the last instruction it is
/// the same call. Instructions are counted, for a clock would count what else the machine does.
#[test]
fn what_is_not_granted_shows_in_no_error_and_in_no_instruction() {
    let host = Host::start(
        Layout::new(&metered(100_000_000), &["hostile"]).unwrap(),
        &[],
    )
    .unwrap();
    let bare = json!({ "subject": "apricot" });
    let laden = json!({
        "subject": "apricot", "body": "bramble ".repeat(50_000), "from": "cherry", "to": "damson", "date": "elderberry",
        "messages": vec![json!({ "body": "fig" }); 1000],
        "attachments": vec![json!({ "name": "gooseberry.txt", "base64": "Z29vc2ViZXJyeQ==" }); 64],
    });
    let answer = |submission: &Value| {
        let response = host.submit(submission).unwrap();
        let told = response.json().unwrap();
        let stage = told
            .pointer("/stages/echo")
            .or(told.pointer("/outcome/stages/echo"));
        let stage = stage.unwrap_or_else(|| panic!("{response}"));
        (
            stage["status"].clone(),
            stage["answer"].clone(),
            stage["failure"].clone(),
        )
    };
    // The least fuel that suffices, by halves: then one unit more or less would tell the two apart.
    let (mut too_little, mut enough) = (0, 100_000_000);
    assert_eq!(answer(&bare), answer(&laden));
    while enough - too_little > 1 {
        let middle = (too_little + enough) / 2;
        refuel(&host, middle);
        match answer(&bare).0 == "ok" {
            true => enough = middle,
            false => too_little = middle,
        }
    }
    for (fuel, status) in [(enough, "ok"), (too_little, "failed")] {
        refuel(&host, fuel);
        let (bare, laden) = (answer(&bare), answer(&laden));
        assert_eq!(bare, laden, "with {fuel} of fuel");
        assert_eq!(bare.0, status);
    }
}

#[test]
fn no_word_of_a_submission_is_logged() {
    let host = Host::start(Layout::named("reads", &["hostile"]).unwrap(), &[]).unwrap();
    outcome(&host.submit(&submission()).unwrap(), "completed");
    let log = host.log();
    assert!(log.contains("submission done"), "{log}");
    for word in WORDS {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

#[test]
fn a_field_that_is_granted_and_not_sent_is_absent() {
    let host = Host::start(Layout::named("reads", &["hostile"]).unwrap(), &[]).unwrap();
    let outcome = outcome(
        &host.submit(&json!({ "to": "damson" })).unwrap(),
        "completed",
    );
    assert_eq!(
        shown(&outcome["stages"], "subject-only"),
        json!({ "fields": {}, "attachments": [] })
    );
    assert_eq!(
        shown(&outcome["stages"], "people"),
        json!({ "fields": { "to": "damson" }, "attachments": [] })
    );
}
