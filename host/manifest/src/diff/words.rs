//! The sentences of a difference.
//!
//! Purpose: one form for each kind of value; two values that differ are never shown as the same text.

use crate::suggest::shown;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Characters that a value keeps before what differs in it.
const CONTEXT: usize = 12;

/// `key: old → new`, where they differ.
pub(super) fn change(details: &mut Vec<String>, key: &str, old: &str, new: &str) {
    if old != new {
        let (old, new) = apart(old, new);
        details.push(format!("{key}: {old} → {new}"));
    }
}

/// `key: old → new`, where they differ; an absent value is `none`.
pub(super) fn optional(details: &mut Vec<String>, key: &str, old: Option<&str>, new: Option<&str>) {
    if old != new {
        let (old, new) = apart(old.unwrap_or("none"), new.unwrap_or("none"));
        details.push(format!("{key}: {old} → {new}"));
    }
}

/// `key: old → new` of two digests, each by its first twelve digits where that tells them apart.
pub(super) fn digests(details: &mut Vec<String>, key: &str, old: Option<&str>, new: Option<&str>) {
    let short = |digest: &str| format!("{}…", digest.get(..19).unwrap_or(digest));
    let (was, now) = (old.map(short), new.map(short));
    if was == now {
        optional(details, key, old, new);
    } else {
        optional(details, key, was.as_deref(), now.as_deref());
    }
}

/// `key: + came, − went`, where anything did.
pub(super) fn sets(
    details: &mut Vec<String>,
    key: &str,
    old: &BTreeSet<&str>,
    new: &BTreeSet<&str>,
) {
    let came = new.difference(old).map(|item| format!("+ {}", shown(item)));
    let went = old.difference(new).map(|item| format!("− {}", shown(item)));
    let all: Vec<String> = came.chain(went).collect();
    if !all.is_empty() {
        details.push(format!("{key}: {}", all.join(", ")));
    }
}

/// Roles that came, went, or are bound to another model.
pub(super) fn bindings(
    details: &mut Vec<String>,
    key: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) {
    for (role, model) in new {
        match old.get(role) {
            Some(was) => change(details, &format!("{key}.{}", shown(role)), was, model),
            None => details.push(format!("{key}: + {} = {}", shown(role), shown(model))),
        }
    }
    for role in old.keys().filter(|role| !new.contains_key(*role)) {
        details.push(format!("{key}: − {}", shown(role)));
    }
}

/// `role = model, …`; `none` where there is none.
pub(super) fn bound(bindings: &BTreeMap<String, String>) -> String {
    let each = bindings
        .iter()
        .map(|(role, model)| format!("{role} = {model}"));
    or_none(each.collect::<Vec<_>>().join(", "))
}

/// The text, or `none` where it is empty.
pub(super) fn or_none(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

/// What differs in two tables of config, each by its JSON pointer behind `key`: `config./floor: 0.5 → 0.6`.
pub(super) fn config(
    details: &mut Vec<String>,
    key: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) {
    objects(details, &format!("{key}."), old, new);
}

/// Recursion is bounded by [`crate::MAX_DEPTH`].
fn values(details: &mut Vec<String>, at: &str, old: &Value, new: &Value) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(old), Value::Object(new)) => objects(details, at, old, new),
        (Value::Array(old), Value::Array(new)) => arrays(details, at, old, new),
        _ => change(details, at, &old.to_string(), &new.to_string()),
    }
}

fn objects(
    details: &mut Vec<String>,
    at: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) {
    let pointer = |name: &str| {
        let token = name.replace('~', "~0").replace('/', "~1");
        format!("{at}/{}", shown(&token))
    };
    for (name, value) in new {
        match old.get(name) {
            Some(was) => values(details, &pointer(name), was, value),
            None => details.push(format!("{}: + {}", pointer(name), json(value))),
        }
    }
    for (name, value) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        details.push(format!("{}: − {}", pointer(name), json(value)));
    }
}

