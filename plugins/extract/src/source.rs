//! The texts of a submission, each under the name that entities give as their place.

use std::ops::Range;

use fleetwright_detect::Span;
use fleetwright_sdk::reading::{self, About, Letter};
use fleetwright_sdk::text::{self, Tracked};

use crate::Fields;
use crate::document::{Document, Library, Media, Text};
use crate::entity::Where;

/// How many bytes of one text are read.
const READ: usize = 256 * 1024;
/// A line of prose has so many words at least, and no columns.
const LINE: usize = 6;

/// A text to read.
pub(crate) struct Source {
    /// `subject`, `body`, `message:N` or `attachment:NAME`.
    pub(crate) name: String,
    /// The page, from 1, of a PDF.
    page: Option<usize>,
    /// The document's place in the list, where its name does not tell it.
    document: Option<usize>,
    /// The text as a reader sees it: no tags of HTML, no letter in another one's place, nothing invisible.
    seen: Tracked,
    /// Of a letter: the bytes of that which are no quotation, line by line.
    own: Option<Vec<Range<usize>>>,
    /// Whether the text was cut for its length.
    cut: bool,
}

impl Source {
    fn new(name: String, text: &str, see: fn(&str) -> Tracked) -> Source {
        let end = text.floor_char_boundary(READ);
        Source {
            name,
            page: None,
            document: None,
            seen: see(text.get(..end).unwrap_or_default()),
            own: None,
            cut: end < text.len(),
        }
    }

    /// The same as a letter, which may quote earlier ones, below so many bytes of headers.
    fn letter(self, headers: usize) -> Source {
        let own = Some(own(self.text(), headers));
        Source { own, ..self }
    }

    /// The text to read.
    pub(crate) fn text(&self) -> &str {
        self.seen.as_str()
    }

    /// Of an attachment that is prose in the main, where it begins: below an e-mail's headers. In tables and forms a model that was
    /// taught on letters finds names where there are none.
    pub(crate) fn prose(&self) -> Option<usize> {
        self.name.starts_with(ATTACHED).then_some(())?;
        let text = self.text();
        let start = match self.own {
            Some(_) => headers(text),
            None => 0,
        };
        let lines = text.get(start..).unwrap_or_default().lines();
        let [mut prose, mut all] = [0, 0];
        for line in lines.map(str::trim) {
            all += line.len();
            let runs = !line.contains('\t') && line.split_whitespace().nth(LINE - 1).is_some();
            prose += if runs { line.len() } else { 0 };
        }
        (all > 0 && prose * 2 >= all).then_some(start)
    }

    /// Where a range of what is read stands in the text as it came.
    pub(crate) fn place(&self, span: Span) -> Where {
        let Range { start, end } = self.seen.source(span.start..span.end);
        Where {
            page: self.page,
            document: self.document,
            quoted: self.own.as_deref().is_some_and(|own| !meets(own, span)),
            ..Where::new(&self.name, Span { start, end })
        }
    }
}

/// Whether one of the ranges, which are in order, shares a byte with a span.
fn meets(ranges: &[Range<usize>], span: Span) -> bool {
    let after = ranges.partition_point(|range| range.end <= span.start);
    ranges
        .get(after)
        .is_some_and(|range| range.start < span.end)
}

/// The lines of a letter that are no quotation. As all stages read it: where nothing but a signature stands beside quotations, all
/// of it counts as its writer's.
fn own(seen: &str, headers: usize) -> Vec<Range<usize>> {
    let letter = Letter::of(seen.get(headers..).unwrap_or_default());
    let mut own: Vec<_> = std::iter::once(0..headers).collect();
    for (start, part) in letter.parts() {
        let mut at = start;
        for line in part.split_inclusive('\n') {
            let Range { start, end } = letter.source(at..at + line.len());
            own.push(headers + start..headers + end);
            at += line.len();
        }
    }
    own
}

/// The bytes of the lines before the first empty one: the headers, where [`crate::document`] made a text of an e-mail.
fn headers(text: &str) -> usize {
    let lines = text.split_inclusive('\n');
    let above = lines.take_while(|line| !line.trim().is_empty());
    above.map(str::len).sum()
}

/// What the names of texts begin with that are attached.
const ATTACHED: &str = "attachment:";

/// The name that the texts of an attached document have.
pub(crate) fn attached(document: &str) -> String {
    format!("{ATTACHED}{document}")
}

/// For each text of a library, the place of its document in the list.
///
/// A name does not tell that, since several files may have it. Texts come in the order of their documents, and each of those says how
/// many characters it has.
pub(crate) fn owners(library: &Library) -> Vec<usize> {
    let (mut place, mut read) = (0, 0);
    let owner = |text: &Text| {
        let holds = |document: &Document, read| {
            document.name == text.document && read < document.characters
        };
        while library
            .documents
            .get(place)
            .is_some_and(|document| !holds(document, read))
        {
            (place, read) = (place + 1, 0);
        }
        read += text.text().chars().count();
        place
    };
    library.texts.iter().map(owner).collect()
}

/// A document's place in the list, where another one has its name, too.
pub(crate) fn shared(library: &Library, place: usize) -> Option<usize> {
    let name = &library.documents.get(place)?.name;
    let alike = library.documents.iter().filter(|other| other.name == *name);
    (alike.count() > 1).then_some(place)
}

/// The texts of a submission, and whether one was cut for its length; `owners` are the documents of the library's.
pub(crate) fn collect(fields: &Fields, library: &Library, owners: &[usize]) -> (Vec<Source>, bool) {
    let mut sources = Vec::new();
    if let Some(subject) = &fields.subject {
        sources.push(Source::new("subject".to_owned(), subject, text::seen));
    }
    if let Some(body) = &fields.body {
        sources.push(Source::new("body".to_owned(), body, text::seen).letter(0));
    }
    for (place, message) in fields.messages.iter().enumerate() {
        if let Some(body) = &message.body {
            sources.push(Source::new(format!("message:{place}"), body, text::seen).letter(0));
        }
    }
    for (text, owner) in library.texts.iter().zip(owners) {
        let source = Source {
            page: text.page,
            document: shared(library, *owner),
            // A file that is HTML was read as such.
            ..Source::new(attached(&text.document), text.text(), text::plain)
        };
        let found = library.documents.get(*owner).map(|d| d.media_type_found);
        sources.push(if found == Some(Media::Mail.name()) {
            let headers = headers(source.text());
            source.letter(headers)
        } else {
            source
        });
    }
    let cut = sources.iter().any(|source| source.cut);
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
