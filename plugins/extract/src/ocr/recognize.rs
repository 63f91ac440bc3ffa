//! A line's characters: cut out straight, read from left to right, repeated and empty steps dropped (CTC).

use fleetwright_sdk::nn::{self, ANY, Model, Tensor};

use super::Unread;
use super::quad::Quad;
use crate::picture::Picture;

/// The height of what the recognizer sees, and how wide that may be.
const HEIGHT: usize = 48;
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
        Ok(said(steps.rows().map(likeliest), &self.characters))
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

fn said(steps: impl Iterator<Item = (usize, f32)>, characters: &[String]) -> Said {
    let (mut text, mut sum, mut count) = (String::new(), 0.0, 0);
    let mut last = 0;
    for (class, probability) in steps {
        if class != last && class != 0 {
            text.push_str(characters.get(class).map_or("", String::as_str));
            sum += f64::from(probability);
            count += 1;
        }
        last = class;
    }
    let confidence = if count == 0 {
        0.0
    } else {
        sum / f64::from(count)
    };
    Said {
        text: text.trim().to_owned(),
        confidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_empty_steps_are_dropped() {
        let characters = ["", "a", "b", " "].map(str::to_owned);
        let steps = [1, 1, 0, 1, 2, 2, 3, 0].map(|class| (class, 0.5));
        let said = said(steps.into_iter(), &characters);
        assert_eq!((said.text.as_str(), said.confidence), ("aab", 0.5));
        let nothing = super::said([(0, 0.9)].into_iter(), &characters);
        assert_eq!((nothing.text.as_str(), nothing.confidence), ("", 0.0));
    }
}
