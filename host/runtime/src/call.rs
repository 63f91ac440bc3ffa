//! One call of a stage: a fresh instance, its limits, its answer or its typed error.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::bindings::exports::fleetwright::stage::handler as wit;
use crate::engine::{MAX_MEMORY, Runtime};
use crate::error::{CallError, CallErrorKind, LoadError, classify};
use crate::limits::Limits;
use crate::meter::{CpuSpent, Metered};
use crate::plugin::{Plugin, new_store};
use crate::state::{CallState, StageGrants};

/// A plugin's sentence on why it failed is cut here: it goes into answers and log lines.
const MAX_DETAIL_BYTES: usize = 2048;

/// What a stage is given: the granted part of a submission.
#[derive(Clone, Debug)]
pub struct Request {
    /// The submission's id, for log lines.
    pub submission: Arc<str>,
    /// The granted fields, a JSON object.
    pub fields: String,
    /// The attachments, where they are granted.
    pub attachments: Vec<Attachment>,
}

/// A file that came with a submission. Its bytes are shared, not copied.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The file's name as the sender gave it.
    pub name: String,
    /// The media type as the sender declared it.
    pub media_type: String,
    /// The file's bytes.
    pub bytes: Bytes,
}

impl Attachment {
    fn lower(&self) -> wit::Attachment<'_> {
        wit::Attachment {
            name: &self.name,
            media_type: &self.media_type,
            bytes: &self.bytes,
        }
    }
}

/// What a stage answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The answer's fields.
    pub fields: Map<String, Value>,
    /// How sure the stage is, from 0 to 1.
    pub confidence: Option<f64>,
    /// Whether the submission goes on.
    pub disposition: Disposition,
}

/// What becomes of the submission after a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It goes on.
    Continue,
    /// It is held for a person, for this reason.
    Hold(String),
}

/// Where the time of a call went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timings {
    /// From the call to its answer.
    pub total: Duration,
    /// Waiting: for an instance, and in the queues of models.
    pub queue: Duration,
    /// Models at work.
    pub inference: Duration,
    /// Processor time of the guest.
    pub guest: Duration,
}

/// A stage, ready to be called: a plugin with its grants and limits.
pub struct Stage {
    name: Arc<str>,
    runtime: Runtime,
    plugin: Plugin,
    grants: Arc<StageGrants>,
    limits: Limits,
    instances: Semaphore,
    waiting: AtomicUsize,
}

impl Stage {
    /// Makes a stage of a plugin.
    ///
    /// # Errors
    /// [`LoadError::Limit`] where the limits pass what this host can give.
    pub fn new(
        runtime: &Runtime,
        name: &str,
        plugin: Plugin,
        grants: StageGrants,
        limits: Limits,
    ) -> Result<Self, LoadError> {
        if limits.memory > MAX_MEMORY as u64 {
            return Err(LoadError::Limit {
                limit: "memory",
                value: limits.memory,
                most: MAX_MEMORY as u64,
            });
        }
        let instances = Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS));
        Ok(Stage {
            name: name.into(),
            runtime: runtime.clone(),
            plugin,
            grants: Arc::new(grants),
            limits,
            instances,
            waiting: AtomicUsize::new(0),
        })
    }

    /// The stage's name in the manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The plugin that the stage runs.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The models that the stage is bound to, by role.
    pub fn grants(&self) -> &StageGrants {
        &self.grants
    }

    /// The limits of each call.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Runs one submission through a fresh instance. Ends at the earlier of `deadline` and the stage's own.
    ///
    /// # Errors
    /// [`CallError`], typed and attributed to this stage; nothing of the call is left behind.
    pub async fn call(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> (Result<Answer, CallError>, Timings) {
        let start = Instant::now();
        let deadline = deadline.min(start + self.limits.deadline);
        let mut timings = Timings::default();
        let answer = self.admit_and_run(request, deadline, &mut timings).await;
        timings.total = start.elapsed();
        (
            answer.map_err(|(kind, detail)| CallError {
                stage: self.name.to_string(),
                kind,
                detail,
            }),
            timings,
        )
    }

    async fn admit_and_run(
        &self,
        request: &Request,
        deadline: Instant,
        timings: &mut Timings,
    ) -> Result<Answer, Failure> {
        let asked = Instant::now();
        let _instance = self.admit(deadline).await?;
        timings.queue = asked.elapsed();
        let state = CallState::new(
            self.name.clone(),
            request.submission.clone(),
            self.grants.clone(),
            &self.limits,
            deadline,
        );
        let mut store = new_store(&self.runtime.engine, state, &self.limits);
        let attachments: Vec<_> = request.attachments.iter().map(Attachment::lower).collect();
        let lowered = wit::Request {
            fields: &request.fields,
            attachments: &attachments,
        };
        let call = async {
            let instance = self.plugin.pre.instantiate_async(&mut store).await?;
            instance
                .fleetwright_stage_handler()
                .call_handle(&mut store, lowered)
                .await
        };
        let called = run_metered(call, &mut timings.guest, self.limits.cpu, deadline).await;
        let state = store.data();
        timings.queue += state.queue;
        timings.inference = state.inference;
        match called {
            Err(stopped) => Err((stopped.kind(), stopped.describe(&self.limits))),
            Ok(Err(error)) => Err(classify(&error, state)),
            Ok(Ok(Err(failure))) => Err(refused(failure, state)),
            Ok(Ok(Ok(answer))) => lift(answer, &self.limits),
        }
    }

    /// A place among the stage's instances: at once, after a bounded wait, or not at all.
    async fn admit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(permit) = self.instances.try_acquire() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting, self.limits.queue).ok_or_else(|| {
            let Limits {
                concurrency, queue, ..
            } = self.limits;
            (
                CallErrorKind::Overloaded,
                format!("{concurrency} calls are running and {queue} are waiting"),
            )
        })?;
        match tokio::time::timeout_at(deadline, self.instances.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            Ok(Err(_)) => Err((CallErrorKind::Overloaded, "the stage is closing".into())),
            Err(_) => Err((
                CallErrorKind::Deadline,
                "the deadline passed while the call waited for an instance".into(),
            )),
        }
    }
}

