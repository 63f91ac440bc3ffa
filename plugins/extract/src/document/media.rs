//! What a file is: by its first bytes, then by what the sender declared, then by its name's ending.

use std::borrow::Cow;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// A PDF.
    Pdf,
    /// HTML or XHTML.
    Html,
    /// An e-mail message (RFC 5322).
    Mail,
    /// Text of any other kind.
    Text,
    /// A picture as PNG.
    Png,
    /// A picture as JPEG.
    Jpeg,
    /// A picture of another kind, by its media type.
    Image(&'static str),
    /// Something else.
    Other,
}

const MAGIC: &[(&[u8], Media)] = &[
    (b"\x89PNG\r\n\x1a\n", Media::Png),
    (b"\xff\xd8\xff", Media::Jpeg),
    (b"GIF8", Media::Image("image/gif")),
    (b"II*\0", Media::Image("image/tiff")),
    (b"MM\0*", Media::Image("image/tiff")),
    (b"PK\x03\x04", Media::Other),
    (b"\xd0\xcf\x11\xe0", Media::Other),
    (b"\x1f\x8b", Media::Other),
];

impl Media {
    /// Finds what a file is.
    pub fn of(bytes: &[u8], declared: &str, name: &str) -> Media {
        let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
        if head.windows(5).any(|window| window == b"%PDF-") {
            return Media::Pdf; // readers accept up to 1,024 bytes before the header
        }
        if let Some((_, media)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return *media;
        }
        if head.contains(&0) && !has_utf16_mark(head) {
            return Media::Other;
        }
        let start = String::from_utf8_lossy(head)
            .trim_start_matches('\u{feff}')
            .trim_start()
            .to_ascii_lowercase();
        if ["<!doctype html", "<html", "<head", "<body"]
            .iter()
            .any(|tag| start.starts_with(tag))
        {
            return Media::Html;
        }
        if is_mail(&start) {
            return Media::Mail;
        }
        match (
            declared,
            name.rsplit_once('.')
                .map(|(_, ending)| ending.to_ascii_lowercase())
                .as_deref(),
        ) {
            ("text/html" | "application/xhtml+xml", _) => Media::Html,
            ("message/rfc822", _) => Media::Mail,
            ("" | "application/octet-stream", Some("html" | "htm")) => Media::Html,
            ("" | "application/octet-stream", Some("eml")) => Media::Mail,
            _ => Media::Text,
        }
    }

    /// The media type's name.
    pub fn name(self) -> &'static str {
        match self {
            Media::Pdf => "application/pdf",
            Media::Html => "text/html",
            Media::Mail => "message/rfc822",
            Media::Text => "text/plain",
            Media::Png => "image/png",
            Media::Jpeg => "image/jpeg",
            Media::Image(name) => name,
            Media::Other => "application/octet-stream",
        }
    }
}

/// Header lines at the start, two of them of e-mail.
fn is_mail(start: &str) -> bool {
    let known = [
        "from:",
        "to:",
        "subject:",
        "date:",
        "message-id:",
        "received:",
        "return-path:",
        "mime-version:",
        "delivered-to:",
        "x-",
    ];
    let first = start.lines().next().unwrap_or_default();
    let headers = start
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| known.iter().any(|name| line.starts_with(name)))
        .count();
    known.iter().any(|name| first.starts_with(name)) && headers > 2
}

fn has_utf16_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// A text's characters: UTF-8, UTF-16 with a mark, or else Windows-1252, as the web reads what declares nothing.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let units = |read: fn([u8; 2]) -> u16| -> String {
        let pairs = bytes.get(2..).unwrap_or_default().chunks_exact(2);
        let units: Vec<u16> = pairs
            .filter_map(|pair| Some(read(pair.try_into().ok()?)))
            .collect();
        String::from_utf16_lossy(&units)
    };
    if bytes.starts_with(b"\xff\xfe") {
        return Cow::Owned(units(u16::from_le_bytes));
    }
    if bytes.starts_with(b"\xfe\xff") {
        return Cow::Owned(units(u16::from_be_bytes));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
    }
}

fn windows_1252(byte: u8) -> char {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    match byte {
        0x80..=0x9f => HIGH
            .chars()
            .nth(usize::from(byte - 0x80))
            .unwrap_or('\u{fffd}'),
        _ => char::from(byte),
    }
}
