//! How a fleet comes to be: from the manifest, or from what was served last where the manifest is refused.

use std::sync::Arc;
use std::time::Duration;

use fleetwright_manifest::Source;
use fleetwright_runtime::digest;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{Controller, DECISIONS, Fleet, ORDERS, Service, refusal};
use crate::canary::Decision;
use crate::history::{Cause, History, Record, Verdict};
use crate::improve::Improver;
use crate::loader::{Candidate, ChangeError, Options, Proposal, Workshop};
use crate::lock::{self, Pins};
use crate::serving::Serving;
use crate::shelf::{self, Shelf, ShelfError};
use crate::snapshot::Snapshot;
use crate::status::{FleetStatus, Refused};
use crate::watcher::{self, Watcher};

/// A fleet that never changes.
pub(super) async fn once(
    options: &Options,
) -> Result<(Fleet, mpsc::Receiver<super::Order>), ChangeError> {
    let workshop = Workshop::open(options)?;
    let lock = read_lock(options)?;
    let (decide, _) = mpsc::channel(DECISIONS);
    let candidate = insist(&workshop, lock.as_ref(), &[], &decide).await?;
    let snapshot = candidate.into_snapshot(1);
    let status = status_of(&snapshot, Cause::Start, "off");
    Ok(fleet(&workshop, snapshot, status))
}

/// A fleet that never changes, gives equal answers to equal submissions, and has nothing on trial.
pub(super) async fn to_evaluate(
    options: &Options,
    deadline: Option<Duration>,
) -> Result<(Fleet, mpsc::Receiver<super::Order>), ChangeError> {
    let workshop = Workshop::open(options)?.evaluating(deadline);
    let lock = read_lock(options)?;
    let (decide, _) = mpsc::channel(DECISIONS);
    let candidate = insist(&workshop, lock.as_ref(), &[], &decide).await?;
    let snapshot = candidate.without_trials().into_snapshot(1);
    let status = status_of(&snapshot, Cause::Start, "off");
    Ok(fleet(&workshop, snapshot, status))
}

/// A fleet that takes up changes.
pub(super) async fn serve(
    options: &Options,
    service: Service,
) -> Result<(Fleet, Controller), ChangeError> {
    let history = History::open(&options.state, &options.manifest)?;
    let workshop = Workshop::open(options)?;
    // Begun before anything is read, so that no change falls between reading and watching.
    let watcher = service.watch.then(|| Watcher::start(options, service.poll));
    let shelf = workshop.shelf(&options.plugins).await;
    let mut served = history.served();
    let (decide, decisions) = mpsc::channel(DECISIONS);
    let mut start = Start {
        workshop: &workshop,
        history: &history,
        shelf: shelf.as_ref(),
        lock: None,
        verdicts: &served.verdicts,
        against: served.against.clone(),
        decide: &decide,
    };
    let last = history.newest(served.generation);
    let begun = match start.take_disk(last.as_ref()).await {
        Ok(begun) => begun,
        Err(error) if service.strict => return Err(error),
        Err(error) => start.take_record(last.as_ref(), error).await?,
    };
    let lock = start.lock.take();
    let Begun {
        candidate,
        refused,
        same,
        held,
    } = begun;
    let generation = match (&last, same) {
        (Some(last), true) => last.generation,
        _ => history.next()?,
    };
    if !same {
        record(&history, &candidate, generation, Cause::Start, &[])?;
    }
    served.generation = generation;
    if !held {
        served.against = None;
    }
    history.point(&served)?;
    write_lock(options, &candidate.pins);
    let text = candidate.source.text.clone();
    let snapshot = candidate.into_snapshot(generation);
    metrics::gauge!("fleetwright_generation").set(gauge(generation));
    let watch = watcher::state(watcher.as_ref());
    let status = FleetStatus {
        stale: refused.is_some(),
        held,
        refused,
        verdicts: served.verdicts.clone(),
        ..status_of(&snapshot, Cause::Start, watch)
    };
    let (fleet, orders) = fleet(&workshop, snapshot, status);
    let controller = Controller {
        workshop,
        shelf: shelf.unwrap_or_else(|_| Shelf::new(&options.plugins)),
        lock,
        history,
        served,
        watcher,
        orders,
        decisions,
        decide,
        describing: JoinSet::new(),
        improver: Improver::default(),
        waiting: Vec::new(),
        changed: Vec::new(),
        plans: Vec::new(),
        text,
        again: None,
        serving: fleet.serving.clone(),
    };
    Ok((fleet, controller))
}

