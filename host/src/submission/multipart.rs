//! `multipart/form-data`: a part with a file name is an attachment; the part `fields`, `application/json`, is an object
//! of fields; every other part is a field, its text as it stands, or JSON where the part says so.
//!
//! Bounds: [`ATTACHMENTS`](super::ATTACHMENTS) attachments and [`PARTS`] parts in all; a field comes once.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use multer::{Field, Multipart};
use serde_json::Value;

use super::{Draft, File, Refusal, fields, json, media};

/// How many parts a form may have.
pub const PARTS: usize = 256;

/// Decodes a body whose parts are separated by `boundary`.
///
/// # Errors
/// The body is no form, or a part is none that the fleet accepts.
pub async fn decode(bytes: Bytes, boundary: &str, accepted: &[String]) -> Result<Draft, Refusal> {
    let stream = BodyDataStream::new(Full::<Bytes>::new(bytes));
    let mut form = Multipart::new(stream, boundary);
    let mut draft = Draft::default();
    let mut parts = 0_usize;
    while let Some(part) = form.next_field().await.map_err(|error| broken(&error))? {
        parts += 1;
        if parts > PARTS {
            return Err(Refusal::Multipart {
                detail: format!("it has more than {PARTS} parts"),
            });
        }
        take(part, &mut draft, accepted).await?;
    }
    Ok(draft)
}

async fn take(part: Field<'_>, draft: &mut Draft, accepted: &[String]) -> Result<(), Refusal> {
    if let Some(file_name) = part.file_name() {
        let file = file(file_name.to_owned(), part).await?;
        return draft.attach(file);
    }
    let Some(name) = part.name().map(str::to_owned) else {
        return Err(Refusal::Multipart {
            detail: "a part has neither a name nor a file name".to_owned(),
        });
    };
    let is_json = part
        .content_type()
        .is_some_and(|declared| declared.essence_str() == "application/json");
    let bytes = part.bytes().await.map_err(|error| broken(&error))?;
    if name == "fields" && is_json {
        for (name, value) in json::object(&bytes)? {
            insert(draft, name, value, accepted)?;
        }
        return Ok(());
    }
    let value = if is_json || !fields::is_text(&name) {
        serde_json::from_slice(&bytes).map_err(|error| json::unreadable(&error))?
    } else {
        let text = std::str::from_utf8(&bytes).map_err(|error| Refusal::Multipart {
            detail: format!(
                "the part `{}` is no UTF-8 at byte {}",
                fields::escaped(&name),
                error.valid_up_to()
            ),
        })?;
        Value::String(text.to_owned())
    };
    insert(draft, name, value, accepted)
}

fn insert(
    draft: &mut Draft,
    name: String,
    value: Value,
    accepted: &[String],
) -> Result<(), Refusal> {
    fields::check(&name, &value, accepted)?;
    if draft.fields.contains_key(&name) {
        return Err(Refusal::Twice { name });
    }
    draft.fields.insert(name, value);
    Ok(())
}

async fn file(name: String, part: Field<'_>) -> Result<File, Refusal> {
    let media_type = match part
        .content_type()
        .map(|declared| declared.essence_str().to_ascii_lowercase())
    {
        // What a client says that knows nothing of the file is worth less than the file's name.
        None => media::of_name(&name).to_owned(),
        Some(declared) if declared == media::UNKNOWN => media::of_name(&name).to_owned(),
        Some(declared) => declared,
    };
    let bytes = part.bytes().await.map_err(|error| broken(&error))?;
    Ok(File {
        name,
        media_type,
        bytes,
    })
}

fn broken(error: &multer::Error) -> Refusal {
    let detail = match error {
        multer::Error::IncompleteFieldData {
            field_name: Some(name),
        } => format!("the part `{}` is cut off", fields::escaped(name)),
        multer::Error::IncompleteFieldData { field_name: None } => "a part is cut off".to_owned(),
        multer::Error::IncompleteHeaders => "the headers of a part are cut off".to_owned(),
        multer::Error::IncompleteStream => "the body ends without the closing boundary".to_owned(),
        multer::Error::StreamReadFailed(source) if source.is::<Infallible>() => {
            "the body cannot be read".to_owned()
        }
        other => other.to_string(),
    };
    Refusal::Multipart { detail }
}
