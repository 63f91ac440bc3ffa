//! Files as submissions, for `fleetwright run`: `.json` and `.eml` as they would come over HTTP, `.txt` as a body whose
//! first line may be `Subject: …`, anything else as an attachment with the media type that its name speaks for.
//!
//! `-` is standard input: JSON where it starts with `{`, text otherwise. Bound: [`LARGEST`] bytes a file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::submission::media::{self, MediaType};
use crate::submission::{self, Draft, File, Refusal};

/// The largest file that is read.
pub const LARGEST: u64 = 256 << 20;

/// A file that is a submission, in the form in which it is submitted.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A body that is decoded as a request's would be.
    Body(MediaType, Bytes),
    /// Fields and attachments that stand already.
    Draft(Draft),
}

/// Why a file is no submission.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}: name a file that is there, or `-` for standard input", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is too large.
    #[error("`{}` is larger than {LARGEST} bytes: submit less of it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The text is no UTF-8.
    #[error("`{}` is no UTF-8 at byte {at}: convert it (`iconv -t utf-8`)", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first byte that is not.
        at: usize,
    },
    /// The file is empty.
    #[error("`{}` is empty: give it a text, or leave it out", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Input {
    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    /// It cannot be read, is empty or too large, or is text and no UTF-8.
    pub fn read(path: &Path) -> Result<Input, InputError> {
        let bytes = bytes(path)?;
        if bytes.is_empty() {
            return Err(InputError::Empty {
                path: path.to_path_buf(),
            });
        }
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let standard_json = || bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        match extension.as_deref() {
            Some("json") => Ok(Input::Body(MediaType::Json, bytes)),
            Some("eml") => Ok(Input::Body(MediaType::Mail, bytes)),
            Some("txt") => text(path, &bytes),
            None if is_standard(path) && standard_json() => Ok(Input::Body(MediaType::Json, bytes)),
            None if is_standard(path) => text(path, &bytes),
            _ => {
                let file = File {
                    media_type: media::of_name(&name).to_owned(),
                    name,
                    bytes,
                };
                Ok(Input::Draft(Draft {
                    fields: Map::new(),
                    attachments: vec![file],
                }))
            }
        }
    }

    /// The fields and attachments, for a fleet that accepts the fields `accepted`.
    ///
    /// # Errors
    /// The file is no submission, or one with a field that the fleet does not declare.
    pub async fn draft(self, accepted: &[String]) -> Result<Draft, Refusal> {
        match self {
            Input::Body(media_type, bytes) => submission::decode(media_type, bytes, accepted)
                .await?
                .filled(),
            Input::Draft(draft) => {
                draft.fields.iter().try_for_each(|(name, value)| {
                    submission::fields::check(name, value, accepted)
                })?;
                draft.filled()
            }
        }
    }

    /// The body of a request and its media type.
    #[must_use]
    pub fn body(self) -> (&'static str, Bytes) {
        match self {
            Input::Body(MediaType::Mail, bytes) => ("message/rfc822", bytes),
            // Files are read as JSON or mail alone: a form comes only over HTTP.
            Input::Body(MediaType::Json | MediaType::Multipart { .. }, bytes) => {
                ("application/json", bytes)
            }
            Input::Draft(draft) => ("application/json", encoded(draft).into()),
        }
    }
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn bytes(path: &Path) -> Result<Bytes, InputError> {
    let unreadable = |source| InputError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    let reader: Box<dyn Read> = if is_standard(path) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).map_err(unreadable)?)
    };
    let mut bytes = Vec::new();
    reader
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(InputError::TooLarge {
            path: path.to_path_buf(),
        });
    }
    Ok(bytes.into())
}

fn text(path: &Path, bytes: &Bytes) -> Result<Input, InputError> {
    let text = std::str::from_utf8(bytes).map_err(|error| InputError::NotUtf8 {
        path: path.to_path_buf(),
        at: error.valid_up_to(),
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let mut fields = Map::new();
    let mut body = text;
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(subject) = first.strip_prefix("Subject:") {
        fields.insert("subject".to_owned(), json!(subject.trim()));
        body = rest;
    }
    let body = body.trim();
    if !body.is_empty() {
        fields.insert("body".to_owned(), json!(body));
    }
    Ok(Input::Draft(Draft {
        fields,
        attachments: Vec::new(),
    }))
}

fn encoded(draft: Draft) -> Vec<u8> {
    let mut object = draft.fields;
    if !draft.attachments.is_empty() {
        let files = draft.attachments.iter().map(|file| json!({"name": file.name, "media_type": file.media_type, "base64": STANDARD.encode(&file.bytes)}));
        object.insert("attachments".to_owned(), files.collect());
    }
    Value::Object(object).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Input {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Input::read(&path).unwrap()
    }

    fn accepted() -> Vec<String> {
        ["subject", "body"].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn the_first_line_of_a_text_may_be_its_subject() {
        let draft = read("a.txt", "Subject: Lost card\n\nIt is gone.\n".as_bytes())
            .draft(&accepted())
            .await
            .unwrap();
        assert_eq!(
            Value::Object(draft.fields),
            json!({"subject": "Lost card", "body": "It is gone."})
        );
        let draft = read("b.txt", b"No subject here.\nSubject: later")
            .draft(&accepted())
            .await
            .unwrap();
        assert_eq!(
            Value::Object(draft.fields),
            json!({"body": "No subject here.\nSubject: later"})
        );
    }

    #[tokio::test]
    async fn another_file_is_an_attachment_and_survives_the_way_over_http() {
        let input = read("Invoice.pdf", b"%PDF-1.7 \xff");
        let (media_type, body) = input.clone().body();
        assert_eq!(media_type, "application/json");
        let over_http = submission::decode(MediaType::Json, body, &accepted())
            .await
            .unwrap();
        assert_eq!(over_http, input.draft(&accepted()).await.unwrap());
        assert_eq!(over_http.attachments[0].media_type, "application/pdf");
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(matches!(
            Input::read(Path::new("no/such/file.txt")),
            Err(InputError::Unreadable { .. })
        ));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(Input::read(&path), Err(InputError::Empty { .. })));
        std::fs::write(&path, b"abc\xff").unwrap();
        assert!(matches!(
            Input::read(&path),
            Err(InputError::NotUtf8 { at: 3, .. })
        ));
    }
}
