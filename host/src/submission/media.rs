//! Media types: of a request's body, of an attachment, and guessed from a file's name.

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::Refusal;

/// The media types that a submission may come in.
pub const ACCEPTED: [&str; 3] = ["application/json", "multipart/form-data", "message/rfc822"];

/// What an attachment is called whose type nobody declared.
pub const UNKNOWN: &str = "application/octet-stream";

/// A media type that a submission may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`
    Json,
    /// `multipart/form-data`
    Multipart {
        /// What separates the parts.
        boundary: String,
    },
    /// `message/rfc822`
    Mail,
}

/// Tells what a request's body is.
///
/// # Errors
/// The type is absent, not one of [`ACCEPTED`], a form without a boundary, or the body is compressed.
pub fn of_request(headers: &HeaderMap) -> Result<MediaType, Refusal> {
    if let Some(coding) = headers.get(CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Refusal::Encoding {
            found: String::from_utf8_lossy(coding.as_bytes()).into_owned(),
        });
    }
    let header = headers.get(CONTENT_TYPE).ok_or(Refusal::NoMediaType)?;
    let text = String::from_utf8_lossy(header.as_bytes()).into_owned();
    let parsed: mime::Mime = text.parse().map_err(|_| Refusal::MediaType {
        found: shortened(&text),
    })?;
    match parsed.essence_str() {
        "application/json" => Ok(MediaType::Json),
        "message/rfc822" => Ok(MediaType::Mail),
        "multipart/form-data" => match parsed.get_param(mime::BOUNDARY) {
            Some(boundary) if !boundary.as_str().is_empty() => Ok(MediaType::Multipart {
                boundary: boundary.as_str().to_owned(),
            }),
            _ => Err(Refusal::Multipart {
                detail: "its `Content-Type` names no `boundary`".to_owned(),
            }),
        },
        _ => Err(Refusal::MediaType {
            found: shortened(&text),
        }),
    }
}

/// The media type that an attachment declares: lower case, without parameters; `None` where it is none.
#[must_use]
pub fn of_attachment(declared: &str) -> Option<String> {
    let parsed: mime::Mime = declared.trim().parse().ok()?;
    Some(parsed.essence_str().to_ascii_lowercase())
}

/// The media type that a file's name speaks for; [`UNKNOWN`] where it speaks for none.
#[must_use]
pub fn of_name(name: &str) -> &'static str {
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("pdf") => "application/pdf",
        Some("txt" | "log") => "text/plain",
        Some("md") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("csv") => "text/csv",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("eml") => "message/rfc822",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("tif" | "tiff") => "image/tiff",
        Some("webp") => "image/webp",
        Some("zip") => "application/zip",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => UNKNOWN,
    }
}

/// What came is quoted in the answer; a long one adds nothing.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachments_type_loses_its_parameters() {
        assert_eq!(
            of_attachment("Text/HTML; charset=utf-8").as_deref(),
            Some("text/html")
        );
        assert_eq!(of_attachment("pdf"), None);
    }

    #[test]
    fn names_speak_for_types() {
        assert_eq!(of_name("Invoice 12.PDF"), "application/pdf");
        assert_eq!(of_name("README"), UNKNOWN);
    }
}
