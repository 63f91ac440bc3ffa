//! The control plane: one path for every change, from an empty host too.
//!
//! Watcher, clock and orders say that something may have changed; the controller looks at what stands on disk, prepares a
//! candidate beside the fleet that serves, records it, and swaps one pointer. One operation at a time; what arrives
//! meanwhile is looked at after it, together. A candidate that fails at any step changes nothing but the status.
//!
//! [`Serving`] is the only state that the control and the data plane share.

use std::sync::Arc;
use std::time::Duration;

use fleetwright_manifest::Source;
use fleetwright_runtime::{AtWork, Runtime};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::canary::Decision;
use crate::history::{Cause, History, HistoryError, Served};
use crate::improve::{Improved, Improver};
use crate::loader::{Candidate, ChangeError, Options, Proposal, Workshop};
use crate::lock::{self, Pins};
use crate::plan;
use crate::serving::Serving;
use crate::shelf::{Described, Shelf};
use crate::snapshot::{Snapshot, Summary};
use crate::stamp::Stamp;
use crate::status::{FleetStatus, Refused};
use crate::watcher::{self, Watcher};

mod back;
mod plans;
mod start;

/// Orders that wait at most; a further one is refused at once.
const ORDERS: usize = 16;
/// Decisions of canaries that wait at most; a further one is made again.
const DECISIONS: usize = 64;
/// A manifest that lacks what it had counts once it has not been written to for so long.
const WHOLE: Duration = Duration::from_millis(250);
/// How often canaries are judged by the clock, and files that were not whole are looked at again.
const TICK: Duration = Duration::from_millis(500);

/// A running fleet. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    serving: Arc<Serving<Snapshot, FleetStatus>>,
    orders: mpsc::Sender<Order>,
    runtime: Runtime,
}

/// How changes are served.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Refuse to start where the manifest is refused, whatever was served before. Default: no.
    pub strict: bool,
    /// Whether changes of files are taken up by themselves. Default: yes.
    pub watch: bool,
    /// How often files are looked at where no event tells. Default: 2 s.
    pub poll: Duration,
}

impl Default for Service {
    fn default() -> Self {
        Service {
            strict: false,
            watch: true,
            poll: Duration::from_secs(2),
        }
    }
}

/// Something that somebody asks of the control plane.
enum Order {
    /// Look at what stands on disk, now.
    Apply(Reply),
    /// Serve an earlier generation; without a number, the one before.
    Rollback(Option<u64>, Reply),
    /// Say what a manifest would change.
    Plan(String, Planned),
}

