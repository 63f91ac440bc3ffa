//! Identity numbers of states, by the format rules and check digits that the issuers publish.

use fleetwright_detect::{Scan, Span};

/// US social security numbers: `AAA-GG-SSSS`, or nine digits that the words before them announce. No check digit
/// exists: area 000, 666 and 900 on, group 00 and serial 0000 were never issued, nor are two that advertisements showed.
pub(crate) fn us_ssn(scan: &Scan<'_>) -> Vec<Span> {
    let sound = |digits: &str, text: &str, said: bool| {
        let part = |range| digits.get(range).unwrap_or_default();
        let (area, group, serial) = (part(0..3), part(3..5), part(5..9));
        let shaped = is_grouped(text, &[3, 2, 4]) || said && digits.len() == text.len();
        shaped
            && area != "000"
            && area != "666"
            && !area.starts_with('9')
            && group != "00"
            && serial != "0000"
            && !matches!(digits, "078051120" | "219099999")
    };
    numbers(scan, 9, &["ssn", "social security"], sound)
}

/// German tax identification numbers: eleven digits, the first not zero, exactly one digit of the first ten twice or
/// three times, and a check digit (ISO 7064, MOD 11,10); in the groups 2-3-3-3, or announced.
pub(crate) fn de_tax(scan: &Scan<'_>) -> Vec<Span> {
    let sound = |digits: &str, text: &str, said: bool| {
        (said || is_grouped(text, &[2, 3, 3, 3])) && is_de_tax(digits)
    };
    numbers(
        scan,
        11,
        &[
            "steuer",
            "tax id",
            "idnr",
            "identifikationsnummer",
            "tax number",
            "tin",
        ],
        sound,
    )
}

/// UK National Insurance numbers: two letters that are in use, six digits, and a letter A to D.
pub(crate) fn gb_nino(scan: &Scan<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    for start in (0..scan.len())
        .filter(|p| !scan.word_before(*p) && scan.at(*p).is_some_and(|c| c.is_ascii_alphabetic()))
    {
        let mut number = String::new();
        let mut position = start;
        while number.len() < 9 {
            match scan.at(position) {
                Some(c) if c.is_ascii_alphanumeric() => number.push(c.to_ascii_uppercase()),
                Some(' ' | '-')
                    if matches!(number.len(), 2 | 4 | 6 | 8)
                        && scan.before(position).is_some_and(char::is_alphanumeric) => {}
                _ => break,
            }
            position += 1;
        }
        if is_nino(&number) && !scan.word_at(position) {
            found.push(scan.span(start, position));
        }
    }
    found
}

/// US driving licences: no check digit exists, so that the words before decide; up to two letters and 6 to 13 digits, or one
/// letter among 7 to 9 digits, as the states write them.
pub(crate) fn us_driving_licence(scan: &Scan<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    for start in (0..scan.len())
        .filter(|p| !scan.word_before(*p) && scan.at(*p).is_some_and(|c| c.is_ascii_alphanumeric()))
    {
        let first = scan.skip(start, |c| c.is_ascii_alphanumeric());
        let end = licence_end(scan, first);
        let number: String = scan
            .slice(start, end)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let begun = scan
            .slice(start, first)
            .contains(|c: char| c.is_ascii_digit());
        if begun && is_licence(&number) && !scan.word_at(end) && is_announced(scan, start) {
            found.push(scan.span(start, end));
        }
    }
    found
}

/// Characters of the groups that follow a licence's first; no licence has as many.
const GROUPS: usize = 40;

/// The end of the groups of digits that follow, each after a single blank or dash.
fn licence_end(scan: &Scan<'_>, first: usize) -> usize {
    let mut end = first;
    while end - first < GROUPS
        && scan.at(end).is_some_and(|c| c == ' ' || c == '-')
        && scan.at(end + 1).is_some_and(|c| c.is_ascii_digit())
    {
        end = scan.skip(end + 1, |c| c.is_ascii_digit());
    }
    end
}

fn is_licence(number: &str) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let letters = number.len() - digits;
    let led = number
        .trim_start_matches(|c: char| c.is_ascii_alphabetic())
        .len()
        == digits;
    led && letters <= 2 && (6..=14).contains(&digits) || letters == 1 && (7..=9).contains(&digits)
}

/// Whether the words right before name a driving licence, and nothing but "number", "is" and marks stand between.
fn is_announced(scan: &Scan<'_>, start: usize) -> bool {
    const NAMES: &[&str] = &[
        "driver's license",
        "drivers license",
        "driver license",
        "driver’s license",
        "driving license",
        "driving licence",
        "driver's licence",
        "license number",
        "licence number",
        "dl",
        "dl number",
    ];
    let before = scan.slice(start.saturating_sub(48), start).to_lowercase();
    let mut rest = before.trim_end_matches(is_mark);
    loop {
        let named = |name: &str| {
            rest.strip_suffix(name)
                .is_some_and(|head| !head.ends_with(char::is_alphanumeric))
        };
        if NAMES.iter().any(|name| named(name)) {
            return true;
        }
        let filler = ["is", "no", "num", "number"].iter().find_map(|filler| {
            rest.strip_suffix(filler)
                .filter(|head| head.ends_with(is_mark))
        });
        match filler {
            Some(shorter) => rest = shorter.trim_end_matches(is_mark),
            None => return false,
        }
    }
}

fn is_mark(c: char) -> bool {
    c.is_whitespace() || ":#=.(".contains(c)
}

