//! A shadow: another plugin that is shown what a stage is shown, and whose answer goes nowhere but into a comparison.
//!
//! It runs after the stage has answered, on a task of its own, so that it delays nobody; where the host is busy with as
//! many shadows as it may have, a call is left out and counted. Kept for reading: the latest 100 differences of a stage,
//! each as the pointers at which the two answers differ and both values. Inputs are not kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetwright_inference::Work;
use fleetwright_runtime::{Answer, CallError, Disposition, Request};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::snapshot::Arm;

/// Calls of all shadows that run at once.
static ROOM: Semaphore = Semaphore::const_new(8);
const KEPT: usize = 100;
/// Differing members that one difference lists.
const MEMBERS: usize = 32;
/// The longest text of one value that is kept.
const VALUE_BYTES: usize = 200;
const DEADLINE: Duration = Duration::from_secs(60);

/// A plugin that runs beside a stage.
pub(crate) struct Shadow {
    pub(crate) arm: Arm,
    sample: f64,
    counts: Counts,
    /// Held for a push or a copy, never across an await.
    kept: Mutex<VecDeque<Difference>>,
}

#[derive(Default)]
struct Counts {
    seen: AtomicU64,
    same: AtomicU64,
    different: AtomicU64,
    left_out: AtomicU64,
}

/// How a shadow's answers compare.
#[derive(Clone, Debug, Serialize)]
pub struct ShadowSummary {
    /// Its plugin.
    pub plugin: crate::outcome::PluginUsed,
    /// The share of calls that it is shown.
    pub sample: f64,
    /// Answers equal to the stage's.
    pub same: u64,
    /// Answers that are not, failures on one side among them.
    pub different: u64,
    /// Calls left out because the host was busy.
    pub left_out: u64,
}

/// One answer that differs.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The submission's id.
    pub submission: String,
    /// When.
    pub at: Timestamp,
    /// Where the answers differ.
    pub members: Vec<Member>,
}

/// One place at which two answers differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    /// JSON pointer into the answer; `disposition` or `failure` where the answers differ as a whole.
    pub at: String,
    /// What the stage said.
    pub stage: Value,
    /// What the shadow said.
    pub shadow: Value,
}

impl Shadow {
    pub(crate) fn new(arm: Arm, sample: f64) -> Self {
        Shadow {
            arm,
            sample,
            counts: Counts::default(),
            kept: Mutex::default(),
        }
    }

    /// Whether it is shown just this share of the calls.
    pub(crate) fn is_sampled(&self, sample: f64) -> bool {
        self.sample == sample
    }

    /// Runs the shadow on what the stage was shown, beside everything else, and compares.
    pub(crate) fn follow(self: &Arc<Self>, request: Request, answered: Result<Answer, CallError>) {
        let seen = self.counts.seen.fetch_add(1, Ordering::Relaxed);
        if !sampled(seen, self.sample) {
            return;
        }
        let Ok(room) = ROOM.try_acquire() else {
            self.counts.left_out.fetch_add(1, Ordering::Relaxed);
            self.metric("left-out");
            return;
        };
        let shadow = self.clone();
        // It lasts longer than the submission, and shares nothing with it.
        let request = Request {
            work: Arc::new(Work::aside()),
            ..request
        };
        tokio::spawn(async move {
            let _room = room;
            let submission = request.submission.clone();
            let (own, _) = shadow
                .arm
                .stage
                .call(request, Instant::now() + DEADLINE)
                .await;
            shadow.compare(&submission, &answered, &own);
        });
    }

    fn compare(
        &self,
        submission: &str,
        stage: &Result<Answer, CallError>,
        own: &Result<Answer, CallError>,
    ) {
        let members = differing(stage, own);
        if members.is_empty() {
            self.counts.same.fetch_add(1, Ordering::Relaxed);
            self.metric("same");
            return;
        }
        self.counts.different.fetch_add(1, Ordering::Relaxed);
        self.metric("different");
        let mut kept = self.kept.lock().unwrap_or_else(|e| e.into_inner());
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Difference {
            submission: submission.to_owned(),
            at: Timestamp::now(),
            members,
        });
    }

    fn metric(&self, outcome: &'static str) {
        let stage = self.arm.key.name.clone();
        metrics::counter!("fleetwright_shadow_total", "stage" => stage, "outcome" => outcome)
            .increment(1);
    }

    pub(crate) fn summary(&self) -> ShadowSummary {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ShadowSummary {
            plugin: self.arm.plugin.clone(),
            sample: self.sample,
            same: count(&self.counts.same),
            different: count(&self.counts.different),
            left_out: count(&self.counts.left_out),
        }
    }

    /// The latest differences, oldest first.
    pub(crate) fn differences(&self) -> Vec<Difference> {
        let kept = self.kept.lock().unwrap_or_else(|e| e.into_inner());
        kept.iter().cloned().collect()
    }
}

