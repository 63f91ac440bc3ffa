//! The one map from typed errors to problem details: what a client is told, and with which status.
//!
//! Every error that can end a request passes here and nowhere else. A refusal or shed case that is added does not compile
//! until it has an answer; a stage's failure of a kind that is new is a 500.

use std::time::Duration;

use axum::http::Method;
use fleetwright_fleet::{CallErrorKind, Outcome, Reason, StageFailure};
use serde_json::json;

use crate::admission::{self, Shed};
use crate::problem::{self, Problem};
use crate::submission::{Refusal, media};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let detail = refusal.to_string();
        let of = |kind| Problem::new(kind, detail);
        match refusal {
            Refusal::EmptyBody => of(problem::EMPTY_BODY),
            Refusal::TooLarge { limit } => of(problem::TOO_LARGE).with("limit", limit),
            Refusal::TooSlow { .. } => of(problem::BODY_TIMEOUT),
            Refusal::Interrupted { .. } => of(problem::BODY_INTERRUPTED),
            Refusal::NoMediaType => {
                of(problem::UNSUPPORTED_MEDIA_TYPE).with("accepted", json!(media::ACCEPTED))
            }
            Refusal::MediaType { found } => of(problem::UNSUPPORTED_MEDIA_TYPE)
                .with("found", found)
                .with("accepted", json!(media::ACCEPTED)),
            Refusal::Encoding { found } => of(problem::UNSUPPORTED_ENCODING).with("found", found),
            Refusal::Json { line, column, .. } => of(problem::BAD_JSON)
                .with("line", line)
                .with("column", column),
            Refusal::TooDeep {
                line,
                column,
                limit,
            } => of(problem::JSON_TOO_DEEP)
                .with("line", line)
                .with("column", column)
                .with("limit", limit),
            Refusal::NotAnObject { found } => of(problem::NOT_AN_OBJECT).with("found", found),
            Refusal::Twice { name } => of(problem::FIELD_TWICE).with("field", name),
            Refusal::WrongType {
                pointer,
                expected,
                found,
            } => of(problem::WRONG_TYPE)
                .with("pointer", pointer)
                .with("expected", expected)
                .with("found", found),
            Refusal::Missing { pointer, expected } => of(problem::MISSING_MEMBER)
                .with("pointer", pointer)
                .with("expected", expected),
            Refusal::UnknownField { name, accepted } => of(problem::UNKNOWN_FIELD)
                .with("field", name)
                .with("accepted", accepted),
            Refusal::UnknownMember { pointer, .. } => {
                of(problem::UNKNOWN_MEMBER).with("pointer", pointer)
            }
            Refusal::Base64 { pointer, .. } => of(problem::BAD_BASE64).with("pointer", pointer),
            Refusal::AttachmentType { pointer, found } => of(problem::WRONG_TYPE)
                .with("pointer", pointer)
                .with("expected", "a media type")
                .with("found", found),
            Refusal::TooManyAttachments { found, limit } => of(problem::TOO_MANY_ATTACHMENTS)
                .with("found", found)
                .with("limit", limit),
            Refusal::Multipart { .. } => of(problem::BAD_MULTIPART),
            Refusal::Mail { .. } => of(problem::BAD_MAIL),
            Refusal::Nothing => of(problem::NOTHING_SUBMITTED),
            Refusal::Decoder => of(problem::INTERNAL),
        }
    }
}

impl From<Shed> for Problem {
    fn from(shed: Shed) -> Problem {
        let mut problem = match shed {
            Shed::Full { max } => {
                Problem::new(problem::OVERLOADED, shed.to_string()).with("limit", max)
            }
            Shed::Draining => Problem::new(problem::DRAINING, shed.to_string()),
        };
        problem.retry_after = Some(admission::RETRY_AFTER);
        problem
    }
}

/// What a client is told of an outcome that is a failure; the outcome itself travels in the member `outcome`.
#[must_use]
pub fn failed(outcome: &Outcome) -> Problem {
    let problem = stage_failed(outcome.failure());
    match serde_json::to_value(outcome) {
        Ok(outcome) => problem.with("outcome", outcome),
        Err(_) => problem,
    }
}

fn stage_failed(failure: Option<&StageFailure>) -> Problem {
    let Some(StageFailure {
        stage,
        reason,
        detail,
    }) = failure
    else {
        return Problem::new(
            problem::INTERNAL,
            "the submission failed and no stage says why: report it with its id",
        );
    };
    let kind = match reason {
        Reason::Call(CallErrorKind::InvalidInput) => problem::INVALID_INPUT,
        Reason::Call(CallErrorKind::Overloaded | CallErrorKind::Rate) => problem::OVERLOADED,
        Reason::Call(CallErrorKind::Input | CallErrorKind::Attachments) => problem::TOO_MUCH,
        Reason::Call(CallErrorKind::Deadline) => problem::DEADLINE,
        // Whatever else it is, the submission is not at fault, and trying again is not known to help.
        _ => problem::STAGE_FAILED,
    };
    let reason = reason.name();
    let mut told = Problem::new(kind, format!("stage `{stage}` failed ({reason}): {detail}"));
    told.retry_after = (kind == problem::OVERLOADED).then_some(admission::RETRY_AFTER);
    told.with("stage", stage.clone()).with("reason", reason)
}

/// The submission's time is over, and the fleet did not say so itself.
#[must_use]
pub fn late(deadline: Duration) -> Problem {
    let detail = format!(
        "no outcome after {} ms: send less at once, or start the host with a longer `--deadline`",
        deadline.as_millis()
    );
    Problem::new(problem::DEADLINE, detail)
}

/// The path takes other methods.
#[must_use]
pub fn method(found: &Method, allow: &'static str) -> Problem {
    let mut problem = Problem::new(
        problem::METHOD_NOT_ALLOWED,
        format!("this path does not take `{found}`: use {allow}"),
    );
    problem.allow = Some(allow);
    problem
}

/// There is nothing at the path.
#[must_use]
pub fn nowhere(path: &str, routes: &[&str]) -> Problem {
    let path: String = path.chars().take(200).collect();
    Problem::new(
        problem::NOT_FOUND,
        format!("there is nothing at `{path}`: take one of `routes`"),
    )
    .with("routes", json!(routes))
}

/// The fleet has no such stage.
#[must_use]
pub fn no_stage(name: &str, stages: &[&str]) -> Problem {
    let name: String = name.chars().take(100).collect();
    Problem::new(
        problem::NO_SUCH_STAGE,
        format!("the fleet has no stage `{name}`: take one of `stages`"),
    )
    .with("stages", json!(stages))
}

#[cfg(test)]
mod tests;
