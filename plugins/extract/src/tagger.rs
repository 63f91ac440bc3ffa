//! Names by model: the encoder reads the latest message, the tagger marks its words, and runs of marks are names.
//!
//! The encoder does not see capitals, so that a name with a small word, particles apart, is dropped: it is not written
//! as one.
//!
//! Bounds: four windows of as many tokens as the encoder takes.

use fleetwright_detect::{Scan, Span};
use fleetwright_sdk::nn::{self, ANY, Model};
use fleetwright_sdk::tokenizer::{Encoding, encode};

use crate::company;
use crate::entity::Kind;
use crate::find::Finding;

/// How many windows of a text are read.
const WINDOWS: usize = 4;

/// Words within a name that are written small.
const PARTICLES: &[&str] = &[
    "van", "von", "de", "der", "den", "di", "da", "du", "la", "le", "al", "bin", "of", "and", "&",
    "the", "für", "und",
];

/// The tagger's labels for each token of a window, with their probabilities.
type Tags<'a> = Vec<(&'a str, f64)>;

/// Finds names in a text whose mean probability is at least `floor`.
pub(crate) fn find(text: &str, floor: f64) -> Result<Vec<Finding>, nn::Error> {
    let (encoder, tagger) = (Model::open("encoder")?, Model::open("tagger")?);
    let tokens = nn::card("encoder")?.tokens_or(256);
    let card = nn::card("tagger")?;
    let labels = card.labels("tags")?;
    let scan = Scan::new(text);
    let mut found = Vec::new();
    for (start, encoding) in windows(text, tokens) {
        let mut encoded = encoder.run(encoding.inputs()?)?;
        let tagged = tagger.run([("states", encoded.take("states")?)])?;
        let scores = tagged.f32("tags")?.shaped(&[1, ANY, labels.len()])?;
        let tags: Tags<'_> = scores.rows().map(|row| best(row, labels)).collect();
        found.extend(
            names(text.get(start..).unwrap_or_default(), &encoding, &tags)
                .into_iter()
                .filter_map(|name| name.checked(&scan, start, floor)),
        );
    }
    Ok(apart(found))
}

/// Names without those that are a part of another: of a company's name, the model may have marked several.
fn apart(found: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::with_capacity(found.len());
    for name in found {
        let within = |inner: &Finding, outer: &Finding| {
            outer.kind == Kind::Organization
                && outer.span.start <= inner.span.start
                && inner.span.end <= outer.span.end
        };
        if kept.iter().any(|other| within(&name, other)) {
            continue;
        }
        kept.retain(|other| !within(other, &name));
        kept.push(name);
    }
    kept
}

/// The part of a message that its sender wrote anew: up to what is quoted.
pub(crate) fn latest(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('>')
            || bare.starts_with("-----Original Message")
            || bare.starts_with("On ") && bare.ends_with("wrote:")
        {
            return text.get(..end).unwrap_or(text);
        }
        end += line.len();
    }
    text
}

/// A text in pieces that the encoder takes, each with its offset: cut at the last white space of those that are full.
fn windows(text: &str, tokens: usize) -> Vec<(usize, Encoding)> {
    let mut windows = Vec::new();
    let mut start = 0;
    while windows.len() < WINDOWS {
        let Some(rest) = text.get(start..).filter(|rest| !rest.trim().is_empty()) else {
            break;
        };
        let mut encoding = encode(rest, tokens);
        let end = encoding
            .offsets
            .iter()
            .map(|offset| offset.end)
            .max()
            .unwrap_or(0);
        let full = encoding.ids.len() >= tokens;
        let cut = rest
            .get(..end)
            .and_then(|read| read.rfind(char::is_whitespace))
            .filter(|cut| full && *cut > end / 2);
        if let Some(window) = cut.and_then(|cut| rest.get(..cut)) {
            encoding = encode(window, tokens);
        }
        windows.push((start, encoding));
        start += cut.unwrap_or(if full { end.max(1) } else { rest.len() });
    }
    windows
}

/// A run of tokens that the tagger marks as one name.
struct Name {
    kind: Kind,
    span: Span,
    probability: f64,
}

/// Runs of marked words, as the tagger's card reads them: a word's first piece carries its tag, and neighbouring words
/// of one kind are one name.
fn names(text: &str, encoding: &Encoding, tags: &[(&str, f64)]) -> Vec<Name> {
    let mut names = Vec::new();
    let mut open: Option<Open> = None;
    let mut last = 0;
    for (offset, (label, probability)) in encoding.offsets.iter().zip(tags) {
        let goes_on = !offset.is_empty() && offset.start == last && within_word(text, last);
        last = offset.end;
        if goes_on {
            if let Some(open) = &mut open {
                open.span.end = offset.end;
            }
            continue;
        }
        let kind = match label.split_once('-') {
            Some((_, "PER")) if !offset.is_empty() => Some(Kind::Person),
            Some((_, "ORG")) if !offset.is_empty() => Some(Kind::Organization),
            _ => None,
        };
        match &mut open {
            Some(open) if kind == Some(open.kind) => {
                open.span.end = offset.end;
                open.sum += probability;
                open.words += 1;
            }
            _ => {
                names.extend(open.take().map(Open::close));
                let span = Span {
                    start: offset.start,
                    end: offset.end,
                };
                open = kind.map(|kind| Open {
                    kind,
                    span,
                    sum: *probability,
                    words: 1,
                });
            }
        }
    }
    names.extend(open.map(Open::close));
    names
}

/// A name that may go on.
struct Open {
    kind: Kind,
    span: Span,
    sum: f64,
    words: u32,
}

