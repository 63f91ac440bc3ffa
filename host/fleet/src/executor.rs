//! Walks the stage graph for one submission: stages whose needs are met run side by side.
//!
//! A hold or a failure ends what needs it and lets what already runs come to its end, except that a failure under
//! `on_error = "fail"` ends the submission: running stages are dropped, which cancels their instances and their queued
//! inference. Nothing here spawns: dropping the future that [`run`] gives cancels everything.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use fleetwright_manifest::OnError;
use fleetwright_runtime::{Answer, CallError, Disposition, Request, Timings};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Serializer;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::events::StageDone;
use crate::outcome::{Hold, Outcome, Reason, StageFailure, StageOutcome, StageStatus, Status};
use crate::snapshot::{Node, Snapshot};
use crate::submission::Submission;

/// Runs a submission to its outcome.
pub(crate) async fn run(snapshot: &Snapshot, submission: Submission, deadline: Instant) -> Outcome {
    let start = Instant::now();
    let mut walk = Walk::new(snapshot, &submission, deadline);
    walk.run_all().await;
    let (holds, failure, stages) = walk.finish();
    let status = match (&failure, holds.is_empty()) {
        (Some(_), _) => Status::Failed,
        (None, false) => Status::Held,
        (None, true) => Status::Completed,
    };
    Outcome {
        id: submission.id.clone(),
        status,
        fleet: snapshot.used.clone(),
        holds,
        failure,
        stages,
        ms: start.elapsed(),
    }
}

type Called = (usize, Result<Answer, CallError>, Timings);

struct Walk<'a> {
    snapshot: &'a Snapshot,
    submission: &'a Submission,
    deadline: Instant,
    /// What each node came to, by its place in the order.
    done: BTreeMap<usize, StageOutcome>,
    started: Vec<bool>,
    /// The answers so far, as conditions and later stages see them.
    answers: BTreeMap<&'a str, Value>,
    holds: Vec<Hold>,
    /// Nodes at or before which the submission is held: nothing that needs them runs.
    held: BTreeSet<usize>,
    failure: Option<StageFailure>,
}

impl<'a> Walk<'a> {
    fn new(snapshot: &'a Snapshot, submission: &'a Submission, deadline: Instant) -> Self {
        let started = vec![false; snapshot.nodes.len()];
        let (done, answers) = (BTreeMap::new(), BTreeMap::new());
        Walk {
            snapshot,
            submission,
            deadline,
            done,
            started,
            answers,
            holds: Vec::new(),
            held: BTreeSet::new(),
            failure: None,
        }
    }

    async fn run_all(&mut self) {
        let mut running = FuturesUnordered::new();
        loop {
            while let Some((i, node)) = self.next_ready() {
                if let Some(call) = self.start(i, node) {
                    running.push(call);
                }
            }
            if self.failure.is_some() {
                return;
            }
            let Some((i, result, timings)) = running.next().await else {
                return;
            };
            self.end(i, result, timings);
        }
    }

    /// A node that has not started and whose needs have all ended.
    fn next_ready(&mut self) -> Option<(usize, &'a Node)> {
        if self.failure.is_some() {
            return None;
        }
        let snapshot = self.snapshot;
        let (i, node) = snapshot.nodes.iter().enumerate().find(|(i, node)| {
            self.started.get(*i) == Some(&false)
                && node.needs.iter().all(|need| self.done.contains_key(need))
        })?;
        if let Some(started) = self.started.get_mut(i) {
            *started = true;
        }
        Some((i, node))
    }

