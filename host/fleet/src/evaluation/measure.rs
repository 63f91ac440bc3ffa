//! What is measured: a place in a stage's answer, and how it is compared.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sample::Header;

/// How an answer is compared with what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One label.
    Label,
    /// Stretches of text, by kind.
    Spans,
    /// Named values.
    Fields,
    /// A summary, against references.
    Summary,
    /// Any number of flags.
    Flags,
    /// Whether the stage holds the submission.
    Held,
}

/// Which measure it is. In this order they are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) stage: String,
    pub(super) at: String,
    pub(super) task: Task,
}

impl Key {
    /// The stage and the pointer; for a hold, the word.
    pub(super) fn name(&self) -> String {
        match self.task {
            Task::Held => format!("{} held", self.stage),
            _ => format!("{}{}", self.stage, self.at),
        }
    }
}

/// What a measure is, once the whole data file was looked through.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    pub(super) key: Key,
    /// The label that means out of scope.
    pub(super) outside: Option<String>,
    /// The pointer to how sure the answer is, where the data say.
    pub(super) confidence: Option<String>,
    /// The labels, kinds or flags that are expected of any sample.
    pub(super) words: BTreeSet<String>,
    /// Whether it is the only one of its stage, so that the stage's confidence is its own.
    pub(super) only: bool,
}

impl Measure {
    pub(super) fn new(key: Key, words: BTreeSet<String>, only: bool, header: &Header) -> Self {
        let of = |map: &std::collections::BTreeMap<String, String>| {
            map.get(&key.name()).or_else(|| map.get(&key.at)).cloned()
        };
        Measure {
            outside: of(&header.out_of_scope),
            confidence: of(&header.confidence),
            words,
            only,
            key,
        }
    }
}

/// The members that an answer may have where `pointer` leads to none; `Ok` where the schema leaves it open.
pub(super) fn check_pointer(schema: &Value, pointer: &str) -> Result<(), Vec<String>> {
    let mut here = schema;
    for token in pointer.split('/').skip(1) {
        here = followed(schema, here);
        let properties = here.get("properties").and_then(Value::as_object);
        let closed = here.get("additionalProperties") == Some(&Value::Bool(false));
        here = match (properties, here.get("items")) {
            (Some(properties), _) => match properties.get(token) {
                Some(next) => next,
                None if closed => return Err(properties.keys().cloned().collect()),
                None => return Ok(()),
            },
            (None, Some(items)) => items,
            (None, None) => return Ok(()),
        };
    }
    Ok(())
}

/// The labels that the schema allows at `pointer`, where it lists them.
pub(super) fn allowed(schema: &Value, pointer: &str) -> Option<BTreeSet<String>> {
    let mut here = schema;
    for token in pointer.split('/').skip(1) {
        here = followed(schema, here);
        here = match here.get("properties") {
            Some(properties) => properties.get(token)?,
            None => here.get("items")?,
        };
    }
    let listed = followed(schema, here).get("enum")?.as_array()?;
    Some(listed.iter().filter_map(super::sample::word).collect())
}

/// What a `$ref` into the same schema leads to.
fn followed<'v>(schema: &'v Value, here: &'v Value) -> &'v Value {
    let target = here.get("$ref").and_then(Value::as_str);
    target
        .and_then(|target| schema.pointer(target.strip_prefix('#')?))
        .unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_is_held_against_a_closed_schema() {
        let schema = json!({
            "properties": {
                "type": {"enum": ["card", "order"]},
                "flags": {"items": {"$ref": "#/$defs/flag"}},
                "open": {"properties": {"a": {}}}
            },
            "additionalProperties": false,
            "$defs": {"flag": {"properties": {"rule": {"enum": ["a.b"]}}, "additionalProperties": false}}
        });
        for good in [
            "",
            "/type",
            "/flags/*/rule",
            "/flags/0/rule",
            "/open/b",
            "/type/x",
        ] {
            assert_eq!(check_pointer(&schema, good), Ok(()), "{good}");
        }
        let known = |names: &[&str]| Err(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(
            check_pointer(&schema, "/tpye"),
            known(&["type", "flags", "open"])
        );
        assert_eq!(check_pointer(&schema, "/flags/*/name"), known(&["rule"]));
        assert_eq!(
            allowed(&schema, "/flags/*/rule"),
            Some(["a.b".to_owned()].into())
        );
        assert_eq!(allowed(&schema, "/open/a"), None);
    }
}