type Planned = oneshot::Sender<Result<Vec<String>, ChangeError>>;
type Reply = oneshot::Sender<Result<Applied, Arc<ChangeError>>>;

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// The generation that serves.
    pub generation: u64,
    /// What changed, one sentence each; nothing where what stands on disk serves already.
    pub changes: Vec<String>,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrderError {
    /// The change is refused; what served before serves on.
    #[error(transparent)]
    Refused(Arc<ChangeError>),
    /// Too many orders wait.
    #[error("{ORDERS} orders are waiting already: send it again")]
    Busy,
    /// The control plane has ended: the host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

impl Fleet {
    /// Reads, checks and loads everything that the manifest names, and serves it as generation 1: no history is kept, and
    /// no change is noticed.
    ///
    /// # Errors
    /// [`ChangeError`]: with every diagnostic where the manifest is at fault.
    pub async fn start(options: &Options) -> Result<Self, ChangeError> {
        let (fleet, _) = start::once(options).await?;
        Ok(fleet)
    }

    /// The same to be evaluated: its models run each call by itself, so that equal submissions get equal answers whoever
    /// else asks, and neither canary nor shadow runs. A `deadline` stands in the place of the stages' own, so that a busy
    /// machine makes no answer fail.
    ///
    /// # Errors
    /// [`ChangeError`]: with every diagnostic where the manifest is at fault.
    pub async fn to_evaluate(
        options: &Options,
        deadline: Option<Duration>,
    ) -> Result<Self, ChangeError> {
        let (fleet, _) = start::to_evaluate(options, deadline).await?;
        Ok(fleet)
    }

    /// A submission is in flight until what this gives is dropped: what compiles for long beside it stands aside for it.
    pub fn at_work(&self) -> AtWork {
        self.runtime.at_work()
    }

    /// Starts a fleet that takes up changes for as long as [`Controller::run`] runs. A manifest that is refused does not
    /// keep the host from serving what it served last.
    ///
    /// # Errors
    /// [`ChangeError`] where nothing can be served.
    pub async fn serve(
        options: &Options,
        service: Service,
    ) -> Result<(Self, Controller), ChangeError> {
        start::serve(options, service).await
    }

    /// The snapshot served now. A submission takes it once and keeps it to its end.
    pub fn current(&self) -> Arc<Snapshot> {
        self.serving.take()
    }

    /// How the control plane stands.
    pub fn status(&self) -> Arc<FleetStatus> {
        self.serving.status()
    }

    /// Takes up what stands on disk now, and waits until it serves.
    ///
    /// # Errors
    /// [`OrderError`]; what served before serves on.
    pub async fn apply(&self) -> Result<Applied, OrderError> {
        self.order(Order::Apply).await
    }

    /// Serves an earlier generation as a new one; without a number, the one before. It holds until something on disk
    /// changes.
    ///
    /// # Errors
    /// [`OrderError`]; what served before serves on.
    pub async fn rollback(&self, generation: Option<u64>) -> Result<Applied, OrderError> {
        self.order(|reply| Order::Rollback(generation, reply)).await
    }

    /// What a manifest would change, one sentence each.
    ///
    /// # Errors
    /// [`OrderError`] where it would be refused.
    pub async fn plan(&self, manifest: String) -> Result<Vec<String>, OrderError> {
        let (reply, answer) = oneshot::channel();
        self.send(Order::Plan(manifest, reply))?;
        let answer = answer.await.map_err(|_| OrderError::Stopping)?;
        answer.map_err(|error| OrderError::Refused(Arc::new(error)))
    }

    async fn order(&self, order: impl FnOnce(Reply) -> Order) -> Result<Applied, OrderError> {
        let (reply, answer) = oneshot::channel();
        self.send(order(reply))?;
        let answer = answer.await.map_err(|_| OrderError::Stopping)?;
        answer.map_err(OrderError::Refused)
    }

    fn send(&self, order: Order) -> Result<(), OrderError> {
        self.orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => OrderError::Busy,
            mpsc::error::TrySendError::Closed(_) => OrderError::Stopping,
        })
    }
}

/// Everything that [`Fleet::start`] does, without serving: for `check`.
///
/// # Errors
/// [`ChangeError`], as [`Fleet::start`].
pub async fn check(options: &Options) -> Result<Summary, ChangeError> {
    Ok(Fleet::start(options).await?.current().summary())
}

/// The control plane of one fleet: it works for as long as [`Controller::run`] is polled.
pub struct Controller {
    workshop: Workshop,
    shelf: Shelf,
    lock: Option<Pins>,
    history: History,
    served: Served,
    watcher: Option<Watcher>,
    orders: mpsc::Receiver<Order>,
    decisions: mpsc::Receiver<Decision>,
    decide: mpsc::Sender<Decision>,
    describing: JoinSet<Described>,
    improver: Improver,
    /// Who waits for what stands on disk to be served or refused.
    waiting: Vec<Reply>,
    /// What changed since the first of them began to wait.
    changed: Vec<String>,
    /// Plans that wait until every file is described.
    plans: Vec<(String, Planned)>,
    /// The text of the manifest that serves.
    text: String,
    /// When what stands on disk is looked at again, since a file in it may not have been written to its end.
    again: Option<Instant>,
    serving: Arc<Serving<Snapshot, FleetStatus>>,
}

