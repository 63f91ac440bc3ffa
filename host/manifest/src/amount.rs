//! Typed access to a table's sizes, durations, rates, shares and numbers, each within its range.
//!
//! Purpose: a value that cannot be read is answered with the value that was probably meant, written out. Default: an
//! absent key is `None` without a finding.

use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::quantity::{Size, TimeSpan};
use crate::rate::{self, MAX_CALLS};
use crate::suggest::shown;
use crate::walk::{At, Table};
use crate::{Diagnostic, Rate, Span};
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::de::DeValue;

/// Reads a size within a range.
pub(crate) fn size(
    table: &Table<'_>,
    name: &'static str,
    range: RangeInclusive<u64>,
    findings: &mut Findings,
) -> Option<u64> {
    let text = table.string(name, findings)?;
    let key = table.key(name);
    match Size::read(text.value, key.unit()) {
        Ok(Size(bytes)) if range.contains(&bytes) => Some(bytes),
        Ok(_) => {
            let (least, most) = (Size(*range.start()), Size(*range.end()));
            findings.report(beyond(name, &text, &least.to_string(), &most.to_string()));
            None
        }
        Err(unreadable) => {
            let message = format!("`{name}` is `{}`, which is not a size", shown(text.value));
            let diagnostic =
                Diagnostic::new(codes::BAD_SIZE, text.span, message).label("not a size");
            findings.report(diagnostic.hint(match unreadable.meant {
                Some(meant) => format!(
                    "write `{name} = \"{meant}\"`: the units are `B`, `KiB`, `MiB` and `GiB`"
                ),
                None => format!(
                    "write a whole number and `B`, `KiB`, `MiB` or `GiB`, for example `{}`",
                    key.example
                ),
            }));
            None
        }
    }
}

/// Reads a duration within a range.
pub(crate) fn duration(
    table: &Table<'_>,
    name: &'static str,
    range: RangeInclusive<Duration>,
    findings: &mut Findings,
) -> Option<Duration> {
    let text = table.string(name, findings)?;
    let key = table.key(name);
    match TimeSpan::read(text.value, key.unit()) {
        Ok(TimeSpan(duration)) if range.contains(&duration) => Some(duration),
        Ok(_) => {
            let (least, most) = (TimeSpan(*range.start()), TimeSpan(*range.end()));
            findings.report(beyond(name, &text, &least.to_string(), &most.to_string()));
            None
        }
        Err(unreadable) => {
            let message = format!(
                "`{name}` is `{}`, which is not a duration",
                shown(text.value)
            );
            let diagnostic =
                Diagnostic::new(codes::BAD_DURATION, text.span, message).label("not a duration");
            findings.report(diagnostic.hint(match unreadable.meant {
                Some(meant) => format!(
                    "write `{name} = \"{meant}\"`: the units are `us`, `ms`, `s`, `m` and `h`"
                ),
                None => format!(
                    "write a whole number and `us`, `ms`, `s`, `m` or `h`, for example `{}`",
                    key.example
                ),
            }));
            None
        }
    }
}

fn beyond(name: &str, text: &At<&str>, least: &str, most: &str) -> Diagnostic {
    let message = format!("`{name}` is `{}`, out of its range", shown(text.value));
    Diagnostic::new(codes::OUT_OF_RANGE, text.span, message)
        .label(format!("from `{least}` to `{most}`"))
        .hint(format!("write a value from `{least}` to `{most}`"))
}

/// Reads a rate.
pub(crate) fn rate(table: &Table<'_>, name: &'static str, findings: &mut Findings) -> Option<Rate> {
    let text = table.string(name, findings)?;
    let example = table.key(name).example;
    let message = |what: &str| format!("`{name}` is `{}`, {what}", shown(text.value));
    let diagnostic = match Rate::read(text.value) {
        Ok(rate) => return Some(rate),
        Err(rate::Unreadable::OutOfRange) => Diagnostic::new(
            codes::OUT_OF_RANGE,
            text.span,
            message("out of its range"),
        )
        .label(format!("from 1 to {MAX_CALLS} calls"))
        .hint(format!(
            "write 1 to {MAX_CALLS} calls, for example `{example}`; for no bound, write `{name} = \"none\"`"
        )),
        Err(rate::Unreadable::NotARate { meant }) => {
            Diagnostic::new(codes::BAD_RATE, text.span, message("which is not a rate"))
                .label("not a rate")
                .hint(match meant {
                    Some(meant) => {
                        format!("write `{name} = \"{meant}\"`: the periods are `s`, `m` and `h`")
                    }
                    None => format!(
                        "write a whole number, `/` and `s`, `m` or `h`, for example `{example}`"
                    ),
                })
        }
    };
    findings.report(diagnostic);
    None
}

/// What a number may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// Where `least` itself is refused: the way out of it.
    pub(crate) zero: Option<&'static str>,
}

impl Bounds {
    fn contain(&self, number: f64) -> bool {
        let least = match self.zero {
            Some(_) => number > self.least,
            None => number >= self.least,
        };
        least && number <= self.most
    }

    fn label(&self) -> String {
        match self.zero {
            Some(_) => format!("above {}, at most {}", self.least, self.most),
            None => format!("from {} to {}", self.least, self.most),
        }
    }
}