/// What a start begins with.
struct Begun {
    candidate: Candidate,
    /// Why it is not what stands on disk.
    refused: Option<Refused>,
    /// Whether it is the generation that was served last, and keeps its number.
    same: bool,
    /// Whether a rollback still holds.
    held: bool,
}

struct Start<'a> {
    workshop: &'a Workshop,
    history: &'a History,
    shelf: Result<&'a Shelf, &'a ShelfError>,
    lock: Option<Pins>,
    verdicts: &'a [Verdict],
    against: Option<String>,
    decide: &'a mpsc::Sender<Decision>,
}

impl Start<'_> {
    /// What stands on disk; or what was rolled back to, where nothing has changed since.
    async fn take_disk(&mut self, last: Option<&Record>) -> Result<Begun, ChangeError> {
        let source = self.workshop.source().await?;
        if let (Some(against), Some(last)) = (&self.against, last)
            && *against == standing(self.workshop, &source).await?
        {
            return Ok(Begun {
                candidate: self.recorded(last).await?,
                refused: None,
                same: true,
                held: true,
            });
        }
        self.lock = read_lock(&self.workshop.options)?;
        let shelf = self.shelf.map_err(Clone::clone)?;
        let proposal = Proposal {
            source,
            shelf,
            pins: self.lock.as_ref(),
            verdicts: self.verdicts,
            golden: true,
            decisions: self.decide,
        };
        let candidate = match self.workshop.prepare(proposal, None).await {
            // Nothing serves that could go on meanwhile: what is not whole now is refused.
            Err(ChangeError::Unsettled) => {
                insist(
                    self.workshop,
                    self.lock.as_ref(),
                    self.verdicts,
                    self.decide,
                )
                .await?
            }
            prepared => prepared?,
        };
        let same = last
            .is_some_and(|last| last.manifest == candidate.digest && last.pins == candidate.pins);
        Ok(Begun {
            candidate,
            refused: None,
            same,
            held: false,
        })
    }

    /// What was served last, where what stands on disk is refused.
    async fn take_record(
        &self,
        last: Option<&Record>,
        error: ChangeError,
    ) -> Result<Begun, ChangeError> {
        let Some(last) = last else {
            return Err(error);
        };
        let refused = refusal(&error);
        tracing::error!(
            generation = last.generation,
            "what stands on disk is refused; the generation that served last serves on\n{}",
            refused.text
        );
        match self.recorded(last).await {
            Ok(candidate) => Ok(Begun {
                candidate,
                refused: Some(refused),
                same: true,
                held: self.against.is_some(),
            }),
            Err(kept) => {
                tracing::error!(generation = last.generation, error = %kept, "the generation that served last cannot be served either");
                Err(error)
            }
        }
    }

    async fn recorded(&self, record: &Record) -> Result<Candidate, ChangeError> {
        let shelf = self.workshop.shelf(&self.history.components()).await?;
        recorded(
            self.workshop,
            record,
            &shelf,
            self.verdicts,
            self.decide,
            None,
        )
        .await
    }
}

/// How long a start waits for files that are still being written.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands on disk, looked at until every file that is not whole has come of age, or for so long as there is patience.
async fn insist(
    workshop: &Workshop,
    pins: Option<&Pins>,
    verdicts: &[Verdict],
    decisions: &mpsc::Sender<Decision>,
) -> Result<Candidate, ChangeError> {
    let latest = Instant::now() + PATIENCE;
    loop {
        let shelf = workshop.shelf(&workshop.options.plugins).await?;
        let proposal = Proposal {
            source: workshop.source().await?,
            shelf: &shelf,
            pins,
            verdicts,
            golden: true,
            decisions,
        };
        match workshop.prepare(proposal, None).await {
            Err(ChangeError::Unsettled) if Instant::now() < latest => sleep(super::TICK).await,
            prepared => return prepared,
        }
    }
}

