//! What one submission was answered, for a reader: each stage, its answer member by member, and its time.

use std::fmt;

use serde_json::{Map, Value};

/// How much of one member's value is shown, in characters.
const SHOWN: usize = 220;

/// The answer to one submission, as `fleetwright --json run` prints it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An outcome, whatever its status.
    Outcome(Map<String, Value>),
    /// Anything else.
    Nothing(String),
}

impl Answer {
    /// Reads the output: an outcome, or a problem that carries one, possibly in a list of one.
    pub(crate) fn parse(text: &str) -> Answer {
        match serde_json::from_str(text) {
            Ok(value) => outcome(value)
                .map_or_else(|| Answer::Nothing(text.trim().to_owned()), Answer::Outcome),
            Err(_) => Answer::Nothing(text.trim().to_owned()),
        }
    }

    /// Whether the submission completed or was held.
    pub(crate) fn well(&self) -> bool {
        let Answer::Outcome(outcome) = self else {
            return false;
        };
        matches!(
            outcome.get("status").and_then(Value::as_str),
            Some("completed" | "held")
        )
    }
}

fn outcome(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Array(list) => outcome(list.into_iter().next()?),
        Value::Object(map) if map.contains_key("stages") => Some(map),
        Value::Object(mut map) => outcome(map.remove("outcome")?),
        _ => None,
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let outcome = match self {
            Answer::Outcome(outcome) => outcome,
            Answer::Nothing(text) if text.is_empty() => return write!(out, "  no answer"),
            Answer::Nothing(text) => return write!(out, "  no outcome: {}", short(text)),
        };
        write!(
            out,
            "  {}",
            outcome.get("status").map(text).unwrap_or_default()
        )?;
        let Some(Value::Object(stages)) = outcome.get("stages") else {
            return Ok(());
        };
        for (name, stage) in stages {
            write_stage(out, name, stage)?;
        }
        Ok(())
    }
}

fn write_stage(out: &mut fmt::Formatter, name: &str, stage: &Value) -> fmt::Result {
    let status = stage.get("status").map(text).unwrap_or_default();
    write!(out, "\n  {name:<10} {status}")?;
    if let Some(confidence) = stage.get("confidence").and_then(Value::as_f64) {
        write!(out, ", confidence {confidence:.2}")?;
    }
    if let Some(time) = stage.pointer("/ms/total").and_then(Value::as_f64) {
        write!(out, ", {time:.1} ms")?;
    }
    let Value::Object(members) = stage else {
        return Ok(());
    };
    for (key, value) in members {
        match (key.as_str(), value) {
            ("answer", Value::Object(answer)) => {
                for (key, value) in answer {
                    write!(out, "\n      {key}: {}", short(&text(value)))?;
                }
            }
            // Who answered and how long it took are the record's, not the reader's.
            ("status" | "confidence" | "ms" | "plugin" | "models", _) | (_, Value::Null) => {}
            _ => write!(out, "\n      {key}: {}", short(&text(value)))?,
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// `text` on one line, cut where it is long.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    line.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: &str = r#"{"id":"sub_1","status":"held","fleet":{"name":"inbox","generation":1},"stages":{
        "classify":{"status":"ok","answer":{"type":"card","urgency":"high"},"confidence":0.968,"plugin":{"name":"classify"},
            "models":{},"ms":{"total":14.24,"queue":0.1}},
        "comply":{"status":"held","answer":{"flags":[{"rule":"pan"}]},"reason":"a card number"}}}"#;

    #[test]
    fn a_held_submission_is_well_and_shown_stage_by_stage() {
        let answer = Answer::parse(HELD);
        assert!(answer.well());
        assert_eq!(
            answer.to_string(),
            "  held\n  classify   ok, confidence 0.97, 14.2 ms\n      type: card\n      urgency: high\n  \
             comply     held\n      flags: [{\"rule\":\"pan\"}]\n      reason: a card number"
        );
    }

    #[test]
    fn a_problem_that_carries_the_outcome_is_not_well() {
        let problem = r#"{"title":"stage failed","status":500,"outcome":{"status":"failed","stages":{"extract":{"status":"failed","reason":"cpu"}}}}"#;
        let answer = Answer::parse(problem);
        assert!(!answer.well());
        assert_eq!(
            answer.to_string(),
            "  failed\n  extract    failed\n      reason: cpu"
        );
    }

    #[test]
    fn anything_else_is_shown_as_it_came() {
        assert!(!Answer::parse("").well());
        assert_eq!(Answer::parse("").to_string(), "  no answer");
        assert_eq!(
            Answer::parse("refused\n").to_string(),
            "  no outcome: refused"
        );
        assert!(Answer::parse(&format!("[{HELD}]")).well(), "a list of one");
        let long = "word ".repeat(100);
        assert!(Answer::parse(&long).to_string().ends_with('…'));
    }
}
