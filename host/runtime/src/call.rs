//! One call of a stage: a fresh instance, its limits, its answer or its typed error.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use fleetwright_inference::Work;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::answer::{lift, refused};
use crate::bindings::exports::fleetwright::stage::handler as wit;
use crate::engine::{MAX_MEMORY, Runtime};
use crate::error::{CallError, CallErrorKind, Failure, LoadError, classify};
use crate::events::{Instances, LimitPassed};
use crate::lane::Habit;
use crate::limits::Limits;
use crate::meter::{Boxed, Ended, Metered, Spent};
use crate::plugin::{MAX_FUEL, Plugin, new_store};
use crate::rate::Bucket;
use crate::shown;
use crate::state::{CallState, StageGrants};

/// What a stage is given: the granted part of a submission.
#[derive(Clone, Debug)]
pub struct Request {
    /// The submission's id, for log lines.
    pub submission: Arc<str>,
    /// The granted fields, a JSON object.
    pub fields: String,
    /// The attachments, where they are granted.
    pub attachments: Vec<Attachment>,
    /// What the submission's stages share of their models' work. Default: nothing.
    pub work: Arc<Work>,
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
    /// Whose engines its code is for.
    home: Runtime,
    /// What its calls run. A call takes it once; all else of the stage outlives it.
    code: ArcSwap<Code>,
    grants: Arc<StageGrants>,
    limits: Arc<Limits>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    rate: Option<Bucket>,
    habit: Habit,
    instances: Instances,
}

/// A plugin's code, with the runtime whose engine it is for.
struct Code {
    runtime: Runtime,
    plugin: Arc<Plugin>,
}

