use serde_json::json;

use super::*;

fn sample() -> Value {
    json!({
        "id": "sub_01", "status": "held", "holds": [{"stage": "comply", "reason": "rule `card-number` holds this: a card number in the body"}],
        "stages": {
            "classify": {"status": "ok", "answer": {"type": "card", "urgency": "high", "type_confidence": 0.97}, "confidence": 0.97, "ms": {"total": 14.21}},
            "route": {"status": "ok", "answer": {"queue": "card-disputes", "team": null, "reason": "`card` with 0.97, urgency `high`", "alternatives": []}, "ms": {"total": 0.31}},
            "extract": {"status": "ok", "answer": {"amounts": [{"value": "12.50", "currency": "EUR", "start": 4, "end": 9}], "dates": ["2026-03-01"]}, "ms": {"total": 1.0}},
            "summarize": {"status": "ok", "answer": {"summary": "Ana Lopes: my card was declined twice in Lisbon today. 请尽快解除 \u{1b}[31mred\u{1b}[0m \u{202e}turned."}, "confidence": 0.5, "ms": {"total": 22.0}},
            "comply": {"status": "held", "answer": {"flags": [{"rule": "card-number", "severity": "high", "start": 1}], "held_by": "card-number"}, "reason": "…", "ms": {"total": 0.4}},
            "archive": {"status": "skipped", "reason": "held before"},
            "notify": {"status": "failed", "failure": {"stage": "notify", "reason": "trap", "detail": "the guest trapped: unreachable"}, "ms": {"total": 0.2}}
        }
    })
}

fn drawn(width: usize, colour: bool) -> String {
    outcome(
        "tests/card.txt",
        &sample(),
        Duration::from_millis(42),
        Style { width, colour },
    )
}

/// The golden file beside this one; `FLEETWRIGHT_BLESS=1` writes it anew.
fn golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/table/golden")
        .join(name);
    if std::env::var_os("FLEETWRIGHT_BLESS").is_some_and(|value| !value.is_empty()) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap(), "{name}");
}

#[test]
fn an_outcome_is_drawn_as_the_golden_file_shows() {
    golden("wide.txt", &drawn(100, false));
    golden("narrow.txt", &drawn(56, false));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 48..140 {
        for line in drawn(width, false).lines() {
            assert!(line.width() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn what_a_submission_says_cannot_steer_the_terminal() {
    let text = drawn(80, false);
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text}"
    );
}

#[test]
fn colours_come_only_where_they_are_allowed() {
    assert!(drawn(80, true).contains("\u{1b}[33mheld\u{1b}[0m"));
    assert!(!drawn(80, false).contains('\u{1b}'));
}

#[test]
fn a_problem_is_told_with_its_title_and_detail() {
    let text = problem(
        "a.json",
        &json!({"title": "The body is not JSON", "detail": "line 1, column 2: expected value"}),
        Style {
            width: 60,
            colour: false,
        },
    );
    assert_eq!(
        text,
        "a.json  refused\n  The body is not JSON: line 1, column 2: expected value\n"
    );
}