/// Every n-th call, evenly, so that a sample of 0.1 is each tenth.
#[allow(clippy::cast_precision_loss, reason = "counts of calls are small")]
fn sampled(seen: u64, sample: f64) -> bool {
    ((seen + 1) as f64 * sample).floor() > (seen as f64 * sample).floor()
}

fn differing(stage: &Result<Answer, CallError>, own: &Result<Answer, CallError>) -> Vec<Member> {
    let mut members = Vec::new();
    let said = |answer: &Result<Answer, CallError>| match answer {
        Ok(_) => Value::Null,
        Err(error) => error.kind.name().into(),
    };
    if let (Ok(stage), Ok(own)) = (stage, own) {
        let disposition = |answer: &Answer| match &answer.disposition {
            Disposition::Continue => Value::from("continue"),
            Disposition::Hold(_) => Value::from("hold"),
        };
        note(
            &mut members,
            "disposition",
            &disposition(stage),
            &disposition(own),
        );
        let whole = |answer: &Answer| Value::Object(answer.fields.clone());
        walk(&mut members, String::new(), &whole(stage), &whole(own));
    } else {
        note(&mut members, "failure", &said(stage), &said(own));
    }
    members
}

/// Answers are bounded in size and depth by the stage's limits, and so is this.
fn walk(members: &mut Vec<Member>, at: String, stage: &Value, own: &Value) {
    match (stage, own) {
        (Value::Object(stage), Value::Object(own)) => {
            let names = stage
                .keys()
                .chain(own.keys().filter(|name| !stage.contains_key(*name)));
            for name in names {
                let side = |map: &serde_json::Map<String, Value>| {
                    map.get(name).cloned().unwrap_or(Value::Null)
                };
                let token = name.replace('~', "~0").replace('/', "~1");
                walk(members, format!("{at}/{token}"), &side(stage), &side(own));
            }
        }
        _ => note(members, &at, stage, own),
    }
}

fn note(members: &mut Vec<Member>, at: &str, stage: &Value, own: &Value) {
    if stage != own && members.len() < MEMBERS {
        members.push(Member {
            at: at.to_owned(),
            stage: short(stage),
            shadow: short(own),
        });
    }
}

/// A value that fits a line.
fn short(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= VALUE_BYTES {
        return value.clone();
    }
    let cut = text.floor_char_boundary(VALUE_BYTES);
    format!("{}…", text.get(..cut).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(fields: Value) -> Result<Answer, CallError> {
        Ok(Answer {
            fields: fields.as_object().unwrap().clone(),
            confidence: None,
            disposition: Disposition::Continue,
        })
    }

    #[test]
    fn differences_are_named_by_pointer() {
        let one = answer(json!({"type": "card", "more": {"a": 1, "b/c": 2}}));
        assert_eq!(differing(&one, &one), []);
        let other = answer(json!({"type": "fraud", "more": {"a": 1, "b/c": [3]}, "new": true}));
        let members = differing(&one, &other);
        let places: Vec<_> = members.iter().map(|member| member.at.as_str()).collect();
        assert_eq!(places, ["/type", "/more/b~1c", "/new"]);
    }

    #[test]
    fn a_sample_is_even() {
        let taken = |sample| (0..100).filter(|seen| sampled(*seen, sample)).count();
        assert_eq!([taken(1.0), taken(0.1), taken(0.25)], [100, 10, 25]);
    }

    #[test]
    fn long_values_are_cut() {
        let long = Value::from("é".repeat(1000));
        assert!(short(&long).as_str().unwrap().len() < VALUE_BYTES + 8);
    }
}
