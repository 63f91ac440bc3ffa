//! `config` as JSON, with the place of each value.
//!
//! Purpose: what a plugin is handed is JSON; what JSON cannot carry is refused here. Bounds: [`crate::MAX_DEPTH`].

use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::suggest::shown;
use crate::walk::Table;
use crate::{Diagnostic, Span};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::DeValue;

/// Reads the table `config` of `table`; absent is `None`.
pub(crate) fn config(
    table: &Table<'_>,
    places: &mut BTreeMap<String, Span>,
    findings: &mut Findings,
) -> Option<Map<String, Value>> {
    let (_, entry) = table.entries_of("config", findings)?;
    match json(entry.value, String::new(), places, findings)? {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// A TOML value as JSON. Recursion is bounded by [`crate::MAX_DEPTH`].
fn json(
    value: &Spanned<DeValue<'_>>,
    pointer: String,
    places: &mut BTreeMap<String, Span>,
    findings: &mut Findings,
) -> Option<Value> {
    let span = Span::from(value.span());
    let json_value = match value.get_ref() {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(yes) => Some(Value::Bool(*yes)),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .map(Value::from),
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number),
        DeValue::Datetime(_) => None,
        DeValue::Array(items) => {
            let each = items.iter().enumerate();
            Some(Value::Array(
                each.filter_map(|(i, item)| json(item, format!("{pointer}/{i}"), places, findings))
                    .collect(),
            ))
        }
        DeValue::Table(entries) => {
            let mut map = Map::new();
            for (key, item) in entries {
                let token = key.get_ref().replace('~', "~0").replace('/', "~1");
                if let Some(value) = json(item, format!("{pointer}/{token}"), places, findings) {
                    map.insert(key.get_ref().to_string(), value);
                }
            }
            Some(Value::Object(map))
        }
    };
    if json_value.is_none() {
        findings.report(bad_config(&pointer, value.get_ref(), span));
    }
    places.insert(pointer, span);
    json_value
}

fn bad_config(pointer: &str, value: &DeValue<'_>, span: Span) -> Diagnostic {
    let (what, hint) = match value {
        DeValue::Datetime(_) => ("a date or time", "write it as a string in quotes"),
        DeValue::Integer(_) => (
            "an integer beyond 64 bits",
            "write a smaller number, or a string in quotes",
        ),
        _ => (
            "not a finite number",
            "write a finite number, or a string in quotes",
        ),
    };
    let key = shown(&pointer.replace('/', "."));
    Diagnostic::new(
        codes::BAD_CONFIG,
        span,
        format!("`config{key}` is {what}, which a plugin cannot be given"),
    )
    .label("`config` is handed over as JSON")
    .hint(hint)
}
