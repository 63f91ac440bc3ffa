//! Sizes and durations as a manifest writes them: `64MiB`, `500ms`.
//!
//! Purpose: one integer and one unit, no space, so that there is one way to write a value. Bounds: a `u64` of bytes, a
//! `u64` of nanoseconds.

use std::fmt;
use std::time::Duration;

/// A number of bytes, shown with the greatest unit that divides it: `64MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A duration, shown with the greatest unit that divides it: `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeSpan(pub Duration);

const SIZES: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

const TIMES: &[(&str, u64)] = &[
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Why a quantity cannot be read, with what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) meant: Option<String>,
}

impl Size {
    /// Reads `64MiB`. `bare` is the unit that a number without one probably meant.
    pub(crate) fn read(text: &str, bare: &'static str) -> Result<Self, Unreadable> {
        read(text, SIZES, |unit| meant_size(unit, bare)).map(Self)
    }
}

impl TimeSpan {
    /// Reads `500ms`. `bare` is the unit that a number without one probably meant.
    pub(crate) fn read(text: &str, bare: &'static str) -> Result<Self, Unreadable> {
        read(text, TIMES, |unit| meant_time(unit, bare))
            .map(|nanos| Self(Duration::from_nanos(nanos)))
    }
}

fn read(
    text: &str,
    units: &[(&'static str, u64)],
    meant: impl Fn(&str) -> Option<&'static str>,
) -> Result<u64, Unreadable> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    let value = number.parse::<u64>().ok();
    match (value, factor) {
        (Some(value), Some(factor)) => value.checked_mul(factor).ok_or(Unreadable { meant: None }),
        (Some(value), None) => Err(Unreadable {
            meant: meant(&unit.trim().to_ascii_lowercase()).map(|unit| format!("{value}{unit}")),
        }),
        (None, _) => Err(Unreadable { meant: None }),
    }
}

fn meant_size(unit: &str, bare: &'static str) -> Option<&'static str> {
    Some(match unit {
        "b" | "byte" | "bytes" => "B",
        "k" | "kb" | "ki" | "kib" => "KiB",
        "" => bare,
        "m" | "mb" | "mi" | "mib" => "MiB",
        "g" | "gb" | "gi" | "gib" => "GiB",
        _ => return None,
    })
}

fn meant_time(unit: &str, bare: &'static str) -> Option<&'static str> {
    Some(match unit {
        "ns" => "ns",
        "us" | "µs" => "us",
        "" => bare,
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hour" | "hours" => "h",
        _ => return None,
    })
}

/// The value with the greatest unit that divides it.
fn show(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let whole = |factor: u64| value >= factor && value.is_multiple_of(factor);
    match units.iter().find(|(_, factor)| whole(*factor)) {
        Some((unit, factor)) => write!(f, "{}{unit}", value / factor),
        None => write!(f, "0{}", units.last().map_or("", |(unit, _)| unit)),
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, SIZES)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0ms");
        }
        show(
            f,
            u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX),
            TIMES,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_show() {
        for (text, bytes) in [
            ("1B", 1),
            ("64KiB", 65_536),
            ("64MiB", 67_108_864),
            ("4GiB", 1 << 32),
        ] {
            assert_eq!(Size::read(text, "MiB"), Ok(Size(bytes)));
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert_eq!(Size(0).to_string(), "0B");
        assert_eq!(Size(1025).to_string(), "1025B");
    }

    #[test]
    fn durations_read_and_show() {
        for (text, millis) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("90s", 90_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            let value = TimeSpan(Duration::from_millis(millis));
            assert_eq!(TimeSpan::read(text, "ms"), Ok(value));
            assert_eq!(value.to_string(), text);
        }
        assert_eq!(TimeSpan(Duration::ZERO).to_string(), "0ms");
    }

    #[test]
    fn near_misses_say_what_was_meant() {
        let meant = |text| Size::read(text, "MiB").unwrap_err().meant;
        assert_eq!(meant("64MB"), Some("64MiB".into()));
        assert_eq!(meant("64 mb"), Some("64MiB".into()));
        assert_eq!(meant("64"), Some("64MiB".into()));
        assert_eq!(meant("lots"), None);
        assert_eq!(meant("-1MiB"), None);
        assert_eq!(meant("99999999999999GiB"), None, "beyond a u64");
        let meant = |text| TimeSpan::read(text, "ms").unwrap_err().meant;
        assert_eq!(meant("5 sec"), Some("5s".into()));
        assert_eq!(meant("5"), Some("5ms".into()));
    }
}