/// Why the controller wakes up.
enum Event {
    Changed,
    Described(Option<Box<Described>>),
    Decided(Decision),
    Improved(Option<Box<Improved>>),
    Ordered(Order),
    Ticked,
    /// Nobody holds the fleet any more.
    Ended,
}

impl Controller {
    /// Works until every [`Fleet`] is dropped.
    pub async fn run(mut self) {
        self.improve();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                order = self.orders.recv() => order.map_or(Event::Ended, Event::Ordered),
                Some(decision) = self.decisions.recv() => Event::Decided(decision),
                Some(described) = self.describing.join_next() => Event::Described(described.ok().map(Box::new)),
                improved = self.improver.ended() => Event::Improved(improved.map(Box::new)),
                () = changed(&mut self.watcher) => Event::Changed,
                () = reached(self.again) => Event::Changed,
                _ = tick.tick() => Event::Ticked,
            };
            match event {
                Event::Changed => {
                    self.says_how_it_watches();
                    self.look(Cause::Change).await;
                }
                Event::Described(described) => {
                    described.into_iter().for_each(|file| self.shelf.put(*file));
                    if self.takes_up() {
                        self.look(Cause::Change).await;
                    }
                    self.plans().await;
                }
                Event::Decided(decision) => self.decided(decision).await,
                Event::Improved(improved) => {
                    improved
                        .into_iter()
                        .for_each(|improved| self.improver.take(*improved));
                    self.improve();
                }
                Event::Ordered(order) => self.ordered(order).await,
                Event::Ticked => self.ticked().await,
                Event::Ended => return,
            }
        }
    }

    async fn ordered(&mut self, order: Order) {
        match order {
            Order::Apply(reply) => {
                if self.waiting.is_empty() {
                    self.changed.clear();
                }
                self.waiting.push(reply);
                self.look(Cause::Change).await;
            }
            Order::Rollback(generation, reply) => {
                let rolled_back = self.rollback(generation).await.map_err(Arc::new);
                if let Err(error) = &rolled_back {
                    tracing::warn!(%error, "rollback refused");
                }
                // Whoever asked may have gone.
                let _ = reply.send(rolled_back);
            }
            Order::Plan(_, reply) if self.plans.len() >= ORDERS => {
                let _ = reply.send(Err(ChangeError::Unsettled));
            }
            Order::Plan(text, reply) => match self.describe() {
                Ok(()) => {
                    self.plans.push((text, reply));
                    self.plans().await;
                }
                Err(error) => drop(reply.send(Err(error))),
            },
        }
    }

    /// What time alone brings about.
    async fn ticked(&mut self) {
        let serving = self.serving.take();
        for canary in serving.nodes.iter().filter_map(|node| node.canary.as_ref()) {
            canary.trial.judge();
        }
        if self.serving.status().unsettled && self.describing.is_empty() {
            self.look(Cause::Change).await;
        }
        self.plans().await;
    }

    /// The system may have come to refuse to tell of a folder, or do so again.
    fn says_how_it_watches(&self) {
        let watch = watcher::state(self.watcher.as_ref());
        if self.serving.status().watch != watch {
            self.serving.say(|status| status.watch = watch);
        }
    }

    /// Whether files count by themselves, or somebody waits for them.
    fn takes_up(&self) -> bool {
        self.watcher.is_some() || !self.waiting.is_empty()
    }

    /// Looks at what stands on disk, and serves it where it is another and sound.
    async fn look(&mut self, cause: Cause) {
        match self.take_up(cause).await {
            Ok(Applied { changes, .. }) => {
                let unsettled = !self.shelf.is_described();
                self.serving.say(|status| {
                    status.refused = None;
                    status.stale &= unsettled;
                    status.unsettled = unsettled;
                });
                self.changed.extend(changes);
                // A component that is still described may change what serves once more.
                if !unsettled {
                    let applied = Applied {
                        changes: std::mem::take(&mut self.changed),
                        ..self.unchanged()
                    };
                    self.answer(&Ok(applied));
                }
            }
            Err(ChangeError::Unsettled) => self.serving.say(|status| status.unsettled = true),
            Err(error) => {
                let refused = refusal(&error);
                tracing::error!(
                    generation = self.serving.status().generation,
                    "change refused, the generation serves on\n{}",
                    refused.text
                );
                metrics::counter!("fleetwright_changes_total", "outcome" => "refused").increment(1);
                let unsettled = !self.shelf.is_described();
                self.serving.say(|status| {
                    status.refused = Some(refused);
                    status.unsettled = unsettled;
                });
                if !unsettled {
                    self.answer(&Err(Arc::new(error)));
                }
            }
        }
    }

    async fn take_up(&mut self, cause: Cause) -> Result<Applied, ChangeError> {
        self.again = None;
        self.describe()?;
        let source = self.workshop.source().await?;
        if self.may_be_half(&source) {
            self.again = Some(Instant::now() + WHOLE);
            return Err(ChangeError::Unsettled);
        }
        if self.workshop.options.locked {
            self.lock = Some(lock::read(&self.workshop.options.manifest)?);
        }
        if let Some(against) = &self.served.against {
            if self.shelf.is_unsettled() {
                return Err(ChangeError::Unsettled);
            }
            if *against == start::standing(&self.workshop, &source).await? {
                return Ok(self.unchanged());
            }
        }
        let serving = self.serving.take();
        let proposal = self.proposal(source);
        let candidate = match self.workshop.prepare(proposal, Some(&serving)).await {
            // What replaces a component may mend it.
            Err(ChangeError::Refused(_)) if self.shelf.leans_back() => {
                return Err(ChangeError::Unsettled);
            }
            prepared => prepared?,
        };
        if candidate.is(&serving) {
            if self.served.against.take().is_some() {
                self.point();
            }
            return Ok(self.unchanged());
        }
        if candidate.leans_back {
            return Err(ChangeError::Unsettled);
        }
        self.served.against = None;
        self.swap(candidate, cause)
    }

    /// A manifest, with what stands on disk beside it.
    fn proposal(&self, source: Source) -> Proposal<'_> {
        Proposal {
            source,
            shelf: &self.shelf,
            pins: self.lock.as_ref(),
            verdicts: &self.served.verdicts,
            golden: true,
            decisions: &self.decide,
        }
    }

    /// Sends off whatever the shelf has not described yet.
    fn describe(&mut self) -> Result<(), ChangeError> {
        for file in self.shelf.look()? {
            if self.shelf.begin(&file) {
                let runtime = self.workshop.runtime.clone();
                self.describing.spawn(async move {
                    let describing = tokio::spawn(file.clone().described(runtime));
                    // Whoever waits for it is told, whatever became of it.
                    let described = describing.await;
                    described.unwrap_or_else(|error| file.failed(&error.to_string()))
                });
            }
        }
        Ok(())
    }

    /// Whether a manifest has just been written and lacks what it had: what writes it in pieces may have come only so far. A manifest
    /// that ends between two stages is sound by itself.
    fn may_be_half(&self, source: &Source) -> bool {
        let path = &self.workshop.options.manifest;
        let young = || Stamp::of(path).is_ok_and(|stamp| stamp.changed_within(WHOLE));
        lacks(&source.text, &self.text) && young()
    }

    /// The one swap: records the candidate, then serves it.
    fn swap(&mut self, candidate: Candidate, cause: Cause) -> Result<Applied, ChangeError> {
        let began = std::time::Instant::now();
        let serving = self.serving.take();
        let generation = self.history.next()?;
        let changes = plan::changes(&serving, &candidate);
        let record = start::record(
            &self.history,
            &candidate,
            generation,
            cause.clone(),
            &changes,
        )?;
        let pins = candidate.pins.clone();
        self.text.clone_from(&candidate.source.text);
        // A decision on a canary says nothing of what stands on disk.
        let takes_disk = !matches!(cause, Cause::Promoted(_) | Cause::RolledBack(_));
        let snapshot = candidate.into_snapshot(generation);
        // Before it answers anybody: what answered once is what the next start serves, however this one ends.
        self.served.generation = generation;
        let pointed = self.history.point(&self.served);
        self.serving.serve(snapshot, |status| {
            status.generation = generation;
            status.since = record.at;
            status.cause = cause.clone();
            if takes_disk {
                status.stale = false;
                status.refused = None;
                status.unsettled = false;
            }
        });
        tracing::info!(generation, cause = %cause, changes = changes.join("; "), recording_ms = began.elapsed().as_millis(), "generation serves");
        metrics::counter!("fleetwright_changes_total", "outcome" => "served").increment(1);
        metrics::gauge!("fleetwright_generation").set(start::gauge(generation));
        let secure = self.history.secure(&record);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = secure() {
                tracing::error!(%error, "the record of a generation is not on the disk yet: a loss of power may lose it");
            }
        });
        self.pointed(pointed);
        start::write_lock(&self.workshop.options, &pins);
        self.improve();
        Ok(Applied {
            generation,
            changes,
        })
    }

    /// Says on disk what serves.
    fn point(&mut self) {
        let pointed = self.history.point(&self.served);
        self.pointed(pointed);
    }

    /// What serves is said on disk, or cannot be; that is said in the status. Then what is beyond the history's bound is forgotten.
    fn pointed(&mut self, pointed: Result<(), HistoryError>) {
        let pointed = pointed.and_then(|()| self.history.forget(self.served.generation));
        let unrecorded = pointed.err().map(|error: HistoryError| error.to_string());
        if let Some(error) = &unrecorded {
            tracing::error!(
                error,
                "what serves is not recorded: the next start may serve an earlier generation"
            );
        }
        let (held, verdicts) = (self.served.against.is_some(), self.served.verdicts.clone());
        self.serving.say(|status| {
            status.unrecorded = unrecorded;
            status.held = held;
            status.verdicts = verdicts;
        });
    }

    /// Sees to it that what serves in quick code is optimised.
    fn improve(&mut self) {
        let serving = self.serving.take();
        self.improver
            .look(&self.workshop, &serving, &self.history.components());
        let unoptimised = self.improver.unoptimised();
        if self.serving.status().unoptimised != unoptimised {
            self.serving.say(|status| status.unoptimised = unoptimised);
        }
    }

    fn unchanged(&self) -> Applied {
        Applied {
            generation: self.serving.take().generation(),
            changes: Vec::new(),
        }
    }

    fn answer(&mut self, with: &Result<Applied, Arc<ChangeError>>) {
        self.changed.clear();
        for reply in self.waiting.drain(..) {
            // Whoever asked may have gone.
            let _ = reply.send(with.clone());
        }
    }
}

/// Whether a manifest's text lacks what another had: a stage, or its end.
fn lacks(text: &str, had: &str) -> bool {
    let stages = |text: &str| {
        text.lines()
            .filter(|line| line.replace([' ', '\t'], "").starts_with("[[stage]]"))
            .count()
    };
    let end = |text: &str| text.trim_end().lines().next_back().map(str::to_owned);
    stages(text) < stages(had) || text.len() < had.len() && end(text) != end(had)
}

/// Never, where there is no such time.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Never, where nothing watches.
async fn changed(watcher: &mut Option<Watcher>) {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => std::future::pending().await,
    }
}

fn refusal(error: &ChangeError) -> Refused {
    Refused {
        at: Timestamp::now(),
        text: error.to_string(),
        diagnostics: match error {
            ChangeError::Refused(report) => report.to_json(),
            _ => serde_json::Value::Null,
        },
    }
}
