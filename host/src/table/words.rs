//! A stage's answer in words. Answers are JSON of any shape, each plugin its own; what a person wants of them is what
//! was found, not where it stood or which figures decided it.

use serde_json::{Map, Value};

/// Members that say where something was found, how surely, by which path, or that repeat what another member says.
const ASIDE: [&str; 20] = [
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
    "alternatives",
    "decided_by",
    "documents",
    "redacted",
    "sentences",
    "words",
];
/// Members that carry the thing itself, best first.
const HEADS: [&str; 7] = ["value", "normalized", "text", "name", "label", "rule", "id"];
/// How many items of a list are told.
const ITEMS: usize = 6;
/// How much of one member is told where there are several.
const MEMBER: usize = 480;

/// An answer's members, each as `name words`, with dots between; what is empty or false is left out, but where nothing
/// else is there to tell: then `no flags` tells more than silence.
#[must_use]
pub fn words(answer: &Value) -> String {
    let Value::Object(members) = answer else {
        return one(answer);
    };
    let told = told(members);
    match told.as_slice() {
        [] => nothing(members),
        [(_, text)] => text.clone(),
        _ => joined(&told, " · "),
    }
}

/// The members that a person wants, in words.
fn told(members: &Map<String, Value>) -> Vec<(&String, String)> {
    let wanted = members
        .iter()
        .filter(|(name, value)| !aside(name) && **value != Value::Bool(false));
    wanted
        .map(|(name, value)| (name, one(value)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

fn joined(told: &[(&String, String)], between: &str) -> String {
    let members: Vec<_> = told
        .iter()
        .map(|(name, text)| format!("{} {}", readable(name), shortened(text)))
        .collect();
    members.join(between)
}

/// The lists that are empty: what was looked for and not found.
fn nothing(members: &Map<String, Value>) -> String {
    let empty = members
        .iter()
        .filter(|(name, value)| !aside(name) && value.as_array().is_some_and(Vec::is_empty));
    empty
        .map(|(name, _)| format!("no {}", readable(name)))
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
        return joined(&told(members), ", ");
    };
    let beside = |name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .map(clean)
            .filter(|text| !text.is_empty())
    };
    let mut text = head;
    // A head with letters or a sign says its currency itself.
    let bare =
        !text.contains(|character: char| character.is_alphabetic() || "$€£¥₹".contains(character));
    if let Some(currency) = beside("currency").filter(|_| bare) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_found_is_told_and_where_it_stood_is_not() {
        let answer = json!({"amounts": [{"value": "12.50 EUR", "currency": "EUR", "start": 1}, {"value": 2.71001}, {"text": "7,00", "currency": "CHF"}, {"text": "£5", "currency": "GBP"}], "truncated": false});
        assert_eq!(words(&answer), "12.50 EUR, 2.71, 7,00 CHF, £5");
        let answer =
            json!({"type": "card", "out_of_scope": true, "alternatives": ["x"], "team": null});
        assert_eq!(words(&answer), "type card · out of scope yes");
    }

    #[test]
    fn where_nothing_was_found_the_words_say_so() {
        let answer = json!({"flags": [], "redacted": {"body": "…"}, "truncated": false});
        assert_eq!(words(&answer), "no flags");
    }

    #[test]
    fn long_lists_and_texts_are_cut_and_say_so() {
        let answer =
            json!({"dates": (1..=9).map(|day| format!("2026-03-0{day}")).collect::<Vec<_>>()});
        assert!(words(&answer).ends_with("2026-03-06 and 3 more"));
        let answer = json!({"a": "x", "b": "y".repeat(1000)});
        assert!(words(&answer).ends_with(" …") && words(&answer).len() < 600);
    }
}
