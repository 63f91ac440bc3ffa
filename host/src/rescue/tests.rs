use fleetwright_fleet::Reason;
use fleetwright_runtime::CallErrorKind;

use super::*;

fn problem(reason: Reason) -> Problem {
    stage_failed(Some(&StageFailure {
        stage: "classify".to_owned(),
        reason,
        detail: "its words".to_owned(),
    }))
}

#[test]
fn a_stages_failure_has_the_status_of_its_reason() {
    let statuses = [
        (CallErrorKind::InvalidInput, 422),
        (CallErrorKind::Overloaded, 429),
        (CallErrorKind::Deadline, 504),
        (CallErrorKind::Rate, 429),
        (CallErrorKind::Input, 413),
        (CallErrorKind::Attachments, 413),
        (CallErrorKind::Computes, 500),
        (CallErrorKind::Fuel, 500),
        (CallErrorKind::Trap, 500),
        (CallErrorKind::Memory, 500),
        (CallErrorKind::Cpu, 500),
        (CallErrorKind::Inference, 500),
    ];
    for (kind, status) in statuses {
        assert_eq!(problem(Reason::Call(kind)).kind.status, status, "{kind}");
    }
    assert_eq!(problem(Reason::Condition).kind.status, 500);
    assert_eq!(stage_failed(None).kind.status, 500);
}

#[test]
fn an_overload_says_when_to_come_back() {
    for kind in [CallErrorKind::Overloaded, CallErrorKind::Rate] {
        let response = problem(Reason::Call(kind)).into_response(Some("sub_1"));
        assert_eq!(response.headers()["retry-after"], "1", "{kind}");
    }
    let response = problem(Reason::Call(CallErrorKind::Overloaded)).into_response(Some("sub_1"));
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-submission-id"], "sub_1");
    let response = Problem::from(Shed::Full { max: 2 }).into_response(None);
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["retry-after"]
        ),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(
        Problem::from(Shed::Draining).into_response(None).status(),
        503
    );
}

#[test]
fn a_problem_carries_what_rfc_9457_asks_for() {
    let json = problem(Reason::Call(CallErrorKind::Trap)).to_json(Some("sub_1"));
    assert_eq!(
        json,
        json!({
            "type": "/problems/stage-failed", "title": "A stage failed", "status": 500,
            "detail": "stage `classify` failed (trap): its words", "id": "sub_1", "stage": "classify", "reason": "trap"
        })
    );
}

#[test]
fn a_wrong_method_is_told_those_that_fit() {
    let response = method(&Method::DELETE, "POST").into_response(None);
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &"POST".parse().unwrap())
    );
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
}

#[test]
fn an_unknown_path_is_told_the_routes() {
    let json = nowhere("/v1/submission", &["/v1/submissions"]).to_json(None);
    assert_eq!(
        (&json["status"], &json["routes"]),
        (&json!(404), &json!(["/v1/submissions"]))
    );
    assert_eq!(no_stage("x", &["classify"]).kind.status, 404);
}
