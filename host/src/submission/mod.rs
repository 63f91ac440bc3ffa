//! From the bytes of a request to a [`Draft`]: fields and attachments that are well formed and that the fleet accepts.
//!
//! Three media types are read: `application/json`, `multipart/form-data` and `message/rfc822`. Whatever else comes is a
//! [`Refusal`] that names the place. Nothing here knows HTTP's answers: `rescue` turns a refusal into one.
//!
//! Bounds: a body of [`Bounds::body`] bytes at most, however it is framed; a wait of [`Bounds::idle`] at most between
//! two pieces of it; [`ATTACHMENTS`] attachments; JSON nested [`json::NESTING`] levels deep.

pub mod body;
pub mod fields;
pub mod json;
pub mod media;
pub mod multipart;
pub mod rfc822;

use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Body;
use serde_json::{Map, Value};

use media::MediaType;

/// How many attachments one submission may carry.
pub const ATTACHMENTS: usize = 64;

/// Bodies above this size are decoded off the threads that serve connections.
const DECODE_ELSEWHERE: usize = 256 << 10;

/// What a client submitted, decoded and checked, and not yet given to a fleet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    /// The submission's fields, by name, in the order in which they came.
    pub fields: Map<String, Value>,
    /// The files that came with it, in order.
    pub attachments: Vec<File>,
}

/// One file of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The name that the sender gave: a label, never a path to be trusted.
    pub name: String,
    /// The media type, in lower case and without parameters.
    pub media_type: String,
    /// The file's bytes, undecoded.
    pub bytes: Bytes,
}

/// How much of a body is taken, and how long it is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The largest body, in bytes.
    pub body: u64,
    /// The longest wait for the next piece of a body.
    pub idle: Duration,
}

/// Why a request is no submission. Each case names the place, and its sentence ends with the way out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The body has no bytes.
    #[error(
        "the body is empty: send the fields of a submission, such as `{{\"subject\": \"…\", \"body\": \"…\"}}`"
    )]
    EmptyBody,
    /// The body is larger than is taken.
    #[error(
        "the body is larger than {limit} bytes: send fewer or smaller attachments, or start the host with a larger `--max-body`"
    )]
    TooLarge {
        /// The largest body that is taken, in bytes.
        limit: u64,
    },
    /// The next piece of the body did not come in time.
    #[error("the body stopped arriving for {} ms: send it without pauses", waited.as_millis())]
    TooSlow {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The connection ended inside the body.
    #[error("the body ended early ({detail}): send it whole, with its true length")]
    Interrupted {
        /// What the connection reported.
        detail: String,
    },
    /// The request does not say what its body is.
    #[error("the request has no `Content-Type`: name one of {}", media::ACCEPTED.join(", "))]
    NoMediaType,
    /// The body is of a type that is not read.
    #[error("`{found}` is not read here: send one of {}", media::ACCEPTED.join(", "))]
    MediaType {
        /// The type that was declared.
        found: String,
    },
    /// The body is compressed.
    #[error("a body with `Content-Encoding: {found}` is not read here: send it as it is")]
    Encoding {
        /// The coding that was declared.
        found: String,
    },
    /// The text is no JSON.
    #[error("line {line}, column {column}: {detail}: correct the JSON there")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1; 0 at the end of the line before.
        column: usize,
        /// What the parser found.
        detail: String,
    },
    /// The JSON is nested too deep.
    #[error("line {line}, column {column}: nested deeper than {limit} levels: flatten the JSON")]
    TooDeep {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
        /// The deepest level that is read.
        limit: usize,
    },
    /// The JSON is no object.
    #[error("the body is {found}, not an object: send the fields as members of one JSON object")]
    NotAnObject {
        /// What it is, with its article.
        found: &'static str,
    },
    /// A member or a part comes twice.
    #[error("`{name}` comes more than once: send it once")]
    Twice {
        /// The field's name.
        name: String,
    },
    /// A value is of another type than the field has.
    #[error("`{pointer}` is {found}; it must be {expected}")]
    WrongType {
        /// Where it is, as a JSON pointer (RFC 6901).
        pointer: String,
        /// What the field takes, with its article.
        expected: &'static str,
        /// What was found, with its article.
        found: &'static str,
    },
    /// A member that is needed is absent.
    #[error("`{pointer}` is missing: give {expected}")]
    Missing {
        /// Where it should be, as a JSON pointer.
        pointer: String,
        /// What it takes, with its article.
        expected: &'static str,
    },
    /// A field that the fleet does not declare.
    #[error(
        "`{name}` is no field of this fleet: send only {}, `attachments`, or declare it under `[submission] fields` in the manifest",
        quoted(accepted)
    )]
    UnknownField {
        /// The field's name.
        name: String,
        /// The fields that the fleet declares.
        accepted: Vec<String>,
    },
    /// A member that nothing reads.
    #[error("`{pointer}` is not read: leave it out; members here are {accepted}")]
    UnknownMember {
        /// Where it is, as a JSON pointer.
        pointer: String,
        /// The members that are read.
        accepted: &'static str,
    },
    /// An attachment is no base64.
    #[error(
        "`{pointer}` is no base64 ({detail}): encode the file's bytes with the standard alphabet (RFC 4648, section 4)"
    )]
    Base64 {
        /// Where it is, as a JSON pointer.
        pointer: String,
        /// What the decoder found.
        detail: String,
    },
    /// An attachment declares something that is no media type.
    #[error("`{pointer}` is `{found}`, which is no media type: write it as `application/pdf`")]
    AttachmentType {
        /// Where it is, as a JSON pointer or a part's name.
        pointer: String,
        /// What was declared.
        found: String,
    },
    /// More attachments than one submission may carry.
    #[error(
        "the submission carries {found} attachments and {limit} are taken: send the rest as another submission"
    )]
    TooManyAttachments {
        /// How many there are, or the first number too many.
        found: usize,
        /// How many are taken.
        limit: usize,
    },
    /// The body is no form.
    #[error(
        "the form cannot be read: {detail}: send the parts as RFC 7578 writes them, each with a name"
    )]
    Multipart {
        /// What is wrong.
        detail: String,
    },
    /// The body is no e-mail.
    #[error("the message cannot be read: {detail}: send it as RFC 5322 writes it, headers first")]
    Mail {
        /// What is wrong.
        detail: String,
    },
    /// There is neither a field nor an attachment.
    #[error("the submission has neither fields nor attachments: give at least one, such as `body`")]
    Nothing,
    /// Decoding ended without an answer.
    #[error(
        "decoding ended without an answer: send the submission again, and report it if that fails too"
    )]
    Decoder,
}

