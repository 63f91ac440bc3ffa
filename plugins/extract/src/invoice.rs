//! The fields of an invoice, from the text of a document that says that it is one: by the labels beside them.
//!
//! Each field is optional: what no label announces is not guessed.

use fleetwright_detect::Scan;
use serde::Serialize;

use crate::Config;
use crate::document::Text;
use crate::entity::Kind;
use crate::find::{self, amount};

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

const TITLES: &[&str] = &[
    "invoice", "rechnung", "facture", "factura", "fattura", "factuur",
];
const DUE: &[&str] = &[
    "due date",
    "payment due",
    "due on",
    "due by",
    "pay by",
    "fällig",
    "zahlbar bis",
    "échéance",
    "vencimiento",
];
const DATED: &[&str] = &[
    "invoice date",
    "date of issue",
    "issue date",
    "issued",
    "rechnungsdatum",
    "factuurdatum",
    "date",
    "datum",
];
/// The surest label of a total first.
const TOTALS: &[&str] = &[
    "total due",
    "amount due",
    "balance due",
    "grand total",
    "invoice total",
    "total amount",
    "amount payable",
    "gesamtbetrag",
    "rechnungsbetrag",
    "totaalbedrag",
    "total ttc",
    "total",
];
const NET: &[&str] = &[
    "net",
    "subtotal",
    "sub-total",
    "sub total",
    "netto",
    "ht",
    "excl",
    "before tax",
];
const TAXES: &[&str] = &[
    "vat",
    "mwst",
    "btw",
    "ust",
    "sales tax",
    "tax",
    "gst",
    "tva",
    "iva",
];
const FORMS: &[&str] = &[
    "GmbH", "Ltd", "Limited", "Inc", "LLC", "AG", "PLC", "plc", "SARL", "S.A.", "SAS", "B.V.",
    "BV", "Corp", "Co.", "KG", "UG", "Oy", "AB", "S.L.", "S.r.l.",
];

/// Reads an invoice from the texts of one document; none where they do not say that they are one.
pub fn read(texts: &[&Text], config: &Config) -> Option<Invoice> {
    let document = texts.first()?.document.clone();
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.text.lines()).collect();
    lines
        .iter()
        .find(|line| TITLES.iter().any(|title| has_word(line, title)))?;
    let currency = currency(&lines);
    let (total, stated) = total(&lines);
    let invoice = Invoice {
        document,
        issuer: issuer(&lines),
        number: labelled(&lines, |line| of_kind(line, Kind::InvoiceNumber, config)),
        date: labelled_by(
            &lines,
            DATED,
            |line| !DUE.iter().any(|label| has_word(line, label)),
            |line| of_kind(line, Kind::Date, config),
        ),
        due_date: labelled_by(
            &lines,
            DUE,
            |_| true,
            |line| of_kind(line, Kind::Date, config),
        ),
        total,
        tax: tax(&lines),
        currency: stated.or(currency).map(str::to_owned),
    };
    let found = [&invoice.number, &invoice.date, &invoice.total]
        .into_iter()
        .flatten()
        .count();
    (found > 0).then_some(invoice)
}

/// The first line that reads as a company before the customer's address begins; else the first that reads as a name.
fn issuer(lines: &[&str]) -> Option<String> {
    let stop = [
        "bill to",
        "invoice to",
        "billed to",
        "ship to",
        "customer",
        "an:",
    ];
    let head = lines.iter().take(12).take_while(|line| {
        !stop
            .iter()
            .any(|label| line.to_lowercase().starts_with(label))
    });
    let cells: Vec<&str> = head
        .flat_map(|line| line.split('\t'))
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect();
    let company = cells
        .iter()
        .find(|cell| {
            cell.split([' ', ','])
                .any(|word| FORMS.contains(&word.trim_end_matches(',')))
        })
        .copied();
    company
        .or_else(|| cells.iter().find(|cell| reads_as_name(cell)).copied())
        .map(|cell| cell.split(',').next().unwrap_or(cell).trim().to_owned())
}

/// One to four words that begin with capitals, none of them a title such as "Invoices".
fn reads_as_name(cell: &str) -> bool {
    let lower = cell.to_lowercase();
    let words = cell.split(' ').count();
    let capital = |word: &str| word.chars().next().is_some_and(char::is_uppercase);
    (1..=4).contains(&words)
        && cell.split(' ').all(capital)
        && cell.chars().filter(|c| c.is_alphabetic()).count() > 2
        && !cell.contains([':', '@', '/'])
        && !TITLES.iter().any(|title| lower.contains(title))
}

