//! What an invoice's fields stand on: where each is written, and how sure the way is by which it was found.
//!
//! The confidences are set by hand and tell an order of the ways, no probabilities: how often each of them is right was not measured.

use std::ops::Range;

use fleetwright_detect::Span;
use serde::Serialize;

use super::grid::Piece;
use crate::entity::{Method, Where};

/// Sums that confirm each other: net and tax are the total.
pub(super) const ADDS_UP: f64 = 0.99;
/// What stands in the label's own cell or to the right of it.
pub(super) const BESIDE: f64 = 0.9;
/// What stands below a label, where something else may, too.
pub(super) const BELOW: f64 = 0.8;
/// What no label announces: the issuer, which several signs speak for, and the currency that most cells name.
pub(super) const WEIGHED: f64 = 0.5;

/// What a reader takes of a text: its bytes there, and its normal form.
pub(super) type Reading = (Range<usize>, String);

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Spotted {
    /// Its normal form.
    pub(super) normal: String,
    /// Which of the document's texts it stands in, from 0.
    pub(super) page: usize,
    /// Its bytes there.
    pub(super) span: Span,
    pub(super) confidence: f64,
}

/// What a field of an invoice stands on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// As it is written.
    pub value: String,
    /// Where it stands.
    #[serde(rename = "where")]
    pub place: Where,
    /// How it was found.
    pub method: Method,
    /// How sure the way is by which it was found, from 0 to 1: an order of the ways, no probability.
    pub confidence: f64,
}

impl Piece<'_> {
    /// A reading of the piece's text from a byte of it on.
    pub(super) fn spotted(
        &self,
        from: usize,
        (bytes, normal): Reading,
        confidence: f64,
    ) -> Spotted {
        let start = self.start + from;
        Spotted {
            normal,
            page: self.page,
            span: Span {
                start: start + bytes.start,
                end: start + bytes.end,
            },
            confidence,
        }
    }
}
