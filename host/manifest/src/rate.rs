//! How many calls a stage admits in a time: `100/s`.
//!
//! Purpose: one whole number, `/`, and one of three periods, so that there is one way to write a value. Bounds:
//! [`MAX_CALLS`] in a period.

use std::fmt;
use std::time::Duration;

/// The most calls of a period.
pub(crate) const MAX_CALLS: u32 = 1_000_000;

/// Calls admitted in a period, as a token bucket that fills evenly: `100/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls in each period, from 1 to 1 000 000.
    pub calls: u32,
    /// The period: a second, a minute or an hour.
    pub per: Duration,
}

const PERIODS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3600)];

/// Why a rate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not a rate, with what was probably meant.
    NotARate { meant: Option<String> },
    /// A rate of no calls, or of more than [`MAX_CALLS`].
    OutOfRange,
}

impl Rate {
    /// How many calls may come at once after a pause: those of one period, at most one second's worth, at least 1.
    #[must_use]
    pub fn burst(&self) -> u32 {
        let seconds = u32::try_from(self.per.as_secs()).unwrap_or(u32::MAX);
        (self.calls / seconds.max(1)).max(1)
    }

    pub(crate) fn read(text: &str) -> Result<Self, Unreadable> {
        let read = text
            .split_once('/')
            .and_then(|(calls, period)| Some((digits(calls)?, seconds(period)?)));
        let Some((calls, seconds)) = read else {
            return Err(Unreadable::NotARate { meant: meant(text) });
        };
        match calls.parse::<u32>() {
            Ok(calls) if (1..=MAX_CALLS).contains(&calls) => Ok(Self {
                calls,
                per: Duration::from_secs(seconds),
            }),
            _ => Err(Unreadable::OutOfRange),
        }
    }
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn seconds(period: &str) -> Option<u64> {
    let found = PERIODS.iter().find(|(name, _)| *name == period);
    found.map(|(_, seconds)| *seconds)
}

/// The rate that a text probably meant: `100`, `100 rps`, `100 per second`, `0.5/s`.
fn meant(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let number = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count();
    let (number, period) = text.split_at(number);
    let period = match period
        .trim_start_matches(['/', ' '])
        .trim_start_matches("per ")
    {
        "" | "s" | "sec" | "second" | "seconds" | "rps" | "qps" => 1,
        "m" | "min" | "minute" | "minutes" | "rpm" => 60,
        "h" | "hour" | "hours" | "rph" => 3600,
        _ => return None,
    };
    let calls: f64 = number.parse().ok()?;
    let whole = PERIODS.iter().filter(|(_, seconds)| *seconds >= period);
    for (name, seconds) in whole {
        let factor = u32::try_from(seconds / period).unwrap_or(1);
        let calls = calls * f64::from(factor);
        if calls >= 1.0 && calls <= f64::from(MAX_CALLS) && (calls - calls.round()).abs() < 1e-9 {
            return Some(format!("{}/{name}", calls.round()));
        }
    }
    None
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.per.as_secs();
        match PERIODS.iter().find(|(_, period)| *period == seconds) {
            Some((name, _)) => write!(f, "{}/{name}", self.calls),
            None => write!(f, "{}/{seconds}s", self.calls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_and_show() {
        for (text, calls, seconds) in [
            ("100/s", 100, 1),
            ("1/m", 1, 60),
            ("1000000/h", 1_000_000, 3600),
        ] {
            let rate = Rate::read(text).unwrap();
            assert_eq!((rate.calls, rate.per.as_secs()), (calls, seconds));
            assert_eq!(rate.to_string(), text);
        }
        for text in ["0/s", "1000001/s", "99999999999999999999/h"] {
            assert_eq!(Rate::read(text), Err(Unreadable::OutOfRange), "{text}");
        }
    }

    #[test]
    fn a_burst_is_one_second_of_calls_and_never_none() {
        let burst = |text| Rate::read(text).unwrap().burst();
        assert_eq!(burst("100/s"), 100);
        assert_eq!(burst("600/m"), 10);
        assert_eq!(burst("59/m"), 1);
        assert_eq!(burst("1/h"), 1);
    }

    #[test]
    fn near_misses_say_what_was_meant() {
        let meant = |text| match Rate::read(text) {
            Err(Unreadable::NotARate { meant }) => meant,
            other => panic!("{text}: {other:?}"),
        };
        for (text, rate) in [
            ("100", "100/s"),
            ("100 / s", "100/s"),
            ("100rps", "100/s"),
            ("100 per second", "100/s"),
            ("100/minute", "100/m"),
            ("0.5/s", "30/m"),
            ("0.01/s", "36/h"),
        ] {
            assert_eq!(meant(text).as_deref(), Some(rate), "{text}");
        }
        for text in [
            "", "/s", "fast", "-1/s", "100/day", "1/2s", "0.0001/h", "1e9/s", "+1/s",
        ] {
            assert_eq!(meant(text), None, "{text}");
        }
    }
}
