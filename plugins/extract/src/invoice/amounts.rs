//! The sums of an invoice: total, tax and net by their labels, held together where they add up.

use fleetwright_detect::Scan;

use super::evidence::{ADDS_UP, BELOW, BESIDE, Reading, Spotted, WEIGHED};
use super::grid::{Grid, Piece};
use super::labels;
use super::seek::{Found, Small, find_label, has_label, words};
use crate::find::amount;

/// What is to be paid.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) total: Option<Spotted>,
    pub(super) tax: Option<Spotted>,
    pub(super) currency: Option<Spotted>,
}

/// Sums of one kind that are looked at.
const SUMS: usize = 64;

/// A sum under a label.
#[derive(Clone, Debug)]
struct Sum {
    money: Money,
    cents: i64,
    /// The place of its label in the list: the surest is 0.
    rank: usize,
    line: usize,
}

/// A plain number, and the currency beside it.
#[derive(Clone, Debug)]
struct Money {
    plain: Spotted,
    currency: Option<Spotted>,
}

/// Reads the sums of a document. `dollar` is what `$` stands for.
pub(super) fn read(grid: &Grid<'_>, dollar: &str) -> Sums {
    // Each total is held against each tax and each net; an invoice has a few of each.
    let sums = |list, others| -> Vec<Sum> {
        let mut sums = labelled(grid, list, others, dollar);
        sums.truncate(SUMS);
        sums
    };
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
        .and_then(|total| total.money.currency.clone())
        .or_else(|| usual_currency(grid, dollar));
    let told = |sum: &Sum| {
        let mut plain = sum.money.plain.clone();
        if sound.is_some() {
            plain.confidence = ADDS_UP;
        }
        plain
    };
    Sums {
        total: total.map(told),
        tax: tax.map(told),
        currency,
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
        for mut money in beside_or_below(grid, piece, place, dollar) {
            let Some(cents) = cents(&money.plain.normal) else {
                continue;
            };
            let labelled = || Some(piece.spotted(0, currency_of(piece.text, dollar)?, BESIDE));
            money.currency = money.currency.or_else(labelled);
            found.push(Sum {
                money,
                cents,
                rank,
                line: piece.line,
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
fn beside_or_below(grid: &Grid<'_>, piece: &Piece<'_>, label: Found, dollar: &str) -> Vec<Money> {
    let sum = |other: &Piece<'_>, confidence| last_sum(other, 0, dollar, confidence);
    let own = last_sum(piece, label.end, dollar, BESIDE);
    let line = grid.beside(piece).filter_map(|other| sum(other, BESIDE));
    // Another label between says that the sums beyond it are its own.
    let free = !grid
        .beside(piece)
        .any(|other| is_label(&other.small) && sum(other, BESIDE).is_none());
    match own.or_else(|| line.last().filter(|_| free)) {
        Some(sum) => vec![sum],
        None => grid
            .below(piece)
            .filter_map(|other| sum(other, BELOW))
            .take(2)
            .collect(),
    }
}

fn is_label(text: &Small) -> bool {
    [labels::TOTAL, labels::NET, labels::TAX]
        .iter()
        .any(|list| has_label(text, list))
}

/// The last number of a piece, from a byte of its text on, that is written as money: two decimals, or a currency beside it; no share.
fn last_sum(piece: &Piece<'_>, from: usize, dollar: &str, confidence: f64) -> Option<Money> {
    let text = piece.text.get(from..)?;
    let (plain, currency) = last_reading(text, dollar)?;
    Some(Money {
        plain: piece.spotted(from, plain, confidence),
        currency: currency.map(|currency| piece.spotted(from, currency, BESIDE)),
    })
}

/// That number of a text, and the currency that the text names.
fn last_reading(text: &str, dollar: &str) -> Option<(Reading, Option<Reading>)> {
    let scan = Scan::new(text);
    let money = |number: &amount::Number| {
        let rest = scan.slice(number.to, scan.len());
        number.decimals == 2 && !rest.trim_start().starts_with('%')
    };
    let number = amount::numbers(&scan).into_iter().rfind(money);
    match number {
        Some(number) => {
            let digits = scan.span(number.from, number.to);
            let head = scan
                .slice(0, number.from)
                .trim_end_matches(|c: char| !c.is_alphanumeric() && c != '-' && c != '−');
            let plain = match head.strip_suffix(['-', '−']) {
                Some(before) => (before.len()..digits.end, format!("-{}", number.plain)),
                None => (digits.start..digits.end, number.plain),
            };
            Some((plain, currency_of(text, dollar)))
        }
        None => {
            let found = amount::find(&scan, dollar).pop()?;
            let (_, plain) = found.normalized.as_deref()?.split_once(' ')?;
            let bytes = found.span.start..found.span.end;
            let currency = (bytes.clone(), found.currency?.to_owned());
            Some(((bytes, plain.to_owned()), Some(currency)))
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

/// The currency that a text names; `$` is what the config says.
fn currency_of(text: &str, dollar: &str) -> Option<Reading> {
    let (bytes, code) = amount::currency_in(text)?;
    let code = match code {
        "USD" if text.contains('$') && !text.contains("USD") => {
            amount::code_of(dollar).unwrap_or("USD")
        }
        other => other,
    };
    Some((bytes, code.to_owned()))
}

/// The currency that most cells name.
fn usual_currency(grid: &Grid<'_>, dollar: &str) -> Option<Spotted> {
    let named = |piece: &Piece<'_>| {
        let currency = currency_of(piece.text, dollar)?;
        Some(piece.spotted(0, currency, WEIGHED))
    };
    let mut counts: Vec<(Spotted, usize)> = Vec::new();
    for currency in grid.pieces.iter().filter_map(named) {
        let known = |(known, _): &&mut (Spotted, usize)| known.normal == currency.normal;
        match counts.iter_mut().find(known) {
            Some((_, count)) => *count += 1,
            None => counts.push((currency, 1)),
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(currency, _)| currency)
}
