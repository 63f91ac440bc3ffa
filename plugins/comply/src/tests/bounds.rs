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
    assert!(rules.iter().any(|rule| rule == "net.url"), "{rules:?}");
    assert_eq!(run.answer().fields["held_by"], "secret.password");
    let redacted = run.answer().fields["redacted"]["body"].as_str().unwrap();
    assert!(
        !redacted.contains("a@b.de"),
        "what is not listed is still redacted"
    );
}
