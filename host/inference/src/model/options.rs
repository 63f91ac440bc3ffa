//! How a model is loaded and its calls are queued, and the bounds of that.

use std::time::Duration;

use crate::backend::LoadError;
use crate::card::{Card, Generation};
use crate::device::{Device, Place};
use crate::policy::{self, Policy};
use crate::threads::{MAX_THREADS, MAX_WORKERS, Share};
use crate::worker::named;

/// The longest queue that may be asked for.
const MAX_QUEUE: usize = 65_536;
/// How long one run may take, where nothing else is said: a scanned page takes seconds.
const DEFAULT_RUN: Duration = Duration::from_secs(30);

/// How a model is loaded and its calls are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Where it runs. Default: [`Device::Auto`].
    pub device: Device,
    /// The most bytes of a device's own memory that it may take, its workers in equal parts; of CUDA alone. Default: what there is.
    pub device_memory: Option<u64>,
    /// The most rows of a run, in place of the card's; 1 merges nothing. Default: the card's, which is for a processor; elsewhere 64 at
    /// least, where the card's calls are merged at all.
    pub max_batch: Option<usize>,
    /// The most tokens of a run of several calls, padding included: rows × length. Default: what suits the device, 256 on a
    /// processor, 16,384 elsewhere.
    pub max_tokens: Option<u64>,
    /// How long the oldest call waits for others to join it, while somebody is left who could ask. Default: not at all on a processor,
    /// 2 ms elsewhere: a device that is fast when it is full is worth filling.
    pub delay: Option<Duration>,
    /// How long one run may take. Default: 30 s.
    pub run: Duration,
    /// Whether calls of several callers run together: faster under load, but the last digits of an answer may then depend
    /// on who else asks. Default: yes.
    pub merge: bool,
    /// How many calls may wait. Default: 256.
    pub queue: usize,
    /// Threads that compute a run, and runs at once. Default: as [`Share::of`] says of the threads that there are now; whoever
    /// is about to change those names its own.
    pub share: Option<Share>,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            device: Device::Auto,
            device_memory: None,
            max_batch: None,
            max_tokens: None,
            delay: None,
            run: DEFAULT_RUN,
            merge: true,
            queue: 256,
            share: None,
        }
    }
}

impl LoadOptions {
    /// What a run takes, where there are `all` threads and nothing else is said.
    pub(super) fn share(&self, card: &Card, all: usize) -> Share {
        self.share
            .unwrap_or_else(|| Share::for_card(card, all, None))
    }

    /// How many answers of a generative model come about at once, once every option is within its bounds.
    pub(super) fn sequences(
        &self,
        card: &Card,
        generation: &Generation,
    ) -> Result<usize, LoadError> {
        self.check(card)?;
        let (model, most) = (named(card), generation.sequences as usize);
        if self.device_memory.is_some() {
            let message = "`device_memory` is asked for, and llama.cpp runs on the processor here; leave it out".to_owned();
            return Err(LoadError::Option { model, message });
        }
        if self.delay.is_some_and(|delay| !delay.is_zero()) {
            let message = "a delay is asked for, and calls of a generative model join those under way; leave it out".to_owned();
            return Err(LoadError::Option { model, message });
        }
        match self.max_batch {
            _ if !self.merge => Ok(1),
            Some(rows) if rows == 0 || rows > most => Err(LoadError::Option {
                model,
                message: format!(
                    "`{rows}` answers at once are asked for, and its card has room for `1` to `{most}`; ask for no more, or raise the card's `generation.sequences`"
                ),
            }),
            rows => Ok(rows.unwrap_or(most)),
        }
    }

    /// How calls are merged at `place`, where a run of the model has `max_rows` at most by its card or by the options.
    pub(super) fn policy(&self, max_rows: usize, place: Place) -> Policy {
        let rows = match self.max_batch {
            None => policy::suited_rows(max_rows, place),
            Some(_) => max_rows,
        };
        let policy = Policy::new(rows, self.max_tokens, self.delay_at(place), place);
        match self.merge {
            true => policy,
            false => policy.without_merging(),
        }
    }

    /// How long a call waits for others at `place`.
    pub(super) fn delay_at(&self, place: Place) -> Duration {
        self.delay.unwrap_or_else(|| policy::suited_delay(place))
    }

    /// The most rows of a run of `card`, once every option is within its bounds.
    pub(super) fn max_rows(&self, card: &Card) -> Result<usize, LoadError> {
        self.check(card)?;
        let refuse = |message: String| {
            Err(LoadError::Option {
                model: named(card),
                message,
            })
        };
        match (self.max_batch, card.batch()) {
            (Some(0), _) => {
                refuse("a batch of `0` rows is asked for; give at least `1`".to_owned())
            }
            (Some(rows), None) if rows > 1 => refuse(format!(
                "a batch of `{rows}` rows is asked for, and the card has no `[batch]`; add one, or ask for `1`"
            )),
            (Some(rows), _) => Ok(rows),
            (None, batch) => Ok(batch.map_or(1, |batch| batch.max)),
        }
    }

    /// Whether the options that all models have are within their bounds.
    fn check(&self, card: &Card) -> Result<(), LoadError> {
        let refuse = |message: String| {
            Err(LoadError::Option {
                model: named(card),
                message,
            })
        };
        if self.queue == 0 || self.queue > MAX_QUEUE {
            return refuse(format!(
                "a queue of `{}` is asked for; it holds `1` to `{MAX_QUEUE}`",
                self.queue
            ));
        }
        if let Some(Share { threads, workers }) = self.share
            && !((1..=MAX_THREADS).contains(&threads) && (1..=MAX_WORKERS).contains(&workers))
        {
            return refuse(format!(
                "`{threads}` threads and `{workers}` workers are asked for; give `1` to `{MAX_THREADS}` and `1` to `{MAX_WORKERS}`"
            ));
        }
        if self.max_tokens == Some(0) {
            return refuse("a batch of `0` tokens is asked for; give at least `1`".to_owned());
        }
        if self.run.is_zero() {
            return refuse("a run of no time is asked for; give at least `1ms`".to_owned());
        }
        Ok(())
    }
}
