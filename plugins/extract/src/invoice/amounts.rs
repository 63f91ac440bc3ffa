//! The sums of an invoice: total, tax and net by their labels, held together where they add up.

use fleetwright_detect::Scan;

use super::grid::{Grid, Piece};
use super::labels;
use super::seek::{Found, Small, find_label, has_label, words};
use crate::find::amount;

/// What is to be paid.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) total: Option<String>,
    pub(super) tax: Option<String>,
    pub(super) currency: Option<String>,
}

/// A sum under a label.
#[derive(Clone, Debug)]
struct Sum {
    plain: String,
    cents: i64,
    /// The place of its label in the list: the surest is 0.
    rank: usize,
    line: usize,
    currency: Option<&'static str>,
}

/// Reads the sums of a document. `dollar` is what `$` stands for.
pub(super) fn read(grid: &Grid<'_>, dollar: &str) -> Sums {
    let sums = |list, others| labelled(grid, list, others, dollar);
    let totals = sums(labels::TOTAL, &[labels::NET, labels::TAX][..]);
    let taxes = sums(labels::TAX, &[][..]);
    let nets = sums(labels::NET, &[labels::TAX][..]);
    let adds_up =
        |total: &Sum, tax: &Sum| nets.iter().any(|net| net.cents + tax.cents == total.cents);
    let pairs = totals
        .iter()
        .flat_map(|total| taxes.iter().map(move |tax| (total, tax)));
    let sound = pairs
        .filter(|(total, tax)| total.cents > 0 && adds_up(total, tax))
        .min_by_key(|(total, tax)| (total.rank, tax.rank));
    let (total, tax) = match sound {
        Some((total, tax)) => (Some(total), Some(tax)),
        None => {
            let total = totals
                .iter()
                .min_by_key(|sum| (sum.rank, usize::MAX - sum.line));
            let less = |tax: &&Sum| total.is_none_or(|total| tax.cents < total.cents.max(1));
            let tax = taxes
                .iter()
                .filter(less)
                .min_by_key(|sum| (sum.rank, usize::MAX - sum.line));
            (total, tax)
        }
    };
    let currency = total
        .and_then(|total| total.currency)
        .or_else(|| usual_currency(grid, dollar));
    Sums {
        total: total.map(|sum| sum.plain.clone()),
        tax: tax.map(|sum| sum.plain.clone()),
        currency: currency.map(str::to_owned),
    }
}

/// All sums that a list's labels announce; a label beside one of `others` in its cell announces none.
fn labelled(
    grid: &Grid<'_>,
    list: &'static str,
    others: &[&'static str],
    dollar: &str,
) -> Vec<Sum> {
    let mut found = Vec::new();
    for piece in &grid.pieces {
        let Some((rank, label, place)) = surest(&piece.small, list) else {
            continue;
        };
        let rest = |word: &'static str| {
            find_label(&piece.small, word).is_some()
                && !label.contains(word)
                && !is_inclusive(piece.text, word)
        };
        if others.iter().any(|list| words(list).any(rest)) {
            continue;
        }
        for (plain, currency) in beside_or_below(grid, piece, place, dollar) {
            let Some(cents) = cents(&plain) else { continue };
            let currency = currency.or_else(|| currency_of(piece.text, dollar));
            found.push(Sum {
                plain,
                cents,
                rank,
                line: piece.line,
                currency,
            });
        }
    }
    found
}

/// Whether a word for net or tax only says that the tax is within, as in `total incl. VAT`.
fn is_inclusive(text: &str, word: &str) -> bool {
    let lower = text.to_lowercase();
    let head = lower.split(word).next().unwrap_or_default();
    [
        "incl",
        "inkl",
        "including",
        "inclusief",
        "ttc",
        "con",
        "compris",
    ]
    .iter()
    .any(|word| head.contains(word))
}

/// A text's label that stands first in the list.
fn surest(text: &Small, list: &'static str) -> Option<(usize, &'static str, Found)> {
    words(list)
        .enumerate()
        .find_map(|(rank, label)| Some((rank, label, find_label(text, label)?)))
}

/// The sum in the label's own cell, or the last one on its line, or else those below it.
fn beside_or_below(
    grid: &Grid<'_>,
    piece: &Piece<'_>,
    label: Found,
    dollar: &str,
) -> Vec<(String, Option<&'static str>)> {
    let own = piece
        .text
        .get(label.end..)
        .and_then(|rest| last_sum(rest, dollar));
    let line = grid
        .beside(piece)
        .filter_map(|other| last_sum(other.text, dollar));
    // Another label between says that the sums beyond it are its own.
    let free = !grid
        .beside(piece)
        .any(|other| is_label(&other.small) && last_sum(other.text, dollar).is_none());
    match own.or_else(|| line.last().filter(|_| free)) {
        Some(sum) => vec![sum],
        None => grid
            .below(piece)
            .filter_map(|other| last_sum(other.text, dollar))
            .take(2)
            .collect(),
    }
}

fn is_label(text: &Small) -> bool {
    [labels::TOTAL, labels::NET, labels::TAX]
        .iter()
        .any(|list| has_label(text, list))
}

/// The last number of a text that is written as money: two decimals, or a currency beside it; no share.
fn last_sum(text: &str, dollar: &str) -> Option<(String, Option<&'static str>)> {
    let scan = Scan::new(text);
    let money = |number: &amount::Number| {
        let rest = scan.slice(number.to, scan.len());
        number.decimals == 2 && !rest.trim_start().starts_with('%')
    };
    let number = amount::numbers(&scan).into_iter().rfind(money);
    match number {
        Some(number) => {
            let negative = scan
                .slice(0, number.from)
                .trim_end_matches(|c: char| !c.is_alphanumeric() && c != '-' && c != '−')
                .ends_with(['-', '−']);
            let sign = if negative { "-" } else { "" };
            Some((format!("{sign}{}", number.plain), currency_of(text, dollar)))
        }
        None => {
            let found = amount::find(&scan, dollar).pop()?;
            let (_, plain) = found.normalized.as_deref()?.split_once(' ')?;
            Some((plain.to_owned(), found.currency))
        }
    }
}

fn cents(plain: &str) -> Option<i64> {
    let (whole, decimals) = plain.split_once('.').unwrap_or((plain, "00"));
    let decimals = format!("{decimals:0<2}");
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let whole: i64 = whole.trim_start_matches('-').parse().ok()?;
    Some(sign * (whole.checked_mul(100)? + decimals.get(..2)?.parse::<i64>().ok()?))
}

fn currency_of(text: &str, dollar: &str) -> Option<&'static str> {
    match amount::currency_in(text) {
        Some("USD") if text.contains('$') && !text.contains("USD") => {
            amount::code_of(dollar).or(Some("USD"))
        }
        other => other,
    }
}

/// The currency that most cells name.
fn usual_currency(grid: &Grid<'_>, dollar: &str) -> Option<&'static str> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for currency in grid
        .pieces
        .iter()
        .filter_map(|piece| currency_of(piece.text, dollar))
    {
        match counts.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, count)) => *count += 1,
            None => counts.push((currency, 1)),
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(currency, _)| currency)
}
