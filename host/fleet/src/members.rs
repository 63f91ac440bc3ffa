//! What stages are shown of a submission, each member that some stage reads written as JSON once, however many do.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The members `"name":value` of a submission's fields, in their order, and of the answers so far, by the stage's name.
pub(crate) struct Members<'a> {
    fields: Vec<(&'a str, String)>,
    answers: BTreeMap<&'a str, String>,
}

impl<'a> Members<'a> {
    /// The fields that somebody reads.
    pub(crate) fn of(fields: &'a Map<String, Value>, is_read: impl Fn(&str) -> bool) -> Self {
        let fields = fields.iter().filter(|(name, _)| is_read(name));
        Members {
            fields: fields
                .map(|(name, value)| (name.as_str(), member(name, value)))
                .collect(),
            answers: BTreeMap::new(),
        }
    }

    pub(crate) fn answered(&mut self, stage: &'a str, answer: &Value) {
        self.answers.insert(stage, member(stage, answer));
    }

    /// Those that are granted, as one JSON object.
    pub(crate) fn shown(&self, granted: impl Fn(&str) -> bool) -> String {
        let fields = self.fields.iter().map(|(name, member)| (*name, member));
        let answers = self.answers.iter().map(|(name, member)| (*name, member));
        let granted: Vec<&String> = fields
            .chain(answers)
            .filter(|(name, _)| granted(name))
            .map(|(_, member)| member)
            .collect();
        let bytes: usize = granted.iter().map(|member| member.len() + 1).sum();
        let mut json = String::with_capacity(bytes + 2);
        json.push('{');
        for (place, member) in granted.into_iter().enumerate() {
            if place > 0 {
                json.push(',');
            }
            json.push_str(member);
        }
        json.push('}');
        json
    }
}

fn member(name: &str, value: &Value) -> String {
    format!("{}:{value}", Value::from(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_granted_is_one_object_in_the_order_of_fields_and_then_of_stages() {
        let fields = json!({ "sub\"ject": "a \u{1}", "body": ["b", 1.5e300, null], "from": {}, "unread": 1 });
        let mut members = Members::of(fields.as_object().unwrap(), |name| name != "unread");
        assert_eq!(members.shown(|_| false), "{}");
        members.answered("route", &json!({ "queue": "ü" }));
        members.answered("classify", &json!({ "type": "card" }));
        let shown = members.shown(|name| name != "from");
        let read: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(
            read,
            json!({ "sub\"ject": "a \u{1}", "body": ["b", 1.5e300, null], "classify": { "type": "card" }, "route": { "queue": "ü" } })
        );
        assert!(shown.find("classify").unwrap() < shown.find("route").unwrap());
        assert_eq!(members.shown(|name| name == "from"), r#"{"from":{}}"#);
    }
}
