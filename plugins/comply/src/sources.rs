//! The texts of a submission: its fields, its text attachments, and what earlier stages said of it.

use fleetwright_sdk::Attachment;
use serde_json::{Map, Value};

/// How many bytes of one text are read.
const READ: usize = 256 * 1024;
/// Fields of a submission that are not stages' answers.
const FIELDS: &[&str] = &["subject", "body", "from", "to", "date", "messages"];

/// A text to screen.
#[derive(Debug)]
pub struct Source<'a> {
    /// Where flags say that they are: `subject`, `body`, `message:N`, `attachment:NAME` or `stage:NAME.path`.
    pub name: String,
    /// The text.
    pub text: std::borrow::Cow<'a, str>,
    /// Whether an earlier stage wrote it: a card number there is a leak.
    pub answer: bool,
    /// Whether text was left unread.
    pub cut: bool,
}

/// Collects the texts of a submission.
pub fn collect<'a>(
    fields: &'a Map<String, Value>,
    attachments: &'a [Attachment],
) -> Vec<Source<'a>> {
    let mut sources = Vec::new();
    for name in ["subject", "body"] {
        if let Some(Value::String(text)) = fields.get(name) {
            sources.push(source(name.to_owned(), text.into(), false));
        }
    }
    for (place, message) in fields
        .get("messages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        if let Some(text) = message.get("body").and_then(Value::as_str) {
            sources.push(source(format!("message:{place}"), text.into(), false));
        }
    }
    for attachment in attachments {
        if let Some(text) = readable(attachment) {
            sources.push(source(
                format!("attachment:{}", attachment.name),
                text,
                false,
            ));
        }
    }
    for (stage, answer) in fields
        .iter()
        .filter(|(name, _)| !FIELDS.contains(&name.as_str()))
    {
        strings(answer, &format!("stage:{stage}"), 0, &mut sources);
    }
    sources
}

fn source(name: String, text: std::borrow::Cow<'_, str>, answer: bool) -> Source<'_> {
    if text.len() <= READ {
        return Source {
            name,
            text,
            answer,
            cut: false,
        };
    }
    let end = (0..=READ)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    let text = text.get(..end).unwrap_or_default().to_owned().into();
    Source {
        name,
        text,
        answer,
        cut: true,
    }
}

/// The text of an attachment that is text: by its bytes, whatever its declared type.
fn readable(attachment: &Attachment) -> Option<std::borrow::Cow<'_, str>> {
    let bytes = attachment.bytes.as_slice();
    let binary = bytes.starts_with(b"%PDF-") || bytes.iter().take(4096).any(|byte| *byte == 0);
    if binary {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.into()),
        Err(_) if attachment.media_type.starts_with("text/") => {
            Some(String::from_utf8_lossy(bytes))
        }
        Err(_) => None,
    }
}

/// Every string of an answer, with its path, eight levels deep.
fn strings<'a>(value: &'a Value, path: &str, depth: usize, into: &mut Vec<Source<'a>>) {
    if depth > 8 {
        return;
    }
    match value {
        Value::String(text) => into.push(source(path.to_owned(), text.into(), true)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(place, item)| strings(item, &format!("{path}.{place}"), depth + 1, into)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, item)| strings(item, &format!("{path}.{name}"), depth + 1, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
