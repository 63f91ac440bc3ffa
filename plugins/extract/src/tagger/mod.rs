//! Names and slots by model: the encoder reads a [`Message`], the tagger marks its words, and runs of marks are names.
//!
//! A tagger's card decides what it is given (shapes and mask where it asks for them) and what it marks: `PER` and `ORG` are
//! names, any other kind is a slot of that label. The encoder does not see capitals: of a tagger that is not given the shapes of words
//! either, a name with a small word, particles apart, is dropped, since it is not written as one. What a tagger with shapes marks may be
//! written small, as people do in chats. Slots are taken as they are.

mod message;
mod path;
mod shapes;

use fleetwright_detect::{Scan, Span};
use fleetwright_sdk::nn::{self, ANY, Model, ModelCard, Tensor, Tensors};
use fleetwright_sdk::tokenizer::Encoding;

pub(crate) use message::Message;

use crate::company;
use crate::entity::Kind;
use crate::find::{Finding, name};

/// Words within a name that are written small.
const PARTICLES: &[&str] = &[
    "van", "von", "de", "der", "den", "di", "da", "du", "la", "le", "al", "bin", "of", "and", "&",
    "the", "für", "und",
];

/// Names in a message, whose text this is, whose mean probability is at least `floor`; and how many rows were read for them.
pub(crate) fn find(
    message: &Message,
    text: &str,
    floor: f64,
) -> Result<(Vec<Finding>, usize), nn::Error> {
    let (encoder, tagger) = (Model::open("encoder")?, Model::open("tagger")?);
    let tokens = nn::card("encoder")?.tokens_or(256);
    let card = nn::card("tagger")?;
    let labels = card.labels("tags")?;
    let sound = Sound {
        floor,
        sees_shapes: card.inputs.contains_key("shapes"),
    };
    let scan = Scan::new(text);
    let (mut found, mut read_rows) = (Vec::new(), 0);
    for (piece, row) in message.rows(tokens) {
        read_rows += 1;
        let (start, encoding) = (row.range.start, row.encoding);
        let read = piece.text.get(start..).unwrap_or_default();
        let encoded = encoder.run(encoding.inputs()?)?;
        let tagged = tagger.run(inputs(&card, read, &encoding, encoded)?)?;
        let scores = tagged.f32("tags")?.shaped(&[1, ANY, labels.len()])?;
        let rows: Vec<&[f32]> = scores.rows().collect();
        let named = names(read, &encoding, &rows, labels, sound.sees_shapes).into_iter();
        found.extend(named.filter_map(|name| {
            let within = start + name.span.start..start + name.span.end;
            let span = message.source(piece, within)?;
            Name { span, ..name }.checked(&scan, &sound)
        }));
    }
    Ok((apart(found), read_rows))
}

/// What the tagger takes, by its card.
fn inputs(
    card: &ModelCard,
    text: &str,
    encoding: &Encoding,
    mut encoded: Tensors,
) -> Result<Vec<(String, Tensor)>, nn::Error> {
    let tokens = encoding.ids.len();
    let mut inputs = vec![("states".to_owned(), encoded.take("states")?)];
    if card.inputs.contains_key("attention_mask") {
        let mask = Tensor::new(&[1, tokens], &encoding.mask)?;
        inputs.push(("attention_mask".to_owned(), mask));
    }
    if card.inputs.contains_key("shapes") {
        let rows = shapes::rows(text, &encoding.offsets);
        let rows = Tensor::new(&[1, tokens, shapes::SIZE], &rows)?;
        inputs.push(("shapes".to_owned(), rows));
    }
    Ok(inputs)
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

/// What a run of marked words must be to be a name.
struct Sound {
    /// Its mean probability, at least.
    floor: f64,
    /// Whether the tagger is shown capitals: names may be written small then, and a mark of a beginning begins one.
    sees_shapes: bool,
}

/// A run of words that the tagger marks as one name.
struct Name {
    kind: Kind,
    /// The label of a slot.
    label: Option<String>,
    span: Span,
    probability: f64,
}

/// A word, and the token that carries its tag: its first piece.
struct Word {
    span: Span,
    token: usize,
}

/// Runs of marked words, as the tagger's card reads them: a word's first piece carries its tag, and neighbouring words
/// of one kind are one name, unless the second one begins and a line ends between them, or the tagger is `strict` of beginnings, as
/// are those of names with shapes.
fn names(
    text: &str,
    encoding: &Encoding,
    rows: &[&[f32]],
    labels: &[String],
    strict: bool,
) -> Vec<Name> {
    let words = words(text, encoding);
    let scores: Vec<&[f32]> = words
        .iter()
        .map(|word| rows.get(word.token).copied().unwrap_or_default())
        .collect();
    let path = path::best(&scores, labels);
    let mut names = Vec::new();
    let mut open: Option<Open<'_>> = None;
    for ((word, score), label) in words.iter().zip(&scores).zip(path) {
        let (begins, mark) = match labels.get(label).and_then(|label| label.split_once('-')) {
            Some((part, mark)) => (part == "B", Some(mark)),
            None => (true, None),
        };
        let probability = score.get(label).map_or(0.0, |p| f64::from(*p));
        match &mut open {
            Some(open)
                if mark == Some(open.mark)
                    && !(begins
                        && (strict && is_name(open.mark)
                            || ends_line(text, open.span.end, word.span.start))) =>
            {
                open.span.end = word.span.end;
                open.sum += probability;
                open.words += 1;
            }
            _ => {
                names.extend(open.take().map(Open::close));
                open = mark.map(|mark| Open {
                    mark,
                    span: word.span,
                    sum: probability,
                    words: 1,
                });
            }
        }
    }
    names.extend(open.map(Open::close));
    names
}

fn words(text: &str, encoding: &Encoding) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut last = 0;
    for (token, offset) in encoding
        .offsets
        .iter()
        .enumerate()
        .filter(|(_, offset)| !offset.is_empty())
    {
        let goes_on = offset.start == last && within_word(text, last);
        last = offset.end;
        match words.last_mut() {
            Some(word) if goes_on => word.span.end = offset.end,
            _ => words.push(Word {
                span: Span {
                    start: offset.start,
                    end: offset.end,
                },
                token,
            }),
        }
    }
    words
}

