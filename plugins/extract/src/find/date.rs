//! Dates as ISO 8601. A date that can be read in two ways is given in both, never guessed.

use fleetwright_detect::Scan;
use serde::Deserialize;

use super::Finding;
use crate::entity::Kind;

/// How `03/04/2025` is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// In both ways: the text does not say.
    #[default]
    Ambiguous,
    /// 3 April.
    DayFirst,
    /// March 4.
    MonthFirst,
}

/// Month names of English, German, French, Spanish, Italian and Dutch; a month's abbreviations are prefixes of three or four letters.
const MONTHS: [&[&str]; 12] = [
    &[
        "january", "januar", "janvier", "enero", "gennaio", "januari",
    ],
    &[
        "february", "februar", "février", "febrero", "febbraio", "februari",
    ],
    &["march", "märz", "mars", "marzo", "maart", "mrz", "mär"],
    &["april", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "mei"],
    &["june", "juni", "juin", "junio", "giugno"],
    &["july", "juli", "juillet", "julio", "luglio"],
    &["august", "août", "agosto", "augustus"],
    &["september", "septembre", "septiembre", "settembre", "sept"],
    &["october", "oktober", "octobre", "octubre", "ottobre"],
    &["november", "novembre", "noviembre"],
    &[
        "december",
        "dezember",
        "décembre",
        "diciembre",
        "dicembre",
        "dez",
    ],
];
/// The letters of the shortest and of the longest of them, and the most of an abbreviation.
const SHORTEST: usize = 3;
const LONGEST: usize = 10;
const ABBREVIATED: usize = 4;

