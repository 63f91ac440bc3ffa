//! Amounts of money: a number with a currency beside it, in the ways that languages write both.
//!
//! The last of two different marks is the decimal one; a single mark before exactly three digits groups thousands
//! (money is not written with three decimals), before one or two it is decimal.

use std::ops::Range;

use fleetwright_detect::Scan;

use super::Finding;
use crate::entity::Kind;

/// ISO 4217 codes that are recognised.
const CODES: &str = "AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP GHS HKD HUF IDR ILS INR ISK JOD JPY KES KRW KWD KZT LKR MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD UYU VND ZAR";

/// Signs and words, the longer before the shorter. `$` alone is what the config says.
const SIGNS: &[(&str, &str)] = &[
    ("US$", "USD"),
    ("A$", "AUD"),
    ("AU$", "AUD"),
    ("C$", "CAD"),
    ("CA$", "CAD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("S$", "SGD"),
    ("R$", "BRL"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("₩", "KRW"),
    ("₺", "TRY"),
    ("₴", "UAH"),
    ("₽", "RUB"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("Rs.", "INR"),
];
const WORDS: &[(&str, &str)] = &[
    ("euros", "EUR"),
    ("euro", "EUR"),
    ("pounds", "GBP"),
    ("quid", "GBP"),
    ("rupees", "INR"),
    ("yen", "JPY"),
];

/// A number as it stands in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Positions of characters, half open.
    pub from: usize,
    /// See `from`.
    pub to: usize,
    /// Digits with a point before the decimals, as `1234.56`.
    pub plain: String,
    /// How many decimals are written.
    pub decimals: usize,
}

/// Finds amounts. `dollar` is the currency that `$` and "dollars" stand for.
pub fn find(scan: &Scan<'_>, dollar: &str) -> Vec<Finding> {
    let dollar = code_of(dollar).unwrap_or("USD");
    let mut found: Vec<Finding> = Vec::new();
    for number in numbers(scan) {
        let taken = found.last().map_or(0, |last| last.span.end);
        let before =
            before(scan, number.from, dollar).filter(|(from, _)| scan.offset(*from) >= taken);
        let (from, to, currency) = match (before, after(scan, number.to, dollar)) {
            (Some((from, currency)), _) => (from, number.to, currency),
            (None, Some((to, currency))) => (number.from, to, currency),
            (None, None) => continue,
        };
        let negative = matches!(scan.before(from), Some('-' | '−'))
            && !scan
                .before(from.saturating_sub(1))
                .is_some_and(char::is_alphanumeric);
        let from = if negative { from - 1 } else { from };
        let plain = if negative {
            format!("-{}", number.plain)
        } else {
            number.plain
        };
        let span = scan.span(from, to);
        let finding = Finding::new(
            Kind::Amount,
            scan,
            span,
            format!("{currency} {plain}"),
            if span.of(scan.text()).contains('$') {
                0.9
            } else {
                0.97
            },
        );
        found.push(Finding {
            currency: Some(currency),
            ..finding
        });
    }
    found
}

/// Every number that stands alone, with or without a currency.
pub fn numbers(scan: &Scan<'_>) -> Vec<Number> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        let glued = scan.before(position).is_some_and(|c| {
            c.is_ascii_digit()
                || "/:#_".contains(c)
                || c == '.'
                    && scan
                        .before(position - 1)
                        .is_some_and(|d| d.is_ascii_digit())
        });
        if !scan.at(position).is_some_and(|c| c.is_ascii_digit()) || glued {
            position += 1;
            continue;
        }
        let to = number_end(scan, position);
        if let Some((plain, decimals)) = plain(scan.slice(position, to)) {
            found.push(Number {
                from: position,
                to,
                plain,
                decimals,
            });
        }
        position = to;
    }
    found
}

/// The currency that a piece of text names by its code or sign, where it names one, with the bytes of that.
pub fn currency_in(text: &str) -> Option<(Range<usize>, &'static str)> {
    let mut end = 0;
    let mut words = text.split_inclusive(|c: char| !c.is_ascii_alphabetic());
    let by_code = words.find_map(|word| {
        let start = end;
        end += word.len();
        let word = word.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
        Some((start..start + word.len(), code_of(word)?))
    });
    let by_sign = |(sign, code): &(&str, &'static str)| {
        let start = text.find(sign)?;
        Some((start..start + sign.len(), *code))
    };
    by_code
        .or_else(|| SIGNS.iter().find_map(by_sign))
        .or_else(|| by_sign(&("$", "USD")))
}