fn ends_line(text: &str, from: usize, to: usize) -> bool {
    text.get(from..to).is_some_and(|gap| gap.contains('\n'))
}

/// A name that may go on.
struct Open<'a> {
    mark: &'a str,
    span: Span,
    sum: f64,
    words: u32,
}

/// Whether a mark is of names; others are slots.
fn is_name(mark: &str) -> bool {
    matches!(mark, "PER" | "ORG")
}

impl Open<'_> {
    fn close(self) -> Name {
        let (kind, label) = match self.mark {
            "PER" => (Kind::Person, None),
            "ORG" => (Kind::Organization, None),
            slot => (Kind::Slot, Some(slot.to_owned())),
        };
        Name {
            kind,
            label,
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
    fn checked(self, scan: &Scan<'_>, sound: &Sound) -> Option<Finding> {
        let text = scan.text();
        let word = |c: char| c.is_alphanumeric();
        let Span {
            start: from,
            end: to,
        } = self.span;
        let head = text.get(..from)?;
        let from = head.trim_end_matches(word).len();
        let tail = text.get(to..)?;
        let to = text.len() - tail.trim_start_matches(word).len();
        let span = Span {
            start: from,
            end: to,
        };
        if self.kind == Kind::Slot {
            return (self.probability >= sound.floor).then(|| Finding {
                label: self.label,
                ..Finding::new(
                    self.kind,
                    scan,
                    span,
                    span.of(text),
                    rounded(self.probability),
                )
            });
        }
        let span = match self.kind {
            Kind::Organization => {
                company::whole(text, span).filter(|span| !company::is_none(span.of(text)))?
            }
            _ => name::untitled(text, span),
        };
        let name = span.of(text);
        let capital =
            |word: &str| word.starts_with(char::is_uppercase) || PARTICLES.contains(&word);
        let capitals = name.starts_with(char::is_uppercase) && name.split_whitespace().all(capital);
        let is_sound = (capitals || sound.sees_shapes)
            && name.chars().filter(|c| c.is_alphabetic()).count() > 1
            && self.probability >= sound.floor
            && !name.contains('\n')
            && name.len() <= 80;
        is_sound.then(|| Finding::new(self.kind, scan, span, name, rounded(self.probability)))
    }
}

fn rounded(probability: f64) -> f64 {
    (probability * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetwright_sdk::tokenizer::encode;

    fn sound(floor: f64) -> Sound {
        Sound {
            floor,
            sees_shapes: false,
        }
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
                label: None,
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
        let found = found
            .into_iter()
            .filter_map(|n| n.checked(&scan, &sound(0.6)));
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
        let labels = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"].map(str::to_owned);
        let row =
            |offset: &std::ops::Range<usize>| match text.get(offset.clone()).unwrap_or_default() {
                "Jane" => [0.1f32, 0.9, 0.0, 0.0, 0.0],
                piece if offset.start >= 9 && offset.end <= 18 && !piece.is_empty() => {
                    [0.2, 0.0, 0.8, 0.0, 0.0]
                }
                piece if offset.start == 22 && !piece.is_empty() => [0.3, 0.0, 0.0, 0.7, 0.0],
                _ => [0.99, 0.0, 0.0, 0.0, 0.0],
            };
        let rows: Vec<[f32; 5]> = encoding.offsets.iter().map(row).collect();
        let rows: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
        let scan = Scan::new(text);
        let found: Vec<Finding> = names(text, &encoding, &rows, &labels, false)
            .into_iter()
            .filter_map(|name| name.checked(&scan, &sound(0.6)))
            .collect();
        let values: Vec<(Kind, &str)> = found.iter().map(|f| (f.kind, f.value.as_str())).collect();
        assert_eq!(
            values,
            [
                (Kind::Person, "Jane Whitfield"),
                (Kind::Organization, "Nordlicht")
            ]
        );
        let unsure = names(text, &encoding, &rows, &labels, false)
            .into_iter()
            .filter_map(|name| name.checked(&scan, &sound(0.75)))
            .count();
        assert_eq!(unsure, 1);
    }

    #[test]
    fn slots_stay_as_they_are_and_end_with_their_line() {
        let text = "jo ann\nbo";
        let encoding = encode(text, 64);
        let labels = ["O", "B-name", "I-name"].map(str::to_owned);
        let row =
            |offset: &std::ops::Range<usize>| match text.get(offset.clone()).unwrap_or_default() {
                "jo" | "bo" => [0.1f32, 0.9, 0.0],
                "ann" => [0.2, 0.0, 0.8],
                _ => [1.0, 0.0, 0.0],
            };
        let rows: Vec<[f32; 3]> = encoding.offsets.iter().map(row).collect();
        let rows: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
        let scan = Scan::new(text);
        let found = names(text, &encoding, &rows, &labels, false);
        let found: Vec<_> = found
            .into_iter()
            .filter_map(|name| name.checked(&scan, &sound(0.5)))
            .collect();
        let values: Vec<_> = found
            .iter()
            .map(|f| (f.value.as_str(), f.label.as_deref()))
            .collect();
        assert_eq!(values, [("jo ann", Some("name")), ("bo", Some("name"))]);
    }
}
