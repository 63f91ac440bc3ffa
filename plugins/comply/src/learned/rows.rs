//! The rows that the model reads of a submission, cut as all stages cut them ([`reading`]).
//!
//! Its writer's own words stand below the subject where the request is about them: what `classify`, `extract` and `summarize` have read costs
//! the encoder nothing here. Signature and footer are read apart where they say more than who writes. What a letter quotes is not
//! read: it was submitted when it was written, and a threat that is quoted is not made.
//!
//! Bounds: 12 rows of a text, half from its start and half from its end, and 24 of a submission. The first four of the text that the
//! request is about are asked for one by one, as elsewhere, the others together.

use std::ops::Range;

use fleetwright_detect::Span;
use fleetwright_sdk::reading::{self, APART, About, Letter};
use fleetwright_sdk::text;
use fleetwright_sdk::tokenizer::Encoding;
use serde_json::{Map, Value};

use crate::sources::Source;

/// Rows of one text, and of a submission.
const OF_A_TEXT: usize = 12;
const OF_ALL: usize = 24;
/// Words that some line of a signature or footer has at least for it to be read: fewer are a name, a farewell, an address.
const SAID: usize = 7;

/// A row of a text.
pub(super) struct Row {
    /// The text's place among the sources.
    pub(super) source: usize,
    pub(super) encoding: Encoding,
    /// Where it stands in the text as that came; of what stands below the subject, that part.
    pub(super) span: Span,
    /// Whether other stages may read it: then it goes alone, as it does there.
    pub(super) apart: bool,
}

/// The rows of what was submitted, in the order of the sources, and whether some were left out.
pub(super) fn all(
    sources: &[Source<'_>],
    fields: &Map<String, Value>,
    tokens: usize,
) -> (Vec<Row>, bool) {
    let about = about(fields);
    let is_titled = |source: &Source<'_>| source.name == about && !source.text.trim().is_empty();
    let titled = sources.iter().any(is_titled);
    let subject = fields.get("subject").and_then(Value::as_str);
    let (mut rows, mut cut) = (Vec::new(), false);
    let submitted = sources.iter().enumerate();
    for (place, source) in submitted.filter(|(_, source)| source.stage.is_none()) {
        let room = OF_A_TEXT.min(OF_ALL - rows.len());
        if room == 0 {
            cut |= !source.text.trim().is_empty();
            continue;
        }
        let mut own = match source.name.as_str() {
            "subject" if titled => continue,
            name if name == "body" || name.starts_with("message:") => {
                let subject = subject.filter(|_| is_titled(source));
                letter(source, subject.unwrap_or_default(), tokens)
            }
            _ => plain(source, tokens),
        };
        own.iter_mut().for_each(|row| row.source = place);
        if !is_titled(source) {
            own.iter_mut().for_each(|row| row.apart = false);
        }
        if own.len() > room {
            cut = true;
            own.drain(room - room / 2..own.len() - room / 2);
        }
        rows.append(&mut own);
    }
    (rows, cut)
}

/// The name of the text that the request is about.
fn about(fields: &Map<String, Value>) -> String {
    let body = fields.get("body").and_then(Value::as_str);
    let messages = fields.get("messages").and_then(Value::as_array);
    let senders: Vec<_> = messages
        .into_iter()
        .flatten()
        .map(|message| message.get("from").and_then(Value::as_str))
        .collect();
    match reading::about(body.unwrap_or_default(), &senders) {
        About::Body => "body".to_owned(),
        About::Message(place) => format!("message:{place}"),
    }
}

/// A text that is no letter.
fn plain(source: &Source<'_>, tokens: usize) -> Vec<Row> {
    rows(source.shown(), tokens, |range| {
        source.original(Span {
            start: range.start,
            end: range.end,
        })
    })
}

/// A letter: own words below the subject, signature, footer.
fn letter(source: &Source<'_>, subject: &str, tokens: usize) -> Vec<Row> {
    let seen = text::seen(&source.text);
    let original = |range: Range<usize>| {
        let Range { start, end } = seen.source(range);
        Span { start, end }
    };
    let letter = Letter::of(seen.as_str());
    let (own, titled) = reading::titled(subject, once(letter.own()));
    let below = |range: Range<usize>| {
        let own = range.start.saturating_sub(titled)..range.end.saturating_sub(titled);
        original(letter.source(own))
    };
    let mut made = rows(&own, tokens, below);
    let [_, rest @ ..] = letter.parts();
    let telling =
        |(_, text): &(usize, &str)| text.lines().any(|line| text::word_count(line) >= SAID);
    for (start, text) in rest.into_iter().filter(telling) {
        let place =
            |range: Range<usize>| original(letter.source(range.start + start..range.end + start));
        made.extend(rows(text, tokens, place));
    }
    made.iter_mut().take(APART).for_each(|row| row.apart = true);
    made
}

/// Of own words that are said over and over, their first time; all of them where something new stands behind it.
fn once(own: &str) -> &str {
    let told = reading::once(own);
    let told = told.trim_end();
    own.get(..told.len())
        .filter(|first| *first == told)
        .unwrap_or(own)
}

fn rows(text: &str, tokens: usize, place: impl Fn(Range<usize>) -> Span) -> Vec<Row> {
    let rows = reading::rows(text, tokens).map(|row| Row {
        source: 0,
        encoding: row.encoding,
        span: place(row.range),
        apart: false,
    });
    rows.collect()
}
