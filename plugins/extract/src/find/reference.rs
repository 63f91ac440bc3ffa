//! Numbers that a business gives out: of orders, invoices, cases, customers, accounts and parcels. They have no check
//! digit and no common form, so that the words before them decide, or a prefix that speaks for itself.

use fleetwright_detect::Scan;

use super::{Finding, date};
use crate::entity::Kind;

/// Words that announce a number, the longer before the shorter that they begin with.
const ANNOUNCED: &[(&str, Kind)] = &[
    ("purchase order", Kind::OrderNumber),
    ("order", Kind::OrderNumber),
    ("bestellnummer", Kind::OrderNumber),
    ("bestellung", Kind::OrderNumber),
    ("bestelnummer", Kind::OrderNumber),
    ("bestelling", Kind::OrderNumber),
    ("booking", Kind::OrderNumber),
    ("commande", Kind::OrderNumber),
    ("encomenda", Kind::OrderNumber),
    ("ordine", Kind::OrderNumber),
    ("pedido", Kind::OrderNumber),
    ("zamówienia", Kind::OrderNumber),
    ("zamówienie", Kind::OrderNumber),
    ("zamówieniu", Kind::OrderNumber),
    ("заказа", Kind::OrderNumber),
    ("заказе", Kind::OrderNumber),
    ("заказ", Kind::OrderNumber),
    ("注文番号", Kind::OrderNumber),
    ("注文", Kind::OrderNumber),
    ("rechnungsnummer", Kind::InvoiceNumber),
    ("rechnung", Kind::InvoiceNumber),
    ("invoice", Kind::InvoiceNumber),
    ("factuurnummer", Kind::InvoiceNumber),
    ("factuur", Kind::InvoiceNumber),
    ("facture", Kind::InvoiceNumber),
    ("factura", Kind::InvoiceNumber),
    ("fattura", Kind::InvoiceNumber),
    ("fatura", Kind::InvoiceNumber),
    ("faktura", Kind::InvoiceNumber),
    ("faktury", Kind::InvoiceNumber),
    ("счета", Kind::InvoiceNumber),
    ("счёта", Kind::InvoiceNumber),
    ("счет", Kind::InvoiceNumber),
    ("счёт", Kind::InvoiceNumber),
    ("請求書番号", Kind::InvoiceNumber),
    ("case", Kind::CaseNumber),
    ("ticket", Kind::CaseNumber),
    ("complaint", Kind::CaseNumber),
    ("reference", Kind::CaseNumber),
    ("ref", Kind::CaseNumber),
    ("customer", Kind::CustomerNumber),
    ("client", Kind::CustomerNumber),
    ("membership", Kind::CustomerNumber),
    ("kundennummer", Kind::CustomerNumber),
    ("account", Kind::AccountNumber),
    ("a/c", Kind::AccountNumber),
    ("kontonummer", Kind::AccountNumber),
    ("tracking", Kind::TrackingNumber),
    ("parcel", Kind::TrackingNumber),
    ("shipment", Kind::TrackingNumber),
    ("sendungsnummer", Kind::TrackingNumber),
];

/// Prefixes that speak for themselves, before a dash and digits.
const PREFIXES: &[(&str, Kind)] = &[
    ("INV", Kind::InvoiceNumber),
    ("RE", Kind::InvoiceNumber),
    ("ORD", Kind::OrderNumber),
    ("PO", Kind::OrderNumber),
    ("CASE", Kind::CaseNumber),
    ("TKT", Kind::CaseNumber),
    ("RMA", Kind::CaseNumber),
    ("CUST", Kind::CustomerNumber),
];

/// Words between the announcement and the number; each may be followed by a point, a colon or blanks.
const BETWEEN: &[&str] = &[
    "confirmation",
    "reference",
    "tracking",
    "number",
    "num",
    "nummer",
    "numero",
    "numéro",
    "número",
    "numer",
    "code",
    "ref",
    "no",
    "nr",
    "id",
    "was",
    "is",
    "n.º",
    "n°",
    "nº",
    "#",
    "№",
];

/// Words that may stand there, too, and announce nothing by themselves: "die Rechnung ist 1250 Euro zu hoch". Each is followed by a blank,
/// or written in a script without blanks.
const JOINING: &[&str] = &["es", "est", "è", "é", "ist", "met", "n", "n.", "は"];

/// Words and marks that are skipped between an announcement and its number.
const SKIPPED: usize = 8;

/// Finds reference numbers.
pub fn find(scan: &Scan<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        let read = if scan.word_before(position) {
            None
        } else {
            announced(scan, position).or_else(|| prefixed(scan, position))
        };
        match read {
            Some((finding, to)) => {
                found.push(finding);
                position = to;
            }
            None => position += 1,
        }
    }
    found
}

