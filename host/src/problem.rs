//! Problem details as RFC 9457 writes them: a closed list of kinds, and one problem of a kind.
//!
//! `type` is the absolute path of the kind's description on this host, `/problems/<name>`: it tells a client's
//! programmer what the kind means and how to get past it.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

/// The header that carries a submission's id, in every answer to a submission.
pub const SUBMISSION_ID: HeaderName = HeaderName::from_static("x-submission-id");

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The last part of the kind's path.
    pub name: &'static str,
    /// The HTTP status that it is answered with.
    pub status: u16,
    /// What happened, in a few words that never change.
    pub title: &'static str,
    /// What it means and what to do, for `/problems/<name>`.
    pub meaning: &'static str,
}

macro_rules! kinds {
    ($($constant:ident $name:literal $status:literal $title:literal $meaning:literal;)*) => {
        $(#[doc = $title] pub const $constant: Kind = Kind { name: $name, status: $status, title: $title, meaning: $meaning };)*
        /// Every kind of problem that this host answers with.
        pub const KINDS: &[Kind] = &[$($constant),*];
    };
}

kinds! {
    EMPTY_BODY "empty-body" 400 "The body is empty" "A submission needs a body: an object of fields, a form, or an e-mail.";
    BAD_JSON "bad-json" 400 "The body is not JSON" "`line` and `column` tell where the text stops being JSON.";
    JSON_TOO_DEEP "json-too-deep" 400 "The JSON is nested too deep" "`limit` tells how many levels are read. A submission needs three.";
    FIELD_TWICE "field-twice" 400 "A field comes more than once" "`field` comes twice. Which one was meant cannot be known: send it once.";
    BAD_MULTIPART "bad-multipart" 400 "The form cannot be read" "The body is not what RFC 7578 describes: a boundary, named parts, a closing boundary.";
    BAD_MAIL "bad-mail" 400 "The message cannot be read" "The body is not what RFC 5322 describes: headers, an empty line, text.";
    BODY_INTERRUPTED "body-interrupted" 400 "The body ended early" "The connection ended inside the body. Send it whole.";
    NOT_FOUND "not-found" 404 "There is nothing at this path" "`routes` lists what there is.";
    NO_SUCH_STAGE "no-such-stage" 404 "The fleet has no stage of this name" "`stages` lists those that it has.";
    METHOD_NOT_ALLOWED "method-not-allowed" 405 "The path does not take this method" "The header `Allow` lists the methods that it takes.";
    BODY_TIMEOUT "body-timeout" 408 "The body came too slowly" "The host waits a bounded time for the next piece of a body, so that slow clients cannot hold it.";
    TOO_LARGE "too-large" 413 "The body is too large" "`limit` is the largest body in bytes, however it is framed. `--max-body` sets it.";
    TOO_MUCH "too-much" 413 "A stage takes less than this" "What `stage` would be shown passes one of its `limits`: `input`, `depth`, `attachments` or `attachment_bytes`. `detail` names it: send less, or raise it in the manifest.";
    UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" 415 "The body is of a type that is not read" "`accepted` lists the media types that are.";
    UNSUPPORTED_ENCODING "unsupported-encoding" 415 "The body is compressed" "Bodies are read as they are, without `Content-Encoding`.";
    NOT_AN_OBJECT "not-an-object" 422 "The JSON is not an object" "Fields are the members of one JSON object.";
    WRONG_TYPE "wrong-type" 422 "A value is of the wrong type" "`pointer` tells where (RFC 6901), `expected` and `found` what.";
    MISSING_MEMBER "missing-member" 422 "A member is missing" "`pointer` tells where it should be (RFC 6901), `expected` what it takes.";
    UNKNOWN_FIELD "unknown-field" 422 "The fleet has no such field" "`accepted` lists the fields that the manifest declares under `[submission]`.";
    UNKNOWN_MEMBER "unknown-member" 422 "A member is not read" "`pointer` tells which (RFC 6901). Nothing that is sent is dropped in silence.";
    BAD_BASE64 "bad-base64" 422 "An attachment is not base64" "`pointer` tells which (RFC 6901).";
    TOO_MANY_ATTACHMENTS "too-many-attachments" 422 "There are too many attachments" "`limit` tells how many one submission may carry.";
    NOTHING_SUBMITTED "nothing-submitted" 422 "There is nothing to work on" "A submission has at least one field or one attachment.";
    INVALID_INPUT "invalid-input" 422 "A stage cannot work on this submission" "`stage` read its fields or attachments and refused them; `outcome` is what the stages before it answered.";
    OVERLOADED "overloaded" 429 "The host is at its limit" "Nothing waits unbounded here. Send it again after the seconds of `Retry-After`.";
    STAGE_FAILED "stage-failed" 500 "A stage failed" "`stage` and `reason` tell which and why; `outcome` is what the other stages answered. Other submissions are not harmed.";
    INTERNAL "internal" 500 "The host failed" "This is a defect. Report it with `id`.";
    DRAINING "draining" 503 "The host is shutting down" "It finishes what it has begun. Send this to another one, or after the seconds of `Retry-After`.";
    DEADLINE "deadline" 504 "The deadline passed" "The submission was not done in time. `--deadline` and a stage's `limits.deadline` set the bounds.";
}

/// One problem: what a client gets instead of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Its kind, which decides the status.
    pub kind: Kind,
    /// What happened this time, and the way out.
    pub detail: String,
    /// Members beyond RFC 9457's, naming the place.
    pub members: Map<String, Value>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u64>,
    /// The methods that the path takes.
    pub allow: Option<&'static str>,
}

impl Problem {
    /// A problem without members of its own.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem {
            kind,
            detail: detail.into(),
            members: Map::new(),
            retry_after: None,
            allow: None,
        }
    }

    /// The same problem with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The problem as JSON; `id` is the submission's, where there is one.
    #[must_use]
    pub fn to_json(&self, id: Option<&str>) -> Value {
        let mut object = Map::new();
        object.insert(
            "type".to_owned(),
            json!(format!("/problems/{}", self.kind.name)),
        );
        object.insert("title".to_owned(), json!(self.kind.title));
        object.insert("status".to_owned(), json!(self.kind.status));
        object.insert("detail".to_owned(), json!(self.detail));
        if let Some(id) = id {
            object.insert("id".to_owned(), json!(id));
        }
        object.extend(self.members.clone());
        Value::Object(object)
    }

    /// The problem as an answer.
    #[must_use]
    pub fn into_response(self, id: Option<&str>) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{:#}\n", self.to_json(id))));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if let Some(id) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(SUBMISSION_ID, id);
        }
        response
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_names_and_statuses_of_their_own() {
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
        for kind in KINDS {
            assert!((400..600).contains(&kind.status), "{}", kind.name);
            assert!(
                !kind.title.ends_with('.') && kind.meaning.ends_with('.'),
                "{}",
                kind.name
            );
        }
    }
}
