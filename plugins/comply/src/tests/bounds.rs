//! What the stage holds to, whatever text comes.

use super::*;

#[test]
fn a_text_too_long_to_read_is_held() {
    let run = run(json!({ "body": "ł".repeat(200_000) }));
    assert_eq!(run.answer().fields["held_by"], "text.unread");
    assert_eq!(run.answer().fields["truncated"], true);
    assert!(run.answer().fields.to_string().len() < 64 * 1024);
}

#[test]
fn flags_are_bounded_and_one_of_each_rule_and_the_gravest_stay() {
    let mut body = "a@b.de ".repeat(300);
    body.push_str("password: hunter2, and see https://b.example/a");
    let run = run(json!({ "body": body }));
    let rules = rules_of(&run);
    assert_eq!(rules.len(), 200);
    assert_eq!(rules.last().unwrap(), "net.url", "in the order of the text");
    assert!(rules.iter().any(|rule| rule == "net.url"), "{rules:?}");
    assert_eq!(run.answer().fields["held_by"], "secret.password");
    let redacted = run.answer().fields["redacted"]["body"].as_str().unwrap();
    assert!(
        !redacted.contains("a@b.de"),
        "what is not listed is still redacted"
    );
}

#[test]
fn an_answer_stays_within_what_the_shipped_manifest_allows() {
    for piece in [
        "12 34 56 78 90 ",
        "a@b.de ",
        "\u{1}",
        "\"",
        "password: \"hunter2\"\n",
        "-----BEGIN PRIVATE KEY-----",
        "api key: 9f8e7d6c5b4a39281706 ",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let heard: Vec<_> = (0..400)
            .map(|n| json!(format!("{n}: call 020 7946 0{n:03}")))
            .collect();
        let run = Harness::new(&STAGE)
            .fields(json!({ "subject": text, "body": text, "summarize": { "asks": heard, "text": text } }))
            .attach(&format!("{}.txt", "n".repeat(4_000)), "text/plain", text.as_bytes())
            .run();
        let fields = &run.answer().fields;
        assert!(
            fields.to_string().len() < 62 * 1024,
            "{piece:?}: {}",
            fields.to_string().len()
        );
        assert_eq!(fields["truncated"], true, "{piece:?}");
        let length = |field: &str| fields["redacted"][field].as_str().unwrap().len();
        assert!(
            length("subject").abs_diff(length("body")) < 40,
            "{piece:?}: neither pushes the other out"
        );
    }
}

#[test]
fn a_short_subject_leaves_the_body_its_room() {
    let run = run(json!({ "subject": "Hello", "body": "word ".repeat(8_000) }));
    let redacted = &run.answer().fields["redacted"];
    assert_eq!(redacted["subject"], "Hello");
    let body = redacted["body"].as_str().unwrap();
    assert!((16_000..16_384).contains(&body.len()) && body.ends_with('…'));
    assert_eq!(run.answer().fields["truncated"], true);
}
