//! Payment card numbers: an issuer's prefix with a length that it uses, and the Luhn checksum.
//!
//! Both conditions are needed: Luhn alone accepts one number in ten. Between two digits up to three blanks and marks may stand,
//! so that `4111 - 1111 - …` is one number; over the end of a line, and directly behind a letter (`card4111 1111 …`), only where the groups
//! are a card's (4-4-4-4 or 4-6-5).

use crate::{Scan, Span};

/// A card number found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Where it stands.
    pub span: Span,
    /// Its digits alone. Never to be shown: use [`mask`].
    pub digits: String,
    /// The issuing network, for example `visa`.
    pub network: &'static str,
}

/// Finds card numbers of 12 to 19 digits, whole or in groups parted by blanks, dashes or dots.
pub fn find(scan: &Scan<'_>) -> Vec<Card> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        let within = scan.before(position).is_some_and(char::is_numeric);
        if !scan.at(position).is_some_and(|c| c.is_ascii_digit()) || within {
            position += 1;
            continue;
        }
        let joined = scan.word_before(position);
        let own = |card: &Card| !joined || is_grouped(card.span.of(scan.text()));
        match card_at(scan, position).filter(|(card, _)| own(card)) {
            Some((card, after)) => {
                found.push(card);
                position = after;
            }
            None => position = scan.skip(position, |c| c.is_ascii_digit()),
        }
    }
    found
}

/// Keeps the last four digits: `••1111`.
pub fn mask(digits: &str) -> String {
    let kept = digits.len().saturating_sub(4);
    let last = if digits.len() > 4 {
        digits.get(kept..).unwrap_or_default()
    } else {
        ""
    };
    format!("••{last}")
}

/// The Luhn checksum, from the right: every second digit doubled, digits summed, a multiple of ten.
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, d) => d,
            (_, d) if d > 4 => d * 2 - 9,
            (_, d) => d * 2,
        })
        .sum();
    digits.len() > 1 && sum.is_multiple_of(10)
}

/// The longest card number that starts at a position, with the position after it.
fn card_at(scan: &Scan<'_>, start: usize) -> Option<(Card, usize)> {
    let run = scan.digits(start, 19, 3, is_separator);
    let all: Vec<u8> = run.iter().map(|(digit, _)| *digit).collect();
    for length in (12..=run.len()).rev() {
        let (digits, (_, last)) = (all.get(..length)?, *run.get(length - 1)?);
        let Some(network) = network(digits) else {
            continue;
        };
        if scan.word_at(last + 1) {
            continue; // a number or word goes on: this would be a part of it
        }
        if !is_one_number(scan.slice(start, last + 1)) {
            continue;
        }
        if luhn(digits) && digits.iter().any(|d| Some(d) != digits.first()) {
            let text = digits.iter().map(|d| char::from(b'0' + d)).collect();
            return Some((
                Card {
                    span: scan.span(start, last + 1),
                    digits: text,
                    network,
                },
                last + 1,
            ));
        }
    }
    None
}

/// Whether digits are one number though they go over a line's end: columns of numbers are none.
fn is_one_number(text: &str) -> bool {
    !text.contains(['\n', '\r']) || is_grouped(text)
}

/// Whether digits stand in groups as on a card.
fn is_grouped(text: &str) -> bool {
    let groups = || {
        text.split(|c: char| !c.is_ascii_digit())
            .map(str::len)
            .filter(|n| *n > 0)
    };
    groups().eq([4, 4, 4, 4]) || groups().eq([4, 6, 5])
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-'
            | '\t'
            | '\n'
            | '\r'
            | '/'
            | '|'
            | '·'
            | '•'
            | '*'
            | '.'
            | '_'
            | '\u{a0}'
            | '\u{2007}'
            | '\u{202f}'
            | '\u{2010}'
            | '\u{2011}'
            | '\u{2013}'
            | '\u{200b}'
    )
}

