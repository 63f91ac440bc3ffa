//! JSON in one way only, so that equal reports are equal bytes.
//!
//! [`text`] is what digests are taken of: RFC 8785 but for numbers that are no integers, which have at most six decimals
//! ([`settled`] has rounded them). [`pretty`] is the same value for a file, with line breaks where a line would be long.

use serde_json::{Map, Number, Value};

/// Decimals that a number keeps.
const DECIMALS: f64 = 1e6;
/// A value that fits stands on one line.
const WIDTH: usize = 120;

/// The same value with members in order and numbers rounded.
pub(super) fn settled(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            let settled = members
                .into_iter()
                .map(|(name, value)| (name, settled(value)));
            Value::Object(settled.collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(settled).collect()),
        Value::Number(number) => Value::Number(rounded(number)),
        other => other,
    }
}

fn rounded(number: Number) -> Number {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number;
    };
    let rounded = (float * DECIMALS).round() / DECIMALS;
    // What is whole is written as such, and minus nothing is nothing.
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        return Number::from(rounded as i64);
    }
    Number::from_f64(rounded).unwrap_or(number)
}

/// On one line, without a space.
pub(super) fn text(value: &Value) -> String {
    settled(value.clone()).to_string()
}

/// With line breaks, for a file that people compare.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(&settled(value.clone()), 0, &mut text);
    text.push('\n');
    text
}

fn write(value: &Value, depth: usize, into: &mut String) {
    let short = value.to_string();
    let is_leaf = !matches!(value, Value::Object(_) | Value::Array(_));
    if is_leaf || short.chars().count() + 2 * depth <= WIDTH {
        return into.push_str(&short);
    }
    let line = |into: &mut String, depth: usize| {
        into.push('\n');
        into.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Object(members) => {
            into.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                if place > 0 {
                    into.push(',');
                }
                line(into, depth + 1);
                into.push_str(&Value::String(name.clone()).to_string());
                into.push_str(": ");
                write(value, depth + 1, into);
            }
            line(into, depth);
            into.push('}');
        }
        Value::Array(values) => {
            into.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    into.push(',');
                }
                line(into, depth + 1);
                write(value, depth + 1, into);
            }
            line(into, depth);
            into.push(']');
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_values_are_equal_bytes() {
        let one: Value = serde_json::from_str(r#"{"b": 1.0, "a": [0.12345678, -0.0]}"#).unwrap();
        let other = json!({"a": [0.123457, 0], "b": 1});
        assert_eq!(text(&one), r#"{"a":[0.123457,0],"b":1}"#);
        assert_eq!(text(&one), text(&other));
        assert_eq!(pretty(&one), "{\"a\":[0.123457,0],\"b\":1}\n");
    }

    #[test]
    fn what_is_long_is_broken_and_reads_back() {
        let long = json!({"names": vec!["a name of some length"; 10], "one": {"two": 2}});
        let pretty = pretty(&long);
        assert!(
            pretty.lines().all(|line| line.chars().count() <= WIDTH),
            "{pretty}"
        );
        assert!(pretty.contains("\n  \"one\": {\"two\":2}\n"), "{pretty}");
        assert_eq!(serde_json::from_str::<Value>(&pretty).unwrap(), long);
    }
}
