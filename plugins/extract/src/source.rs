//! The texts of a submission, each under the name that entities give as their place.

use crate::Fields;
use crate::document::Library;

/// How many bytes of one text are read.
const READ: usize = 256 * 1024;

/// A text to read.
pub(crate) struct Source<'a> {
    /// `subject`, `body`, `message:N` or `attachment:NAME`.
    pub(crate) name: String,
    /// The page, from 1, of a PDF.
    pub(crate) page: Option<usize>,
    /// The text.
    pub(crate) text: &'a str,
}

/// The texts of a submission, and whether one was cut for its length.
pub(crate) fn collect<'a>(fields: &'a Fields, library: &'a Library) -> (Vec<Source<'a>>, bool) {
    let mut sources = Vec::new();
    let mut cut = false;
    let mut add = |name: String, page: Option<usize>, text: &'a str| {
        let end = (0..=text.len().min(READ))
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        cut |= end < text.len();
        sources.push(Source {
            name,
            page,
            text: text.get(..end).unwrap_or_default(),
        });
    };
    for (name, text) in [("subject", &fields.subject), ("body", &fields.body)] {
        if let Some(text) = text {
            add(name.to_owned(), None, text);
        }
    }
    for (place, message) in fields.messages.iter().enumerate() {
        if let Some(body) = &message.body {
            add(format!("message:{place}"), None, body);
        }
    }
    for text in &library.texts {
        add(
            format!("attachment:{}", text.document),
            text.page,
            text.text(),
        );
    }
    (sources, cut)
}

/// The name of the text that was written last: the thread's last message, or the body.
pub(crate) fn latest(fields: &Fields) -> Option<String> {
    let message = fields
        .messages
        .iter()
        .rposition(|message| message.body.is_some());
    message
        .map(|place| format!("message:{place}"))
        .or_else(|| fields.body.as_ref().map(|_| "body".to_owned()))
}
