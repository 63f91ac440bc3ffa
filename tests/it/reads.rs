//! Least privilege for data: a stage is shown what `reads` grants, and no word more.

use fleetwright_tests::{Host, Layout};
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
