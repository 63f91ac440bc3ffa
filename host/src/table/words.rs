//! A stage's answer in words. Answers are JSON of any shape, each plugin its own; what a person wants of them is what
//! was found, not where it stood or which figures decided it.

use serde_json::{Map, Value};

/// Members that say where or how surely something was found.
const ASIDE: [&str; 14] = [
    "start",
    "end",
    "span",
    "spans",
    "offset",
    "offsets",
    "place",
    "source",
    "confidence",
    "scores",
    "probabilities",
    "digest",
    "bytes",
    "page",
];
/// Members that carry the thing itself, best first.
const HEADS: [&str; 7] = ["value", "normalized", "text", "name", "label", "rule", "id"];
/// How many items of a list are told.
const ITEMS: usize = 6;
/// How much of one member is told where there are several.
const MEMBER: usize = 240;

/// An answer's members, each as `name words`, with dots between.
#[must_use]
pub fn words(answer: &Value) -> String {
    let Value::Object(members) = answer else {
        return one(answer);
    };
    let told: Vec<_> = members
        .iter()
        .filter(|(name, _)| !aside(name))
        .map(|(name, value)| (name, one(value)))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    if let [(_, text)] = told.as_slice() {
        return text.clone();
    }
    told.iter()
        .map(|(name, text)| format!("{} {}", readable(name), shortened(text)))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Text without what could move the cursor, change colours or turn the direction of writing; spaces become one.
#[must_use]
pub fn clean(text: &str) -> String {
    let harmless = |character: char| {
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if character.is_control() || turns || character.is_whitespace() {
            ' '
        } else {
            character
        }
    };
    let replaced: String = text.chars().map(harmless).collect();
    replaced
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn one(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => figure(number),
        Value::String(text) => clean(text),
        Value::Array(items) => list(items),
        Value::Object(members) => object(members),
    }
}

/// Figures to two places: a person reads 0.97, not 0.9712345.
fn figure(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() && value.abs() < 1e9 => {
            let text = format!("{value:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => number.to_string(),
    }
}

fn list(items: &[Value]) -> String {
    let told: Vec<_> = items
        .iter()
        .map(one)
        .filter(|text| !text.is_empty())
        .collect();
    let more = told.len().saturating_sub(ITEMS);
    let mut text = told
        .into_iter()
        .take(ITEMS)
        .map(|item| shortened(&item))
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// An object that has a head is told by it, with what it is and its currency; another by all its members.
fn object(members: &Map<String, Value>) -> String {
    let head = HEADS
        .iter()
        .find_map(|name| members.get(*name))
        .map(one)
        .filter(|text| !text.is_empty());
    let Some(head) = head else {
        let told = members
            .iter()
            .filter(|(name, _)| !aside(name))
            .map(|(name, value)| (name, one(value)))
            .filter(|(_, text)| !text.is_empty());
        return told
            .map(|(name, text)| format!("{} {}", readable(name), shortened(&text)))
            .collect::<Vec<_>>()
            .join(", ");
    };
    let beside = |name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .map(clean)
            .filter(|text| !text.is_empty())
    };
    let mut text = head;
    if let Some(currency) = beside("currency") {
        text = format!("{text} {currency}");
    }
    match beside("kind")
        .or_else(|| beside("type"))
        .or_else(|| beside("severity"))
    {
        Some(kind) => format!("{text} ({})", readable(&kind)),
        None => text,
    }
}

fn aside(name: &str) -> bool {
    ASIDE.contains(&name) || name.ends_with("_confidence")
}

fn readable(name: &str) -> String {
    clean(name).replace(['_', '-'], " ")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MEMBER {
        return text.to_owned();
    }
    format!(
        "{} …",
        text.chars().take(MEMBER).collect::<String>().trim_end()
    )
}
