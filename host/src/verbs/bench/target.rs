//! What is asked, in this process or over HTTP, and what can be seen of it from outside.

use std::time::Duration;

use fleetwright_fleet::{Fleet, Outcome, SubmissionId};
use fleetwright_load::{Reason, Running, Target};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::BenchError;
use super::bodies::{Bodies, Told};
use super::http::Server;
use super::models::Metered;
use super::usage::{Process, Usage};
use crate::router::submission_of;
use crate::submission::Draft;
use crate::telemetry::Metrics;
use crate::terminal::Progress;
use crate::verbs::VerbError;
use crate::{cli, onnxruntime};

/// What is asked.
pub(super) struct Asked {
    way: Way,
    process: Process,
    pub(super) bodies: Told,
    /// What serves, as `/v1/fleet` tells it; nothing of another server.
    pub(super) fleet: Option<Value>,
    /// The manifest's path, or the URL.
    pub(super) address: String,
}

enum Way {
    Here(Here),
    There(Server),
}

/// The fleet in this process. Its work is done by the process's own threads, not by those that ask.
struct Here {
    fleet: Fleet,
    drafts: Vec<Draft>,
    deadline: Duration,
    threads: Handle,
    metrics: Metrics,
}

/// What was seen of a target at one moment.
pub(super) struct Look {
    pub(super) usage: Usage,
    /// Whether the load's own processor time is in what the target used.
    pub(super) own_process: bool,
    pub(super) own: Duration,
    pub(super) ended: u64,
    pub(super) metered: Metered,
}

impl Asked {
    /// Starts the fleet, or reaches the server.
    pub(super) async fn open(
        arguments: &cli::Bench,
        bodies: Bodies,
        progress: &Progress,
    ) -> Result<Asked, VerbError> {
        let told = bodies.told();
        if let Some(url) = &arguments.url {
            let server = Server::reach(url, &arguments.path, bodies).await?;
            return Ok(Asked {
                process: Process::of(&arguments.pid)?,
                fleet: server.json("/v1/fleet").await,
                address: format!("{}{}", url.trim_end_matches('/'), arguments.path),
                way: Way::There(server),
                bodies: told,
            });
        }
        if !arguments.pid.is_empty() {
            return Err(BenchError::PidWithoutUrl.into());
        }
        let metrics = Metrics::install().map_err(BenchError::from)?;
        progress.step("starting the fleet …");
        let options = onnxruntime::options(&arguments.fleet.places())?;
        let fleet = Fleet::start(&options).await?;
        tokio::spawn(metrics.clone().upkeep());
        let snapshot = fleet.current();
        let here = Here {
            drafts: bodies.drafts(snapshot.fields()).await?,
            deadline: arguments.deadline,
            threads: Handle::current(),
            metrics,
            fleet,
        };
        Ok(Asked {
            way: Way::Here(here),
            process: Process::Own,
            bodies: told,
            fleet: serde_json::to_value(snapshot.summary()).ok(),
            address: arguments.fleet.fleet.display().to_string(),
        })
    }

    /// Whether it is another process.
    pub(super) fn over_http(&self) -> bool {
        matches!(self.way, Way::There(_))
    }

    /// What can be seen now.
    pub(super) async fn look(&self, running: &Running) -> Look {
        let text = match &self.way {
            Way::Here(here) => Some(here.metrics.render()),
            Way::There(server) => server.text("/metrics").await,
        };
        Look {
            usage: self.process.read(),
            own_process: !self.over_http(),
            own: running.own_time(),
            ended: running.ended(),
            metered: Metered::read(text.as_deref().unwrap_or_default()),
        }
    }
}

impl Target for Asked {
    async fn ask(&self, number: u64) -> Result<(), Reason> {
        match &self.way {
            Way::Here(here) => here.ask(number).await,
            Way::There(server) => server.ask(number).await,
        }
    }
}

impl Here {
    async fn ask(&self, number: u64) -> Result<(), Reason> {
        let draft = turn(&self.drafts, number).ok_or(Reason("no body".into()))?;
        let submission = submission_of(SubmissionId::new(), draft.clone());
        let (snapshot, deadline) = (self.fleet.current(), Instant::now() + self.deadline);
        // A set, since it ends what it holds when it is dropped at the deadline.
        let mut run = JoinSet::new();
        run.spawn_on(
            async move { snapshot.run(submission, deadline).await },
            &self.threads,
        );
        match run.join_next().await {
            Some(Ok(outcome)) => judged(&outcome),
            Some(Err(_)) | None => Err(Reason("no outcome".into())),
        }
    }
}

fn judged(outcome: &Outcome) -> Result<(), Reason> {
    match outcome.failure() {
        None => Ok(()),
        Some(failure) => Err(Reason(
            format!("{}: {}", failure.stage, failure.reason.name()).into(),
        )),
    }
}

/// Whose turn it is.
pub(super) fn turn<T>(all: &[T], number: u64) -> Option<&T> {
    let place = number.checked_rem(all.len() as u64)?;
    all.get(usize::try_from(place).ok()?)
}
