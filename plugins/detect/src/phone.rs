//! Telephone numbers: international ones as E.164; national ones where the wording or the form says that they are one.
//!
//! A national number is given its country code only where the caller names the country. Without it the number is
//! reported as it is written: a guess would dial a stranger.

use std::ops::RangeInclusive;

use crate::{Scan, Span};

/// A telephone number found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Where it stands.
    pub span: Span,
    /// Its digits as written, without separators.
    pub digits: String,
    /// E.164, for example `+442079460958`, where the country is known.
    pub e164: Option<String>,
}

/// How the numbers of a country are written at home: (ISO 3166 code, country code, trunk prefix).
const HOME: &[(&str, &str, &str)] = &[
    ("AT", "43", "0"),
    ("AU", "61", "0"),
    ("BE", "32", "0"),
    ("CA", "1", "1"),
    ("CH", "41", "0"),
    ("CZ", "420", ""),
    ("DE", "49", "0"),
    ("DK", "45", ""),
    ("ES", "34", ""),
    ("FI", "358", "0"),
    ("FR", "33", "0"),
    ("GB", "44", "0"),
    ("IE", "353", "0"),
    ("IN", "91", "0"),
    ("IT", "39", ""),
    ("JP", "81", "0"),
    ("LU", "352", ""),
    ("NL", "31", "0"),
    ("NO", "47", ""),
    ("NZ", "64", "0"),
    ("PL", "48", ""),
    ("PT", "351", ""),
    ("SE", "46", "0"),
    ("US", "1", "1"),
];

/// Words that announce a telephone number, within the 24 characters before it.
const ANNOUNCED: &[&str] = &[
    "phone",
    "tel",
    "call",
    "mobile",
    "mob.",
    "cell",
    "fax",
    "ring",
    "whatsapp",
    "dial",
    "telefon",
    "handy",
    "reach",
    "sms",
    "text me",
    "answering at",
    "messages to",
    "contact me",
    "contact number",
];

/// Words that name a telephone behind its number, as signatures do.
const NAMED: &[&str] = &[
    "office", "fax", "mobile", "cell", "home", "work", "desk", "phone", "direct", "tel", "mob",
];

/// How many digits a number without a plus has.
const NATIONAL: RangeInclusive<usize> = 7..=14;

/// How people write that an extension follows.
const EXTENSIONS: &[&str] = &["ext.", "ext", "extension", "x", "durchwahl", "dw"];

/// Finds telephone numbers. `country` (ISO 3166, two letters) is where numbers without a country code belong.
pub fn find(scan: &Scan<'_>, country: Option<&str>) -> Vec<Phone> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        let starts = scan
            .at(position)
            .is_some_and(|c| c.is_ascii_digit() || c == '+' || c == '(');
        let bordered = !scan.word_before(position)
            && !scan
                .before(position)
                .is_some_and(|c| "+#./-_€$£@".contains(c));
        match (starts && bordered)
            .then(|| phone_at(scan, position, country))
            .flatten()
        {
            Some((phone, after)) => {
                found.push(phone);
                position = after;
            }
            None if starts => position = scan.skip(position + 1, |c| c.is_ascii_digit()),
            None => position += 1,
        }
    }
    found
}

/// Keeps the last three digits: `••958`.
pub fn mask(digits: &str) -> String {
    let last = digits
        .len()
        .checked_sub(3)
        .filter(|kept| *kept >= 4)
        .and_then(|kept| digits.get(kept..));
    format!("••{}", last.unwrap_or_default())
}

fn phone_at(scan: &Scan<'_>, start: usize, country: Option<&str>) -> Option<(Phone, usize)> {
    let plus = scan.at(start) == Some('+');
    let first = if plus { start + 1 } else { start };
    let open = scan.skip(first, |c| c == '(' || c == ' ');
    if open > first + 1 {
        return None;
    }
    let run = scan.digits(open, 16, 2, is_separator);
    let (_, last) = *run.last()?;
    if !plus && !NATIONAL.contains(&run.len()) {
        return None;
    }
    let number = last + 1;
    let after = extension(scan, number).unwrap_or(number);
    let digits: String = run
        .iter()
        .map(|(digit, _)| char::from(b'0' + digit))
        .collect();
    let written = scan.slice(start, number);
    if scan.word_at(after) || !balanced(written) || continues(scan, after) {
        return None;
    }
    let span = scan.span(start, after);
    let e164 = if plus {
        Some(international(&digits, written)?)
    } else {
        None
    };
    if e164.is_none() && !is_national(scan, start, number, &digits) {
        return None;
    }
    let e164 = e164
        .or_else(|| digits.strip_prefix("00").and_then(|d| international(d, "")))
        .or_else(|| at_home(&digits, country?));
    Some((Phone { span, digits, e164 }, after))
}

