//! What a token looks like in the text as it was written: the uncased encoder sees none of it.
//!
//! One row for each token, a special token's all zero. `models/recipes/shapes.py` computes the same for training;
//! `shapes.json`, which it writes, holds both together.

use std::ops::Range;

/// Digits that stand together: the last of these numbers that is not above their count has its place set.
const DIGITS: [usize; 11] = [1, 2, 3, 4, 5, 7, 9, 10, 12, 15, 17];
/// How many characters of what adjoins a token are looked at on each side.
const REACH: usize = 256;
const PLAIN: usize = 14;
/// How many values a row has.
pub(super) const SIZE: usize = PLAIN + DIGITS.len();

/// The rows of all tokens, one after the other.
pub(super) fn rows(text: &str, offsets: &[Range<usize>]) -> Vec<f32> {
    offsets
        .iter()
        .flat_map(|offset| row(text, offset))
        .collect()
}

fn row(text: &str, offset: &Range<usize>) -> [f32; SIZE] {
    let mut row = [0.0; SIZE];
    if offset.is_empty() {
        return row;
    }
    let piece = text.get(offset.clone()).unwrap_or_default();
    let (word_start, word_end) = grown(text, offset, char::is_alphanumeric);
    let (chunk_start, chunk_end) = grown(text, offset, |c| !c.is_whitespace());
    let word = text.get(word_start..word_end).unwrap_or_default();
    let chunk = text.get(chunk_start..chunk_end).unwrap_or_default();
    let before = text
        .get(..chunk_start)
        .unwrap_or_default()
        .trim_end_matches([' ', '\t']);
    let after = text
        .get(chunk_end..)
        .unwrap_or_default()
        .trim_start_matches([' ', '\t']);
    let follows = text.get(word_end..).and_then(|rest| rest.chars().next());
    let capitals = word.chars().filter(|c| c.is_uppercase()).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let digits = chunk.chars().filter(|c| c.is_numeric()).count();
    let inner = chunk
        .char_indices()
        .skip(1)
        .filter(|(at, c)| at + c.len_utf8() < chunk.len());
    let facts = [
        word.starts_with(char::is_uppercase),
        capitals > 1 && capitals == letters,
        word.chars().skip(1).any(char::is_uppercase),
        digits > 0,
        digits > 0 && digits == chunk.chars().count(),
        chunk.contains('@'),
        inner.map(|(_, c)| c).any(|c| "./:-_".contains(c)),
        before.is_empty() || before.ends_with('\n'),
        after.is_empty() || after.starts_with('\n'),
        offset.start > word_start,
        follows.is_some_and(|c| ",;.!?".contains(c)),
        follows == Some(':'),
    ];
    for (value, fact) in row.iter_mut().zip(facts) {
        *value = f32::from(u8::from(fact));
    }
    let bucket = DIGITS.iter().filter(|least| digits >= **least).count();
    let others = [
        (12, letters.min(20) as f32 / 10.0),
        (
            13,
            f32::from(u8::from(!piece.chars().all(char::is_alphanumeric))),
        ),
        (
            PLAIN + bucket.saturating_sub(1),
            f32::from(u8::from(bucket > 0)),
        ),
    ];
    for (place, value) in others {
        if let Some(slot) = row.get_mut(place).filter(|_| value > 0.0) {
            *slot = value;
        }
    }
    row
}

/// A range with all that adjoins it, and of which `holds` is true.
fn grown(text: &str, offset: &Range<usize>, holds: impl Fn(char) -> bool) -> (usize, usize) {
    let inside = text.get(offset.clone()).unwrap_or_default();
    let (head, tail) = (
        text.get(..offset.start).unwrap_or_default(),
        text.get(offset.end..).unwrap_or_default(),
    );
    let reach = |side: &mut dyn Iterator<Item = char>| -> usize {
        let near = side.take(REACH).take_while(|c| holds(*c));
        near.map(char::len_utf8).sum()
    };
    let start = if inside.starts_with(&holds) {
        offset.start - reach(&mut head.chars().rev())
    } else {
        offset.start
    };
    let end = if inside.ends_with(&holds) {
        offset.end + reach(&mut tail.chars())
    } else {
        offset.end
    };
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn shapes_are_what_training_saw() {
        let cases: Vec<Value> = serde_json::from_str(include_str!("shapes.json")).unwrap();
        assert!(cases.len() > 4);
        for case in cases {
            let text = case["text"].as_str().unwrap();
            let token = |pair: &Value| {
                pair[0].as_u64().unwrap() as usize..pair[1].as_u64().unwrap() as usize
            };
            let offsets: Vec<Range<usize>> = case["offsets"]
                .as_array()
                .unwrap()
                .iter()
                .map(token)
                .collect();
            let wanted: Vec<f32> = case["rows"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|row| {
                    row.as_array()
                        .unwrap()
                        .iter()
                        .map(|n| n.as_f64().unwrap() as f32)
                })
                .collect();
            let found = rows(text, &offsets);
            for (place, (a, b)) in found.iter().zip(&wanted).enumerate() {
                assert!(
                    (a - b).abs() < 1e-6,
                    "`{text}`, token {}, value {}: {a}, not {b}",
                    place / SIZE,
                    place % SIZE
                );
            }
            assert_eq!(found.len(), wanted.len());
        }
    }
}
