//! What a file is: by its content; where that is text that shows no kind, by what the sender declared, or else by its
//! name's ending.
//!
//! Bounds: of a text the first 64 KiB are looked at, as a message's headers may be long.

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

/// How much of a text is looked at.
const TEXT: usize = 64 * 1024;

/// Tags with which a fragment of HTML begins.
const TAGS: &[&str] = &[
    "a",
    "article",
    "b",
    "blockquote",
    "body",
    "br",
    "center",
    "div",
    "em",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "i",
    "img",
    "li",
    "link",
    "main",
    "meta",
    "nav",
    "ol",
    "p",
    "pre",
    "script",
    "section",
    "span",
    "strong",
    "style",
    "table",
    "tbody",
    "td",
    "title",
    "tr",
    "u",
    "ul",
];

/// Headers of messages that people fill in.
const WRITTEN: &[&str] = &["from", "to", "date", "subject"];
/// Others that messages have, and what the names of more begin with.
const OTHERS: &[&str] = &[
    "cc",
    "bcc",
    "reply-to",
    "sender",
    "sent",
    "importance",
    "priority",
    "in-reply-to",
    "references",
    "organization",
    "user-agent",
    "delivered-to",
    "errors-to",
    "precedence",
    "sensitivity",
];
const FAMILIES: &[&str] = &[
    "content-",
    "x-",
    "list-",
    "arc-",
    "dkim-",
    "authentication-",
    "thread-",
    "resent-",
    "auto-",
];
/// Headers of messages that machines write.
const STAMPED: &[&str] = &["received", "message-id", "return-path", "mime-version"];

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
        let text = decode(bytes.get(..bytes.len().min(TEXT)).unwrap_or_default());
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let text = without_postmark(text);
        if is_html(text) {
            Media::Html
        } else if is_mail(text) {
            Media::Mail
        } else if text.starts_with("<?xml") {
            Media::Text // XML of another kind, whatever it is called
        } else {
            Media::called(declared, name, text)
        }
    }

    /// What a text is that shows no kind: what it is declared as, or else named as.
    fn called(declared: &str, name: &str, text: &str) -> Media {
        let declared = declared.split(';').next().unwrap_or_default().trim();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let (declared, ending) = (declared.to_ascii_lowercase(), ending.to_ascii_lowercase());
        let has_header = || text.lines().next().and_then(header).is_some();
        match (&*declared, &*ending) {
            ("text/html" | "application/xhtml+xml", _) => Media::Html,
            ("" | "application/octet-stream", "html" | "htm" | "xhtml") => Media::Html,
            ("message/rfc822", _) if has_header() => Media::Mail,
            ("" | "application/octet-stream", "eml") if has_header() => Media::Mail,
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

/// Whether a text is HTML: a document, or a fragment in which a tag is closed.
fn is_html(text: &str) -> bool {
    let (start, is_xml) = without_prologue(text);
    let Some(first) = start.strip_prefix('<') else {
        return false;
    };
    if let Some(kind) = first.get(..8).filter(|_| first.starts_with('!')) {
        let named = first.get(8..).unwrap_or_default().trim_start();
        return kind.eq_ignore_ascii_case("!doctype") && is_tag(named, &["html"]);
    }
    if is_tag(first, &["html"]) {
        return true;
    }
    let ended = first.contains('>');
    let closes = || first.split("</").skip(1).any(|tag| is_tag(tag, TAGS));
    !is_xml && ended && (is_tag(first, &["head", "body"]) || is_tag(first, TAGS) && closes())
}

/// A text without the comments and the XML declaration before its first element; and whether it has that declaration.
fn without_prologue(mut text: &str) -> (&str, bool) {
    let mut is_xml = false;
    loop {
        let end = if text.starts_with("<?xml") {
            is_xml = true;
            text.split_once("?>")
        } else if text.starts_with("<!--") {
            text.split_once("-->")
        } else {
            None
        };
        match end {
            Some((_, rest)) => text = rest.trim_start(),
            None => return (text, is_xml),
        }
    }
}

/// Whether a text begins with one of these tags' names, and nothing more of a name.
fn is_tag(text: &str, names: &[&str]) -> bool {
    let ends = |c: char| c.is_whitespace() || c == '>' || c == '/';
    let name = text.split(ends).next().unwrap_or_default();
    names.iter().any(|tag| name.eq_ignore_ascii_case(tag))
}

/// A text without the line that a mailbox sets above each message: `From ada@example.com Mon Jun  1 12:00:00 2026`.
fn without_postmark(text: &str) -> &str {
    match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("From ") && first.contains('@') => rest,
        _ => text,
    }
}

/// Whether a text is a message: down to a blank line all are header lines, three at least, two of which messages have. One of these two
/// is written by a machine, or has an address where no header is one that mail has not: a memo and a form say `Date:` and `Subject:` too,
/// and of their other lines nothing may be lost.
fn is_mail(text: &str) -> bool {
    let mut headers: Vec<(&str, &str)> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let folded = line.starts_with([' ', '\t']) && !headers.is_empty();
        match header(line) {
            _ if folded => {}
            Some(header) => headers.push(header),
            None => return false,
        }
    }
    let is =
        |name: &str, names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    let usual = |(name, _): &&(&str, &str)| is(name, WRITTEN) || is(name, STAMPED);
    let stamped = headers.iter().any(|(name, _)| is(name, STAMPED));
    let addressed = |(name, value): &(&str, &str)| is(name, &["from", "to"]) && value.contains('@');
    let known = |(name, _): &(&str, &str)| {
        let own = |prefix: &&str| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        is(name, WRITTEN) || is(name, OTHERS) || FAMILIES.iter().any(own)
    };
    let sure = stamped || headers.iter().any(addressed) && headers.iter().all(known);
    headers.len() >= 3 && headers.iter().filter(usual).count() >= 2 && sure
}

/// A header line's name and value: a name has no blank in it.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    named.then_some((name, value))
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
