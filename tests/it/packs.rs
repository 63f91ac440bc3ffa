//! The cases of `comply`'s rule packs, through the stage as it ships: what a pack says that a rule must and must not flag; and what a stage
//! of the shipped fleet lets out.

use std::fs;

use fleetwright_tests::{Host, Layout, places};
use serde_json::{Value, json};

use crate::assertions::outcome;

/// The rules of all packs with their cases, as their files say them. Those that read earlier answers alone are left out, since
/// not every case can be made a stage's words by a request (`plugins/comply/src/tests.rs` has them).
fn rules() -> Vec<toml::Table> {
    let folder = places::root().join("plugins/comply/packs");
    let mut rules = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let pack: toml::Table = text.parse().unwrap();
        for rule in pack["rules"].as_array().unwrap() {
            rules.push(rule.as_table().unwrap().clone());
        }
    }
    let in_requests = |rule: &toml::Table| {
        let scope = rule.get("scope").and_then(toml::Value::as_str);
        scope != Some("answers")
    };
    rules.into_iter().filter(in_requests).collect()
}

fn cases<'a>(rule: &'a toml::Table, side: &str) -> Vec<&'a str> {
    let listed = rule
        .get(side)
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten();
    listed.map(|case| case.as_str().unwrap()).collect()
}

/// The ids of the rules that flag a text as the body of a submission, each with its pack.
fn flagged(host: &Host, text: &str) -> Vec<String> {
    let response = host.submit(&json!({ "body": text })).unwrap();
    assert_eq!(response.status, 200, "{text}: {response}");
    let outcome = response.json().unwrap();
    let flags = outcome["stages"]["comply"]["answer"]["flags"]
        .as_array()
        .cloned();
    let flags: Vec<Value> = flags.unwrap_or_else(|| panic!("{outcome:#}"));
    flags
        .iter()
        .inspect(|flag| assert!(flag["pack"].as_str().unwrap().contains('@'), "{flag}"))
        .filter(|flag| flag["where"] == "body")
        .map(|flag| flag["rule"].as_str().unwrap().to_owned())
        .collect()
}

/// `comply` alone, with its model and each rule as its pack has it.
const ALONE: &str = r#"
schema = 1
name = "packs"
[models]
encoder = { use = "minilm-trunk@1" }
heads = { use = "comply-heads@2" }
[[stage]]
name = "comply"
plugin = "comply@2"
reads = ["subject", "body", "from", "messages", "attachments"]
models = { encoder = "encoder", heads = "heads" }
config = { country = "GB" }
"#;

fn alone() -> Host {
    let layout = Layout::new(ALONE, &[]).unwrap();
    let layout = layout.with_models(&places::root().join("models"));
    let component = fs::read(places::plugin("comply").unwrap()).unwrap();
    layout.put_plugin("comply", &component).unwrap();
    Host::start(layout, &[]).unwrap()
}

#[test]
fn every_case_of_every_pack_holds() {
    let host = alone();
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for rule in rules() {
        let id = rule["id"].as_str().unwrap();
        for (side, right) in [("positive", true), ("negative", false)] {
            for text in cases(&rule, side) {
                asked += 1;
                if flagged(&host, text).iter().any(|found| found == id) != right {
                    wrong.push(format!("`{id}`, {side}: {text}"));
                }
            }
        }
    }
    assert!(asked > 100, "{asked}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A stage `summarize` that says what it is told to, and `comply` after it: the shipped one masks what it says.
const LEAKY: &str = r#"
schema = 1
name = "leaky"
[models.stub]
use = "stub@1"
[[stage]]
name = "summarize"
plugin = "hostile@1"
models = { model = "stub" }
config = { case = "answer-raw", text = '{"summary": "Please refund it to my card ４１１１ １１１１ １１１１ １１１１ this week."}' }
[[stage]]
name = "comply"
plugin = "comply@2"
needs = ["summarize"]
reads = ["subject", "body", "summarize"]
"#;

#[test]
fn a_summary_that_leaks_a_card_number_is_flagged_and_held() {
    let layout = Layout::new(LEAKY, &["hostile"]).unwrap();
    let component = fs::read(places::plugin("comply").unwrap()).unwrap();
    layout.put_plugin("comply", &component).unwrap();
    let host = Host::start(layout, &[]).unwrap();
    let outcome = outcome(
        &host.submit(&json!({ "subject": "Refund" })).unwrap(),
        "held",
    );
    let answer = &outcome["stages"]["comply"]["answer"];
    let flags = answer["flags"].as_array().unwrap();
    let leak = flags
        .iter()
        .find(|flag| flag["where"] == "stage:summarize.summary");
    let leak = leak.unwrap_or_else(|| panic!("{answer:#}"));
    assert_eq!(
        (&leak["rule"], &leak["action"], &answer["held_by"]),
        (&json!("pan.leak"), &json!("hold"), &json!("pan.leak"))
    );
    let redacted = answer["redacted"]["answers"]["summarize.summary"]
        .as_str()
        .unwrap();
    assert!(redacted.contains("[card ••1111]"), "{redacted}");
    assert!(
        !answer.to_string().contains("１１１１ １１１１"),
        "{answer:#}"
    );
}

#[test]
fn a_summary_says_no_card_number_in_disguise() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let body = "Please refund the order to my card ４１１１ １１１１ １１１１ １１１１ this week.";
    let outcome = outcome(&host.submit(&json!({ "body": body })).unwrap(), "completed");
    let summary = &outcome["stages"]["summarize"]["answer"]["summary"];
    assert_eq!(
        summary,
        "Please refund the order to my card ••1111 this week."
    );
}
