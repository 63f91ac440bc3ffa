//! The fields of an invoice, from the text of a document that says that it is one: by the labels beside or above them.
//!
//! A label's value follows it in its cell, stands to the right of it, or below it. Each field is optional: what no label
//! announces is not guessed. Of several sums, those that add up (net and tax are the total) go before others.

mod amounts;
mod evidence;
mod grid;
mod issuer;
mod labels;
mod seek;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Config;
use crate::document::Text;
use crate::entity::{Method, Where};
use crate::find::date::{self, Order};
use crate::source;
pub use evidence::Evidence;
use evidence::{Reading, Spotted};
use grid::Grid;
use seek::{has_label, number, values};

/// Labels of dates that are not the invoice's, and those that are not when it is due.
const NOT_DATED: &[&str] = &[labels::DUE, labels::OTHER_DATES];
const NOT_DUE: &[&str] = &[labels::OTHER_DATES];

/// An invoice's fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Invoice {
    /// The document that it was read from.
    pub document: String,
    /// Who sent it.
    pub issuer: Option<String>,
    /// Its number.
    pub number: Option<String>,
    /// Its date, ISO 8601.
    pub date: Option<String>,
    /// When it is due, ISO 8601.
    pub due_date: Option<String>,
    /// What is to be paid, as a plain number.
    pub total: Option<String>,
    /// The tax within, as a plain number.
    pub tax: Option<String>,
    /// The currency of both, ISO 4217.
    pub currency: Option<String>,
    /// By the names of the members above: what each that was found stands on.
    pub found: BTreeMap<&'static str, Evidence>,
}

/// Reads an invoice from the texts of one document; none where they do not say that they are one. `place` is the document's place
/// in the list, where its name does not tell it.
pub fn read(texts: &[&Text], place: Option<usize>, config: &Config) -> Option<Invoice> {
    let document = texts.first()?.document.clone();
    let grid = Grid::new(texts);
    grid.pieces.iter().find(|piece| {
        [labels::TITLES, labels::NUMBER]
            .iter()
            .any(|list| has_label(&piece.small, list))
    })?;
    let order = order(texts, config.dates);
    let day = |text: &str| dated(text, order);
    let sums = amounts::read(&grid, &config.dollar);
    let mut found = BTreeMap::new();
    let mut tell = |field, spotted: Option<Spotted>| {
        let (normal, evidence) = evidence(texts, place, spotted?)?;
        found.insert(field, evidence);
        Some(normal)
    };
    let invoice = Invoice {
        document,
        issuer: tell("issuer", issuer::read(&grid)),
        number: tell("number", values(&grid, labels::NUMBER, &[], number).next()),
        date: tell("date", values(&grid, labels::DATED, NOT_DATED, day).next()),
        due_date: tell("due_date", values(&grid, labels::DUE, NOT_DUE, day).next()),
        total: tell("total", sums.total),
        tax: tell("tax", sums.tax),
        currency: tell("currency", sums.currency),
        found: BTreeMap::new(),
    };
    let says = [&invoice.number, &invoice.date, &invoice.total]
        .into_iter()
        .flatten()
        .count();
    (says > 0).then_some(Invoice { found, ..invoice })
}

/// The normal form of what was spotted in one of a document's texts, and the evidence for it.
fn evidence(
    texts: &[&Text],
    document: Option<usize>,
    spotted: Spotted,
) -> Option<(String, Evidence)> {
    let text = texts.get(spotted.page)?;
    let place = Where {
        page: text.page,
        document,
        ..Where::new(&source::attached(&text.document), spotted.span)
    };
    let evidence = Evidence {
        value: spotted.span.of(text.text()).to_owned(),
        place,
        method: Method::Rule,
        confidence: spotted.confidence,
    };
    Some((spotted.normal, evidence))
}

/// How the document's dates are read: as the config says, or as another date of the document shows.
fn order(texts: &[&Text], configured: Order) -> Order {
    if configured != Order::Ambiguous {
        return configured;
    }
    let shown: Vec<Order> = texts
        .iter()
        .flat_map(|text| date::orders(text.text()))
        .collect();
    match shown.first() {
        Some(first) if shown.iter().all(|order| order == first) => *first,
        _ => Order::Ambiguous,
    }
}

/// The first date of a text, where it has a year and one reading; none where something else stands before it.
fn dated(text: &str, order: Order) -> Option<Reading> {
    let found = date::find(&fleetwright_detect::Scan::new(text), order);
    let first = found.into_iter().next()?;
    let before = text.get(..first.span.start)?;
    let near = before.chars().filter(|c| c.is_alphanumeric()).count() <= seek::FILLING;
    let day = first
        .normalized
        .filter(|day| near && !day.starts_with("--"));
    day.map(|day| (first.span.start..first.span.end, day))
}

#[cfg(test)]
mod tests;
