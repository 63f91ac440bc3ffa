//! Walks the stage graph for one submission: stages whose needs are met run side by side.
//!
//! A hold or a failure ends what needs it and lets what already runs come to its end, except that a failure under
//! `on_error = "fail"` ends the submission: running stages are dropped, which cancels their instances and their queued
//! inference. Nothing here spawns: dropping the future that [`run`] gives cancels everything.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use fleetwright_inference::Work;
use fleetwright_manifest::OnError;
use fleetwright_runtime::{Answer, CallError, Disposition, Request, Tier, Timings};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::events::StageDone;
use crate::members::Members;
use crate::outcome::{Hold, Outcome, Reason, StageFailure, StageOutcome, StageStatus, Status};
use crate::snapshot::{Arm, Node, Snapshot};
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

/// Calls one stage as a submission that had `answers` before would, whatever its `when` says; nothing where there is no such
/// stage.
pub(crate) async fn run_alone(
    snapshot: &Snapshot,
    stage: &str,
    submission: &Submission,
    answers: &Map<String, Value>,
    deadline: Instant,
) -> Option<StageOutcome> {
    let (place, node) = snapshot
        .nodes
        .iter()
        .enumerate()
        .find(|(_, node)| node.name() == stage)?;
    let mut walk = Walk::new(snapshot, submission, deadline);
    for (name, answer) in answers {
        walk.answer(name, answer.clone());
    }
    let (result, timings) = node.arm.stage.call(walk.request(node), deadline).await;
    walk.end(Called {
        place,
        canary: false,
        result,
        timings,
    });
    walk.done.remove(&place)
}

/// A call that ended: its node's place, the arm that ran, and what came of it.
struct Called {
    place: usize,
    canary: bool,
    result: Result<Answer, CallError>,
    timings: Timings,
}

