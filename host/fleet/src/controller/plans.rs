//! What a manifest would change, for those who ask before they save it: answered once every file is described.

use fleetwright_manifest::Source;

use super::Controller;
use crate::loader::ChangeError;
use crate::plan;

impl Controller {
    /// Answers the plans that wait, where every file is described; one that needs a file which is not whole waits on.
    pub(super) async fn plans(&mut self) {
        if !self.shelf.is_described() {
            return;
        }
        for (text, reply) in std::mem::take(&mut self.plans) {
            if reply.is_closed() {
                continue;
            }
            match self.plan(text.clone()).await {
                Err(ChangeError::Unsettled) => self.plans.push((text, reply)),
                // Whoever asked may have gone.
                planned => drop(reply.send(planned)),
            }
        }
    }

    /// Says what a manifest would change, with what stands on disk beside it.
    async fn plan(&mut self, text: String) -> Result<Vec<String>, ChangeError> {
        let serving = self.serving.take();
        let source = Source {
            name: self.workshop.options.manifest.display().to_string(),
            text,
        };
        let candidate = self
            .workshop
            .prepare(self.proposal(source), Some(&serving))
            .await?;
        Ok(plan::changes(&serving, &candidate))
    }
}
