//! Texts that are disturbed, in the shipped fleet: what stands in disguise is read as if it stood plainly, and a text of nothing but
//! findings takes no stage past its limits. `models/recipes/robustness.py` measures the same on public data.

use std::fs;

use fleetwright_tests::{Host, Layout, places};
use serde_json::{Value, json};

use crate::assertions::outcome;

const LETTER: &str = "My card 4111 1111 1111 1111 was charged 40.20 EUR twice on 3 March 2025. My name is Tom Ashdown, call +44 20 7946 0958 or write \
                      to tom@example.org. Please send the money back to my account before Friday.";

/// What was found and raised: the values of `extract`, the rules of `comply` in the text itself, and the type.
fn read(host: &Host, body: &str) -> (Vec<String>, Vec<String>, Value) {
    let outcome = outcome(&host.submit(&json!({ "body": body })).unwrap(), "completed");
    let list = |pointer: &str| {
        outcome
            .pointer(pointer)
            .unwrap()
            .as_array()
            .unwrap()
            .clone()
    };
    let mut values: Vec<String> = list("/stages/extract/answer/entities")
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["kind"].as_str().unwrap(),
                one["normalized"].to_string().replace('\u{a0}', " ")
            )
        })
        .collect();
    let mut rules: Vec<String> = list("/stages/comply/answer/flags")
        .iter()
        .filter(|flag| flag["where"] == "body")
        .map(|flag| flag["rule"].as_str().unwrap().to_owned())
        .collect();
    values.sort();
    rules.sort();
    (
        values,
        rules,
        outcome["stages"]["classify"]["answer"]["type"].clone(),
    )
}

/// As full-width letters, digits and signs.
fn wide(text: &str) -> String {
    let wide = |c: char| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap(),
        other => other,
    };
    text.chars().map(wide).collect()
}

/// With Cyrillic letters in the place of Latin ones.
fn confused(text: &str) -> String {
    let pairs = "aаeеoоcсpр".chars().collect::<Vec<_>>();
    let other = |c: char| {
        pairs
            .chunks(2)
            .find(|pair| pair[0] == c)
            .map_or(c, |pair| pair[1])
    };
    // One letter of three: a word of nothing else could be honest.
    text.chars()
        .enumerate()
        .map(|(at, c)| if at % 3 == 0 { other(c) } else { c })
        .collect()
}

#[test]
fn a_text_in_disguise_is_read_as_the_text_itself() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let plain = read(&host, LETTER);
    for (kind, count) in [
        ("card", 1),
        ("amount", 1),
        ("date", 1),
        ("person", 1),
        ("phone", 1),
        ("email", 1),
    ] {
        let found = plain.0.iter().filter(|value| value.starts_with(kind));
        assert_eq!(found.count(), count, "{kind}: {plain:?}");
    }
    for rule in ["pan.luhn", "phone.number", "email.address"] {
        assert!(
            plain.1.iter().any(|found| found == rule),
            "{rule}: {plain:?}"
        );
    }
    let hidden: String = LETTER.chars().flat_map(|c| [c, '\u{200b}']).collect();
    let html = format!(
        "<html><body><div><p class=\"x\">{}</p></div><br></body></html>",
        LETTER.replace(". ", ".&nbsp;<b></b>")
    );
    let blanks = LETTER.replace(' ', " \u{a0} ");
    let footer = format!(
        "{LETTER}\n\n-- \n{}",
        "This message is for the person that it is addressed to. ".repeat(60)
    );
    for (what, text) in [
        ("full width", wide(LETTER)),
        ("hidden characters", hidden),
        ("letters that look alike", confused(LETTER)),
        ("blanks of two kinds", blanks),
        ("HTML", html),
        ("a long footer", footer),
    ] {
        assert_eq!(read(&host, &text), plain, "{what}");
    }
}

#[test]
fn a_request_said_a_thousand_times_is_the_same_request() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let sorted = |body: &str| {
        let outcome = outcome(&host.submit(&json!({ "body": body })).unwrap(), "completed");
        [
            "classify/answer/type",
            "classify/answer/urgency",
            "route/answer/queue",
        ]
        .map(|place| {
            outcome
                .pointer(&format!("/stages/{place}"))
                .unwrap()
                .clone()
        })
    };
    for request in [
        "How long does a transfer from another bank take?",
        "I was charged twice for one order.\nPlease send the second sum back.",
    ] {
        let often = format!("{request}\n").repeat(1_000);
        assert_eq!(sorted(&often), sorted(request), "{request}");
    }
}

/// The limits are four times those that ship, for a machine of which others take the half: what grows with the square of a text's length passes them all the same.
#[test]
fn a_text_of_nothing_but_findings_is_answered_within_the_limits() {
    let shipped = fs::read_to_string(places::root().join("fleet.toml")).unwrap();
    let longer = [
        ("cpu              = \"500ms\"", "cpu = \"2s\""),
        ("deadline         = \"5s\"", "deadline = \"20s\""),
    ];
    let text = longer.iter().fold(shipped, |text, (own, longer)| {
        assert_eq!(text.matches(own).count(), 1, "{own}");
        text.replace(own, longer)
    });
    let plugins = ["classify", "route", "extract", "summarize", "comply"];
    let host = Host::start(Layout::with_shipped(&text, &plugins).unwrap(), &[]).unwrap();
    for piece in [
        "12 34 56 78 90 ",
        "@",
        "cvv 123 ",
        "with the card 4853645434159861 ",
        "password: hunter2 ",
        "legal action, sue you ",
        "at 10.0.0.1 ",
        "a\n",
        "e\u{301}",
        "please send my money back ",
        "-----BEGIN PRIVATE KEY-----",
        "api key: 9f8e7d6c5b4a39281706 ",
        "\u{1}abc ",
        "\"",
        "Acme Widgets Ltd, 12 Elm Road, Leeds, ",
        "<a href=\"x\"><b>",
        "> on Monday Jo wrote:\n",
    ] {
        let body = piece.repeat(200_000 / piece.len());
        let both = json!({ "subject": body, "body": body });
        let response = host.submit(&both).unwrap();
        let answered: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200, "{piece:?}: {answered:#}");
        for (stage, found) in answered["stages"].as_object().unwrap() {
            let status = found["status"].as_str().unwrap();
            assert!(
                matches!(status, "ok" | "held"),
                "{piece:?}, {stage}: {found:#}"
            );
        }
    }
}