fn is_nino(number: &str) -> bool {
    let letters = |range, refused: &str| {
        number.get(range).is_some_and(|t: &str| {
            t.chars()
                .all(|c| c.is_ascii_alphabetic() && !refused.contains(c))
        })
    };
    let prefix = number.get(0..2).unwrap_or_default();
    letters(0..1, "DFIQUV")
        && letters(1..2, "DFIOQUV")
        && !matches!(prefix, "BG" | "GB" | "KN" | "NK" | "NT" | "TN" | "ZZ")
        && number
            .get(2..8)
            .is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()))
        && matches!(number.get(8..), Some("A" | "B" | "C" | "D"))
}

/// The check of German tax identification numbers.
fn is_de_tax(digits: &str) -> bool {
    let Some((body, check)) = digits.split_at_checked(10) else {
        return false;
    };
    let mut counts = [0u8; 10];
    let mut product = 10;
    for digit in body.chars().filter_map(|c| c.to_digit(10)) {
        if let Some(count) = usize::try_from(digit).ok().and_then(|d| counts.get_mut(d)) {
            *count += 1;
        }
        let sum = match (digit + product) % 10 {
            0 => 10,
            sum => sum,
        };
        product = sum * 2 % 11;
    }
    let repeated: Vec<u8> = counts.into_iter().filter(|count| *count > 1).collect();
    let expected = (11 - product) % 10;
    !body.starts_with('0')
        && matches!(repeated.as_slice(), [2 | 3])
        && check.parse() == Ok(expected)
}

/// Numbers of `length` digits, whole or grouped; `sound` sees the digits, the text, and whether a word announces it.
fn numbers(
    scan: &Scan<'_>,
    length: usize,
    words: &[&str],
    sound: impl Fn(&str, &str, bool) -> bool,
) -> Vec<Span> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        if !scan.at(position).is_some_and(|c| c.is_ascii_digit()) || scan.word_before(position) {
            position += 1;
            continue;
        }
        let run = scan.digits(position, length, 2, |c| c == '-' || c == ' ');
        let end = run.last().map_or(position, |(_, last)| *last) + 1;
        if run.len() < length || scan.word_at(end) {
            position = scan.skip(position, |c| c.is_ascii_digit());
            continue;
        }
        let digits: String = run
            .iter()
            .map(|(digit, _)| char::from(b'0' + digit))
            .collect();
        let before = scan
            .slice(position.saturating_sub(32), position)
            .to_lowercase();
        let said = words.iter().any(|word| {
            before
                .split(|c: char| !c.is_alphanumeric() && c != ' ')
                .any(|part| part.contains(word))
        });
        if sound(&digits, scan.slice(position, end), said) {
            found.push(scan.span(position, end));
            position = end;
        } else {
            position = scan.skip(position, |c| c.is_ascii_digit());
        }
    }
    found
}

fn is_grouped(text: &str, lengths: &[usize]) -> bool {
    text.split(['-', ' '])
        .map(str::len)
        .eq(lengths.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(detect: fn(&Scan<'_>) -> Vec<Span>, text: &str) -> Vec<&str> {
        detect(&Scan::new(text))
            .into_iter()
            .map(|span| span.of(text))
            .collect()
    }

    #[test]
    fn us_numbers() {
        assert_eq!(found(us_ssn, "it is 536-22-1234."), ["536-22-1234"]);
        assert_eq!(found(us_ssn, "SSN: 536221234"), ["536221234"]);
        for text in [
            "000-22-1234",
            "666-22-1234",
            "912-22-1234",
            "536-00-1234",
            "536-22-0000",
            "078-05-1120",
            "536221234",
            "order 536-221-234",
        ] {
            assert!(found(us_ssn, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn uk_numbers() {
        assert_eq!(found(gb_nino, "NI AB 12 34 56 C"), ["AB 12 34 56 C"]);
        assert_eq!(found(gb_nino, "ab123456d,"), ["ab123456d"]);
        for text in [
            "DA123456A",
            "AO123456A",
            "GB123456A",
            "AB123456E",
            "AB12345A",
            "XAB123456C",
        ] {
            assert!(found(gb_nino, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn us_licences() {
        for (text, number) in [
            ("my driver's license is D1234567.", "D1234567"),
            ("Driver’s license number: 99 123 456", "99 123 456"),
            ("DL: S123-4567-8901", "S123-4567-8901"),
            ("my license number is 5130634", "5130634"),
        ] {
            assert_eq!(found(us_driving_licence, text), [number], "{text}");
        }
        for text in [
            "my driver's license expired in 2019",
            "D1234567",
            "driver's license and passport 5130634",
            "license plate 5130634",
        ] {
            assert!(found(us_driving_licence, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn german_numbers() {
        assert_eq!(found(de_tax, "Steuer-ID 86095742719"), ["86095742719"]);
        assert_eq!(found(de_tax, "86 095 742 719"), ["86 095 742 719"]);
        for text in [
            "86095742719",
            "Steuer-ID 86095742718",
            "Steuer-ID 12345678903",
            "Steuer-ID 06095742719",
        ] {
            assert!(found(de_tax, text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_check_digit_fails(by in 1u32..10) {
            let wrong = (9 + by) % 10;
            prop_assert!(!is_de_tax(&format!("8609574271{wrong}")), "{wrong}");
        }

        #[test]
        fn any_text_is_survived(text in "[ABC0-9ł -]{0,60}") {
            for span in us_ssn(&Scan::new(&text)).into_iter().chain(gb_nino(&Scan::new(&text))).chain(de_tax(&Scan::new(&text))) {
                prop_assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
