//! Words and numbers on the page.

use fleetwright_fleet::evaluation::Estimate;

/// A whole number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of a hundred.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A value as its figure is read: calibration in decimals, words in words, all else of a hundred.
pub(super) fn value(of: &Estimate, value: f64) -> String {
    match of.figure.name.as_ref() {
        "calibration-error" => format!("{value:.3}"),
        "words" => format!("{value:.1}"),
        name if name.starts_with("rouge") => format!("{:.2}", value * 100.0),
        _ => percent(value),
    }
}

/// Enough of a digest to tell two apart.
pub(super) fn short_digest(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
