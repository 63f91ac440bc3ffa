//! Names by model: the encoder reads the latest message, the tagger marks its word pieces, and runs of marks are names.
//!
//! The encoder does not see capitals, so that a run without one is dropped: what nobody writes as a name is none.
//!
//! Bounds: four windows of as many tokens as the encoder takes.

use fleetwright_detect::{Scan, Span};
use fleetwright_sdk::nn::{self, ANY, Model};
use fleetwright_sdk::tokenizer::{Encoding, encode};

use crate::entity::Kind;
use crate::find::Finding;

/// How many windows of a text are read.
const WINDOWS: usize = 4;

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
            names(&encoding, &tags)
                .into_iter()
                .filter_map(|name| name.checked(&scan, start, floor)),
        );
    }
    Ok(found)
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

/// Runs of marks: a name begins with `B-`, or with `I-` where none of its kind is open.
fn names(encoding: &Encoding, tags: &[(&str, f64)]) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    let mut open: Option<(Kind, Span, f64, usize)> = None;
    let mut close = |open: &mut Option<(Kind, Span, f64, usize)>| {
        if let Some((kind, span, sum, count)) = open.take() {
            names.push(Name {
                kind,
                span,
                probability: sum / count.max(1) as f64,
            });
        }
    };
    for (offset, (label, probability)) in encoding.offsets.iter().zip(tags) {
        let kind = match label.split_once('-') {
            Some((_, "PER")) if !offset.is_empty() => Some(Kind::Person),
            Some((_, "ORG")) if !offset.is_empty() => Some(Kind::Organization),
            _ => None,
        };
        match (&mut open, kind) {
            (Some((of, span, sum, count)), Some(kind))
                if *of == kind && label.starts_with("I-") =>
            {
                (span.end, *sum, *count) = (offset.end, *sum + probability, *count + 1);
            }
            (_, kind) => {
                close(&mut open);
                open = kind.map(|kind| {
                    (
                        kind,
                        Span {
                            start: offset.start,
                            end: offset.end,
                        },
                        *probability,
                        1,
                    )
                });
            }
        }
    }
    close(&mut open);
    names
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
        let name = span.of(text);
        let written = name.chars().next().is_some_and(char::is_uppercase)
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
        let found: Vec<Finding> = names(&encoding, &tags)
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
        let unsure = names(&encoding, &tags)
            .into_iter()
            .filter_map(|name| name.checked(&scan, 0, 0.75))
            .count();
        assert_eq!(unsure, 1);
    }
}