impl Draft {
    /// Lets the draft pass where it says anything at all.
    ///
    /// # Errors
    /// There is neither a field nor an attachment.
    pub fn filled(self) -> Result<Self, Refusal> {
        if self.fields.is_empty() && self.attachments.is_empty() {
            return Err(Refusal::Nothing);
        }
        Ok(self)
    }

    /// Adds a file, as long as there are fewer than [`ATTACHMENTS`].
    ///
    /// # Errors
    /// The submission carries as many attachments as it may.
    pub fn attach(&mut self, file: File) -> Result<(), Refusal> {
        if self.attachments.len() >= ATTACHMENTS {
            return Err(Refusal::TooManyAttachments {
                found: ATTACHMENTS + 1,
                limit: ATTACHMENTS,
            });
        }
        self.attachments.push(file);
        Ok(())
    }
}

/// Reads a request's body and decodes it, for a fleet that accepts the fields `accepted`.
///
/// # Errors
/// The body is no submission; the refusal says where and why.
pub async fn read<B>(
    headers: &HeaderMap,
    body: &mut B,
    bounds: Bounds,
    accepted: &[String],
) -> Result<Draft, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let media_type = media::of_request(headers)?;
    let bytes = body::collect(headers, body, bounds).await?;
    decode(media_type, bytes, accepted).await?.filled()
}

/// Decodes a whole body of a known media type.
///
/// # Errors
/// The body is no submission; the refusal says where and why.
pub async fn decode(
    media_type: MediaType,
    bytes: Bytes,
    accepted: &[String],
) -> Result<Draft, Refusal> {
    match media_type {
        MediaType::Multipart { boundary } => multipart::decode(bytes, &boundary, accepted).await,
        MediaType::Json => elsewhere(bytes, accepted, json::decode).await,
        MediaType::Mail => elsewhere(bytes, accepted, rfc822::decode).await,
    }
}

async fn elsewhere(
    bytes: Bytes,
    accepted: &[String],
    decode: fn(&Bytes, &[String]) -> Result<Draft, Refusal>,
) -> Result<Draft, Refusal> {
    if bytes.len() <= DECODE_ELSEWHERE {
        return decode(&bytes, accepted);
    }
    let accepted = accepted.to_vec();
    tokio::task::spawn_blocking(move || decode(&bytes, &accepted))
        .await
        .unwrap_or(Err(Refusal::Decoder))
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