/// Items that are the same at both ends are left out, so that one that was put in is not shown as a change of all.
fn arrays(details: &mut Vec<String>, at: &str, old: &[Value], new: &[Value]) {
    let start = same(old.iter(), new.iter());
    let shorter = old.len().min(new.len());
    let end = same(old.iter().rev(), new.iter().rev()).min(shorter - start);
    let middle = |items: &'_ [Value]| start..items.len() - end;
    let (was, now) = (middle(old), middle(new));
    if was.len() == now.len() {
        let pairs = old.iter().zip(new).enumerate();
        for (index, (old, new)) in pairs.take(now.end).skip(start) {
            values(details, &format!("{at}/{index}"), old, new);
        }
        return;
    }
    for (sign, items, range) in [('−', old, was), ('+', new, now)] {
        for (index, item) in items.iter().enumerate().take(range.end).skip(range.start) {
            details.push(format!("{at}/{index}: {sign} {}", json(item)));
        }
    }
}

fn same<'a>(old: impl Iterator<Item = &'a Value>, new: impl Iterator<Item = &'a Value>) -> usize {
    old.zip(new).take_while(|(old, new)| old == new).count()
}

fn json(value: &Value) -> String {
    shown(&value.to_string())
}

/// Two texts that differ, cut so that they still do.
fn apart(old: &str, new: &str) -> (String, String) {
    let cut = (shown(old), shown(new));
    if cut.0 != cut.1 {
        return cut;
    }
    let same = old
        .chars()
        .zip(new.chars())
        .take_while(|(old, new)| old == new)
        .count();
    let from = same.saturating_sub(CONTEXT);
    let tail = |text: &str| {
        let rest: String = text.chars().skip(from).collect();
        format!("…{}", shown(&rest))
    };
    let tails = (tail(old), tail(new));
    if tails.0 != tails.1 {
        return tails;
    }
    // They differ in characters that are not shown.
    (
        tails.0,
        format!("{} (other characters that cannot be shown)", tails.1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn differ(old: Value, new: Value) -> Vec<String> {
        let mut details = Vec::new();
        config(
            &mut details,
            "config",
            old.as_object().unwrap(),
            new.as_object().unwrap(),
        );
        details
    }

    #[test]
    fn config_is_compared_value_by_value() {
        let old = json!({ "floor": 0.5, "rules": [{ "a": 1 }, { "b": 2 }], "gone": null, "x/y": { "z": true } });
        let new = json!({ "floor": 0.6, "rules": [{ "a": 1 }, { "b": 3 }], "came": [1], "x/y": { "z": false } });
        assert_eq!(
            differ(old.clone(), new),
            [
                "config./floor: 0.5 → 0.6",
                "config./rules/1/b: 2 → 3",
                "config./came: + [1]",
                "config./x~1y/z: true → false",
                "config./gone: − null",
            ]
        );
        assert!(differ(old.clone(), old).is_empty());
    }

    #[test]
    fn an_item_that_is_put_in_or_taken_out_is_shown_alone() {
        let list = |items: &[i32]| json!({ "r": items });
        assert_eq!(
            differ(list(&[1, 2, 3]), list(&[1, 9, 2, 3])),
            ["config./r/1: + 9"]
        );
        assert_eq!(
            differ(list(&[1, 2, 3]), list(&[2, 3])),
            ["config./r/0: − 1"]
        );
        assert_eq!(differ(list(&[1, 1]), list(&[1])), ["config./r/1: − 1"]);
        assert_eq!(differ(list(&[]), list(&[1])), ["config./r/0: + 1"]);
        assert_eq!(
            differ(list(&[1, 2]), list(&[2, 1])),
            ["config./r/0: 1 → 2", "config./r/1: 2 → 1"]
        );
        assert_eq!(
            differ(list(&[1, 2, 3]), list(&[1, 7, 8, 3])),
            ["config./r/1: − 2", "config./r/1: + 7", "config./r/2: + 8"]
        );
    }

    #[test]
    fn long_values_are_cut_where_they_still_differ() {
        let long = "a".repeat(100);
        let (old, new) = apart(&format!("{long}x"), &format!("{long}y"));
        assert!(old.ends_with("ax") && new.ends_with("ay"), "{old} {new}");
        let (old, new) = apart("a\u{1}", "a\u{2}");
        assert_ne!(old, new);
    }
}
