//! What answers are worth: figures over cases, each with a bootstrap interval.
//!
//! A *case* is what one sample says of one measure: the label expected and the label found, spans, fields, a summary, flags.
//! Cases of one kind implement [`Cases`]: they name their [`Figure`]s and give each one's value under weights. A weight says
//! how often a case counts: once, or as often as a resample drew it, so that [`Draws`] needs nothing else to give intervals
//! and to tell a change from noise.
//!
//! Everything here is a pure function: no file, no clock, no thread. Equal cases and an equal seed give equal figures.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod calibration;
mod counts;
mod draws;
mod fields;
mod figure;
mod flags;
mod labels;
mod quantile;
mod ranking;
mod rouge;
mod spans;
mod summaries;

pub use calibration::{BINS, Bin, Point};
pub use counts::Counts;
pub use draws::{Change, Draws, Estimate, Verdict};
pub use fields::{Field, Fields, Named};
pub use figure::{Cases, Figure};
pub use flags::{Flags, Raised};
pub use labels::{Confused, Label, Labels};
pub use quantile::quantile;
pub use ranking::{auroc, recall_at_precision};
pub use rouge::{Rouge, stem};
pub use spans::{Found, Kinds as SpanKinds, Span, Spans};
pub use summaries::{Summaries, Summary};
