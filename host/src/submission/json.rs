//! `application/json`: an object whose members are the fields, and `attachments`, an array of
//! `{"name", "media_type", "base64"}`.
//!
//! Bounds: [`NESTING`] levels; a member of the outer object comes once. Line and column of a syntax error are kept.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{ATTACHMENTS, Draft, File, Refusal, fields, media};

/// The deepest level of JSON that is read: what the parser itself allows.
pub const NESTING: usize = 127;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest name of an attachment, in bytes.
const NAME: usize = 1024;

/// Decodes a body.
///
/// # Errors
/// The text is no JSON object, or a member is none that the fleet accepts.
pub fn decode(bytes: &Bytes, accepted: &[String]) -> Result<Draft, Refusal> {
    let members = object(bytes)?;
    let mut draft = Draft::default();
    for (name, value) in members {
        if name == "attachments" {
            draft.attachments = attachments(value)?;
            continue;
        }
        fields::check(&name, &value, accepted)?;
        draft.fields.insert(name, value);
    }
    Ok(draft)
}

/// Reads one JSON object whose members come once each.
///
/// # Errors
/// The text is no JSON, no object, too deep, or a member comes twice.
pub fn object(bytes: &[u8]) -> Result<Vec<(String, Value)>, Refusal> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_none() {
        return Err(Refusal::EmptyBody);
    }
    if first != Some(&b'{') {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
        return Err(Refusal::NotAnObject {
            found: fields::kind(&value),
        });
    }
    let Members(members) = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    let mut seen = std::collections::HashSet::with_capacity(members.len());
    if let Some((name, _)) = members.iter().find(|(name, _)| !seen.insert(name.as_str())) {
        return Err(Refusal::Twice {
            name: name.chars().take(100).collect(),
        });
    }
    Ok(members)
}

/// Turns the parser's error into a refusal with its place.
#[must_use]
pub fn unreadable(error: &serde_json::Error) -> Refusal {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let detail = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(detail, _)| detail);
    if detail == "recursion limit exceeded" {
        return Refusal::TooDeep {
            line,
            column,
            limit: NESTING,
        };
    }
    Refusal::Json {
        line,
        column,
        detail: detail.to_owned(),
    }
}

/// An object's members as they stand, doubles included: a map would drop all but the last, unseen.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

fn attachments(value: Value) -> Result<Vec<File>, Refusal> {
    let Value::Array(list) = value else {
        return Err(Refusal::WrongType {
            pointer: "/attachments".to_owned(),
            expected: "an array",
            found: fields::kind(&value),
        });
    };
    if list.len() > ATTACHMENTS {
        return Err(Refusal::TooManyAttachments {
            found: list.len(),
            limit: ATTACHMENTS,
        });
    }
    list.into_iter()
        .enumerate()
        .map(|(index, value)| attachment(&format!("/attachments/{index}"), value))
        .collect()
}

fn attachment(pointer: &str, value: Value) -> Result<File, Refusal> {
    let Value::Object(mut members) = value else {
        let expected = "an object with `name`, `media_type` and `base64`";
        return Err(Refusal::WrongType {
            pointer: pointer.to_owned(),
            expected,
            found: fields::kind(&value),
        });
    };
    let mut take = |member: &str| match members.remove(member) {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Refusal::WrongType {
            pointer: format!("{pointer}/{member}"),
            expected: "a string",
            found: fields::kind(&other),
        }),
        None => Ok(None),
    };
    let missing = |member: &str| Refusal::Missing {
        pointer: format!("{pointer}/{member}"),
        expected: "a string",
    };
    let mut name = take("name")?.ok_or_else(|| missing("name"))?;
    let declared = take("media_type")?;
    let encoded = take("base64")?.ok_or_else(|| missing("base64"))?;
    if let Some((other, _)) = members.iter().next() {
        let pointer = format!("{pointer}/{}", fields::escaped(other));
        return Err(Refusal::UnknownMember {
            pointer,
            accepted: "`name`, `media_type` and `base64`",
        });
    }
    name.truncate(name.floor_char_boundary(NAME));
    let media_type = match declared {
        None => media::of_name(&name).to_owned(),
        Some(declared) => {
            media::of_attachment(&declared).ok_or_else(|| Refusal::AttachmentType {
                pointer: format!("{pointer}/media_type"),
                found: declared.chars().take(100).collect(),
            })?
        }
    };
    let bytes = BASE64.decode(encoded).map_err(|error| Refusal::Base64 {
        pointer: format!("{pointer}/base64"),
        detail: error.to_string(),
    })?;
    Ok(File {
        name,
        media_type,
        bytes: bytes.into(),
    })
}
