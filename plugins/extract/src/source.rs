//! The texts of a submission, each under the name that entities give as their place.

use fleetwright_detect::Span;
use fleetwright_sdk::reading::{self, About};
use fleetwright_sdk::text::{self, Tracked};

use crate::Fields;
use crate::document::Library;

/// How many bytes of one text are read.
const READ: usize = 256 * 1024;

/// A text to read.
pub(crate) struct Source {
    /// `subject`, `body`, `message:N` or `attachment:NAME`.
    pub(crate) name: String,
    /// The page, from 1, of a PDF.
    pub(crate) page: Option<usize>,
    /// The text as a reader sees it: no tags of HTML, no letter in another one's place, nothing invisible.
    seen: Tracked,
}

impl Source {
    /// The text to read.
    pub(crate) fn text(&self) -> &str {
        self.seen.as_str()
    }

    /// The bytes of the text as it came, behind those of what is read.
    pub(crate) fn original(&self, span: Span) -> Span {
        let std::ops::Range { start, end } = self.seen.source(span.start..span.end);
        Span { start, end }
    }
}

/// The texts of a submission, and whether one was cut for its length.
pub(crate) fn collect(fields: &Fields, library: &Library) -> (Vec<Source>, bool) {
    let mut sources = Vec::new();
    let mut cut = false;
    let mut add = |name: String, page: Option<usize>, text: &str, see: fn(&str) -> Tracked| {
        let end = (0..=text.len().min(READ))
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        cut |= end < text.len();
        sources.push(Source {
            name,
            page,
            seen: see(text.get(..end).unwrap_or_default()),
        });
    };
    for (name, text) in [("subject", &fields.subject), ("body", &fields.body)] {
        if let Some(text) = text {
            add(name.to_owned(), None, text, text::seen);
        }
    }
    for (place, message) in fields.messages.iter().enumerate() {
        if let Some(body) = &message.body {
            add(format!("message:{place}"), None, body, text::seen);
        }
    }
    for text in &library.texts {
        add(
            format!("attachment:{}", text.document),
            text.page,
            text.text(),
            // A file that is HTML was read as such.
            text::plain,
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

/// The subject, for the text that the request is about; of any other text, none.
pub(crate) fn title<'a>(fields: &'a Fields, name: &str) -> &'a str {
    let body = fields.body.as_deref().unwrap_or_default();
    let senders: Vec<_> = fields
        .messages
        .iter()
        .map(|message| &message.from)
        .collect();
    let about = match reading::about(body, &senders) {
        About::Body => "body".to_owned(),
        About::Message(place) => format!("message:{place}"),
    };
    let subject = fields.subject.as_deref().filter(|_| name == about);
    subject.unwrap_or_default()
}
