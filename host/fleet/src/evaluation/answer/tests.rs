use super::*;
use crate::evaluation::measure::Key;
use crate::outcome::PluginUsed;
use serde_json::json;

fn measure(task: Task, at: &str, words: &[&str]) -> Measure {
    let key = Key {
        stage: "s".into(),
        at: at.into(),
        task,
    };
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Measure::new(key, words, true, &Header::default())
}

fn outcome(answer: Value, confidence: Option<f64>) -> StageOutcome {
    StageOutcome {
        status: StageStatus::Ok,
        reason: None,
        answer: answer.as_object().cloned(),
        confidence,
        failure: None,
        plugin: PluginUsed {
            name: "s".into(),
            version: "1.0.0".into(),
            digest: String::new(),
        },
        models: BTreeMap::new(),
        ms: None,
    }
}

fn label(measure: &Measure, answer: Value, confidence: Option<f64>) -> Label {
    let expected = Expected::Label("card".into());
    let outcome = outcome(answer, confidence);
    match judge(measure, &expected, Some(&outcome), &Header::default()).case {
        Case::Label(label) => label,
        other => panic!("{other:?}"),
    }
}

#[test]
fn how_sure_a_label_is_stands_beside_it_or_is_the_stages_own() {
    let mut own = measure(Task::Label, "/type", &["card"]);
    let answer = json!({"type": "card", "type_confidence": 0.9, "score": 0.3});
    assert_eq!(label(&own, answer.clone(), Some(0.5)).confidence, Some(0.9));
    assert_eq!(
        label(&own, json!({"type": "card"}), Some(0.5)).confidence,
        Some(0.5)
    );
    own.only = false;
    assert_eq!(
        label(&own, json!({"type": "card"}), Some(0.5)).confidence,
        None
    );
    own.confidence = Some("/score".into());
    assert_eq!(label(&own, answer, Some(0.5)).confidence, Some(0.3));
}

#[test]
fn out_of_scope_speaks_from_what_is_in_scope() {
    let mut own = measure(Task::Label, "/type", &["card"]);
    own.outside = Some("other".into());
    let outside = |answer| {
        let found = label(&own, answer, None).outside.unwrap();
        (found * 1e6).round() / 1e6
    };
    let alternatives = json!([{"type": "other", "confidence": 0.6}, {"type": "card", "confidence": 0.3}, {"type": "order", "confidence": 0.1}]);
    assert_eq!(
        outside(json!({"type": "other", "alternatives": alternatives})),
        0.7
    );
    assert_eq!(
        outside(json!({"type": "card", "type_confidence": 0.8})),
        0.2
    );
    assert_eq!(
        outside(json!({"type": "other", "type_confidence": 0.8})),
        0.8
    );
}

#[test]
fn no_answer_is_a_case_where_nothing_was_found() {
    let own = measure(Task::Label, "/type", &["card"]);
    let judged = judge(
        &own,
        &Expected::Label("card".into()),
        None,
        &Header::default(),
    );
    let wanted = Label {
        expected: "card".into(),
        ..Label::default()
    };
    assert_eq!((judged.case, judged.present), (Case::Label(wanted), false));
    let fields = Expected::Fields([("total".to_owned(), vec!["1".to_owned()])].into());
    let judged = judge(
        &measure(Task::Fields, "/invoice", &[]),
        &fields,
        None,
        &Header::default(),
    );
    assert_eq!(
        judged.case,
        Case::Fields([("total".to_owned(), Field::Missing)].into())
    );
}

#[test]
fn spans_are_read_as_both_stages_write_them() {
    let own = measure(Task::Spans, "/found", &["date", "iban"]);
    let expected = |kind: &str, place: &str| Span {
        kind: kind.into(),
        place: place.into(),
        start: 3,
        end: 9,
    };
    let found = json!({"found": [
        {"kind": "date", "where": {"source": "subject", "start": 3, "end": 9},
            "also": [{"source": "body", "start": 3, "end": 9}]},
        {"rule": "iban", "where": "body", "start": 3, "end": 9},
        {"kind": "amount", "start": 3, "end": 9, "also": [{"source": "body", "start": 3, "end": 9}]},
    ]});
    let expected = Expected::Spans(vec![
        expected("date", "subject"),
        expected("date", "body"),
        expected("iban", "body"),
    ]);
    let judged = judge(
        &own,
        &expected,
        Some(&outcome(found, None)),
        &Header::default(),
    );
    let Case::Spans(kinds) = judged.case else {
        panic!("no spans")
    };
    assert!(
        kinds
            .values()
            .all(|kind| kind.exact == kind.found && kind.found == kind.expected),
        "{kinds:?}"
    );
    assert_eq!(judged.ignored, [("amount".to_owned(), 1)].into());
}

#[test]
fn flags_are_raised_with_their_highest_confidence_in_the_words_of_the_data() {
    let own = measure(Task::Flags, "/flags/*/rule", &["threat"]);
    let header = Header {
        kinds: [("legal.threat".to_owned(), "threat".to_owned())].into(),
        ..Header::default()
    };
    let answer = json!({"flags": [
        {"rule": "legal.threat", "confidence": 0.4}, {"rule": "legal.threat", "confidence": 0.7}, {"rule": "email"}
    ]});
    let expected = Expected::Flags(["threat".to_owned()].into());
    let judged = judge(&own, &expected, Some(&outcome(answer, None)), &header);
    let Case::Flags(raised) = judged.case else {
        panic!("no flags")
    };
    assert_eq!(raised.found, [("threat".to_owned(), Some(0.7))].into());
    assert_eq!(judged.ignored, [("email".to_owned(), 1)].into());
}

#[test]
fn a_field_is_one_of_the_values_that_are_right() {
    let own = measure(Task::Fields, "/invoice", &[]);
    let fields = [
        ("number", vec!["A 7"]),
        ("total", vec!["1", "2"]),
        ("tax", vec![]),
        ("date", vec![]),
        ("issuer", vec!["Acme"]),
    ];
    let fields = fields.map(|(name, values)| {
        (
            name.to_owned(),
            values.into_iter().map(str::to_owned).collect(),
        )
    });
    let answer = json!({"invoice": {"number": " A 7 ", "total": 2, "tax": null, "date": "2026-01-01", "issuer": "Acme Ltd"}});
    let judged = judge(
        &own,
        &Expected::Fields(fields.into()),
        Some(&outcome(answer, None)),
        &Header::default(),
    );
    let Case::Fields(named) = judged.case else {
        panic!("no fields")
    };
    let wanted = [
        ("date", Field::Spurious),
        ("issuer", Field::Wrong),
        ("number", Field::Right),
        ("tax", Field::Absent),
        ("total", Field::Right),
    ];
    assert_eq!(
        named,
        wanted.map(|(name, field)| (name.to_owned(), field)).into()
    );
}
