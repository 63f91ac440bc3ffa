//! What most tests assert of an answer.

use fleetwright_tests::{Host, Response};
use serde_json::Value;

/// The answer is problem details of this status and kind; gives them.
pub(crate) fn problem(response: &Response, status: u16, kind: &str) -> Value {
    assert_eq!(response.status, status, "{kind}: {response}");
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json"),
        "{kind}: {response}"
    );
    let problem = response.json().unwrap();
    assert_eq!(problem["type"], format!("/problems/{kind}"), "{response}");
    assert_eq!(problem["status"], status, "{response}");
    for member in ["title", "detail"] {
        assert!(
            problem[member]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{kind} has no {member}: {response}"
        );
    }
    problem
}

/// The answer is an outcome of this status; gives it.
pub(crate) fn outcome(response: &Response, status: &str) -> Value {
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(
        response.header("content-type"),
        Some("application/json"),
        "{response}"
    );
    let outcome = response.json().unwrap();
    assert_eq!(outcome["status"], status, "{outcome:#}");
    assert_eq!(
        outcome["id"].as_str(),
        response.header("x-submission-id"),
        "{response}"
    );
    outcome
}

/// A stage failed, for this reason, and the submission with it; gives the problem.
pub(crate) fn stage_failed(response: &Response, stage: &str, reason: &str) -> Value {
    let (status, kind) = match reason {
        "invalid-input" => (422, "invalid-input"),
        "overloaded" | "rate" => (429, "overloaded"),
        "input" | "attachments" => (413, "too-much"),
        "deadline" => (504, "deadline"),
        _ => (500, "stage-failed"),
    };
    let problem = problem(response, status, kind);
    assert_eq!(
        (&problem["stage"], &problem["reason"]),
        (&stage.into(), &reason.into()),
        "{problem:#}"
    );
    assert_eq!(problem["outcome"]["status"], "failed", "{problem:#}");
    assert_eq!(problem["outcome"]["failure"]["stage"], stage, "{problem:#}");
    assert_eq!(
        problem["outcome"]["stages"][stage]["status"], "failed",
        "{problem:#}"
    );
    assert_eq!(
        problem["outcome"]["stages"][stage]["failure"]["reason"], reason,
        "{problem:#}"
    );
    problem
}

/// The host still works: the fleet's well-behaved request completes.
pub(crate) fn still_works(host: &Host, submission: &Value) {
    outcome(&host.submit(submission).unwrap(), "completed");
}

/// `extract` has read every field of `tests/data/invoice.pdf`, in whichever form that came as `file`.
pub(crate) fn has_the_invoice(answer: &Value, file: &str) {
    let invoice = &answer["invoice"];
    for (field, value) in [
        ("issuer", "Nordlicht Werkzeuge GmbH"),
        ("number", "INV-2025-00417"),
        ("date", "2025-03-14"),
        ("due_date", "2025-04-13"),
        ("total", "1234.57"),
        ("tax", "197.12"),
        ("currency", "EUR"),
    ] {
        assert_eq!(invoice[field], value, "{file}: {invoice:#}");
    }
}
