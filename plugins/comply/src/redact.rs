//! Texts with their findings replaced.
//!
//! Bounds: [`ROOM`] of an answer for all of them together. Where they are longer, the short ones stay whole and the long ones are cut
//! to the same length, so that a long subject does not push out a body.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Redacted;
use crate::screen::Flag;
use crate::sources::Source;

/// How many bytes the redacted texts of an answer take together, with their names, as they are written in it.
const ROOM: usize = 16 * 1024;
/// What stands around a text in an answer: quotation marks of it and of its name, a colon, a comma, and the mark of a cut.
const AROUND: usize = 9;

/// A text that an answer gives.
struct Given<'a> {
    source: &'a Source<'a>,
    text: Cow<'a, str>,
    /// What it takes in the answer.
    length: usize,
}

/// Subject, body, and the strings of answers in which something was found; beside them, whether one was cut or left out.
pub(crate) fn all(sources: &[Source<'_>], flags: &[Flag]) -> (Redacted, bool) {
    let mut replaced: BTreeMap<&str, Vec<&Flag>> = BTreeMap::new();
    for flag in flags.iter().filter(|flag| !flag.redacted.is_empty()) {
        replaced.entry(&flag.place).or_default().push(flag);
    }
    let given: Vec<Given<'_>> = sources
        .iter()
        .filter_map(|source| give(source, replaced.get(source.name.as_str())))
        .collect();
    let share = share(given.iter().map(|text| text.length).collect());
    let mut made = Redacted::default();
    let mut shortened = false;
    for one in given {
        shortened |= one.source.cut || one.length > share;
        let Some(text) = cut(&one, share) else {
            continue;
        };
        match one.source.name.as_str() {
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

/// Subject and body always, a string of an earlier answer where something in it is replaced.
fn give<'a>(source: &'a Source<'a>, flags: Option<&Vec<&Flag>>) -> Option<Given<'a>> {
    let asked = matches!(source.name.as_str(), "subject" | "body");
    let answered = source.stage.is_some() && flags.is_some();
    if !(asked || answered) {
        return None;
    }
    let text = flags.map_or(Cow::Borrowed(source.text.as_ref()), |flags| {
        redact(&source.text, flags).into()
    });
    let length = written(&source.name) + written(&text) + AROUND;
    Some(Given {
        source,
        text,
        length,
    })
}

/// Replaces every finding of a text by its placeholder.
fn redact(text: &str, flags: &[&Flag]) -> String {
    let mut spans = flags.to_vec();
    spans.sort_by_key(|flag| flag.start);
    let mut redacted = String::with_capacity(text.len());
    let mut position = 0;
    for flag in spans {
        redacted.push_str(text.get(position..flag.start).unwrap_or_default());
        redacted.push_str(&flag.redacted);
        position = flag.end;
    }
    redacted.push_str(text.get(position..).unwrap_or_default());
    redacted
}

/// The most that one of some texts may take so that all fit.
fn share(mut lengths: Vec<usize>) -> usize {
    lengths.sort_unstable();
    let (mut room, mut left) = (ROOM, lengths.len());
    for length in lengths {
        let share = room / left;
        if length > share {
            return share;
        }
        room -= length;
        left -= 1;
    }
    ROOM
}

/// As much of a text as its share holds, a cut marked; none where not even its name fits.
fn cut(given: &Given<'_>, share: usize) -> Option<String> {
    if given.length <= share {
        return Some(given.text.clone().into_owned());
    }
    let room = share.checked_sub(written(&given.source.name) + AROUND)?;
    let mut taken = 0;
    let fits = |c: &char| {
        taken += width(*c);
        taken <= room
    };
    let mut kept: String = given.text.chars().take_while(fits).collect();
    kept.push('…');
    Some(kept)
}

/// How many bytes a text takes as a string of JSON, without its quotation marks.
fn written(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_takes_what_it_takes_in_json(text in "\\PC{0,20}|[\u{0}-\u{7f}]{0,20}") {
            prop_assert_eq!(written(&text) + 2, serde_json::to_string(&text).unwrap().len());
        }

        #[test]
        fn the_share_fits_and_wastes_less_than_a_byte_a_text(lengths in prop::collection::vec(0_usize..9_000, 0..12)) {
            let share = share(lengths.clone());
            let taken: usize = lengths.iter().map(|length| (*length).min(share)).sum();
            prop_assert!(taken <= ROOM);
            if lengths.iter().any(|length| *length > share) {
                prop_assert!(taken + lengths.len() > ROOM);
            }
        }
    }
}
