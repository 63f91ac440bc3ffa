//! E-mail messages: the headers that matter, the text, and the files attached.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::html;

/// How many attachments of one message are read.
const ATTACHMENTS: usize = 32;

/// A message as it is read.
pub(super) struct Mail {
    /// Subject, sender and date as header lines, then the body.
    pub(super) text: String,
    /// The files attached.
    pub(super) attachments: Vec<Part>,
}

/// A file that is attached to a message.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

/// Reads a message; none where the bytes are no message.
pub(super) fn read(bytes: &[u8]) -> Option<Mail> {
    let message = MessageParser::new().parse(without_postmark(bytes))?;
    let mut text = headers(&message);
    for part in message.text_bodies() {
        match &part.body {
            PartType::Text(body) => text.push_str(body),
            PartType::Html(body) => text.push_str(&html::text(body)),
            _ => {}
        }
        text.push('\n');
    }
    let attachments = message
        .attachments()
        .take(ATTACHMENTS)
        .enumerate()
        .filter_map(|(place, part)| attached(part, place))
        .collect();
    Some(Mail {
        text: text.replace("\r\n", "\n"),
        attachments,
    })
}

/// A message without the line that a mailbox sets above it.
fn without_postmark(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    match end.filter(|_| bytes.starts_with(b"From ")) {
        Some(end) => bytes.get(end + 1..).unwrap_or_default(),
        None => bytes,
    }
}

fn headers(message: &Message<'_>) -> String {
    let mut text = String::new();
    if let Some(address) = message.from().and_then(|from| from.first()) {
        text.push_str(&format!(
            "From: {} <{}>\n",
            address.name().unwrap_or_default(),
            address.address().unwrap_or_default()
        ));
    }
    if let Some(date) = message.date() {
        text.push_str(&format!("Date: {}\n", date.to_rfc3339()));
    }
    if let Some(subject) = message.subject() {
        text.push_str(&format!("Subject: {subject}\n"));
    }
    text.push('\n');
    text
}

fn attached(part: &MessagePart<'_>, place: usize) -> Option<Part> {
    let bytes = match &part.body {
        PartType::Message(message) => message.raw_message().to_vec(),
        PartType::Multipart(_) => return None,
        _ => part.contents().to_vec(),
    };
    let media_type = match part.content_type() {
        Some(kind) => format!(
            "{}/{}",
            kind.ctype(),
            kind.subtype().unwrap_or("octet-stream")
        )
        .to_ascii_lowercase(),
        None => String::new(),
    };
    let name = part
        .attachment_name()
        .map_or_else(|| format!("part-{}", place + 1), str::to_owned);
    Some(Part {
        name,
        media_type,
        bytes,
    })
}
