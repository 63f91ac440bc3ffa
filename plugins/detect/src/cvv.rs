//! Card verification values: three or four digits that a word announces, or that follow a card's expiry date.

use crate::card::Card;
use crate::scan::goes_on;
use crate::{Scan, Span, phrase};

const ANNOUNCED: &[&str] = &[
    "cvv2",
    "cvc2",
    "cvv",
    "cvc",
    "cid",
    "csc",
    "security code",
    "verification code on the back",
    "verification value",
    "code on the back",
    "digits on the back",
    "prüfziffer",
];

/// Finds verification values by the words before them, in the order of the text.
pub fn announced(scan: &Scan<'_>) -> Vec<Span> {
    let text = scan.text();
    let mut found: Vec<Span> = Vec::new();
    for word in ANNOUNCED.iter().flat_map(|word| phrase::find(scan, word)) {
        let Some(rest) = text.get(word.end..) else {
            continue;
        };
        let filler = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_whitespace() || ":=#-–(".contains(c))
                .len();
        let after = word.end + filler;
        let skipped = ["is ", "was ", "number ", "code ", "no. "]
            .iter()
            .find(|word| stands_at(text, after, word));
        found.extend(digits_at(text, after + skipped.map_or(0, |w| w.len())));
    }
    // Two words may announce one value.
    found.sort();
    found.dedup();
    found
}

/// Whether `word`, in small letters, stands at an offset, in either case.
fn stands_at(text: &str, at: usize, word: &str) -> bool {
    let bytes = text.as_bytes().get(at..at + word.len());
    bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
}

/// Finds the value that follows a card number and its expiry date, as in `4111 1111 1111 1111 12/27 123`.
pub fn beside(scan: &Scan<'_>, card: &Card) -> Option<Span> {
    let text = scan.text();
    let rest = text.get(card.span.end..)?;
    let gap = |rest: &str| {
        rest.len()
            - rest
                .trim_start_matches(|c: char| " ,;|\t\n".contains(c))
                .len()
    };
    let mut at = card.span.end + gap(rest);
    for word in [
        "expires ",
        "expiry ",
        "expiring ",
        "exp. ",
        "exp: ",
        "exp ",
        "valid until ",
    ] {
        if stands_at(text, at, word) {
            at += word.len();
        }
    }
    let date = text.get(at..)?;
    let length = date
        .find(|c: char| !c.is_ascii_digit() && c != '/' && c != '-')
        .unwrap_or(date.len());
    let (month, year) = date.get(..length)?.split_once(['/', '-'])?;
    let dated =
        month.parse::<u8>().is_ok_and(|m| (1..=12).contains(&m)) && matches!(year.len(), 2 | 4);
    let after = at + length;
    dated
        .then(|| digits_at(text, after + gap(text.get(after..).unwrap_or_default())))
        .flatten()
}

/// Three or four digits that stand alone.
fn digits_at(text: &str, start: usize) -> Option<Span> {
    let rest = text.get(start..)?;
    let length = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let alone = !rest
        .get(length..)?
        .starts_with(|c: char| goes_on(c) || c == '/');
    (matches!(length, 3 | 4) && alone).then_some(Span {
        start,
        end: start + length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card;

    fn announced_in(text: &str) -> Vec<&str> {
        announced(&Scan::new(text))
            .into_iter()
            .map(|span| span.of(text))
            .collect()
    }

    #[test]
    fn values_are_found_by_their_words() {
        assert_eq!(announced_in("CVV: 123"), ["123"]);
        assert_eq!(announced_in("the security code is 9876."), ["9876"]);
        assert_eq!(announced_in("cvc2 (456)"), ["456"]);
        assert!(announced_in("security code 123456 was texted").is_empty());
        assert!(announced_in("the CVV was refused").is_empty());
    }

    #[test]
    fn a_value_after_the_expiry_date_is_found() {
        for text in [
            "4111 1111 1111 1111 12/27 123",
            "4111111111111111, exp 03/2028, 9999",
        ] {
            let scan = Scan::new(text);
            let card = &card::find(&scan)[0];
            assert!(beside(&scan, card).is_some(), "{text}");
        }
        let scan = Scan::new("4111 1111 1111 1111 and 123 more");
        assert_eq!(beside(&scan, &card::find(&scan)[0]), None);
    }
}