/// The position after an extension: "x 44", "ext. 12"; at most six digits.
fn extension(scan: &Scan<'_>, number: usize) -> Option<usize> {
    let word = scan.skip(number, |c| c == ' ' || c == ',');
    let end = scan.skip(word, |c| c.is_alphabetic() || c == '.');
    let said = scan.slice(word, end).to_lowercase();
    let digits = scan.skip(end, |c| c == ' ');
    let after = scan.skip(digits, |c| c.is_ascii_digit());
    let known = EXTENSIONS.contains(&said.as_str());
    (known && (1..=6).contains(&(after - digits))).then_some(after)
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{202f}' | '\u{2011}' | '\u{2013}'
    )
}

/// A decimal, a unit or a percent sign after the digits: an amount or a measure, not a telephone number.
fn continues(scan: &Scan<'_>, after: usize) -> bool {
    scan.at(after).is_some_and(|c| "€$£%@_#".contains(c))
        || scan.at(after).is_some_and(|c| ",.:".contains(c))
            && scan.at(after + 1).is_some_and(|c| c.is_ascii_digit())
}

fn balanced(text: &str) -> bool {
    text.matches('(').count() == text.matches(')').count() && text.matches('(').count() < 2
}

/// E.164 of digits that begin with a country code; `(0)`, the trunk prefix that some write behind it, is dropped.
fn international(digits: &str, written: &str) -> Option<String> {
    let code = country_code(digits)?;
    let rest = digits.get(code.len()..)?;
    let rest = if written.contains("(0)") {
        rest.strip_prefix('0').unwrap_or(rest)
    } else {
        rest
    };
    let length = code.len() + rest.len();
    ((8..=15).contains(&length) && rest.len() >= 5).then(|| format!("+{code}{rest}"))
}

fn at_home(digits: &str, country: &str) -> Option<String> {
    let (_, code, trunk) = HOME
        .iter()
        .find(|(name, _, _)| name.eq_ignore_ascii_case(country))?;
    let rest = match digits.strip_prefix(trunk) {
        Some(rest) if !trunk.is_empty() => rest,
        _ if *trunk == "0" => return None, // written without its area code: not to be dialled from elsewhere
        _ => digits,
    };
    let fits = if *code == "1" {
        rest.len() == 10
    } else {
        (6..=12).contains(&rest.len())
    };
    fits.then(|| format!("+{code}{rest}"))
}

/// Whether digits without a country code are a telephone number: announced as one, or in a form that only they have.
fn is_national(scan: &Scan<'_>, start: usize, after: usize, digits: &str) -> bool {
    let text = scan.slice(start, after);
    let fits = NATIONAL.contains(&digits.len()) && !is_date(text);
    fits && (is_announced(scan, start) || is_named(scan, after) || is_formed(text, digits))
}

/// Whether the line before the number says that one follows, or the line above it does and ends with a colon.
fn is_announced(scan: &Scan<'_>, start: usize) -> bool {
    let before = scan.slice(start.saturating_sub(24), start).to_lowercase();
    let said = |line: &str| ANNOUNCED.iter().any(|word| line.contains(word));
    match before.rsplit_once('\n') {
        Some((above, line)) if line.trim().is_empty() => {
            let label = above.rsplit('\n').next().unwrap_or_default().trim_end();
            label.ends_with(':') && said(label)
        }
        Some((_, line)) => said(line),
        None => said(&before),
    }
}

/// Whether the word behind the number names a telephone and ends the line.
fn is_named(scan: &Scan<'_>, after: usize) -> bool {
    let word = scan.skip(after, |c| c == ' ' || c == '(');
    let end = scan.skip(word, char::is_alphabetic);
    let rest = scan.skip(end, |c| matches!(c, ')' | '.' | ',' | ';' | ' '));
    let last = scan.at(rest).is_none_or(|c| c == '\n' || c == '\r');
    last && NAMED.contains(&scan.slice(word, end).to_lowercase().as_str())
}

