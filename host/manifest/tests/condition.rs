//! `when`: what it sees, what it answers, and how it says that it cannot.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{Condition, ConditionError, Source, parse};
use proptest::prelude::ProptestConfig;
use serde_json::{Map, Value, json};

/// A fleet the last stage of which awaits its `when`.
const FLEET: &str = r#"
schema = 1
name = "inbox"
[[stage]]
name = "classify"
plugin = "classify@1"
[[stage]]
name = "front-desk"
plugin = "desk@1"
[[stage]]
name = "last"
plugin = "last@1"
"#;

/// The condition of a stage behind `classify` and `front-desk`.
fn condition(expression: &str) -> Condition {
    let text = format!("{FLEET}when = '''{expression}'''\n");
    let source = Source::new("fleet.toml", text);
    let manifest =
        parse(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)));
    manifest.stage("last").unwrap().when.clone().unwrap()
}

/// The hint with which an expression is refused.
fn refused(expression: &str) -> (String, String) {
    let text = format!(
        "schema = 1\nname = \"inbox\"\n[[stage]]\nname = \"a\"\nplugin = \"a@1\"\nwhen = '''{expression}'''\n"
    );
    let found = parse(&Source::new("fleet.toml", text)).unwrap_err();
    let first = found.iter().next().unwrap();
    (first.code.to_string(), first.label.clone())
}

fn variables() -> Map<String, Value> {
    let all = json!({
        "classify": { "type": "card", "confidence": 0.97, "labels": ["a", "b"], "open": true },
        "front-desk": { "count": 3 },
        "submission": { "subject": "Lost card", "messages": [{ "from": "a", "body": "x" }] },
    });
    all.as_object().unwrap().clone()
}

fn evaluated(expression: &str) -> Result<bool, ConditionError> {
    condition(expression).evaluate(&variables())
}

#[test]
fn it_sees_stages_and_the_submission() {
    for (expression, answer) in [
        ("classify.type != \"spam\"", true),
        ("classify.type == 'card' && classify.confidence > 0.9", true),
        ("classify.confidence >= 0.98", false),
        ("front_desk.count == 3", true),
        ("front_desk.count > 2.5", true),
        ("front_desk.count - 5 < 0", true),
        ("submission.subject.contains('card')", true),
        (
            "submission.subject.startsWith('Re:') || !classify.open",
            false,
        ),
        ("'b' in classify.labels", true),
        ("size(submission.messages) == 1", true),
        ("submission.messages.exists(m, m.from == 'a')", true),
        ("has(classify.queue)", false),
        ("has(submission.body)", false),
        ("classify.type in ['card', 'account'] ? true : false", true),
        ("true", true),
    ] {
        assert_eq!(evaluated(expression), Ok(answer), "{expression}");
    }
}

#[test]
fn an_answer_that_is_not_a_boolean_says_what_it_is() {
    for (expression, kind) in [
        ("classify.type", "a string"),
        ("front_desk.count", "an int"),
        ("classify", "a map"),
        ("classify.labels", "a list"),
    ] {
        let error = evaluated(expression).unwrap_err();
        assert!(
            matches!(&error, ConditionError::NotBool { gave, .. } if gave == kind),
            "{error}"
        );
        assert!(error.to_string().contains(kind));
    }
}

#[test]
fn a_stage_that_was_skipped_is_named_and_can_be_guarded() {
    let mut variables = variables();
    variables.remove("classify");
    let missing = condition("classify.confidence > 0.5").evaluate(&variables);
    assert_eq!(
        missing,
        Err(ConditionError::Missing {
            variable: "classify".into()
        })
    );
    let guarded = condition("has(classify.confidence) && classify.confidence > 0.5");
    assert_eq!(guarded.evaluate(&variables), Ok(false));
}

#[test]
fn an_absent_member_is_named() {
    let error = evaluated("classify.queue == 'cards'").unwrap_err();
    assert_eq!(
        error,
        ConditionError::NoMember {
            member: "queue".into()
        }
    );
    assert!(error.to_string().contains("has(….queue)"), "{error}");
}