impl Stage {
    /// Makes a stage of a plugin.
    ///
    /// # Errors
    /// [`LoadError::Limit`] where the limits pass what this host can give, [`LoadError::Unmetered`] where they set `fuel`
    /// and the plugin was not loaded by [`Runtime::metered`].
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
        let home = runtime.clone();
        let runtime = home.of(&plugin.component)?;
        let fuel = match (runtime.counts_fuel(), limits.fuel) {
            (false, Some(_)) => return Err(LoadError::Unmetered),
            (false, None) => None,
            (true, fuel) => Some(fuel.unwrap_or(MAX_FUEL)),
        };
        let limits = Limits { fuel, ..limits };
        let name: Arc<str> = name.into();
        Ok(Stage {
            places: Arc::new(Semaphore::new(places(&runtime, &name, &plugin, &limits))),
            instances: Instances::of(&name),
            name,
            home,
            code: ArcSwap::from_pointee(Code {
                runtime,
                plugin: Arc::new(plugin),
            }),
            grants: Arc::new(grants),
            rate: limits.rate.map(Bucket::new),
            limits: Arc::new(limits),
            waiting: AtomicUsize::new(0),
            habit: Habit::default(),
        })
    }

    /// The stage's name in the manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The plugin that the stage runs.
    pub fn plugin(&self) -> Arc<Plugin> {
        self.code.load().plugin.clone()
    }

    /// The same stage on other code of the same component, to be tried: it counts for itself.
    ///
    /// # Errors
    /// As [`Stage::new`], and [`LoadError::OtherComponent`].
    pub fn trial(&self, plugin: Plugin) -> Result<Stage, LoadError> {
        if plugin.digest() != self.plugin().digest() {
            return Err(LoadError::OtherComponent(plugin.digest().to_owned()));
        }
        let (grants, limits) = ((*self.grants).clone(), (*self.limits).clone());
        Stage::new(&self.home, &self.name, plugin, grants, limits)
    }

    /// Puts the code of a trial in the place of this stage's: calls that run end in the code that they began in, the next
    /// one begins in the new. Nothing else of the stage changes: its places, its queue, its rate and its counters go on.
    /// Gives what held the code before; whoever drops it last frees that.
    pub fn take_over(&self, trial: Stage) -> Arc<Plugin> {
        self.code.swap(trial.code.load_full()).plugin.clone()
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
        request: Request,
        deadline: Instant,
    ) -> (Result<Answer, CallError>, Timings) {
        self.call_at(self.rate.as_ref(), request, deadline).await
    }

    /// The same for the host's own trial of the stage, which its rate does not count.
    ///
    /// # Errors
    /// As [`Stage::call`].
    pub async fn rehearse(
        &self,
        request: Request,
        deadline: Instant,
    ) -> (Result<Answer, CallError>, Timings) {
        self.call_at(None, request, deadline).await
    }

    async fn call_at(
        &self,
        rate: Option<&Bucket>,
        request: Request,
        deadline: Instant,
    ) -> (Result<Answer, CallError>, Timings) {
        let start = Instant::now();
        let deadline = deadline.min(start + self.limits.deadline);
        let spent = Arc::new(Spent::default());
        let mut waited = Duration::ZERO;
        let answer = self
            .admit_and_run(rate, request, deadline, &spent, &mut waited)
            .await;
        let timings = Timings {
            total: start.elapsed(),
            queue: waited + spent.queue().get(),
            inference: spent.inference().get(),
            guest: spent.guest().get(),
        };
        (answer.map_err(|failure| self.attribute(failure)), timings)
    }

    fn attribute(&self, failure: Failure) -> CallError {
        let Failure {
            kind,
            limit,
            detail,
        } = failure;
        if let Some(limit) = limit {
            let stage = &self.name;
            LimitPassed { stage, limit }.emit();
        }
        CallError {
            stage: self.name.to_string(),
            kind,
            detail,
        }
    }

    async fn admit_and_run(
        &self,
        rate: Option<&Bucket>,
        request: Request,
        deadline: Instant,
        spent: &Arc<Spent>,
        waited: &mut Duration,
    ) -> Result<Answer, Failure> {
        shown::check(&request, &self.limits)?;
        if let Some(rate) = rate {
            rate.admit()?;
        }
        let place = self.admit(deadline, waited).await?;
        let run = self.begin(request, deadline, spent, place);
        let _noted = self.habit.noting(spent);
        match tokio::time::timeout_at(deadline, run).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(ended)) => Err(Stopped::from(ended).failure(&self.limits)),
            Err(_) => Err(Stopped::Deadline.failure(&self.limits)),
        }
    }

    /// The call in the code that serves now, metered; where it is likely to be long, in the lane for that.
    fn begin(
        &self,
        request: Request,
        deadline: Instant,
        spent: &Arc<Spent>,
        place: OwnedSemaphorePermit,
    ) -> Metered<Result<Answer, Failure>> {
        let code = self.code.load();
        let run = self.run(&code, request, deadline, spent.clone(), place);
        let lane = Some(code.runtime.lane.clone());
        let run = Metered::new(run, spent.clone(), self.limits.cpu, lane);
        match self.habit.is_long() {
            true => run.in_lane(),
            false => run,
        }
    }

    /// The call itself, from a fresh instance to the answer. It holds all that it needs, its place among the instances
    /// included, so that it can go on in another thread and leaves nothing behind wherever it is dropped.
    fn run(
        &self,
        code: &Code,
        request: Request,
        deadline: Instant,
        spent: Arc<Spent>,
        place: OwnedSemaphorePermit,
    ) -> Boxed<Result<Answer, Failure>> {
        let (live, awake) = ((place, self.instances.enter()), code.runtime.awake());
        let (plugin, limits) = (code.plugin.clone(), self.limits.clone());
        let (name, grants) = (self.name.clone(), self.grants.clone());
        Box::pin(async move {
            let _live = live;
            let state = CallState::new(name, request.submission, grants, &limits, deadline);
            let state = state.timed(spent).sharing(request.work);
            let mut store = new_store(plugin.pre.engine(), state, &limits);
            let attachments: Vec<_> = request.attachments.iter().map(Attachment::lower).collect();
            let lowered = wit::Request {
                fields: &request.fields,
                attachments: &attachments,
            };
            let call = async {
                let instance = plugin.pre.instantiate_async(&mut store).await?;
                let handler = instance.fleetwright_stage_handler();
                handler.call_handle(&mut store, lowered).await
            };
            let called = awake.during(call).await;
            let state = store.data();
            match called {
                Err(error) => Err(classify(&error, state)),
                Ok(Err(failure)) => Err(refused(failure, state)),
                Ok(Ok(answer)) => lift(answer, &limits),
            }
        })
    }

    /// A place among the stage's instances: at once, after a bounded wait, or not at all. A wait is told, however it ends.
    async fn admit(
        &self,
        deadline: Instant,
        waited: &mut Duration,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(permit) = self.places.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let asked = Instant::now();
        let place = self.queue(deadline).await;
        *waited = asked.elapsed();
        place
    }

    /// A place for which the call waits in the queue, where that has room.
    async fn queue(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Failure> {
        let _place = Place::take(&self.waiting, self.limits.queue).ok_or_else(|| {
            let Limits {
                concurrency, queue, ..
            } = *self.limits;
            Failure::of(
                CallErrorKind::Overloaded,
                if queue == 0 { "concurrency" } else { "queue" },
                format!(
                    "{concurrency} calls are running and {queue} are waiting: send less at once, or raise `limits.concurrency` or `limits.queue`"
                ),
            )
        })?;
        match tokio::time::timeout_at(deadline, self.places.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            Ok(Err(_)) => Err(Failure::new(
                CallErrorKind::Overloaded,
                "the stage is closing",
            )),
            Err(_) => Err(Failure::of(
                CallErrorKind::Deadline,
                "deadline",
                "the deadline passed while the call waited for an instance: send less at once, or raise `limits.concurrency` or `limits.deadline`",
            )),
        }
    }
}

