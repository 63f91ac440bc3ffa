//! What a guest gave back: its answer, held to the stage's limits and parsed, or its own reason for giving none.

use serde_json::Value;

use crate::bindings::exports::fleetwright::stage::handler as wit;
use crate::call::{Answer, Disposition};
use crate::error::{CallErrorKind, Failure};
use crate::limits::Limits;
use crate::shown::is_deeper;
use crate::state::CallState;

/// A plugin's sentence on why it failed is cut here: it goes into answers and log lines.
const MAX_DETAIL_BYTES: usize = 2048;

/// What the plugin itself gave as the reason, unless the host refused it inference for one of its own.
pub(crate) fn refused(failure: wit::Failure, state: &CallState) -> Failure {
    let (kind, mut detail) = match failure {
        wit::Failure::InvalidInput(detail) => (CallErrorKind::InvalidInput, detail),
        wit::Failure::InvalidConfig(detail) => (CallErrorKind::InvalidConfig, detail),
        wit::Failure::Inference(detail) => (CallErrorKind::Inference, detail),
        wit::Failure::Internal(detail) => (CallErrorKind::Plugin, detail),
    };
    detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
    match (kind, state.refused) {
        (CallErrorKind::Inference, Some((kind, limit))) => Failure::of(kind, limit, detail),
        _ => Failure::new(kind, detail),
    }
}

/// The guest's answer, held to its limits and parsed.
pub(crate) fn lift(answer: wit::Answer, limits: &Limits) -> Result<Answer, Failure> {
    check_size(&answer, limits)?;
    let bad = |detail: String| Failure::new(CallErrorKind::BadAnswer, detail);
    let fields = match serde_json::from_str(&answer.fields) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Err(bad("the answer's fields are no JSON object".into())),
        Err(error) => return Err(bad(format!("the answer's fields are no JSON: {error}"))),
    };
    if let Some(confidence) = answer.confidence.filter(|c| !(0.0..=1.0).contains(c)) {
        return Err(bad(format!(
            "the confidence {confidence} is not between 0 and 1"
        )));
    }
    let disposition = match answer.disposition {
        wit::Disposition::Continue => Disposition::Continue,
        wit::Disposition::Hold(reason) => Disposition::Hold(reason),
    };
    Ok(Answer {
        fields,
        confidence: answer.confidence,
        disposition,
    })
}

/// Size and nesting, before anything is built of the answer.
fn check_size(answer: &wit::Answer, limits: &Limits) -> Result<(), Failure> {
    let reason = match &answer.disposition {
        wit::Disposition::Continue => 0,
        wit::Disposition::Hold(reason) => reason.len(),
    };
    let bytes = answer.fields.len().saturating_add(reason);
    if bytes as u64 > limits.output {
        return Err(Failure::of(
            CallErrorKind::Output,
            "output",
            format!(
                "the answer has {bytes} bytes; `limits.output` is {}: raise it if the plugin needs more",
                limits.output
            ),
        ));
    }
    if is_deeper(&answer.fields, limits.depth) {
        return Err(Failure::of(
            CallErrorKind::Output,
            "depth",
            format!(
                "the answer is nested deeper than `limits.depth`, {}: raise it if the plugin needs more",
                limits.depth
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn answer(fields: &str, disposition: wit::Disposition) -> wit::Answer {
        wit::Answer {
            fields: fields.into(),
            confidence: None,
            disposition,
        }
    }

    fn ended(fields: &str, limits: &Limits) -> Result<Map<String, Value>, (CallErrorKind, Option<&'static str>)> {
        lift(answer(fields, wit::Disposition::Continue), limits)
            .map(|answer| answer.fields)
            .map_err(|failure| (failure.kind, failure.limit))
    }

    #[test]
    fn an_answer_as_deep_as_the_limit_is_one_and_a_deeper_one_is_refused_by_name() {
        for depth in [1, 64, 127] {
            let limits = Limits {
                depth,
                ..Limits::default()
            };
            let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
            assert!(ended(&nested(depth as usize - 1), &limits).is_ok(), "{depth}");
            assert_eq!(
                ended(&nested(depth as usize), &limits),
                Err((CallErrorKind::Output, Some("depth"))),
                "{depth}"
            );
        }
    }

    #[test]
    fn odd_json_is_an_answer_or_none_and_never_more() {
        let limits = Limits::default();
        let none = Err((CallErrorKind::BadAnswer, None));
        for text in ["{\"a\":1e999}", "{\"a\":-}", "{\"a\":\"\\ud800\"}", "{\"a\":NaN}", "{\"a\":1}}"] {
            assert_eq!(ended(text, &limits), none, "{text}");
        }
        let twice = ended("{\"a\":1,\"a\":2}", &limits).unwrap();
        assert_eq!(Value::Object(twice), serde_json::json!({"a": 2}), "the last one counts");
        let digits = format!("{{\"a\":{}}}", "9".repeat(60_000));
        assert_eq!(ended(&digits, &limits), none, "a number beyond an f64");
    }

    #[test]
    fn a_reason_counts_as_output() {
        let limits = Limits {
            output: 10,
            ..Limits::default()
        };
        let hold = |bytes: usize| lift(answer("{}", wit::Disposition::Hold("x".repeat(bytes))), &limits);
        assert!(hold(8).is_ok());
        assert_eq!(hold(9).unwrap_err().limit, Some("output"));
    }
}
