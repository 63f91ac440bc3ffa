//! Entities by rule: what stands where in a text, checked and normalised. One module for each family.

pub mod address;
pub mod amount;
pub mod date;
pub mod name;
pub mod reference;

use fleetwright_detect::{Scan, Span, card, email, iban, phone};

use crate::Config;
use crate::entity::Kind;

/// Something found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The tagger's label, for a slot.
    pub label: Option<String>,
    /// Where it stands, in bytes.
    pub span: Span,
    /// What stands there; masked for cards.
    pub value: String,
    /// In the form that machines compare; none where the text leaves it open.
    pub normalized: Option<String>,
    /// For an amount: its currency (ISO 4217).
    pub currency: Option<&'static str>,
    /// For a date that can be read in two ways: both, day first.
    pub readings: Vec<String>,
    /// How sure the rule is, from 0 to 1.
    pub confidence: f64,
}

impl Finding {
    /// A finding with a normal form.
    pub fn new(
        kind: Kind,
        scan: &Scan<'_>,
        span: Span,
        normalized: impl Into<String>,
        confidence: f64,
    ) -> Finding {
        let value = span.of(scan.text()).to_owned();
        Finding {
            kind,
            label: None,
            span,
            value,
            normalized: Some(normalized.into()),
            currency: None,
            readings: Vec::new(),
            confidence,
        }
    }
}

/// Everything that rules find in a text. Where findings overlap, the stricter check keeps the place.
pub fn all(text: &str, config: &Config) -> Vec<Finding> {
    let scan = Scan::new(text);
    let country = config.country.as_deref();
    let families = [
        iban::find(&scan)
            .into_iter()
            .map(|iban| Finding::new(Kind::Iban, &scan, iban.span, iban.normalized, 1.0))
            .collect(),
        card::find(&scan)
            .into_iter()
            .map(|card| masked(&scan, &card))
            .collect(),
        email::find(&scan)
            .into_iter()
            .map(|email| Finding::new(Kind::Email, &scan, email.span, email.normalized, 0.99))
            .collect(),
        reference::find(&scan),
        date::find(&scan, config.dates),
        amount::find(&scan, &config.dollar),
        address::find(&scan),
        phone::find(&scan, country)
            .into_iter()
            .map(|phone| telephone(&scan, phone))
            .collect(),
        name::find(&scan),
    ];
    let mut kept: Vec<Finding> = Vec::new();
    for finding in families.into_iter().flat_map(|family: Vec<Finding>| family) {
        if !kept.iter().any(|other| other.span.overlaps(finding.span)) {
            kept.push(finding);
        }
    }
    kept.sort_by_key(|finding| finding.span);
    kept
}

fn masked(scan: &Scan<'_>, card: &card::Card) -> Finding {
    let mask = card::mask(&card.digits);
    Finding {
        value: mask.clone(),
        ..Finding::new(Kind::Card, scan, card.span, mask, 0.99)
    }
}

fn telephone(scan: &Scan<'_>, phone: phone::Phone) -> Finding {
    let confidence = if phone.e164.is_some() { 0.95 } else { 0.7 };
    Finding {
        normalized: phone.e164,
        ..Finding::new(Kind::Phone, scan, phone.span, "", confidence)
    }
}

#[cfg(test)]
mod tests;