#[test]
fn types_that_do_not_compare_are_an_error_and_not_a_panic() {
    for expression in [
        "classify.type > 1",
        "classify.labels[7] == 'a'",
        "1 / 0 == 1",
        "-classify.type == 1",
    ] {
        let error = evaluated(expression).unwrap_err();
        assert!(
            matches!(error, ConditionError::Failed(_)),
            "{expression}: {error:?}"
        );
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_before_it_runs() {
    let cases = [
        format!("'{}' == ''", "a".repeat(5000)),
        format!("{}true{}", "(".repeat(1000), ")".repeat(1000)),
        format!("{}true", "!".repeat(4000)),
        format!("{}1 == 1", "-".repeat(4000)),
        format!("1{} > 0", "+1".repeat(2000)),
        format!("submission{} == 1", ".a".repeat(2000)),
        format!("submission{} == 1", "['a']".repeat(800)),
        format!("{}[]", "true ? true : ".repeat(290)),
        format!("{}true{}", "[1].all(x, ".repeat(20), ")".repeat(20)),
        "[1].all(a, [1].all(b, [1].all(c, true)))".to_owned(),
    ];
    for expression in cases {
        let (code, label) = refused(&expression);
        let start: String = expression.chars().take(30).collect();
        assert_eq!(code, "bad-condition", "{start}: {label}");
    }
}

#[test]
fn a_condition_is_as_quick_as_a_stage_needs_it() {
    let condition = condition("classify.type != 'spam' && classify.confidence > 0.5");
    let variables = variables();
    assert!((0..1000).all(|_| condition.evaluate(&variables) == Ok(true)));
}

#[test]
fn conditions_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    shared(&condition("true"));
}

#[test]
fn every_function_that_is_accepted_exists() {
    for (expression, answer) in [
        ("['a'].all(x, bool('true'))", true),
        ("bytes('a') == b'a'", true),
        ("double(1) == 1.0 && dyn(1) == 1", true),
        ("'ab'.endsWith('b')", true),
        ("[1, 2].exists_one(x, x == 2)", true),
        ("[1, 2].filter(x, x > 1) == [2]", true),
        ("[1, 2].map(x, x * 2) == [2, 4]", true),
        ("int('1') == 1 && uint(1) == 1u && string(1) == '1'", true),
        ("type(1) == int", true),
        ("size('ab') == 2", true),
        ("'abc'.contains('b') && 'abc'.startsWith('a')", true),
        ("[1].exists(x, x == 1) && has(classify.type)", true),
        ("classify.?queue.orValue('none') == 'none'", true),
        ("submission.?subject.hasValue()", true),
    ] {
        assert_eq!(evaluated(expression), Ok(answer), "{expression}");
    }
}

#[test]
fn text_that_is_not_ascii_does_not_move_the_underline() {
    let text = "schema = 1\nname = \"inbox\"\n[[stage]]\nname = \"a\"\nplugin = \"a@1\"\n\
                when = 'submission.subject == \"Grüße 🙂\" && nowhere.x == 1'\n";
    let found = parse(&Source::new("fleet.toml", text)).unwrap_err();
    let span = found.iter().next().unwrap().span;
    assert_eq!(&text[span.range()], "nowhere");
}

/// Expressions that a careless evaluator answers with a panic.
#[test]
fn hostile_arithmetic_is_an_error_and_not_a_panic() {
    let mut variables = variables();
    variables.insert(
        "classify".into(),
        json!({ "least": i64::MIN, "most": i64::MAX, "none": null, "text": "Grüße" }),
    );
    for expression in [
        "classify.least / -1 == 0",
        "classify.least % -1 == 1",
        "-classify.least == 0",
        "classify.most + 1 > 0",
        "classify.most * 2 > 0",
        "classify.least - 1 < 0",
        "1 % 0 == 0",
        "1.0 / 0.0 == 1.0",
        "int(1e300) == 1",
        "uint(-1) == 1u",
        "int('x') == 1",
        "[1][-1] == 1",
        "[1][classify.most] == 1",
        "classify.text[1] == 'r'",
        "classify.none.x == 1",
        "classify[1] == 1",
        "{null: 1}[null] == 1",
        "'a' in 'abc'",
        "size(1) == 1",
        "[1, 'a'].exists(x, x > 1)",
        "'a'.startsWith(1)",
        "string(b'\\xff') == ''",
    ] {
        let _ = condition(expression).evaluate(&variables);
    }
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever compiles gives an answer or an error.
    #[test]
    fn any_expression_ends(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "classify", ".type", ".labels", ".confidence", "front_desk.count", "submission", ".subject", "[0]", "['a']",
            " + ", " - ", " / ", " % ", " == ", " < ", " in ", " && ", " || ", "!", "-", "(", ")", "1", "2.5", "'a'",
            "null", "[1, 'b']", "{'k': 1}", " ? 1 : 2", "size(classify)", ".exists(x, x == 1)", ".map(y, y)", ".?a",
        ]), 1..10)
    ) {
        let expression = parts.concat();
        let text = format!("{FLEET}when = \"\"\"{expression}\"\"\"\n");
        if let Ok(manifest) = parse(&Source::new("fleet.toml", text)) {
            let condition = manifest.stage("last").and_then(|stage| stage.when.clone()).unwrap();
            let _ = condition.evaluate(&variables());
        }
    }
}