/// Reads a number, whole or not, within bounds.
pub(crate) fn number(
    table: &Table<'_>,
    name: &'static str,
    bounds: Bounds,
    findings: &mut Findings,
) -> Option<f64> {
    let entry = table.entry(name)?;
    let Some((number, written)) = plain_number(entry.value.get_ref()) else {
        findings.report(table.wrong_type(name, entry));
        return None;
    };
    if bounds.contain(number) {
        return Some(number);
    }
    let hint = format!(
        "write a number {}, for example `{}`",
        bounds.label(),
        table.key(name).example
    );
    findings.report(out_of_range(
        name,
        &written,
        entry.value.span().into(),
        bounds,
        hint,
    ));
    None
}

/// Reads a share of 1: a number, or a percentage in quotes.
pub(crate) fn share(
    table: &Table<'_>,
    name: &'static str,
    bounds: Bounds,
    findings: &mut Findings,
) -> Option<f64> {
    let entry = table.entry(name)?;
    let span = Span::from(entry.value.span());
    let (share, written) = match entry.value.get_ref() {
        DeValue::String(text) => match percentage(text) {
            Some(share) => (share, text.to_string()),
            None => {
                findings.report(bad_share(name, text, span, table.key(name).example));
                return None;
            }
        },
        other => match plain_number(other) {
            Some(number) => number,
            None => {
                findings.report(table.wrong_type(name, entry));
                return None;
            }
        },
    };
    if bounds.contain(share) {
        return Some(share);
    }
    let percent = share > 1.0 && share <= 100.0 && !written.ends_with('%');
    let hint = match bounds.zero {
        _ if percent => format!("a share is of 1: for {share} %, write `{name} = \"{share}%\"`"),
        Some(way_out) if share == 0.0 => format!("write `{}`; {way_out}", table.key(name).example),
        _ => format!(
            "write a share {}, {}",
            bounds.label(),
            examples(name, table.key(name).example)
        ),
    };
    findings.report(out_of_range(name, &written, span, bounds, hint));
    None
}

fn out_of_range(name: &str, written: &str, span: Span, bounds: Bounds, hint: String) -> Diagnostic {
    let message = format!("`{name}` is `{}`, out of its range", shown(written));
    Diagnostic::new(codes::OUT_OF_RANGE, span, message)
        .label(bounds.label())
        .hint(hint)
}

/// A number and how it is written; `None` for a value that is none. `nan` is a number that no bounds contain.
fn plain_number(value: &DeValue<'_>) -> Option<(f64, String)> {
    match value {
        DeValue::Float(float) => {
            let digits = float.as_str().replace('_', "");
            Some((digits.parse().unwrap_or(f64::NAN), float.to_string()))
        }
        DeValue::Integer(integer) => {
            let digits = integer.as_str().replace('_', "");
            // What a double cannot hold is out of every range, and so is the nearest one.
            let whole = i64::from_str_radix(&digits, integer.radix()).map(|whole| whole as f64);
            Some((whole.unwrap_or(f64::NAN), integer.to_string()))
        }
        _ => None,
    }
}

/// `10%`, `0.5%`: digits, perhaps a point and digits, and the sign, no space.
fn percentage(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let percent: f64 = (digits(whole) && digits(fraction)).then(|| number.parse().ok())??;
    Some(percent / 100.0)
}

/// A share both ways: ``for example `weight = 0.1` or `weight = "10%"` ``.
fn examples(name: &str, example: &str) -> String {
    let share = example
        .rsplit(' ')
        .next()
        .and_then(|share| share.parse().ok());
    let percentage = (share.unwrap_or(0.1) * 100.0_f64).round();
    format!("for example `{example}` or `{name} = \"{percentage}%\"`")
}

fn bad_share(name: &str, text: &str, span: Span, example: &str) -> Diagnostic {
    let number = text
        .trim()
        .trim_end_matches(|c: char| !c.is_ascii_digit())
        .trim();
    let unit = text.trim().get(number.len()..).unwrap_or("").trim();
    let value = number
        .parse::<f64>()
        .ok()
        .filter(|value| (0.0..=100.0).contains(value));
    let hint = match (value, unit.to_ascii_lowercase().as_str()) {
        (Some(value), "") if value <= 1.0 => {
            format!("write it without quotes: `{name} = {number}`")
        }
        (Some(_), "" | "%" | "percent" | "per cent" | "pct") => {
            format!("write `{name} = \"{number}%\"`")
        }
        _ => format!("write a share of 1, {}", examples(name, example)),
    };
    let message = format!("`{name}` is `{}`, which is not a share", shown(text));
    Diagnostic::new(codes::BAD_SHARE, span, message)
        .label("not a share")
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_digits_and_the_sign() {
        for (text, share) in [
            ("10%", 0.1),
            ("100%", 1.0),
            ("0.5%", 0.005),
            ("0%", 0.0),
            ("250%", 2.5),
        ] {
            assert_eq!(percentage(text), Some(share), "{text}");
        }
        for text in [
            "", "%", "10", "10 %", " 10%", "-1%", "+1%", "1e1%", ".5%", "5.%", "1.2.3%", "inf%",
            "nan%",
        ] {
            assert_eq!(percentage(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_with_a_way_out_of_zero_leave_it_out() {
        let open = Bounds {
            least: 0.0,
            most: 1.0,
            zero: Some("remove it"),
        };
        assert!(!open.contain(0.0) && open.contain(1e-9) && open.contain(1.0));
        assert!(!open.contain(f64::NAN) && !open.contain(1.000_001));
        let closed = Bounds { zero: None, ..open };
        assert!(closed.contain(0.0) && closed.contain(-0.0) && !closed.contain(-1e-9));
    }
}