impl Open {
    fn close(self) -> Name {
        Name {
            kind: self.kind,
            span: self.span,
            probability: self.sum / f64::from(self.words),
        }
    }
}

/// Whether a letter or digit stands on both sides of an offset.
fn within_word(text: &str, at: usize) -> bool {
    let (head, tail) = text.split_at_checked(at).unwrap_or_default();
    head.ends_with(char::is_alphanumeric) && tail.starts_with(char::is_alphanumeric)
}

impl Name {
    /// The name as a finding, over whole words; none where it is unsure or nothing that is written as a name.
    fn checked(self, scan: &Scan<'_>, start: usize, floor: f64) -> Option<Finding> {
        let text = scan.text();
        let word = |c: char| c.is_alphanumeric();
        let (from, to) = (start + self.span.start, start + self.span.end);
        let head = text.get(..from)?;
        let from = head.trim_end_matches(word).len();
        let tail = text.get(to..)?;
        let to = text.len() - tail.trim_start_matches(word).len();
        let span = Span {
            start: from,
            end: to,
        };
        let span = match self.kind {
            Kind::Organization => company::whole(text, span)?,
            _ => span,
        };
        let name = span.of(text);
        let capital =
            |word: &str| word.starts_with(char::is_uppercase) || PARTICLES.contains(&word);
        let written = name.starts_with(char::is_uppercase)
            && name.split_whitespace().all(capital)
            && name.chars().filter(|c| c.is_alphabetic()).count() > 1;
        let sound =
            written && self.probability >= floor && !name.contains('\n') && name.len() <= 80;
        sound.then(|| {
            Finding::new(
                self.kind,
                scan,
                span,
                name,
                (self.probability * 100.0).round() / 100.0,
            )
        })
    }
}

/// The likeliest label of a token.
fn best<'a>(row: &[f32], labels: &'a [String]) -> (&'a str, f64) {
    let likeliest = row.iter().zip(labels).max_by(|a, b| a.0.total_cmp(b.0));
    likeliest.map_or(("O", 0.0), |(probability, label)| {
        (label.as_str(), f64::from(*probability))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_left_out() {
        assert_eq!(latest("Hi\nOn Mon, Jo wrote:\n> old"), "Hi\n");
        assert_eq!(latest("Hi\n> old\nnew"), "Hi\n");
        assert_eq!(latest("On time\n"), "On time\n");
    }

    #[test]
    fn windows_cover_the_text_in_order_and_end() {
        let text = "word ".repeat(300);
        let windows = windows(&text, 64);
        assert_eq!(windows.len(), WINDOWS);
        let mut reached = 0;
        for (start, encoding) in windows {
            assert!(start <= reached + 1, "{start} after {reached}");
            assert!(encoding.ids.len() <= 64);
            reached = start + encoding.offsets.iter().map(|o| o.end).max().unwrap();
        }
        assert!(super::windows(" \n", 64).is_empty());
        assert_eq!(
            super::windows(&"x".repeat(5000), 8).len(),
            1,
            "one word that the vocabulary cannot spell"
        );
    }

    #[test]
    fn the_marked_parts_of_a_companys_name_are_one_name_and_a_form_alone_is_none() {
        let text = "Nordlicht Werkzeuge GmbH is no GmbH";
        let name = |kind, part: &str, last: bool| {
            let start = if last {
                text.rfind(part)
            } else {
                text.find(part)
            }
            .unwrap();
            let span = Span {
                start,
                end: start + part.len(),
            };
            Name {
                kind,
                span,
                probability: 0.9,
            }
        };
        let scan = Scan::new(text);
        let found = [
            name(Kind::Person, "Nordlicht", false),
            name(Kind::Organization, "Werkzeuge", false),
            name(Kind::Organization, "GmbH", false),
            name(Kind::Organization, "GmbH", true),
        ];
        let found = found.into_iter().filter_map(|n| n.checked(&scan, 0, 0.6));
        let values: Vec<_> = apart(found.collect())
            .into_iter()
            .map(|f| (f.kind, f.value))
            .collect();
        assert_eq!(
            values,
            [(Kind::Organization, "Nordlicht Werkzeuge GmbH".to_owned())]
        );
    }

    #[test]
    fn runs_of_marks_become_names_over_whole_words() {
        let text = "ask Jane Whitfield at Nordlicht";
        let encoding = encode(text, 64);
        let tags: Vec<(&str, f64)> = encoding
            .offsets
            .iter()
            .map(
                |offset| match text.get(offset.clone()).unwrap_or_default() {
                    "Jane" => ("B-PER", 0.9),
                    piece if offset.start >= 9 && offset.end <= 18 && !piece.is_empty() => {
                        ("I-PER", 0.8)
                    }
                    piece if offset.start == 22 && !piece.is_empty() => ("I-ORG", 0.7),
                    _ => ("O", 0.99),
                },
            )
            .collect();
        let scan = Scan::new(text);
        let found: Vec<Finding> = names(text, &encoding, &tags)
            .into_iter()
            .filter_map(|name| name.checked(&scan, 0, 0.6))
            .collect();
        let values: Vec<(Kind, &str)> = found.iter().map(|f| (f.kind, f.value.as_str())).collect();
        assert_eq!(
            values,
            [
                (Kind::Person, "Jane Whitfield"),
                (Kind::Organization, "Nordlicht")
            ]
        );
        let unsure = names(text, &encoding, &tags)
            .into_iter()
            .filter_map(|name| name.checked(&scan, 0, 0.75))
            .count();
        assert_eq!(unsure, 1);
    }
}
