//! `message/rfc822`: one e-mail as it went over the wire.
//!
//! `subject`, `from`, `to`, `date` (RFC 3339) and `body` come from it, as far as the fleet declares them: the sender of a
//! mail did not choose its headers for this fleet. The body is the plain text, or the HTML turned into text where there
//! is none. Every attachment is kept, a forwarded message as `message/rfc822`.

use std::borrow::Cow;

use bytes::Bytes;
use mail_parser::decoders::html::html_to_text;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use serde_json::Value;

use super::{Draft, File, Refusal, media};

/// Decodes a body.
///
/// # Errors
/// The body is no e-mail, or it carries too many attachments.
pub fn decode(bytes: &Bytes, accepted: &[String]) -> Result<Draft, Refusal> {
    let unreadable = |detail: &str| Refusal::Mail {
        detail: detail.to_owned(),
    };
    let message = MessageParser::default()
        .parse(bytes.as_ref())
        .ok_or_else(|| unreadable("it has no headers"))?;
    if message.from().is_none()
        && message.subject().is_none()
        && message.date().is_none()
        && message.to().is_none()
    {
        return Err(unreadable(
            "it has none of the headers `From`, `To`, `Subject` and `Date`",
        ));
    }
    let mut draft = Draft::default();
    let headers = [
        ("subject", message.subject().map(str::to_owned)),
        ("from", message.from().map(people)),
        ("to", message.to().map(people)),
        (
            "date",
            message.date().map(mail_parser::DateTime::to_rfc3339),
        ),
        ("body", text(&message)),
    ];
    for (name, value) in headers {
        if let Some(value) = value
            && accepted.iter().any(|known| known == name)
        {
            draft.fields.insert(name.to_owned(), Value::String(value));
        }
    }
    for part in message.attachments() {
        draft.attach(file(part))?;
    }
    Ok(draft)
}

/// All text of the message, one part after the other.
fn text(message: &Message<'_>) -> Option<String> {
    let of = |part: &MessagePart<'_>| match &part.body {
        PartType::Text(text) => Some(text.to_string()),
        PartType::Html(html) => Some(html_to_text(&parted(html))),
        _ => None,
    };
    let parts: Vec<_> = message.text_bodies().filter_map(of).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// Parts what stands in cells by blanks, and what stands in blocks by line breaks: turned into text as it is,
/// `<td>Order number</td><td>1207</td>` reads `Order number1207`.
fn parted(html: &str) -> Cow<'_, str> {
    let mut text = String::with_capacity(html.len() + html.len() / 8);
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("</") {
        let name = after.chars().take_while(char::is_ascii_alphanumeric);
        let name: String = name.take(4).map(|c| c.to_ascii_lowercase()).collect();
        text.push_str(before);
        text.push_str(match name.as_str() {
            "td" | "th" | "dt" => " ",
            "tr" | "li" | "dd" | "div" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => "<br>",
            _ => "",
        });
        text.push_str("</");
        rest = after;
    }
    if text.is_empty() {
        return Cow::Borrowed(html);
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// `Name <address>` for each person, with commas between.
fn people(address: &Address<'_>) -> String {
    let one = |person: &mail_parser::Addr<'_>| match (person.name(), person.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (None, Some(address)) => address.to_owned(),
        (Some(name), None) => name.to_owned(),
        (None, None) => String::new(),
    };
    address
        .iter()
        .map(one)
        .filter(|person| !person.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// A message inside a message: the parser's text of it is that of the outer one, unless it came encoded.
fn raw<'m>(inner: &'m Message<'_>) -> &'m [u8] {
    let place = inner
        .parts
        .first()
        .map(|root| root.offset_header as usize..root.offset_end as usize);
    place
        .and_then(|place| inner.raw_message.get(place))
        .unwrap_or(&inner.raw_message)
}

fn file(part: &MessagePart<'_>) -> File {
    if let PartType::Message(inner) = &part.body {
        let name = part
            .attachment_name()
            .map_or_else(|| "message.eml".to_owned(), str::to_owned);
        let bytes = Bytes::copy_from_slice(raw(inner));
        return File {
            name,
            media_type: "message/rfc822".to_owned(),
            bytes,
        };
    }
    let name = part.attachment_name().unwrap_or("attachment").to_owned();
    let declared = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase(),
        None => media::UNKNOWN.to_owned(),
    });
    let media_type = match declared {
        Some(declared) if declared != media::UNKNOWN => declared,
        _ => media::of_name(&name).to_owned(),
    };
    File {
        name,
        media_type,
        bytes: Bytes::copy_from_slice(part.contents()),
    }
}
