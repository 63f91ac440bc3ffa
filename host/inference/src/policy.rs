//! Which waiting calls run together, and when. Pure: no timer, no channel; the time is a value like any other.
//!
//! **Order.** The call with the earliest deadline runs first, unless its stage is ahead of another that waits by more than a
//! run ([`Policy::max_places`]): then that other's is looked at. So no stage gets much more of a model than one that waits.
//! **Together.** Others join it, in the same order and within the same bound, while they are alike: equal in every axis but
//! batch and length, within the most rows and the most padded places, and of like length. On the CPU a batch past 256 places is
//! slower than its calls one by one, and a run costs what [`RUN_ON_CPU`] places cost: whoever joins adds no more padding than
//! that. Elsewhere whoever joins is of the same bucket of lengths (16, 32, 64, …). A call beyond those bounds by itself runs
//! alone, [`Policy::rows_per_run`] at a time, which also bounds the memory of a run.
//! **When.** At once, or, with a delay, when the run is full, the oldest has waited that long, or nobody is left who could ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::device::Place;
use crate::ledger::Ledger;
use crate::request::Shape;

/// The most padded places (rows × length) of a merged run on the CPU.
const PLACES_ON_CPU: u64 = 256;
/// What a run costs on the CPU besides its places, in places. With MiniLM and one thread a run costs 0.16 ms and a place 0.047 ms,
/// with two runs at once 0.2 ms, and the weights are read anew for each: of 4, 8, 16 and 32, five stages were fastest with 8.
pub(crate) const RUN_ON_CPU: u64 = 8;
/// The most padded places of a run on a device that is fast only when it is full.
const PLACES_ON_ACCELERATOR: u64 = 16 * 1024;
/// Rows of a merged run there, and how long its first call waits for others, where nobody says: `[batch] max` of a card is for processors.
const ROWS_ON_ACCELERATOR: usize = 64;
const DELAY_ON_ACCELERATOR: Duration = Duration::from_millis(2);
/// The shortest bucket of lengths.
const SHORTEST_BUCKET: u32 = 16;

/// The most rows of a run at `place`, of a model whose card merges `of_card`: 1 merges nothing anywhere.
pub(crate) fn suited_rows(of_card: usize, place: Place) -> usize {
    match place {
        Place::Cpu => of_card,
        _ if of_card == 1 => 1,
        Place::Cuda(_) | Place::WebGpu => of_card.max(ROWS_ON_ACCELERATOR),
    }
}

/// How long a call waits for others at `place`.
pub(crate) fn suited_delay(place: Place) -> Duration {
    match place {
        Place::Cpu => Duration::ZERO,
        Place::Cuda(_) | Place::WebGpu => DELAY_ON_ACCELERATOR,
    }
}

/// How entries are merged into runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The most rows of a run; 1: nothing is merged.
    pub(crate) max_rows: usize,
    /// The most padded places of a run of several rows.
    pub(crate) max_places: u64,
    /// How long the oldest entry waits for others; 0: it takes those that are there.
    pub(crate) delay: Duration,
    /// Whether entries of several callers run together at all.
    pub(crate) merges: bool,
    /// What a run costs besides its places, in places; none where places cost little beside it.
    pub(crate) run: Option<u64>,
}

/// A call that waits, as far as the choice depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) stage: &'a Arc<str>,
    pub(crate) deadline: Instant,
    pub(crate) shape: &'a Shape,
}

/// Which entries run now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Their places among the candidates; the first is the one that the others join.
    pub(crate) picked: Vec<usize>,
    /// Whether waiting for more cannot add a row.
    pub(crate) full: bool,
}

/// When the choice runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    /// Not before then, unless something changes.
    Until(Instant),
}

impl Policy {
    /// The policy of a model at `place`; `max_places` in place of what suits the device.
    pub(crate) fn new(
        max_rows: usize,
        max_places: Option<u64>,
        delay: Duration,
        place: Place,
    ) -> Policy {
        let (suited, run) = match place {
            Place::Cpu => (PLACES_ON_CPU, Some(RUN_ON_CPU)),
            Place::Cuda(_) | Place::WebGpu => (PLACES_ON_ACCELERATOR, None),
        };
        Policy {
            max_rows,
            max_places: max_places.unwrap_or(suited),
            delay,
            merges: true,
            run,
        }
    }

