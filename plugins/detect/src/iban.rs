//! International bank account numbers: the country's length and the checksum modulo 97 (ISO 13616, ISO 7064).

use crate::{Scan, Span};

/// An IBAN found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iban {
    /// Where it stands.
    pub span: Span,
    /// In upper case and without separators.
    pub normalized: String,
}

/// Finds IBANs, whole or in groups parted by single blanks or dashes, in either case.
pub fn find(scan: &Scan<'_>) -> Vec<Iban> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        let starts = !scan.word_before(position)
            && scan.at(position).is_some_and(|c| c.is_ascii_alphabetic());
        match starts.then(|| iban_at(scan, position)).flatten() {
            Some((iban, after)) => {
                found.push(iban);
                position = after;
            }
            None => position += 1,
        }
    }
    found
}

/// Whether letters and digits without separators, in upper case, are an IBAN.
pub fn valid(number: &str) -> bool {
    let length = number.get(..2).and_then(country_length);
    length == Some(number.len())
        && number
            .get(2..4)
            .is_some_and(|c| c.bytes().all(|b| b.is_ascii_digit()))
        && checksum(number)
}

/// Keeps the country and the last four characters: `DE••3000`.
pub fn mask(number: &str) -> String {
    let country = number.get(..2).unwrap_or_default();
    let last = number
        .len()
        .checked_sub(4)
        .filter(|kept| *kept >= 4)
        .and_then(|kept| number.get(kept..))
        .unwrap_or_default();
    format!("{country}••{last}")
}

fn iban_at(scan: &Scan<'_>, start: usize) -> Option<(Iban, usize)> {
    let digit = |position| scan.at(position).is_some_and(|c| c.is_ascii_digit());
    if !digit(start + 2) && !digit(start + 3) {
        return None; // a word, as nearly everywhere
    }
    let country: String = [scan.at(start)?, scan.at(start + 1)?]
        .iter()
        .map(char::to_ascii_uppercase)
        .collect();
    let length = country_length(&country)?;
    let mut number = String::with_capacity(length);
    let mut position = start;
    while number.len() < length {
        let c = scan.at(position)?;
        if c.is_ascii_alphanumeric() {
            number.push(c.to_ascii_uppercase());
        } else if number.len() < 4 && number.len() != 2
            || !is_separator(c)
            || scan.before(position).is_some_and(is_separator)
        {
            return None;
        }
        position += 1;
    }
    let whole = !scan.word_at(position);
    (whole && valid(&number)).then(|| {
        (
            Iban {
                span: scan.span(start, position),
                normalized: number,
            },
            position,
        )
    })
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '\u{a0}' | '\u{202f}')
}

/// Country and check digits moved to the end, letters as 10 to 35: the remainder by 97 must be 1.
fn checksum(number: &str) -> bool {
    let (head, tail) = number.split_at_checked(4).unwrap_or_default();
    let remainder = tail
        .chars()
        .chain(head.chars())
        .try_fold(0u32, |remainder, c| {
            let value = c.to_digit(36)?;
            Some(
                (if value < 10 {
                    remainder * 10
                } else {
                    remainder * 100
                } + value)
                    % 97,
            )
        });
    remainder == Some(1)
}

/// Length by country, from the SWIFT registry.
fn country_length(country: &str) -> Option<usize> {
    LENGTHS
        .iter()
        .find(|(_, countries)| countries.split(' ').any(|c| c == country))
        .map(|(length, _)| *length)
}

const LENGTHS: &[(usize, &str)] = &[
    (15, "NO"),
    (16, "BE"),
    (18, "DK FI FK FO GL NL SD"),
    (19, "MK SI"),
    (20, "AT BA EE KZ LT LU MN XK"),
    (21, "CH HR LI LV"),
    (22, "BG BH CR DE GB GE IE ME RS VA"),
    (23, "AE GI IL IQ OM SO TL"),
    (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
    (25, "LY PT ST"),
    (26, "IS TR"),
    (27, "BI DJ FR GR IT MC MR SM"),
    (28, "AL AZ BY CY DO GT HU LB NI PL SV"),
    (29, "BR EG PS QA UA"),
    (30, "JO KW MU YE"),
    (31, "MT SC"),
    (32, "LC"),
    (33, "RU"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_text(text: &str) -> Vec<String> {
        find(&Scan::new(text))
            .into_iter()
            .map(|iban| iban.normalized)
            .collect()
    }

    #[test]
    fn registry_examples_are_found() {
        for text in [
            "DE89 3704 0044 0532 0130 00",
            "DE89370400440532013000",
            "gb82 west 1234 5698 7654 32",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NL91-ABNA-0417-1643-00",
            "NO93 8601 1117 947",
            "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        ] {
            assert_eq!(in_text(&format!("IBAN: {text}, thanks")).len(), 1, "{text}");
        }
    }

    #[test]
    fn wrong_length_checksum_or_country_is_no_iban() {
        assert!(in_text("DE89 3704 0044 0532 0130 01").is_empty());
        assert!(in_text("DE89 3704 0044 0532 0130").is_empty());
        assert!(in_text("ZZ89 3704 0044 0532 0130 00").is_empty());
        assert!(in_text("DE893704004405320130001").is_empty());
        assert!(in_text("XDE89370400440532013000").is_empty());
    }

    #[test]
    fn a_word_after_a_number_does_not_hide_it() {
        assert_eq!(
            in_text("DE89 3704 0044 0532 0130 00 at Commerzbank"),
            ["DE89370400440532013000"]
        );
        assert_eq!(mask("DE89370400440532013000"), "DE••3000");
    }

    fn generated(bban: &str) -> String {
        (2..99)
            .map(|check| format!("DE{check:02}{bban}"))
            .find(|n| checksum(n))
            .unwrap()
    }

    proptest! {
        #[test]
        fn a_valid_number_passes_and_a_changed_digit_fails(bban in "[0-9]{18}", place in 2usize..22, by in 1u8..10) {
            let number = generated(&bban);
            prop_assert_eq!(in_text(&number), vec![number.clone()]);
            let mut wrong = number.into_bytes();
            wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
            prop_assert!(!valid(&String::from_utf8(wrong).unwrap()));
        }

        #[test]
        fn any_text_is_survived(text in ".{0,80}") {
            for iban in find(&Scan::new(&text)) {
                prop_assert!(text.get(iban.span.start..iban.span.end).is_some());
            }
        }
    }
}
