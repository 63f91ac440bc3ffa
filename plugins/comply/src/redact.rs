//! Texts with their findings replaced.

use crate::Redacted;
use crate::screen::Flag;
use crate::sources::Source;

/// How many bytes of a redacted text an answer carries.
const KEPT: usize = 16 * 1024;

/// Subject, body, and the strings of answers in which something was found; beside them, whether one was cut.
pub(crate) fn all(sources: &[Source<'_>], flags: &[Flag]) -> (Redacted, bool) {
    let mut made = Redacted::default();
    let mut shortened = false;
    for source in sources {
        let asked = matches!(source.name.as_str(), "subject" | "body");
        let replaced = || {
            flags
                .iter()
                .any(|flag| flag.place == source.name && !flag.redacted.is_empty())
        };
        let answered = source.stage.is_some() && replaced();
        if !(asked || answered) {
            continue;
        }
        let (text, cut) = redact(source, flags);
        shortened |= cut;
        match source.name.as_str() {
            "subject" => made.subject = Some(text),
            "body" => made.body = Some(text),
            name => {
                made.answers
                    .insert(name.trim_start_matches("stage:").to_owned(), text);
            }
        }
    }
    (made, shortened)
}

/// Replaces every finding of a text by its placeholder; beside the text, whether it was cut for its length.
pub fn redact(source: &Source<'_>, flags: &[Flag]) -> (String, bool) {
    let mut spans: Vec<&Flag> = flags
        .iter()
        .filter(|flag| flag.place == source.name && !flag.redacted.is_empty())
        .collect();
    spans.sort_by_key(|flag| flag.start);
    let mut redacted = String::with_capacity(source.text.len().min(KEPT));
    let mut position = 0;
    for flag in spans {
        redacted.push_str(source.text.get(position..flag.start).unwrap_or_default());
        redacted.push_str(&flag.redacted);
        position = flag.end;
    }
    redacted.push_str(source.text.get(position..).unwrap_or_default());
    let cut = redacted.len() > KEPT;
    if cut {
        let end = (0..=KEPT)
            .rev()
            .find(|end| redacted.is_char_boundary(*end))
            .unwrap_or(0);
        redacted.truncate(end);
        redacted.push('…');
    }
    (redacted, cut || source.cut)
}