/// A recorded generation as a candidate: its manifest, the components that were kept, and nothing else.
pub(super) async fn recorded(
    workshop: &Workshop,
    record: &Record,
    shelf: &Shelf,
    verdicts: &[Verdict],
    decisions: &mpsc::Sender<Decision>,
    serving: Option<&Snapshot>,
) -> Result<Candidate, ChangeError> {
    let proposal = Proposal {
        source: Source {
            name: format!(
                "{} of generation {}",
                workshop.options.manifest.display(),
                record.generation
            ),
            text: record.text.clone(),
        },
        shelf,
        pins: Some(&record.pins),
        verdicts,
        golden: false,
        decisions,
    };
    workshop.prepare(proposal, serving).await
}

/// Keeps a candidate's components, then writes its record.
pub(super) fn record(
    history: &History,
    candidate: &Candidate,
    generation: u64,
    cause: Cause,
    changes: &[String],
) -> Result<Record, ChangeError> {
    for (digest, bytes) in &candidate.components {
        history.keep(digest, bytes)?;
    }
    let record = Record {
        generation,
        at: Timestamp::now(),
        cause,
        changes: changes.to_vec(),
        manifest: candidate.digest.clone(),
        pins: candidate.pins.clone(),
        trials: candidate.trials.clone(),
        text: candidate.source.text.clone(),
    };
    history.write(&record)?;
    Ok(record)
}

/// What stands on disk, as one digest: touching a file without changing it makes no difference. Components count by their
/// bytes, so that one that nobody has described yet counts too.
pub(super) async fn standing(workshop: &Workshop, source: &Source) -> Result<String, ChangeError> {
    let plugins = workshop.options.plugins.clone();
    let reading = tokio::task::spawn_blocking(move || shelf::digests(&plugins));
    let mut found = reading.await.map_err(|_| ChangeError::Interrupted)??;
    found.sort_unstable();
    let catalog = workshop.catalog().await?;
    let cards = catalog.cards().iter().map(|card| card.digest());
    let mut text = digest(source.text.as_bytes());
    for part in found.iter().map(String::as_str).chain(cards) {
        text.push('\n');
        text.push_str(part);
    }
    Ok(digest(text.as_bytes()))
}

/// Writes the lock, unless it is what restrains. A folder that cannot be written to is told of once a change.
pub(super) fn write_lock(options: &Options, pins: &Pins) {
    if options.locked {
        return;
    }
    if let Err(error) = lock::write(&options.manifest, pins) {
        tracing::warn!(%error, "fleet.lock is not written");
    }
}

pub(super) fn gauge(generation: u64) -> f64 {
    u32::try_from(generation).map_or(f64::INFINITY, f64::from)
}

fn read_lock(options: &Options) -> Result<Option<Pins>, ChangeError> {
    let lock = options.locked.then(|| lock::read(&options.manifest));
    Ok(lock.transpose()?)
}

fn status_of(snapshot: &Snapshot, cause: Cause, watch: &'static str) -> FleetStatus {
    FleetStatus {
        generation: snapshot.generation(),
        since: Timestamp::now(),
        cause,
        refused: None,
        unsettled: false,
        stale: false,
        held: false,
        verdicts: Vec::new(),
        unrecorded: None,
        unoptimised: Vec::new(),
        watch,
    }
}

fn fleet(
    workshop: &Workshop,
    snapshot: Snapshot,
    status: FleetStatus,
) -> (Fleet, mpsc::Receiver<super::Order>) {
    let (orders, receive) = mpsc::channel(ORDERS);
    let fleet = Fleet {
        serving: Arc::new(Serving::new(snapshot, status)),
        orders,
        runtime: workshop.runtime.clone(),
    };
    (fleet, receive)
}
