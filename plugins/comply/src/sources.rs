//! The texts of a submission: its fields, its text attachments, and what earlier stages said of it.

use std::borrow::Cow;

use fleetwright_detect::Span;
use fleetwright_sdk::Attachment;
use fleetwright_sdk::text::{Tracked, plain};
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
    pub text: Cow<'a, str>,
    /// The earlier stage that wrote it, where one did.
    pub stage: Option<String>,
    /// Whether text was left unread.
    pub cut: bool,
    /// The text as it looks, where some of its characters are disguised.
    plain: Option<Tracked>,
}

impl Source<'_> {
    /// The text as it looks: what rules read.
    pub fn shown(&self) -> &str {
        self.plain
            .as_ref()
            .map_or(self.text.as_ref(), Tracked::as_str)
    }

    /// Where a range of [`Source::shown`] stands in the text itself.
    pub fn original(&self, span: Span) -> Span {
        let Some(plain) = &self.plain else {
            return span;
        };
        let range = plain.source(span.start..span.end);
        Span {
            start: range.start,
            end: range.end,
        }
    }
}

/// Collects the texts of a submission.
pub fn collect<'a>(
    fields: &'a Map<String, Value>,
    attachments: &'a [Attachment],
) -> Vec<Source<'a>> {
    let mut sources = Vec::new();
    for name in ["subject", "body"] {
        if let Some(Value::String(text)) = fields.get(name) {
            sources.push(source(name.to_owned(), text.into(), None));
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
            sources.push(source(format!("message:{place}"), text.into(), None));
        }
    }
    for attachment in attachments {
        if let Some(text) = readable(attachment) {
            sources.push(source(
                format!("attachment:{}", attachment.name),
                text,
                None,
            ));
        }
    }
    for (stage, answer) in fields
        .iter()
        .filter(|(name, _)| !FIELDS.contains(&name.as_str()))
    {
        let mut texts = Vec::new();
        strings(answer, format!("stage:{stage}"), 0, &mut texts);
        sources.extend(
            texts
                .into_iter()
                .map(|(name, text)| source(name, text, Some(stage.clone()))),
        );
    }
    sources
}

fn source(name: String, text: Cow<'_, str>, stage: Option<String>) -> Source<'_> {
    let cut = text.len() > READ;
    let text = if cut {
        let end = (0..=READ)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.get(..end).unwrap_or_default().to_owned().into()
    } else {
        text
    };
    let seen = (!text.is_ascii()).then(|| plain(&text));
    let plain = seen.filter(|seen| seen.as_str() != text);
    Source {
        name,
        text,
        stage,
        cut,
        plain,
    }
}

/// The text of an attachment that is text: by its bytes, whatever its declared type.
fn readable(attachment: &Attachment) -> Option<Cow<'_, str>> {
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

/// Every string and every long whole number of an answer, with its path, eight levels deep.
fn strings<'a>(
    value: &'a Value,
    path: String,
    depth: usize,
    into: &mut Vec<(String, Cow<'a, str>)>,
) {
    if depth > 8 {
        return;
    }
    match value {
        Value::String(text) => into.push((path, text.into())),
        Value::Number(number) if number.is_u64() => {
            let digits = number.to_string();
            if digits.len() > 8 {
                into.push((path, digits.into()));
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                strings(item, format!("{path}.{place}"), depth + 1, into);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                strings(item, format!("{path}.{name}"), depth + 1, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