/// The network that issues numbers of this prefix and length (ISO/IEC 7812 ranges as the networks publish them).
fn network(digits: &[u8]) -> Option<&'static str> {
    let prefix = |n: usize| {
        digits
            .iter()
            .take(n)
            .fold(0u32, |value, d| value * 10 + u32::from(*d))
    };
    let (two, three, four, six) = (prefix(2), prefix(3), prefix(4), prefix(6));
    match digits.len() {
        13 | 16 | 19 if prefix(1) == 4 => Some("visa"),
        16 if (51..=55).contains(&two) || (222_100..=272_099).contains(&six) => Some("mastercard"),
        15 if matches!(two, 34 | 37) => Some("amex"),
        14 if matches!(two, 36 | 38 | 39) || (300..=305).contains(&three) => Some("diners"),
        16..=19 if four == 6011 || two == 65 || (644..=649).contains(&three) => Some("discover"),
        16..=19 if two == 35 => Some("jcb"), // 3528 to 3589 are issued; test numbers begin with any 35
        15 if matches!(four, 1800 | 2131) => Some("jcb"),
        16..=19 if two == 62 => Some("unionpay"),
        12..=19 if matches!(two, 50 | 56..=58 | 63 | 67..=69) => Some("maestro"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_text(text: &str) -> Vec<String> {
        find(&Scan::new(text))
            .into_iter()
            .map(|card| card.digits)
            .collect()
    }

    #[test]
    fn test_numbers_of_every_network_are_found_in_any_grouping() {
        for (text, network) in [
            ("4111111111111111", "visa"),
            ("4111 1111 1111 1111", "visa"),
            ("4111-1111-1111-1111,", "visa"),
            ("5555.5555.5555.4444", "mastercard"),
            ("2223003122003222", "mastercard"),
            ("3782 822463 10005", "amex"),
            ("30569309025904", "diners"),
            ("6011111111111117", "discover"),
            ("3530111333300000", "jcb"),
            ("4 1 1 1 - 1 1 1 1 - 1 1 1 1 - 1 1 1 1", "visa"),
            ("4111 - 1111 - 1111 - 1111", "visa"),
            ("4111·1111·1111·1111", "visa"),
            ("4111 1111\n1111 1111", "visa"),
            ("3782\r\n822463 10005", "amex"),
        ] {
            let found = find(&Scan::new(&format!("my card is {text} thanks")));
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].network, network);
        }
    }

    #[test]
    fn a_letter_beside_it_hides_no_number() {
        for text in [
            "カード5555555555554444が盗まれました",
            "卡5555555555554444被盗",
            "카드 5555-5555-5555-4444가 없어졌어요",
            "บัตร5555555555554444หาย",
            "card5555 5555 5555 4444 was stolen",
        ] {
            assert_eq!(in_text(text), ["5555555555554444"], "{text}");
        }
        // Nothing parts these from what they stand in.
        for text in [
            "order5555555555554444",
            "5555555555554444x",
            "٣5555555555554444",
        ] {
            assert_eq!(in_text(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_trailing_number_is_not_swallowed() {
        assert_eq!(in_text("4111 1111 1111 1111 12/27"), ["4111111111111111"]);
        assert_eq!(in_text("4111 1111 1111 1111 123"), ["4111111111111111"]);
    }

    #[test]
    fn wrong_checksum_prefix_or_a_part_of_a_word_is_no_card() {
        assert!(in_text("4111 1111 1111 1112").is_empty());
        assert!(in_text("9111111111111111").is_empty());
        assert!(in_text("X4111111111111111").is_empty());
        assert!(in_text("41111111111111111111111").is_empty());
        assert!(in_text("0000000000000000").is_empty());
        assert!(
            in_text("41111111\n11111111").is_empty(),
            "two numbers, one below the other"
        );
        assert!(
            in_text("4111    1111    1111    1111").is_empty(),
            "four columns"
        );
    }

    #[test]
    fn the_mask_shows_four_digits() {
        assert_eq!(mask("4111111111111111"), "••1111");
        assert_eq!(mask("123"), "••");
    }

    fn with_check_digit(mut digits: Vec<u8>) -> Vec<u8> {
        digits.push(0);
        let last = digits.len() - 1;
        for check in 0..10 {
            digits[last] = check;
            if luhn(&digits) {
                break;
            }
        }
        digits
    }

    proptest! {
        #[test]
        fn a_valid_number_is_found_and_a_changed_digit_is_not(
            body in proptest::collection::vec(0u8..10, 14), place in 0usize..16, by in 1u8..10,
        ) {
            let mut digits = vec![4];
            digits.extend(body);
            let digits = with_check_digit(digits);
            let text: String = digits.iter().map(|d| char::from(b'0' + d)).collect();
            prop_assert_eq!(in_text(&format!("No. {text}.")), vec![text]);
            let mut wrong = digits;
            wrong[place] = (wrong[place] + by) % 10;
            prop_assert!(!luhn(&wrong));
        }

        #[test]
        fn spans_stay_within_any_text(text in "[0-9 ł4-]{0,60}") {
            for card in find(&Scan::new(&text)) {
                prop_assert!(text.get(card.span.start..card.span.end).is_some());
            }
        }
    }
}