/// Extends over digits and the marks between them; a blank only before exactly three digits.
fn number_end(scan: &Scan<'_>, from: usize) -> usize {
    let mut to = scan.skip(from, |c| c.is_ascii_digit());
    let mut group = to - from;
    while let Some(mark) = scan
        .at(to)
        .filter(|c| matches!(c, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}'))
    {
        let next = scan.skip(to + 1, |c| c.is_ascii_digit());
        let digits = next - to - 1;
        let joins = if mark == '.' || mark == ',' {
            digits > 0
        } else {
            digits == 3 && group <= 3
        };
        if !joins {
            break;
        }
        (to, group) = (next, digits);
    }
    to
}

/// A written number in plain form, with the number of its decimals; none where the marks make no number.
fn plain(text: &str) -> Option<(String, usize)> {
    let last = text.rfind(['.', ',']);
    let mark = last.and_then(|at| text.get(at..)?.chars().next());
    let decimals = last.map_or(0, |at| text.len() - at - 1);
    let other = if mark == Some('.') { ',' } else { '.' };
    let times = mark.map_or(0, |mark| text.matches(mark).count());
    let head = last.and_then(|at| text.get(..at)).unwrap_or_default();
    let decimal = times == 1
        && (text.contains(other)
            || decimals != 3
            || head == "0"
            || head.len() > 3 && !head.contains([' ', '\'', '’', '\u{a0}', '\u{202f}']));
    let (whole, fraction) = match last {
        Some(at) if decimal => (text.get(..at)?, text.get(at + 1..)?),
        _ => (text, ""),
    };
    let groups: Vec<&str> = whole.split(|c: char| !c.is_ascii_digit()).collect();
    let grouped = groups.len() == 1
        || groups.first().is_some_and(|g| (1..=3).contains(&g.len()))
            && groups.iter().skip(1).all(|g| g.len() == 3);
    let digits = groups.concat();
    if !grouped || digits.len() > 15 || fraction.len() > 4 {
        return None;
    }
    let trimmed = digits.trim_start_matches('0');
    let digits = if trimmed.is_empty() { "0" } else { trimmed };
    Some(if fraction.is_empty() {
        (digits.to_owned(), 0)
    } else {
        (format!("{digits}.{fraction}"), fraction.len())
    })
}

/// A currency right before a position: where it starts, and its code.
fn before(scan: &Scan<'_>, position: usize, dollar: &'static str) -> Option<(usize, &'static str)> {
    let end = if scan.before(position).is_some_and(is_blank) {
        position - 1
    } else {
        position
    };
    let head = scan.slice(end.saturating_sub(4), end);
    for (sign, code) in SIGNS {
        let from = end.saturating_sub(sign.chars().count());
        if head.ends_with(sign)
            && (!sign.starts_with(char::is_alphabetic) || !scan.word_before(from))
        {
            return Some((from, code));
        }
    }
    if head.ends_with('$') {
        return Some((end - 1, dollar));
    }
    let from = end.checked_sub(3)?;
    code_of(scan.slice(from, end))
        .filter(|_| !scan.word_before(from))
        .map(|code| (from, code))
}

/// A currency right after a position: where it ends, and its code.
fn after(scan: &Scan<'_>, position: usize, dollar: &'static str) -> Option<(usize, &'static str)> {
    let dashed = scan.slice(position, position + 2);
    let position = if matches!(dashed, ",-" | ",–") {
        position + 2
    } else {
        position
    };
    let start = if scan.at(position).is_some_and(is_blank) {
        position + 1
    } else {
        position
    };
    let tail = scan.slice(start, start + 8);
    for (sign, code) in SIGNS {
        let end = start + sign.chars().count();
        if tail.starts_with(sign) && !scan.word_at(end) {
            return Some((end, code));
        }
    }
    if tail.starts_with('$') && !scan.at(start + 1).is_some_and(|c| c.is_ascii_digit()) {
        return Some((start + 1, dollar));
    }
    let end = scan.skip(start, char::is_alphabetic);
    let word = scan.slice(start, end);
    let lower = word.to_lowercase();
    let named = WORDS
        .iter()
        .find(|(name, _)| *name == lower)
        .map(|(_, code)| *code);
    let named = named.or_else(|| {
        (start > position && matches!(lower.as_str(), "dollars" | "dollar" | "bucks"))
            .then_some(dollar)
    });
    named.or_else(|| code_of(word)).map(|code| (end, code))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}')
}

/// A currency's code, where it is one that is recognised.
pub fn code_of(text: &str) -> Option<&'static str> {
    (text.len() == 3)
        .then(|| CODES.split(' ').find(|code| *code == text))
        .flatten()
}
