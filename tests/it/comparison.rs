//! The fleets that are compared with published figures: the shipped plugin over other heads. The texts are our own.

use fleetwright_tests::{Host, Layout, places};
use serde_json::{Value, json};
use std::fs;

use crate::assertions::outcome;

/// The fleet of this name, over the repository's plugin and models.
fn fleet(name: &str) -> Host {
    let layout = Layout::named(name, &[]).unwrap();
    let layout = layout.with_models(&places::root().join("models"));
    let component = fs::read(places::plugin("classify").unwrap()).unwrap();
    layout.put_plugin("classify", &component).unwrap();
    Host::start(layout, &[]).unwrap()
}

fn classified(host: &Host, text: &str) -> Value {
    let outcome = outcome(&host.submit(&json!({ "body": text })).unwrap(), "completed");
    outcome["stages"]["classify"]["answer"].clone()
}

#[test]
fn an_intent_of_clinc150_is_told_from_what_is_out_of_scope() {
    let host = fleet("clinc150");
    let weather = classified(&host, "is it going to rain in Ghent this afternoon");
    assert_eq!(weather["type"], "weather", "{weather:#}");
    assert_eq!(weather["out_of_scope"], false, "{weather:#}");
    let all = weather["alternatives"].as_array().unwrap();
    assert_eq!(all.len(), 151, "every class with its probability");
    let sum: f64 = all
        .iter()
        .map(|one| one["confidence"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 0.02, "{sum}");
    let stranger = classified(
        &host,
        "which glaze keeps stoneware from cracking in the kiln",
    );
    assert_eq!(stranger["type"], "oos", "{stranger:#}");
    assert_eq!(stranger["out_of_scope"], true, "{stranger:#}");
    assert!(stranger.get("urgency").is_none(), "{stranger:#}");
}

#[test]
fn an_intent_of_banking77_is_found() {
    let answer = classified(
        &fleet("banking77"),
        "The cash machine kept my card and will not give it back",
    );
    assert_eq!(answer["type"], "card_swallowed", "{answer:#}");
    assert_eq!(
        answer["alternatives"].as_array().unwrap().len(),
        77,
        "{answer:#}"
    );
    assert_eq!(answer["out_of_scope"], false, "{answer:#}");
}

#[test]
fn a_comment_has_the_groups_of_goemotions_that_hold() {
    let host = fleet("goemotions");
    for (text, group) in [
        ("Thank you so much, this made my whole week!", "positive"),
        ("This is disgusting and I am furious about it.", "negative"),
        ("The bus leaves at nine from platform two.", "neutral"),
    ] {
        let answer = classified(&host, text);
        assert_eq!(answer[group], true, "{text}: {answer:#}");
    }
}