fn announced(scan: &Scan<'_>, from: usize) -> Option<(Finding, usize)> {
    if !scan.at(from).is_some_and(char::is_alphabetic) {
        return None;
    }
    let (word, kind) = ANNOUNCED
        .iter()
        .find(|(word, _)| starts_with(scan, from, word))?;
    let mut position = from + word.chars().count();
    let mut said = false; // "number", "#" or a colon: then fewer digits will do
    let mut joined = false;
    for _ in 0..SKIPPED {
        // a line's end and the marks of a quotation may stand between a number and what announces it
        let skipped = scan.skip(position, |c| {
            matches!(c, ' ' | '\t' | '\u{a0}') || said && matches!(c, '\n' | '\r' | '>')
        });
        match scan.at(skipped) {
            Some(':' | '#' | '=') => (said, position) = (true, skipped + 1),
            Some('.') if said => position = skipped + 1,
            _ => {
                position = skipped;
                if let Some(word) = BETWEEN.iter().find(|word| starts_with(scan, skipped, word)) {
                    (said, position) = (true, skipped + word.chars().count());
                } else if let Some(length) = joins(scan, skipped) {
                    (joined, position) = (true, skipped + length);
                } else {
                    break;
                }
            }
        }
    }
    let to = token_end(scan, position);
    let token = scan.slice(position, to);
    let digits = token.chars().filter(char::is_ascii_digit).count();
    let letters = token.chars().any(|c| c.is_ascii_alphabetic());
    let least = match (said, letters, joined) {
        (true, ..) => 3,
        (false, true, _) => 4,
        (false, false, false) => 5,
        // A year, a sum or a count as likely as not.
        (false, false, true) => 7,
    };
    let enough = digits >= least;
    let sound = enough
        && (4..=32).contains(&token.len())
        && date::only(token).is_none()
        && !is_amount(scan, token, to);
    sound.then(|| {
        (
            Finding::new(
                *kind,
                scan,
                scan.span(position, to),
                token.to_uppercase(),
                if said { 0.95 } else { 0.8 },
            ),
            to,
        )
    })
}

fn prefixed(scan: &Scan<'_>, from: usize) -> Option<(Finding, usize)> {
    let (prefix, kind) = PREFIXES
        .iter()
        .find(|(prefix, _)| scan.slice(from, from + prefix.len()) == *prefix)?;
    let mark = scan.at(from + prefix.len())?;
    let to = token_end(scan, from);
    let digits = scan
        .slice(from, to)
        .chars()
        .filter(char::is_ascii_digit)
        .count();
    let sound =
        (mark == '-' || mark == '_' || mark.is_ascii_digit() && prefix.len() > 2) && digits >= 3;
    sound.then(|| {
        (
            Finding::new(*kind, scan, scan.span(from, to), scan.slice(from, to), 0.9),
            to,
        )
    })
}

/// The length of the joining word at a position, if one stands there.
fn joins(scan: &Scan<'_>, from: usize) -> Option<usize> {
    let lengths = JOINING
        .iter()
        .filter(|word| starts_with(scan, from, word))
        .map(|word| word.chars().count());
    let parted = |length: &usize| {
        let after = from + length;
        scan.at(after).is_some_and(char::is_whitespace) || !scan.word_before(after)
    };
    lengths.filter(parted).max()
}

/// The end of a run of letters, digits and inner dashes, strokes and points.
fn token_end(scan: &Scan<'_>, from: usize) -> usize {
    let mut to = scan.skip(from, |c| c.is_ascii_alphanumeric());
    while to > from
        && scan
            .at(to)
            .is_some_and(|c| matches!(c, '-' | '/' | '_' | '.'))
        && scan.at(to + 1).is_some_and(|c| c.is_ascii_alphanumeric())
    {
        to = scan.skip(to + 1, |c| c.is_ascii_alphanumeric());
    }
    to
}

/// "order 1234.50" and "invoice 10000 EUR" tell amounts.
fn is_amount(scan: &Scan<'_>, token: &str, to: usize) -> bool {
    let decimal = token.rsplit_once('.').is_some_and(|(whole, cents)| {
        cents.len() == 2
            && whole
                .chars()
                .chain(cents.chars())
                .all(|c| c.is_ascii_digit())
    });
    decimal
        || scan.at(to) == Some(',') && scan.at(to + 1).is_some_and(|c| c.is_ascii_digit())
        || super::amount::currency_in(scan.slice(to, to + 4)).is_some()
}

/// Whether a whole word (or sign) stands at a position, in either case.
fn starts_with(scan: &Scan<'_>, from: usize, word: &str) -> bool {
    let same = word.chars().enumerate().all(|(place, c)| {
        scan.at(from + place).is_some_and(|d| {
            d.eq_ignore_ascii_case(&c) || !d.is_ascii() && d.to_lowercase().eq(c.to_lowercase())
        })
    });
    if !same {
        return false;
    }
    let after = from + word.chars().count();
    let letter = scan.at(after).is_some_and(char::is_alphabetic);
    // Letters of scripts without blanks part themselves from what is beside them.
    let goes_on = letter && scan.word_at(after) && scan.word_before(after);
    !goes_on || !word.ends_with(char::is_alphabetic)
}
