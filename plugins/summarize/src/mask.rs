//! Keeps the numbers of payment cards out of what the stage says.

use fleetwright_detect::{Scan, card};

/// The text with each full card number as its last four digits: `••1111`.
pub(crate) fn cards(text: &str) -> String {
    let (mut made, mut done) = (String::with_capacity(text.len()), 0);
    for card in card::find(&Scan::new(text)) {
        made.push_str(text.get(done..card.span.start).unwrap_or_default());
        made.push_str(&card::mask(&card.digits));
        done = card.span.end;
    }
    made.push_str(text.get(done..).unwrap_or_default());
    made
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
}
