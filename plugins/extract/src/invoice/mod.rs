//! The fields of an invoice, from the text of a document that says that it is one: by the labels beside or above them.
//!
//! A label's value follows it in its cell, stands to the right of it, or below it. Each field is optional: what no label
//! announces is not guessed. Of several sums, those that add up (net and tax are the total) go before others.

mod amounts;
mod grid;
mod issuer;
mod labels;
mod seek;

use serde::Serialize;

use crate::Config;
use crate::document::Text;
use crate::find::date::{self, Order};
use grid::Grid;
use seek::{has_label, number, values};

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
}

/// Reads an invoice from the texts of one document; none where they do not say that they are one.
pub fn read(texts: &[&Text], config: &Config) -> Option<Invoice> {
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
    let invoice = Invoice {
        document,
        issuer: issuer::read(&grid),
        number: values(&grid, labels::NUMBER, &[], number).next(),
        date: values(
            &grid,
            labels::DATED,
            &[labels::DUE, labels::OTHER_DATES],
            day,
        )
        .next(),
        due_date: values(&grid, labels::DUE, &[labels::OTHER_DATES], day).next(),
        total: sums.total,
        tax: sums.tax,
        currency: sums.currency,
    };
    let found = [&invoice.number, &invoice.date, &invoice.total]
        .into_iter()
        .flatten()
        .count();
    (found > 0).then_some(invoice)
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
fn dated(text: &str, order: Order) -> Option<String> {
    let found = date::find(&fleetwright_detect::Scan::new(text), order);
    let first = found.into_iter().next()?;
    let before = text.get(..first.span.start)?;
    let near = before.chars().filter(|c| c.is_alphanumeric()).count() <= seek::FILLING;
    first
        .normalized
        .filter(|day| near && !day.starts_with("--"))
}

#[cfg(test)]
mod tests;
