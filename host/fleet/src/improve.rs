//! Optimised code for what serves in quick code: one stage after the other, beside everything else.
//!
//! The component is compiled once more, in processor time that nobody else wants. Its golden cases are then run again, on the
//! code that is to serve, and the stage goes on in that. No generation comes of it, for it is the same component. Where any
//! of this fails, the stage serves on in quick code until the host starts anew, and the status says why. One stage at a
//! time; what no longer serves is given up.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetwright_runtime::{Grant, Plugin, Runtime, Stage, Tier};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::golden;
use crate::history;
use crate::loader::Workshop;
use crate::snapshot::{Arm, Node, Snapshot};

/// Works for one controller.
#[derive(Default)]
pub(crate) struct Improver {
    /// One task at most, but for such as were cancelled and are not gone yet.
    working: JoinSet<Improved>,
    on: Option<Arc<Stage>>,
    stuck: Vec<(Arc<Stage>, String)>,
}

/// What came of a stage's optimised code.
pub(crate) struct Improved {
    stage: Arc<Stage>,
    /// The stage as it passed its golden cases, or why it stays as it is.
    trial: Result<Stage, String>,
}

/// A stage that stays in quick code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unoptimised {
    /// The stage.
    pub stage: String,
    /// Its plugin's digest.
    pub plugin: String,
    /// Why.
    pub reason: String,
}

/// All that a task needs.
struct Work {
    runtime: Runtime,
    stage: Arc<Stage>,
    grants: BTreeSet<Grant>,
    component: PathBuf,
    reads: BTreeSet<String>,
    cases: Vec<PathBuf>,
}

impl Improver {
    /// Begins with the next stage that serves in quick code, and gives up one that serves no longer. `kept` is where the
    /// components of every generation lie.
    pub(crate) fn look(&mut self, workshop: &Workshop, serving: &Snapshot, kept: &Path) {
        let quick: Vec<(&Node, &Arm)> = serving
            .nodes
            .iter()
            .flat_map(|node| node.arms().map(move |arm| (node, arm)))
            .filter(|(_, arm)| arm.stage.plugin().tier() == Tier::Quick)
            .collect();
        let stages = u32::try_from(quick.len()).unwrap_or(u32::MAX);
        metrics::gauge!("fleetwright_quick_stages").set(stages);
        let serves = |stage: &Stage, digest: &str| {
            quick
                .iter()
                .any(|(_, arm)| arm.stage.name() == stage.name() && arm.plugin.digest == digest)
        };
        self.stuck
            .retain(|(stage, _)| serves(stage, stage.plugin().digest()));
        match &self.on {
            // What it compiles is wanted, be it by a stage of other limits.
            Some(stage) if serves(stage, stage.plugin().digest()) => return,
            Some(_) => self.working.abort_all(),
            None => {}
        }
        self.on = None;
        if !workshop.runtime.improves() {
            return;
        }
        let next = quick.into_iter().find(|(_, arm)| !self.is_stuck(arm));
        if let Some((node, arm)) = next {
            self.on = Some(arm.stage.clone());
            let work = Work {
                runtime: workshop.runtime.clone(),
                stage: arm.stage.clone(),
                grants: arm.key.grants.clone(),
                component: history::component(kept, &arm.plugin.digest),
                reads: node.reads.clone(),
                cases: workshop.cases(arm),
            };
            self.working.spawn(work.done());
        }
    }

    fn is_stuck(&self, arm: &Arm) -> bool {
        let same = |stage: &Stage| stage.plugin().digest() == arm.plugin.digest;
        self.stuck.iter().any(|(stage, _)| same(stage))
    }

    /// Waits for the end of a stage's work. Cancel safe.
    pub(crate) async fn ended(&mut self) -> Option<Improved> {
        loop {
            match self.working.join_next().await {
                Some(Ok(improved)) => return Some(improved),
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => {
                    let trial = Err(error.to_string());
                    return self.on.clone().map(|stage| Improved { stage, trial });
                }
                None => return std::future::pending().await,
            }
        }
    }

    /// Puts the optimised code in the place of the quick code, or remembers why not.
    pub(crate) fn take(&mut self, improved: Improved) {
        let Improved { stage, trial } = improved;
        self.on = None;
        let (name, digest) = (stage.name(), stage.plugin().digest().to_owned());
        let outcome = match trial {
            Ok(trial) => {
                let before = stage.take_over(trial);
                free_later(before, stage.limits().deadline);
                tracing::info!(
                    stage = name,
                    plugin = digest,
                    "optimised code has taken over"
                );
                "taken-over"
            }
            Err(reason) => {
                tracing::error!(
                    stage = name,
                    plugin = digest,
                    reason,
                    "no optimised code; the stage serves on in quick code"
                );
                self.stuck.push((stage, reason));
                "stuck"
            }
        };
        metrics::counter!("fleetwright_improvements_total", "outcome" => outcome).increment(1);
    }

    /// The stages that stay in quick code, and why.
    pub(crate) fn unoptimised(&self) -> Vec<Unoptimised> {
        let told = |(stage, reason): &(Arc<Stage>, String)| Unoptimised {
            stage: stage.name().to_owned(),
            plugin: stage.plugin().digest().to_owned(),
            reason: reason.clone(),
        };
        self.stuck.iter().map(told).collect()
    }
}

impl Work {
    async fn done(self) -> Improved {
        let trial = self.optimised().await;
        Improved {
            stage: self.stage,
            trial,
        }
    }

    async fn optimised(&self) -> Result<Stage, String> {
        let component = self.component.clone();
        let bytes = tokio::task::spawn_blocking(move || std::fs::read(component))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("`{}`: {error}", self.component.display()))?;
        let plugin = self.runtime.optimised(&bytes, &self.grants).await;
        let trial = plugin.and_then(|plugin| self.stage.trial(plugin));
        let trial = trial.map_err(|error| error.to_string())?;
        match golden::judge(&trial, &self.reads, &self.cases).await {
            Ok(_) => Ok(trial),
            Err(failed) => Err(format!(
                "golden cases fail in optimised code, which they passed in quick code: {}",
                failed
                    .iter()
                    .map(|one| format!("`{}`: {}", one.case.display(), one.detail))
                    .collect::<Vec<_>>()
                    .join("; ")
            )),
        }
    }
}

/// Frees code once nobody runs it any more, on a thread that runs no submission: a call that began in it ends within its
/// deadline.
fn free_later(code: Arc<Plugin>, deadline: Duration) {
    const MARGIN: Duration = Duration::from_secs(1);
    tokio::spawn(async move {
        tokio::time::sleep(deadline.saturating_add(MARGIN)).await;
        tokio::task::spawn_blocking(move || drop(code));
    });
}