    /// Starts a node, or settles at once why it does not run.
    fn start(
        &mut self,
        i: usize,
        node: &'a Node,
    ) -> Option<Pin<Box<dyn Future<Output = Called> + Send + 'a>>> {
        if let Some(held) = node.needs.iter().find(|need| self.held.contains(need)) {
            let name = self
                .snapshot
                .nodes
                .get(*held)
                .map_or("", |node| node.stage.name());
            self.held.insert(i);
            self.settle(
                i,
                skipped(
                    node,
                    format!("the submission is held at or before stage `{name}`"),
                ),
            );
            return None;
        }
        match self.wanted(node) {
            Ok(true) => {}
            Ok(false) => {
                let source = node.when.as_ref().map_or("", |when| when.source());
                self.settle(i, skipped(node, format!("`when` is false: {source}")));
                return None;
            }
            Err(detail) => {
                self.fail(i, node, Reason::Condition, detail, None);
                return None;
            }
        }
        let request = self.request(node);
        let deadline = self.deadline;
        Some(Box::pin(async move {
            let (result, timings) = node.stage.call(&request, deadline).await;
            (i, result, timings)
        }))
    }

    fn wanted(&self, node: &Node) -> Result<bool, String> {
        let Some(when) = &node.when else {
            return Ok(true);
        };
        let mut variables: Map<String, Value> = self
            .answers
            .iter()
            .map(|(name, answer)| ((*name).to_owned(), answer.clone()))
            .collect();
        variables.insert(
            "submission".into(),
            Value::Object(self.submission.fields.clone()),
        );
        when.evaluate(&variables).map_err(|e| e.to_string())
    }

    /// The request as this node may see it: least privilege for data.
    fn request(&self, node: &Node) -> Request {
        let granted = |name: &&str| node.reads.contains(*name);
        let fields = self
            .submission
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        let answers = self.answers.iter().map(|(name, answer)| (*name, answer));
        let shown = fields.chain(answers).filter(|(name, _)| granted(name));
        let attachments = match node.reads.contains("attachments") {
            true => self.submission.attachments.clone(),
            false => Vec::new(),
        };
        Request {
            submission: self.submission.id.shared(),
            fields: to_json(shown),
            attachments,
        }
    }

    fn end(&mut self, i: usize, result: Result<Answer, CallError>, timings: Timings) {
        let Some(node) = self.snapshot.nodes.get(i) else {
            return;
        };
        match result {
            Ok(answer) => self.answered(i, node, answer, timings),
            Err(CallError { kind, detail, .. }) => {
                self.fail(i, node, Reason::Call(kind), detail, Some(timings))
            }
        }
    }

    fn answered(&mut self, i: usize, node: &'a Node, answer: Answer, timings: Timings) {
        let Answer {
            fields,
            confidence,
            disposition,
        } = answer;
        self.answers
            .insert(node.stage.name(), as_seen_later(&fields, confidence));
        let (status, reason) = match disposition {
            Disposition::Continue => (StageStatus::Ok, None),
            Disposition::Hold(reason) => {
                self.hold(i, node, reason.clone());
                (StageStatus::Held, Some(reason))
            }
        };
        self.settle(
            i,
            StageOutcome {
                reason,
                answer: Some(fields),
                confidence,
                ms: Some(timings),
                ..blank(node, status)
            },
        );
    }

    fn fail(&mut self, i: usize, node: &Node, reason: Reason, detail: String, ms: Option<Timings>) {
        let failure = StageFailure {
            stage: node.stage.name().to_owned(),
            reason,
            detail,
        };
        match node.on_error {
            OnError::Fail => self.failure = Some(failure.clone()),
            OnError::Hold => self.hold(
                i,
                node,
                format!(
                    "the stage failed ({}): {}",
                    failure.reason.name(),
                    failure.detail
                ),
            ),
            OnError::Continue => {}
        }
        self.settle(
            i,
            StageOutcome {
                failure: Some(failure),
                ms,
                ..blank(node, StageStatus::Failed)
            },
        );
    }

    fn hold(&mut self, i: usize, node: &Node, reason: String) {
        self.held.insert(i);
        self.holds.push(Hold {
            stage: node.stage.name().to_owned(),
            reason,
        });
    }

    fn settle(&mut self, i: usize, outcome: StageOutcome) {
        if let Some(node) = self.snapshot.nodes.get(i) {
            StageDone {
                submission: self.submission.id.as_str(),
                stage: node.stage.name(),
                outcome: &outcome,
            }
            .emit();
        }
        self.done.insert(i, outcome);
    }

    /// Every stage's outcome in the order of the graph; those that a failure kept from ending are said to be skipped.
    fn finish(mut self) -> (Vec<Hold>, Option<StageFailure>, Vec<(String, StageOutcome)>) {
        let failed_at = self.failure.as_ref().map_or("", |failure| &failure.stage);
        let mut stages = Vec::with_capacity(self.snapshot.nodes.len());
        for (i, node) in self.snapshot.nodes.iter().enumerate() {
            let outcome = self.done.remove(&i);
            let outcome = outcome.unwrap_or_else(|| {
                skipped(
                    node,
                    format!("the submission failed at stage `{failed_at}`"),
                )
            });
            stages.push((node.stage.name().to_owned(), outcome));
        }
        (self.holds, self.failure, stages)
    }
}

fn blank(node: &Node, status: StageStatus) -> StageOutcome {
    StageOutcome {
        status,
        reason: None,
        answer: None,
        confidence: None,
        failure: None,
        plugin: node.plugin.clone(),
        models: node.models.clone(),
        ms: None,
    }
}

fn skipped(node: &Node, reason: String) -> StageOutcome {
    StageOutcome {
        reason: Some(reason),
        ..blank(node, StageStatus::Skipped)
    }
}

/// An answer with its confidence among its members, unless it has a member of that name.
fn as_seen_later(fields: &Map<String, Value>, confidence: Option<f64>) -> Value {
    let mut seen = fields.clone();
    if let Some(confidence) = confidence {
        seen.entry("confidence")
            .or_insert_with(|| confidence.into());
    }
    Value::Object(seen)
}

/// The granted members as one JSON object, written straight from where they stand.
fn to_json<'v>(members: impl Iterator<Item = (&'v str, &'v Value)>) -> String {
    let mut json = Vec::new();
    // Writing values that were parsed from JSON into memory cannot fail.
    let _ = serde_json::Serializer::new(&mut json).collect_map(members);
    String::from_utf8(json).unwrap_or_else(|_| "{}".into())
}
