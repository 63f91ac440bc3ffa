//! Quantities as people write them on a command line: `32MiB`, `500ms`, `30s`.
//!
//! A size is a whole number with `B`, `KiB`, `MiB` or `GiB`; a duration a whole number with `ms`, `s` or `m`.
//! Nothing is guessed: a bare number is refused, because its unit would be.

use std::time::Duration;

/// A quantity that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The text is no number followed by a unit that is known.
    #[error(
        "`{text}` is no {what}: write a whole number and a unit, one of {units}, such as `{example}`"
    )]
    Unreadable {
        /// What was given.
        text: String,
        /// What was expected: `size` or `duration`.
        what: &'static str,
        /// The units that are known.
        units: &'static str,
        /// A value that would do.
        example: &'static str,
    },
    /// The number is zero or too large.
    #[error("`{text}` is out of range: give at least 1 and at most what 64 bits hold")]
    Range {
        /// What was given.
        text: String,
    },
}

/// Reads a size in bytes, such as `32MiB`.
///
/// # Errors
/// The text is no whole number with a unit, or it is zero or too large.
pub fn size(text: &str) -> Result<u64, UnitError> {
    let unreadable = || UnitError::Unreadable {
        text: text.to_owned(),
        what: "size",
        units: "B, KiB, MiB, GiB",
        example: "32MiB",
    };
    let (number, unit) = split(text).ok_or_else(unreadable)?;
    let factor: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(unreadable()),
    };
    scale(text, number, factor)
}

/// Reads a duration, such as `30s`.
///
/// # Errors
/// The text is no whole number with a unit, or it is zero or too large.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let unreadable = || UnitError::Unreadable {
        text: text.to_owned(),
        what: "duration",
        units: "ms, s, m",
        example: "30s",
    };
    let (number, unit) = split(text).ok_or_else(unreadable)?;
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(unreadable()),
    };
    // A day is longer than any wait here is meant to be, and keeps deadlines inside what clocks can add.
    let milliseconds = scale(text, number, factor)?;
    if milliseconds > 86_400_000 {
        return Err(UnitError::Range {
            text: text.to_owned(),
        });
    }
    Ok(Duration::from_millis(milliseconds))
}

/// Writes bytes for a person: `512 B`, `22.9 MiB`.
#[must_use]
pub fn bytes_for_people(bytes: u64) -> String {
    const STEPS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, step) in STEPS {
        if bytes >= step {
            let tenths = bytes.saturating_mul(10) / step;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

fn split(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    (!number.is_empty()).then_some((number, unit.trim_start()))
}

fn scale(text: &str, number: &str, factor: u64) -> Result<u64, UnitError> {
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|value| *value > 0)
        .ok_or_else(|| UnitError::Range {
            text: text.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_read_with_their_units() {
        assert_eq!(size("32MiB").unwrap(), 32 << 20);
        assert_eq!(size("1 KiB").unwrap(), 1024);
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("2m").unwrap(), Duration::from_secs(120));
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for text in [
            "",
            "32",
            "MiB",
            "32MB",
            "-1s",
            "1.5s",
            "0s",
            "0B",
            "99999999999999999999GiB",
            "2000m",
        ] {
            assert!(size(text).is_err() || duration(text).is_err(), "{text}");
            assert!(size(text).is_err(), "{text}");
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_written_with_one_decimal() {
        assert_eq!(bytes_for_people(512), "512 B");
        assert_eq!(bytes_for_people(34_824_680), "33.2 MiB");
    }
}