/// Finds dates.
pub fn find(scan: &Scan<'_>, order: Order) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        // A mark at the very start of a text joins nothing: a bullet, or a speck on a scan.
        let joined = position > 1 && matches!(scan.before(position), Some('-' | '/' | '.' | ','));
        let border = !scan.word_before(position) && !joined;
        let read = match scan.at(position) {
            Some(c) if border && c.is_ascii_digit() => {
                numeric(scan, position, order).or_else(|| day_month(scan, position))
            }
            Some(c) if border && c.is_uppercase() => month_day(scan, position),
            _ => None,
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

/// The only date that a text is, as `2025-03-14`; none for another text, or for a date of two readings.
pub fn only(text: &str) -> Option<String> {
    let found = find(&Scan::new(text), Order::Ambiguous);
    match found.as_slice() {
        [date] if date.value == text => date.normalized.clone(),
        _ => None,
    }
}

/// Whether a word is a month's name, or one cut short.
pub(crate) fn is_month(word: &str) -> bool {
    let scan = Scan::new(word);
    month(&scan, 0).is_some_and(|(_, to)| to == scan.len())
}

/// How the numeric dates of a text are read, of each that can be read in one way alone.
pub fn orders(text: &str) -> Vec<Order> {
    let (days, months) = (
        find(&Scan::new(text), Order::DayFirst),
        find(&Scan::new(text), Order::MonthFirst),
    );
    let sure = days.iter().zip(&months).filter(|(day, month)| {
        let slashed =
            day.value.contains(['/', '-']) && day.value.starts_with(|c: char| c.is_ascii_digit());
        slashed && day.span == month.span && day.normalized == month.normalized
    });
    let told = sure.filter_map(|(day, _)| {
        let mut parts = day
            .value
            .split(['/', '-'])
            .map(|part| part.parse().unwrap_or(0));
        match (parts.next()?, parts.next()?) {
            (13..=31, 1..=12) => Some(Order::DayFirst),
            (1..=12, 13..=31) => Some(Order::MonthFirst),
            _ => None,
        }
    });
    told.collect()
}

/// `2025-03-14`, `14.03.2025`, `14/03/25`.
fn numeric(scan: &Scan<'_>, from: usize, order: Order) -> Option<(Finding, usize)> {
    let (a, to) = digits(scan, from)?;
    let mark = scan.at(to).filter(|c| matches!(c, '-' | '/' | '.'))?;
    let (b, to) = digits(scan, to + 1)?;
    if scan.at(to) != Some(mark) {
        return None;
    }
    let (c, to) = digits(scan, to + 1)?;
    let timed = scan.at(to) == Some('T') && scan.at(to + 1).is_some_and(|c| c.is_ascii_digit());
    let more = matches!(scan.at(to), Some('-' | '/'))
        || scan.at(to) == Some('.') && scan.at(to + 1).is_some_and(|c| c.is_ascii_digit());
    if scan.word_at(to) && !timed || more {
        return None;
    }
    let span = scan.span(from, to);
    if a.len() == 4 {
        return (b.len() == 2 && c.len() == 2)
            .then(|| iso(number(a), number(b), number(c)))
            .flatten()
            .map(|date| (Finding::new(Kind::Date, scan, span, date, 0.99), to));
    }
    if a.len() > 2 || b.len() > 2 || !matches!(c.len(), 2 | 4) {
        return None;
    }
    let year = if c.len() == 2 {
        number(c) + if number(c) < 70 { 2000 } else { 1900 }
    } else {
        number(c)
    };
    let sure = if c.len() == 2 { 0.8 } else { 0.97 };
    let day_first = iso(year, number(b), number(a));
    let month_first = iso(year, number(a), number(b)).filter(|_| mark != '.'); // nobody writes points with the month first
    let date = match (day_first, month_first, order) {
        (Some(day), Some(month), Order::Ambiguous) if day != month => {
            let finding = Finding {
                normalized: None,
                readings: vec![day, month],
                ..Finding::new(Kind::Date, scan, span, "", 0.5)
            };
            return Some((finding, to));
        }
        (Some(day), None, _) | (Some(day), Some(_), Order::DayFirst | Order::Ambiguous) => day,
        (None, Some(month), _) | (Some(_), Some(month), Order::MonthFirst) => month,
        (None, None, _) => return None,
    };
    Some((Finding::new(Kind::Date, scan, span, date, sure), to))
}

/// `14 March 2025`, `14. März`, `3rd of May, 2025`.
fn day_month(scan: &Scan<'_>, from: usize) -> Option<(Finding, usize)> {
    let (day, to) = digits(scan, from).filter(|(day, _)| day.len() < 3)?;
    let suffixed = scan.skip(to, |c| c.is_ascii_lowercase());
    let to = match scan.slice(to, suffixed) {
        "" | "st" | "nd" | "rd" | "th" | "er" => suffixed,
        _ => return None,
    };
    let to = if scan.at(to) == Some('.') { to + 1 } else { to };
    let mut start = scan.skip(to, is_blank);
    for word in ["of ", "de "] {
        start = if scan.slice(start, start + 3) == word {
            start + 3
        } else {
            start
        };
    }
    let capital = scan.at(start).is_some_and(char::is_uppercase);
    let (month, to) = month(scan, start)?;
    let (finding, to) = with_year(scan, from, to, month, number(day))?;
    let dated = finding
        .normalized
        .as_ref()
        .is_some_and(|date| !date.starts_with('-'));
    (capital || dated).then_some((finding, to)) // "for 5 may be too few" is no date
}

/// `March 14, 2025`, `Mar 14th`.
fn month_day(scan: &Scan<'_>, from: usize) -> Option<(Finding, usize)> {
    let (month, to) = month(scan, from)?;
    let start = scan.skip(to, is_blank);
    let (day, to) = digits(scan, start).filter(|(day, _)| day.len() < 3 && start > to)?;
    let suffixed = scan.skip(to, |c| c.is_ascii_lowercase());
    let to = if matches!(scan.slice(to, suffixed), "st" | "nd" | "rd" | "th") {
        suffixed
    } else {
        to
    };
    if scan.word_at(to)
        || scan.at(to) == Some(':')
        || matches!(scan.at(to), Some('.' | ','))
            && scan.at(to + 1).is_some_and(|c| c.is_ascii_digit())
    {
        return None;
    }
    with_year(scan, from, to, month, number(day))
}

/// Takes the year where one follows; without it the date is `--03-14`, which says that it is not known.
fn with_year(
    scan: &Scan<'_>,
    from: usize,
    to: usize,
    month: u32,
    day: u32,
) -> Option<(Finding, usize)> {
    let comma = if scan.at(to) == Some(',') { to + 1 } else { to };
    let start = scan.skip(comma, is_blank);
    if let Some((year, end)) =
        digits(scan, start).filter(|(year, end)| year.len() == 4 && !scan.word_at(*end))
    {
        let date = iso(number(year), month, day)?;
        return Some((
            Finding::new(Kind::Date, scan, scan.span(from, end), date, 0.99),
            end,
        ));
    }
    iso(2024, month, day)?; // a leap year: 29 February may be meant
    let finding = Finding::new(
        Kind::Date,
        scan,
        scan.span(from, to),
        format!("--{month:02}-{day:02}"),
        0.7,
    );
    Some((finding, to))
}

/// A month's name at a position, as 1 to 12, with the position after it and its point.
fn month(scan: &Scan<'_>, from: usize) -> Option<(u32, usize)> {
    let to = scan.skip(from, char::is_alphabetic);
    let length = to.saturating_sub(from);
    // Of most words their length tells that they are none.
    if !(SHORTEST..=LONGEST).contains(&length) {
        return None;
    }
    let word = scan.slice(from, to).to_lowercase();
    let short = length <= ABBREVIATED;
    let is = |name: &&str| *name == word || short && name.starts_with(&word);
    let place = MONTHS.iter().position(|names| names.iter().any(is))?;
    let to = to + usize::from(short && scan.at(to) == Some('.'));
    Some((u32::try_from(place).ok()? + 1, to))
}

/// A day that exists, as `2025-03-14`.
fn iso(year: u32, month: u32, day: u32) -> Option<String> {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    ((1..=days).contains(&day) && (1900..=2199).contains(&year))
        .then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Up to four digits at a position, with the position after them.
fn digits<'a>(scan: &Scan<'a>, from: usize) -> Option<(&'a str, usize)> {
    let to = scan.skip(from, |c| c.is_ascii_digit());
    (1..=4)
        .contains(&to.saturating_sub(from))
        .then(|| (scan.slice(from, to), to))
}

fn number(digits: &str) -> u32 {
    digits.parse().unwrap_or(0)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}')
}
