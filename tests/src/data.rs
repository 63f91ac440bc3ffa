//! The requests of `tests/data`, in the form in which a client would send them.

use std::fs;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::{Request, places};

/// The submission that a file of `tests/data` stands for: `.json` and `.eml` as they are, `.txt` as subject and body,
/// anything else as an attachment.
///
/// # Errors
/// The file cannot be read, or is no text where it should be.
pub fn request(name: &str) -> Result<Request> {
    let file = places::root().join("tests/data").join(name);
    let bytes = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
    Ok(match kind {
        "json" => Request::submission("application/json", bytes),
        "eml" => Request::submission("message/rfc822", bytes),
        "txt" => {
            let text = String::from_utf8(bytes).context("no UTF-8")?;
            Request::submission("application/json", Value::Object(fields(&text)).to_string())
        }
        _ => {
            let attached =
                json!({ "attachments": [{ "name": name, "base64": STANDARD.encode(bytes) }] });
            Request::submission("application/json", attached.to_string())
        }
    })
}

/// The fields of a text whose first line may be its subject.
#[must_use]
pub fn fields(text: &str) -> Map<String, Value> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut fields = Map::new();
    match first.strip_prefix("Subject:") {
        Some(subject) => {
            fields.insert("subject".to_owned(), json!(subject.trim()));
            fields.insert("body".to_owned(), json!(rest.trim()));
        }
        None => {
            fields.insert("body".to_owned(), json!(text.trim()));
        }
    }
    fields
}
