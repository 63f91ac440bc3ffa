//! What serves is replaced by what served: an order to roll back, and a decision on a canary. Neither takes up what stands on
//! disk.

use jiff::Timestamp;

use super::{Applied, Controller, DECISIONS, start};
use crate::canary::Decision;
use crate::history::{Cause, Record, Verdict};
use crate::loader::{Candidate, ChangeError};
use crate::snapshot::Snapshot;

impl Controller {
    /// Serves an earlier generation as a new one.
    pub(super) async fn rollback(
        &mut self,
        generation: Option<u64>,
    ) -> Result<Applied, ChangeError> {
        let serving = self.serving.take();
        let before = serving.generation().saturating_sub(1);
        let wanted = generation.unwrap_or(before);
        let record = self.history.record(wanted)?;
        let decided = self.served.verdicts.iter();
        let verdicts: Vec<Verdict> = decided.map(|verdict| verdict.as_of(&record)).collect();
        let candidate = self.recorded(&record, &verdicts, &serving).await?;
        let source = self.workshop.source().await;
        let standing = match source {
            Ok(source) => start::standing(&self.workshop, &source).await?,
            // A manifest that cannot be read is another one as soon as it can.
            Err(_) => String::new(),
        };
        let before = self.served.clone();
        self.served.against = Some(standing);
        self.served.verdicts = verdicts;
        let swapped = self.swap(candidate, Cause::Rollback(wanted));
        if swapped.is_err() {
            self.served = before;
        }
        swapped
    }

    /// A canary came to its end: the next look at the same manifest leaves it out, or puts it in the stage's place.
    pub(super) async fn decided(&mut self, decision: Decision) {
        let Decision {
            stage,
            trial,
            promoted,
            reason,
        } = decision;
        if self
            .served
            .verdicts
            .iter()
            .any(|verdict| verdict.trial == trial)
        {
            return;
        }
        let outcome = if promoted { "promoted" } else { "rolled-back" };
        tracing::warn!(stage, outcome, reason, "canary decided");
        metrics::counter!("fleetwright_canary_decisions_total", "stage" => stage.clone(), "outcome" => outcome).increment(1);
        let verdict = Verdict {
            stage: stage.clone(),
            trial,
            promoted,
            reason,
            at: Timestamp::now(),
        };
        self.served.verdicts.push(verdict);
        let excess = self.served.verdicts.len().saturating_sub(DECISIONS);
        self.served.verdicts.drain(..excess);
        let cause = if promoted {
            Cause::Promoted(stage)
        } else {
            Cause::RolledBack(stage)
        };
        self.settle(cause).await;
    }

    /// Serves what serves now once more, with the verdicts as they are. What stands on disk does not matter to it.
    async fn settle(&mut self, cause: Cause) {
        let serving = self.serving.take();
        let settled = match self.history.record(serving.generation()) {
            Ok(record) => {
                let verdicts = self.served.verdicts.clone();
                self.recorded(&record, &verdicts, &serving).await
            }
            Err(error) => Err(error.into()),
        };
        match settled {
            // The trial was none of this generation's: a submission of an earlier one ended late.
            Ok(candidate) if candidate.is(&serving) => self.point(),
            Ok(candidate) => {
                if let Err(error) = self.swap(candidate, cause) {
                    tracing::error!(%error, "the decision on a canary cannot be recorded");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the decision on a canary cannot be served; the canary takes no further call");
            }
        }
    }

    /// A recorded generation as a candidate, under some verdicts.
    async fn recorded(
        &self,
        record: &Record,
        verdicts: &[Verdict],
        serving: &Snapshot,
    ) -> Result<Candidate, ChangeError> {
        let shelf = self.workshop.shelf(&self.history.components()).await?;
        start::recorded(
            &self.workshop,
            record,
            &shelf,
            verdicts,
            &self.decide,
            Some(serving),
        )
        .await
    }
}