/// Whether the number is written as only telephone numbers are.
fn is_formed(text: &str, digits: &str) -> bool {
    let groups: Vec<usize> = text
        .split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .filter(|n| *n > 0)
        .collect();
    let bracketed = text.starts_with('(');
    let trunk = digits.starts_with('0') && !digits.starts_with("00");
    match groups.as_slice() {
        [3, 3, 4] if bracketed || text.matches(['-', '.']).count() == 2 => true,
        [3, 3, 4] if text.matches(' ').count() == 2 && is_american(digits) => true,
        [1, 3, 3, 4] => digits.starts_with('1'),
        [area, ..] if bracketed => {
            (2..=5).contains(area) && groups.len() > 1 && (8..=11).contains(&digits.len())
        }
        [_, _, ..] if trunk => {
            groups.len() < 6 && (9..=11).contains(&digits.len()) && groups.iter().all(|n| *n > 1)
        }
        _ => {
            digits.starts_with("00")
                && groups.len() > 2
                && international(digits.get(2..).unwrap_or_default(), "").is_some()
        }
    }
}

/// Area code and exchange of the North American plan begin with 2 to 9.
fn is_american(digits: &str) -> bool {
    let from_two = |place| {
        digits
            .get(place..)
            .is_some_and(|d| d.starts_with(|c| ('2'..='9').contains(&c)))
    };
    from_two(0) && from_two(3)
}

/// Four digits and two pairs, in either order, with the same mark between: a date.
fn is_date(text: &str) -> bool {
    let groups: Vec<usize> = text.split(['-', '.', '/']).map(str::len).collect();
    matches!(groups.as_slice(), [4, 2, 2] | [2, 2, 4])
}

/// The country code that digits begin with (ITU E.164: no code is the start of another).
fn country_code(digits: &str) -> Option<&str> {
    let one = digits.get(..1)?;
    if matches!(one, "1" | "7") {
        return Some(one);
    }
    let two = digits.get(..2)?;
    if TWO.split(' ').any(|code| code == two) {
        return Some(two);
    }
    (!one.starts_with('0') && !matches!(two, "28" | "83" | "89"))
        .then(|| digits.get(..3))
        .flatten()
}

const TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn e164(text: &str, country: Option<&str>) -> Vec<Option<String>> {
        find(&Scan::new(text), country)
            .into_iter()
            .map(|phone| phone.e164)
            .collect()
    }

    #[test]
    fn international_numbers_become_e164() {
        for (text, number) in [
            ("+44 20 7946 0958", "+442079460958"),
            ("+44 (0)20 7946 0958.", "+442079460958"),
            ("+49-30-901820", "+4930901820"),
            ("+1 (212) 555-0123", "+12125550123"),
            ("0044 20 7946 0958", "+442079460958"),
        ] {
            assert_eq!(e164(text, None), [Some(number.to_owned())], "{text}");
        }
    }

    #[test]
    fn national_numbers_need_a_country_to_become_e164() {
        assert_eq!(e164("Tel: 020 7946 0958", None), [None]);
        assert_eq!(
            e164("Tel: 020 7946 0958", Some("GB")),
            [Some("+442079460958".to_owned())]
        );
        assert_eq!(
            e164("call (212) 555-0123", Some("US")),
            [Some("+12125550123".to_owned())]
        );
        assert_eq!(
            e164("Telefon 030/901820", Some("DE")),
            [Some("+4930901820".to_owned())]
        );
    }

    #[test]
    fn forms_and_labels_of_national_numbers() {
        for text in [
            "07700 900461",
            "020 7946 0958",
            "01 23 45 67 89",
            "0171-4567890",
            "(02) 5550 1234",
            "212 555 0123",
            "(212)555-0123x44",
            "212.555.0123 ext. 12",
            "781 1704 office",
            "555 0123 (home)\n",
            "Phone:\n 4233 6306",
        ] {
            let found = find(&Scan::new(text), None);
            assert_eq!(found.len(), 1, "{text}");
        }
        for text in [
            "112 555 0123",
            "0 1 2 3 4 5 6 7 8 9",
            "(1) 4233",
            "781 1704 office chairs",
            "Phone:\nnone\n 4233 6306",
            "555 0123 x 1234567",
        ] {
            assert!(find(&Scan::new(text), None).is_empty(), "{text}");
        }
    }

    #[test]
    fn numbers_of_other_kinds_are_left() {
        for text in [
            "order 20394817",
            "2025-04-03",
            "03.04.2025",
            "1,234.56",
            "$12345678",
            "4111 1111 1111 1111",
            "call me on 03/04/2025",
            "DE89370400440532013000",
            "12:30:45",
        ] {
            assert!(e164(text, Some("GB")).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_mask_shows_three_digits() {
        assert_eq!(mask("442079460958"), "••958");
        assert_eq!(mask("12345"), "••");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9+() ./ł-]{0,60}") {
            for phone in find(&Scan::new(&text), Some("GB")) {
                prop_assert!(text.get(phone.span.start..phone.span.end).is_some());
            }
        }
    }
}