/// Instances that a stage may have at once: what its limits say, and no more than half of what the pool holds for
/// components of this kind, so that no stage alone can take the pool from the others.
fn places(runtime: &Runtime, stage: &str, plugin: &Plugin, limits: &Limits) -> usize {
    let most = runtime.share(&plugin.component);
    if limits.concurrency > most {
        tracing::info!(
            stage,
            concurrency = limits.concurrency,
            most,
            "the component takes much of the pool of instances: fewer run at once than its limit allows"
        );
    }
    limits.concurrency.min(most).min(Semaphore::MAX_PERMITS)
}

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
    Closing,
}

impl From<Ended> for Stopped {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::CpuSpent => Stopped::Cpu,
            Ended::Closing => Stopped::Closing,
        }
    }
}

impl Stopped {
    fn failure(&self, limits: &Limits) -> Failure {
        let detail = self.describe(limits);
        match self {
            Stopped::Cpu => Failure::of(CallErrorKind::Cpu, "cpu", detail),
            Stopped::Deadline => Failure::of(CallErrorKind::Deadline, "deadline", detail),
            Stopped::Closing => Failure::new(CallErrorKind::Overloaded, detail),
        }
    }

    pub(crate) fn describe(&self, limits: &Limits) -> String {
        match self {
            Stopped::Cpu => format!(
                "the guest used its {:?} of processor time; raise `limits.cpu` if the plugin needs more",
                limits.cpu
            ),
            Stopped::Deadline => {
                "the deadline passed before the stage answered; raise `limits.deadline` or the host's `--deadline` if it needs longer"
                    .into()
            }
            Stopped::Closing => "the host is closing".into(),
        }
    }
}

/// Runs a call of the host's own, such as `describe`, under its processor and wall-clock limits.
pub(crate) async fn run_metered<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
    cpu: Duration,
    deadline: Instant,
) -> Result<T, Stopped> {
    let metered = Metered::new(Box::pin(call), Arc::default(), cpu, None);
    match tokio::time::timeout_at(deadline, metered).await {
        Ok(ended) => ended.map_err(Stopped::from),
        Err(_) => Err(Stopped::Deadline),
    }
}