struct Walk<'a> {
    snapshot: &'a Snapshot,
    submission: &'a Submission,
    deadline: Instant,
    /// What the stages have asked of models that several of them bind.
    work: Arc<Work>,
    /// What each node came to, by its place in the order.
    done: BTreeMap<usize, StageOutcome>,
    started: Vec<bool>,
    /// The answers so far, as conditions see them.
    answers: BTreeMap<&'a str, Value>,
    /// The submission's fields and the answers so far, as stages are shown them.
    members: Members<'a>,
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
            work: Arc::new(Work::new(snapshot.shared.clone())),
            done,
            started,
            answers,
            members: Members::of(&submission.fields, |name| is_read(snapshot, name)),
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
            let Some(called) = running.next().await else {
                return;
            };
            self.end(called);
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
            let name = self.snapshot.nodes.get(*held).map_or("", Node::name);
            self.held.insert(i);
            let reason = format!("the submission is held at or before stage `{name}`");
            self.settle(i, &node.arm, skipped(&node.arm, reason));
            return None;
        }
        match self.wanted(node) {
            Ok(true) => {}
            Ok(false) => {
                let source = node.when.as_ref().map_or("", |when| when.source());
                let reason = format!("`when` is false: {source}");
                self.settle(i, &node.arm, skipped(&node.arm, reason));
                return None;
            }
            Err(detail) => {
                self.fail(i, &node.arm, Reason::Condition, detail, None);
                return None;
            }
        }
        let request = self.request(node);
        let deadline = self.deadline;
        let canary = node.canary.as_ref();
        let canary = canary.is_some_and(|canary| canary.takes(self.submission));
        Some(Box::pin(async move {
            // A shadow is held against the stage: what a canary answered in its place is no measure.
            let shadow = node.shadow.as_ref().filter(|_| !canary);
            let shadowed = shadow.map(|shadow| (shadow, request.clone()));
            let (result, timings) = ran(node, canary).stage.call(request, deadline).await;
            if let Some((shadow, request)) = shadowed {
                shadow.follow(request, result.clone());
            }
            Called {
                place: i,
                canary,
                result,
                timings,
            }
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
        let attachments = match node.reads.contains("attachments") {
            true => self.submission.attachments.clone(),
            false => Vec::new(),
        };
        Request {
            submission: self.submission.id.shared(),
            fields: self.members.shown(|name| node.reads.contains(name)),
            attachments,
            work: self.work.clone(),
        }
    }

    fn end(&mut self, called: Called) {
        let Called {
            place,
            canary,
            result,
            timings,
        } = called;
        let Some(node) = self.snapshot.nodes.get(place) else {
            return;
        };
        if let Some(on_trial) = &node.canary {
            let optimised = |arm: &Arm| arm.stage.plugin().tier() == Tier::Optimised;
            let fair = optimised(&node.arm) && optimised(&on_trial.arm);
            let failed = result.is_err();
            on_trial
                .trial
                .count(canary, failed, fair.then_some(timings.total));
        }
        let arm = ran(node, canary);
        match result {
            Ok(answer) => self.answered(place, arm, answer, timings),
            Err(CallError { kind, detail, .. }) => {
                self.fail(place, arm, Reason::Call(kind), detail, Some(timings))
            }
        }
    }

    /// What later stages and conditions see of a stage.
    fn answer(&mut self, stage: &'a str, seen: Value) {
        if is_read(self.snapshot, stage) {
            self.members.answered(stage, &seen);
        }
        self.answers.insert(stage, seen);
    }

    fn answered(&mut self, i: usize, arm: &'a Arm, answer: Answer, timings: Timings) {
        let Answer {
            fields,
            confidence,
            disposition,
        } = answer;
        self.answer(arm.stage.name(), as_seen_later(&fields, confidence));
        let (status, reason) = match disposition {
            Disposition::Continue => (StageStatus::Ok, None),
            Disposition::Hold(reason) => {
                self.hold(i, arm, reason.clone());
                (StageStatus::Held, Some(reason))
            }
        };
        self.settle(
            i,
            arm,
            StageOutcome {
                reason,
                answer: Some(fields),
                confidence,
                ms: Some(timings),
                ..blank(arm, status)
            },
        );
    }

    fn fail(&mut self, i: usize, arm: &Arm, reason: Reason, detail: String, ms: Option<Timings>) {
        let on_error = self.snapshot.nodes.get(i).map(|node| node.on_error);
        let failure = StageFailure {
            stage: arm.stage.name().to_owned(),
            reason,
            detail,
        };
        match on_error.unwrap_or_default() {
            OnError::Fail => self.failure = Some(failure.clone()),
            OnError::Hold => self.hold(
                i,
                arm,
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
            arm,
            StageOutcome {
                failure: Some(failure),
                ms,
                ..blank(arm, StageStatus::Failed)
            },
        );
    }

    fn hold(&mut self, i: usize, arm: &Arm, reason: String) {
        self.held.insert(i);
        self.holds.push(Hold {
            stage: arm.stage.name().to_owned(),
            reason,
        });
    }

    fn settle(&mut self, i: usize, arm: &Arm, outcome: StageOutcome) {
        if let Some(node) = self.snapshot.nodes.get(i) {
            StageDone {
                submission: self.submission.id.as_str(),
                stage: node.name(),
                outcome: &outcome,
                meters: &arm.meters,
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
                let reason = format!("the submission failed at stage `{failed_at}`");
                skipped(&node.arm, reason)
            });
            stages.push((node.name().to_owned(), outcome));
        }
        (self.holds, self.failure, stages)
    }
}

/// Whether any stage is granted the member.
fn is_read(snapshot: &Snapshot, member: &str) -> bool {
    snapshot
        .nodes
        .iter()
        .any(|node| node.reads.contains(member))
}

/// What ran in a node for this submission.
fn ran(node: &Node, canary: bool) -> &Arm {
    match (&node.canary, canary) {
        (Some(trial), true) => &trial.arm,
        _ => &node.arm,
    }
}

fn blank(arm: &Arm, status: StageStatus) -> StageOutcome {
    StageOutcome {
        status,
        reason: None,
        answer: None,
        confidence: None,
        failure: None,
        plugin: arm.plugin.clone(),
        models: arm.models.clone(),
        ms: None,
    }
}

fn skipped(arm: &Arm, reason: String) -> StageOutcome {
    StageOutcome {
        reason: Some(reason),
        ..blank(arm, StageStatus::Skipped)
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