type Failure = (CallErrorKind, String);

/// A place in the bounded queue for instances; left when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < most).then_some(n + 1)
            })
            .ok()
            .map(|_| Place(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why the host ended a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Cpu,
    Deadline,
}

impl Stopped {
    fn kind(&self) -> CallErrorKind {
        match self {
            Stopped::Cpu => CallErrorKind::Cpu,
            Stopped::Deadline => CallErrorKind::Deadline,
        }
    }

    pub(crate) fn describe(&self, limits: &Limits) -> String {
        match self {
            Stopped::Cpu => format!(
                "the guest used its {:?} of processor time; raise `limits.cpu` if the plugin needs more",
                limits.cpu
            ),
            Stopped::Deadline => "the deadline passed before the stage answered".into(),
        }
    }
}

/// Runs a call under its processor and wall-clock limits.
pub(crate) async fn run_metered<F: Future>(
    call: F,
    spent: &mut Duration,
    cpu: Duration,
    deadline: Instant,
) -> Result<F::Output, Stopped> {
    match tokio::time::timeout_at(deadline, Metered::new(call, spent, cpu)).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(CpuSpent)) => Err(Stopped::Cpu),
        Err(_) => Err(Stopped::Deadline),
    }
}

/// What the plugin itself gave as the reason, unless the host refused it inference for one of its own.
fn refused(failure: wit::Failure, state: &CallState) -> Failure {
    let (kind, mut detail) = match failure {
        wit::Failure::InvalidInput(detail) => (CallErrorKind::InvalidInput, detail),
        wit::Failure::InvalidConfig(detail) => (CallErrorKind::InvalidConfig, detail),
        wit::Failure::Inference(detail) => {
            (state.refused.unwrap_or(CallErrorKind::Inference), detail)
        }
        wit::Failure::Internal(detail) => (CallErrorKind::Plugin, detail),
    };
    detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
    (kind, detail)
}

fn lift(answer: wit::Answer, limits: &Limits) -> Result<Answer, Failure> {
    let reason = match &answer.disposition {
        wit::Disposition::Continue => 0,
        wit::Disposition::Hold(reason) => reason.len(),
    };
    let bytes = answer.fields.len().saturating_add(reason);
    if bytes as u64 > limits.output {
        return Err((
            CallErrorKind::Output,
            format!(
                "the answer has {bytes} bytes; `limits.output` is {}",
                limits.output
            ),
        ));
    }
    let fields = match serde_json::from_str(&answer.fields) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => {
            return Err((
                CallErrorKind::BadAnswer,
                "the answer's fields are no JSON object".into(),
            ));
        }
        Err(error) => {
            return Err((
                CallErrorKind::BadAnswer,
                format!("the answer's fields are no JSON: {error}"),
            ));
        }
    };
    if let Some(confidence) = answer.confidence.filter(|c| !(0.0..=1.0).contains(c)) {
        return Err((
            CallErrorKind::BadAnswer,
            format!("the confidence {confidence} is not between 0 and 1"),
        ));
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
