//! What each stage was served of a model, so that none is served much more than another that waits. Pure.
//!
//! Counted in places (rows × length): what a stage pays is what its calls cost. A stage that had nothing to ask saves
//! nothing up: when it comes back it stands where the least served of those that wait stands. One that is ahead stays so.
//! Bounds: a stage is forgotten once those that wait have been served as much.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What stages were served, in places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Those that were served more than the least.
    served: BTreeMap<Arc<str>, u64>,
    /// What the least served of those that waited last was served; it never falls.
    least: u64,
}

impl Ledger {
    /// How far each of `stages`, which wait, is ahead of the least served of them.
    pub(crate) fn leads<'a>(
        &mut self,
        stages: impl IntoIterator<Item = &'a Arc<str>>,
    ) -> BTreeMap<&'a str, u64> {
        let served = |stage: &Arc<str>| self.served.get(stage).copied().unwrap_or(self.least);
        let waiting: BTreeMap<&str, u64> = stages
            .into_iter()
            .map(|stage| (&**stage, served(stage)))
            .collect();
        let Some(least) = waiting.values().copied().min() else {
            return waiting;
        };
        self.least = least;
        self.served.retain(|_, served| *served > least);
        waiting
            .into_iter()
            .map(|(stage, served)| (stage, served - least))
            .collect()
    }

    /// `stage` is served `places`.
    pub(crate) fn charge(&mut self, stage: &Arc<str>, places: u64) {
        let served = self.served.entry(stage.clone()).or_insert(self.least);
        *served = served.saturating_add(places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(ledger: &mut Ledger, stages: &[&str]) -> Vec<u64> {
        let stages: Vec<Arc<str>> = stages.iter().map(|stage| (*stage).into()).collect();
        ledger.leads(&stages).into_values().collect()
    }

    #[test]
    fn who_was_served_more_is_ahead_of_who_waits() {
        let mut ledger = Ledger::default();
        ledger.charge(&"a".into(), 10);
        ledger.charge(&"b".into(), 4);
        assert_eq!(leads(&mut ledger, &["a", "b"]), [6, 0]);
        assert_eq!(
            leads(&mut ledger, &["a", "b", "c"]),
            [6, 0, 0],
            "the newcomer is owed nothing"
        );
    }

    #[test]
    fn idle_stages_save_nothing_up_and_keep_their_lead() {
        let mut ledger = Ledger::default();
        ledger.charge(&"greedy".into(), 100);
        ledger.charge(&"steady".into(), 50);
        assert_eq!(leads(&mut ledger, &["steady"]), [0]);
        assert_eq!(
            leads(&mut ledger, &["greedy", "idle", "steady"]),
            [50, 0, 0]
        );
        ledger.charge(&"steady".into(), 70);
        assert_eq!(leads(&mut ledger, &["greedy", "steady"]), [0, 20]);
        assert_eq!(ledger.served.len(), 1, "only who is ahead is remembered");
    }
}