    /// The same, but that every entry runs by itself, its own rows together.
    pub(crate) fn without_merging(self) -> Policy {
        Policy {
            merges: false,
            ..self
        }
    }

    /// Chooses among `waiting`, in the order in which they came; `None` where nothing waits. Whoever runs the choice charges
    /// the ledger with it.
    pub(crate) fn choose(&self, ledger: &mut Ledger, waiting: &[Candidate<'_>]) -> Option<Choice> {
        let mut leads = ledger.leads(waiting.iter().map(|candidate| candidate.stage));
        let mut order: Vec<(usize, &Candidate<'_>)> = waiting.iter().enumerate().collect();
        order.sort_by_key(|(_, candidate)| candidate.deadline);
        // The least served of the stages is not ahead of itself: there is a first one wherever something waits.
        let (lead, first) = order
            .iter()
            .copied()
            .find(|(_, candidate)| self.is_fair(&leads, candidate))?;
        let mut picked = vec![lead];
        if !self.merges {
            return Some(Choice { picked, full: true });
        }
        charge(&mut leads, first);
        let (mut rows, mut length) = (u64::from(first.shape.rows), first.shape.length);
        for (place, candidate) in order.into_iter().filter(|(place, _)| *place != lead) {
            let shape = candidate.shape;
            let joined = (rows + u64::from(shape.rows), length.max(shape.length));
            if first.shape.others == shape.others
                && self.is_worth((rows, length), shape)
                && self.holds(joined.0, joined.1)
                && self.is_fair(&leads, candidate)
            {
                picked.push(place);
                charge(&mut leads, candidate);
                (rows, length) = joined;
            }
        }
        Some(Choice {
            picked,
            full: !self.holds(rows + 1, length),
        })
    }

    /// When `choice` runs, of which the oldest entry came at `oldest`. `nobody_comes`: whoever could ask waits, or is gone.
    pub(crate) fn when(
        &self,
        now: Instant,
        oldest: Instant,
        choice: &Choice,
        nobody_comes: bool,
    ) -> When {
        let ready = oldest + self.delay;
        match choice.full || nobody_comes || ready <= now {
            true => When::Now,
            false => When::Until(ready),
        }
    }

    /// The most rows of `length` places each that one run takes; at least 1.
    pub(crate) fn rows_per_run(&self, length: u32) -> u32 {
        let rows = (self.max_places / u64::from(length.max(1))).min(self.max_rows as u64);
        u32::try_from(rows).unwrap_or(u32::MAX).max(1)
    }

    /// Whether a call that joins a run of so many rows and such a length costs no more there than by itself.
    fn is_worth(&self, (rows, length): (u64, u32), shape: &Shape) -> bool {
        let Some(run) = self.run else {
            return bucket(length) == bucket(shape.length);
        };
        let longest = length.max(shape.length);
        let joined = (rows + u64::from(shape.rows)).saturating_mul(u64::from(longest));
        joined <= rows.saturating_mul(u64::from(length)) + shape.places() + run
    }

    fn holds(&self, rows: u64, length: u32) -> bool {
        rows <= self.max_rows as u64 && rows.saturating_mul(u64::from(length)) <= self.max_places
    }

    fn is_fair(&self, leads: &BTreeMap<&str, u64>, candidate: &Candidate<'_>) -> bool {
        let least = leads.values().copied().min().unwrap_or_default();
        let lead = leads.get(&**candidate.stage).copied().unwrap_or_default();
        lead - least <= self.max_places
    }
}

fn charge<'a>(leads: &mut BTreeMap<&'a str, u64>, candidate: &Candidate<'a>) {
    if let Some(lead) = leads.get_mut(&**candidate.stage) {
        *lead = lead.saturating_add(candidate.shape.places());
    }
}

fn bucket(length: u32) -> u32 {
    length
        .max(SHORTEST_BUCKET)
        .checked_next_power_of_two()
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
