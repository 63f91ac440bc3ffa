//! Keeps the numbers of payment cards, and their verification values, out of what the stage says.

use fleetwright_detect::{Scan, Span, card, cvv};

/// What stands in place of a verification value.
const VALUE: &str = "•••";

/// The text with each full card number as its last four digits, `••1111`, and each verification value as `•••`.
pub(crate) fn cards(text: &str) -> String {
    // Most sentences have none, and nothing without digits is looked for.
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return text.to_owned();
    }
    let (mut made, mut done) = (String::with_capacity(text.len()), 0);
    for (span, mask) in findings(text) {
        // A finding within the one before it is masked already.
        if span.start >= done {
            made.push_str(text.get(done..span.start).unwrap_or_default());
            made.push_str(&mask);
            done = span.end;
        }
    }
    made.push_str(text.get(done..).unwrap_or_default());
    made
}

/// What must not be said, in the order of the text, with what is said in its place.
fn findings(text: &str) -> Vec<(Span, String)> {
    let scan = Scan::new(text);
    let cards = card::find(&scan);
    let beside = cards.iter().filter_map(|card| cvv::beside(&scan, card));
    let values = cvv::announced(&scan).into_iter().chain(beside);
    let mut found: Vec<_> = values.map(|span| (span, VALUE.to_owned())).collect();
    found.extend(
        cards
            .iter()
            .map(|card| (card.span, card::mask(&card.digits))),
    );
    found.sort_by_key(|(span, _)| span.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_keeps_its_last_four_digits_and_the_rest_stays() {
        assert_eq!(
            cards("é 4111 1111 1111 1111, or 5555-5555-5555-4444?"),
            "é ••1111, or ••4444?"
        );
        let order = "Order 4111 1111 1111 1112 of 2025";
        assert_eq!(cards(order), order, "no card: the checksum fails");
    }

    #[test]
    fn verification_values_are_masked_by_their_words_and_beside_a_card() {
        assert_eq!(
            cards("valid until 12/27, CVV 123."),
            "valid until 12/27, CVV •••."
        );
        assert_eq!(cards("4111 1111 1111 1111 12/27 123"), "••1111 12/27 •••");
    }
}
