//! The fields of a submission: which the fleet accepts, and what each of the well-known ones holds.
//!
//! `subject`, `body`, `from`, `to` and `date` are strings; `messages` is a thread, oldest first, of objects with `from`,
//! `date` and `body`. A field that the manifest adds may hold any JSON.

use serde_json::Value;

use super::Refusal;

/// The fields whose type is known, all strings.
const TEXT: [&str; 5] = ["subject", "body", "from", "to", "date"];
/// The members of one message of a thread.
const MESSAGE: [&str; 3] = ["from", "date", "body"];

/// Whether the field holds text, and a form's part may give it as it is.
#[must_use]
pub fn is_text(name: &str) -> bool {
    name != "messages"
}

/// Checks one field against the fleet's list and its own type.
///
/// # Errors
/// The fleet does not declare the field, or its value is of another type.
pub fn check(name: &str, value: &Value, accepted: &[String]) -> Result<(), Refusal> {
    if !accepted.iter().any(|known| known == name) {
        return Err(Refusal::UnknownField {
            name: shortened(name),
            accepted: accepted.to_vec(),
        });
    }
    let pointer = format!("/{name}");
    if TEXT.contains(&name) {
        return text(&pointer, value);
    }
    if name == "messages" {
        return messages(&pointer, value);
    }
    Ok(())
}

/// What a JSON value is, with its article, for a sentence.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn text(pointer: &str, value: &Value) -> Result<(), Refusal> {
    wrong_unless(value.is_string(), pointer, "a string", value)
}

fn messages(pointer: &str, value: &Value) -> Result<(), Refusal> {
    let Value::Array(thread) = value else {
        return wrong_unless(false, pointer, "an array of messages", value);
    };
    for (index, message) in thread.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        let Value::Object(members) = message else {
            return wrong_unless(
                false,
                &pointer,
                "an object with `from`, `date` and `body`",
                message,
            );
        };
        for (name, value) in members {
            let pointer = format!("{pointer}/{}", escaped(name));
            if !MESSAGE.contains(&name.as_str()) {
                return Err(Refusal::UnknownMember {
                    pointer,
                    accepted: "`from`, `date` and `body`",
                });
            }
            text(&pointer, value)?;
        }
        if !members.contains_key("body") {
            return Err(Refusal::Missing {
                pointer: format!("{pointer}/body"),
                expected: "a string",
            });
        }
    }
    Ok(())
}

fn wrong_unless(
    right: bool,
    pointer: &str,
    expected: &'static str,
    value: &Value,
) -> Result<(), Refusal> {
    if right {
        return Ok(());
    }
    Err(Refusal::WrongType {
        pointer: pointer.to_owned(),
        expected,
        found: kind(value),
    })
}

/// A member's name inside a JSON pointer (RFC 6901), cut where it is long.
#[must_use]
pub fn escaped(name: &str) -> String {
    shortened(name).replace('~', "~0").replace('/', "~1")
}

fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}