/// The total under its surest label, from the last such line, with the currency that the line names.
fn total(lines: &[&str]) -> (Option<String>, Option<&'static str>) {
    for label in TOTALS {
        let labelled = lines.iter().filter(|line| {
            has_word(line, label)
                && !NET.iter().any(|net| has_word(line, net))
                && !TAXES.iter().any(|tax| has_word(line, tax))
        });
        let read = labelled
            .filter_map(|line| last_amount(line).map(|amount| (amount, amount::currency_in(line))))
            .next_back();
        if let Some((amount, currency)) = read {
            return (Some(amount), currency);
        }
    }
    (None, None)
}

fn tax(lines: &[&str]) -> Option<String> {
    let taxed = |line: &&&str| {
        TAXES.iter().any(|tax| has_word(line, tax))
            && !["id", "number", "no", "excl", "incl", "reg"]
                .iter()
                .any(|word| has_word(line, word))
    };
    lines
        .iter()
        .filter(taxed)
        .filter_map(|line| last_amount(line))
        .next()
}

/// The last number of a line that has two decimals, and no percent sign after it.
fn last_amount(line: &str) -> Option<String> {
    let scan = Scan::new(line);
    let rate = |to: usize| scan.at(scan.skip(to, |c| c == ' ')) == Some('%');
    amount::numbers(&scan)
        .into_iter()
        .filter(|number| number.decimals == 2 && !rate(number.to))
        .map(|number| number.plain)
        .next_back()
}

/// The currency that most lines name.
fn currency(lines: &[&str]) -> Option<&'static str> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for currency in lines.iter().filter_map(|line| amount::currency_in(line)) {
        match counts.iter_mut().find(|(other, _)| *other == currency) {
            Some((_, count)) => *count += 1,
            None => counts.push((currency, 1)),
        }
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(currency, _)| currency)
}

fn labelled(lines: &[&str], read: impl Fn(&str) -> Option<String>) -> Option<String> {
    lines.iter().find_map(|line| read(line))
}

/// The value on the first line with one of the labels, or on the line below it; labels in their order.
fn labelled_by(
    lines: &[&str],
    labels: &[&str],
    fits: impl Fn(&str) -> bool,
    read: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    labels.iter().find_map(|label| {
        let places = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| has_word(line, label) && fits(line));
        places
            .filter_map(|(place, line)| {
                read(line).or_else(|| lines.get(place + 1).and_then(|next| read(next)))
            })
            .next()
    })
}

/// The first finding of a kind on a line, where it is unambiguous.
fn of_kind(line: &str, kind: Kind, config: &Config) -> Option<String> {
    find::all(line, config)
        .into_iter()
        .find(|finding| finding.kind == kind)?
        .normalized
        .filter(|value| !value.starts_with("--"))
}

/// Whether words stand in a line as whole words, in any case.
fn has_word(line: &str, words: &str) -> bool {
    let line = line.to_lowercase();
    let border = |c: Option<char>| !c.is_some_and(char::is_alphabetic);
    line.match_indices(words).any(|(at, _)| {
        border(line.get(..at).and_then(|head| head.chars().next_back()))
            && border(
                line.get(at + words.len()..)
                    .and_then(|tail| tail.chars().next()),
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoice_of(text: &str) -> Option<Invoice> {
        let text = Text {
            document: "a.pdf".into(),
            page: Some(1),
            text: text.into(),
        };
        read(&[&text], &Config::default())
    }

    #[test]
    fn a_german_invoice_is_read() {
        let invoice = invoice_of("Muster AG, Bern\nRechnung Nr. 2025-118\nRechnungsdatum: 14.03.2025\nzahlbar bis 13.04.2025\nNetto CHF 100,00\nMwSt 8,1 %\t8,10\nGesamtbetrag CHF 108,10\n").unwrap();
        assert_eq!(invoice.issuer.as_deref(), Some("Muster AG"));
        assert_eq!(invoice.number.as_deref(), Some("2025-118"));
        assert_eq!(
            (invoice.date.as_deref(), invoice.due_date.as_deref()),
            (Some("2025-03-14"), Some("2025-04-13"))
        );
        assert_eq!(
            (
                invoice.total.as_deref(),
                invoice.tax.as_deref(),
                invoice.currency.as_deref()
            ),
            (Some("108.10"), Some("8.10"), Some("CHF"))
        );
    }

    #[test]
    fn a_total_is_neither_the_net_nor_the_tax() {
        let invoice = invoice_of(
            "Invoice INV-1001\nTotal net\t$90.00\nSales tax total\t$9.00\nTotal\t$99.00",
        )
        .unwrap();
        assert_eq!(
            (
                invoice.total.as_deref(),
                invoice.tax.as_deref(),
                invoice.currency.as_deref()
            ),
            (Some("99.00"), Some("9.00"), Some("USD"))
        );
        assert_eq!(invoice.due_date, None);
    }

    #[test]
    fn a_text_that_is_no_invoice_gives_none() {
        assert_eq!(invoice_of("Dear sir, total: 99.00"), None);
        assert_eq!(invoice_of("I never got an invoice."), None);
    }
}
