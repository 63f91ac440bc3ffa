//! Text off pictures, by three models that the manifest may bind: one finds lines, one reads them, one tells which way up.
//!
//! Lines are found → the page's turn and skew follow from their directions → each line is cut out straight → read →
//! put in reading order like the glyphs of a text layer.
//!
//! Bounds: 6 pages and pictures a call, 400 lines each, the longer side of what lines are looked for in 1,280 pixels.

mod detect;
mod gaps;
mod mend;
mod quad;
mod recognize;
mod upright;

use fleetwright_sdk::nn;

use crate::document::layout::{self, Glyph};
use crate::document::{Page, Problem};
use crate::picture::Picture;
use quad::Quad;

/// How many pictures are read in one call: each takes seconds of inference.
const PICTURES: usize = 6;
/// How many lines of a picture are read.
const LINES: usize = 400;
/// The longer side of the picture that is worked on: letters of 8 points of an A4 page are 18 pixels high then.
const LONG: usize = 2_192;
/// What is read with a lower mean probability is no text.
const FLOOR: f64 = 0.5;
/// A letter's size and how far its baseline lies below the middle, in parts of its line's height.
const LETTER: f64 = 0.72;
const BASELINE: f64 = 0.25;

/// What was read off a picture.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The text with its places.
    pub(crate) page: Page,
    /// The mean probability of its characters.
    pub(crate) confidence: f64,
}

/// Reads pictures, where models for it are bound. They are opened when the first picture comes.
#[derive(Default)]
pub(crate) struct Eye {
    models: Option<Models>,
    read: usize,
}

struct Models {
    detector: nn::Model,
    recognizer: recognize::Recognizer,
    upright: nn::Model,
}

/// Why a picture was not read.
pub(crate) enum Unread {
    /// A model failed: the call fails with it.
    Failed(nn::Error),
    /// The picture cannot be read, or no model for it is bound.
    Because(Problem),
}

impl From<nn::Error> for Unread {
    fn from(error: nn::Error) -> Unread {
        Unread::Failed(error)
    }
}

impl From<Problem> for Unread {
    fn from(problem: Problem) -> Unread {
        Unread::Because(problem)
    }
}

impl Eye {
    /// Reads a picture.
    ///
    /// # Errors
    /// [`Unread`]: with [`Problem::NoTextLayer`] where the models are not bound.
    pub(crate) fn read(&mut self, picture: &Picture) -> Result<Reading, Unread> {
        if self.read >= PICTURES {
            return Err(Problem::Truncated.into());
        }
        self.read += 1;
        let models = match &self.models {
            Some(models) => models,
            None => self.models.insert(Models::open()?),
        };
        models.read(picture)
    }

    /// Whether the manifest binds the models that reading takes.
    pub(crate) fn sees() -> bool {
        ["detector", "recognizer", "upright"]
            .iter()
            .all(|role| nn::is_bound(role))
    }
}

impl Models {
    fn open() -> Result<Models, Unread> {
        if !Eye::sees() {
            return Err(Problem::NoTextLayer.into());
        }
        Ok(Models {
            detector: nn::Model::open("detector")?,
            recognizer: recognize::Recognizer::open("recognizer")?,
            upright: nn::Model::open("upright")?,
        })
    }

    fn read(&self, picture: &Picture) -> Result<Reading, Unread> {
        let shrunk = shrunk(picture)?;
        let mut picture = shrunk.unwrap_or_else(|| picture.clone());
        let mut lines = detect::lines(&self.detector, &picture)?;
        lines.truncate(LINES);
        let quarters = upright::quarters(&lines);
        if quarters > 0 {
            (picture, lines) = turned(&picture, &lines, quarters);
        }
        let skew = upright::skew(&lines);
        lines.iter_mut().for_each(|line| *line = line.along(skew));
        if upright::is_upside_down(&self.upright, &picture, &lines)? {
            (picture, lines) = turned(&picture, &lines, 2);
            lines.iter_mut().for_each(|line| *line = line.along(skew));
        }
        let (mut texts, mut places, mut sum, mut count) = (Vec::new(), Vec::new(), 0.0, 0);
        for line in &lines {
            let said = self.recognizer.read(&picture, line)?;
            if said.text.is_empty() || said.confidence < FLOOR {
                continue;
            }
            let length = said.text.chars().count();
            sum += said.confidence * length as f64;
            count += length;
            texts.push(said.text);
            places.push(line);
        }
        mend::lines(&mut texts);
        let glyphs = texts.into_iter().zip(places);
        let glyphs = glyphs.map(|(text, line)| glyph(text, line, skew));
        Ok(Reading {
            page: layout::page(glyphs.collect()),
            confidence: if count == 0 { 0.0 } else { sum / count as f64 },
        })
    }
}

/// The picture at the size that is worked on; none where it is no larger.
fn shrunk(picture: &Picture) -> Result<Option<Picture>, Problem> {
    let long = picture.width.max(picture.height);
    if long <= LONG {
        return Ok(None);
    }
    let size = |side: usize| (side * LONG / long).max(1);
    picture
        .resized(size(picture.width), size(picture.height))
        .map(Some)
}

fn turned(picture: &Picture, lines: &[Quad], quarters: u8) -> (Picture, Vec<Quad>) {
    let (width, height) = (picture.width as f32, picture.height as f32);
    let lines = lines
        .iter()
        .map(|line| line.turned(quarters, width, height));
    (picture.turned(quarters), lines.collect())
}

/// A line's place on the page, straightened.
fn glyph(text: String, line: &Quad, skew: f32) -> Glyph {
    let (sine, cosine) = f64::from(skew).sin_cos();
    let (x, y) = (f64::from(line.x), f64::from(line.y));
    let (across, down) = (x * cosine + y * sine, y * cosine - x * sine);
    let (half, height) = (f64::from(line.width) / 2.0, f64::from(line.height));
    Glyph::run(
        text,
        (across - half, across + half),
        down + BASELINE * height,
        LETTER * height,
    )
}

#[cfg(test)]
mod tests;
