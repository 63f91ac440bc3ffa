//! A line's characters: cut out straight, read from left to right, repeated and empty steps dropped (CTC).

use fleetwright_sdk::nn::{self, ANY, Model, Tensor};

use super::Unread;
use super::gaps::Line;
use super::quad::Quad;
use crate::picture::Picture;

/// The height of what the recognizer sees, and how wide that may be.
pub(super) const HEIGHT: usize = 48;
const NARROWEST: usize = 48;
const WIDEST: usize = 3_200;

/// Reads lines.
pub(super) struct Recognizer {
    model: Model,
    /// What each class means: the first nothing, the others a character each.
    characters: Vec<String>,
}

/// What a line says.
pub(super) struct Said {
    pub(super) text: String,
    /// The mean probability of its characters.
    pub(super) confidence: f64,
}

impl Recognizer {
    pub(super) fn open(role: &str) -> Result<Recognizer, nn::Error> {
        Ok(Recognizer {
            model: Model::open(role)?,
            characters: nn::card(role)?.labels("fetch_name_0")?.to_vec(),
        })
    }

    pub(super) fn read(&self, picture: &Picture, line: &Quad) -> Result<Said, Unread> {
        let width = (HEIGHT as f32 * line.width / line.height.max(1.0)).ceil() as usize;
        let width = width.clamp(NARROWEST, WIDEST);
        let plane: Vec<f32> = line
            .cut(picture, width, HEIGHT)
            .iter()
            .map(|value| value / 127.5 - 1.0)
            .collect();
        let input = Tensor::new(
            &[1, 3, HEIGHT, width],
            &[&plane[..], &plane, &plane].concat(),
        )?;
        let output = self.model.run([("x", input)])?;
        let steps = output
            .f32("fetch_name_0")?
            .shaped(&[1, ANY, self.characters.len()])?;
        let characters = characters(steps.rows().map(likeliest), &self.characters);
        let line = Line::new(&characters, &plane, steps.rows().count());
        let sum: f32 = characters.iter().map(|one| one.probability).sum();
        Ok(Said {
            text: line.text().trim().to_owned(),
            confidence: f64::from(sum) / characters.len().max(1) as f64,
        })
    }
}

/// The likeliest class of a step, with its probability.
fn likeliest(step: &[f32]) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (class, probability) in step.iter().enumerate() {
        if *probability > best.1 {
            best = (class, *probability);
        }
    }
    best
}

/// A character, the first and the last of the steps that it was read in, and the probability of the first.
#[derive(Debug, PartialEq)]
pub(super) struct Character<'a> {
    pub(super) text: &'a str,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) probability: f32,
}

impl Character<'_> {
    /// Whether it is a sign of a kind.
    pub(super) fn is(&self, kind: impl Fn(char) -> bool) -> bool {
        self.text.starts_with(kind)
    }
}

/// The characters of a line's steps: classes that repeat, and those that are empty, dropped.
fn characters(steps: impl Iterator<Item = (usize, f32)>, names: &[String]) -> Vec<Character<'_>> {
    let mut found: Vec<Character<'_>> = Vec::new();
    let mut before = 0;
    for (step, (class, probability)) in steps.enumerate() {
        if class == before && class != 0 {
            if let Some(same) = found.last_mut() {
                same.last = step;
            }
        } else if class != 0 {
            found.push(Character {
                text: names.get(class).map_or("", String::as_str),
                first: step,
                last: step,
                probability,
            });
        }
        before = class;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_empty_steps_are_dropped() {
        let names = ["", "a", "b", " "].map(str::to_owned);
        let steps = [1, 1, 0, 1, 2, 2, 3, 0].map(|class| (class, 0.5));
        let found = characters(steps.into_iter(), &names);
        let places: Vec<_> = found
            .iter()
            .map(|one| (one.text, one.first, one.last))
            .collect();
        assert_eq!(places, [("a", 0, 1), ("a", 3, 3), ("b", 4, 5), (" ", 6, 6)]);
        assert!(characters([(0, 0.9)].into_iter(), &names).is_empty());
    }
}
