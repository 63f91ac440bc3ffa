//! Pictures of text: one grey value for each pixel, decoded from PNG and JPEG, or drawn from those on a page.
//!
//! Colour is given up at once: what reads text needs none, and a page takes a byte for each pixel. The size that a file
//! declares is checked before anything is allocated for it.
//!
//! Bounds: 12 million pixels a picture (A4 at 350 dpi), 16,384 a side.

mod jpeg;
mod png;

pub(crate) use jpeg::decode as jpeg;
pub(crate) use png::{Rows, decode as png, sample, unfilter};

use crate::document::Problem;

/// How many pixels a picture may have.
pub(crate) const PIXELS: usize = 12_000_000;
/// How long a side may be.
const SIDE: usize = 16_384;

/// A picture: 0 is black, 255 is white.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Row by row, from the top.
    pub(crate) grey: Vec<u8>,
}

impl Picture {
    /// A white picture.
    pub(crate) fn blank(width: usize, height: usize) -> Result<Picture, Problem> {
        let pixels = pixels(width, height)?;
        Ok(Picture {
            width,
            height,
            grey: vec![255; pixels],
        })
    }

    /// A picture of these values; [`Problem::Damaged`] where there are too few.
    pub(crate) fn of(width: usize, height: usize, mut grey: Vec<u8>) -> Result<Picture, Problem> {
        let pixels = pixels(width, height)?;
        if grey.len() < pixels {
            return Err(Problem::Damaged);
        }
        grey.truncate(pixels);
        Ok(Picture {
            width,
            height,
            grey,
        })
    }

    /// The value at a place; white beyond the edges.
    pub(crate) fn at(&self, x: isize, y: isize) -> u8 {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return 255;
        };
        if x >= self.width {
            return 255;
        }
        self.grey.get(y * self.width + x).copied().unwrap_or(255)
    }

    /// The value between pixels, whose centres are at halves; white beyond the edges.
    pub(crate) fn between(&self, x: f32, y: f32) -> f32 {
        let (width, height) = (self.width as f32, self.height as f32);
        if !(0.0..width).contains(&x) || !(0.0..height).contains(&y) {
            return 255.0;
        }
        let (x, y) = (
            (x - 0.5).clamp(0.0, width - 1.0),
            (y - 0.5).clamp(0.0, height - 1.0),
        );
        let (right, below) = (x.fract(), y.fract());
        let (left, top) = (x as isize, y as isize);
        // The last pixel has no neighbour, and none of its share either.
        let value = |dx: isize, dy: isize| f32::from(self.at(left + dx, top + dy));
        let above = value(0, 0) * (1.0 - right) + value(1, 0) * right;
        let under = value(0, 1) * (1.0 - right) + value(1, 1) * right;
        above * (1.0 - below) + under * below
    }

    /// The picture in another size: a mean of what falls into each pixel where it shrinks, else between pixels.
    pub(crate) fn resized(&self, width: usize, height: usize) -> Result<Picture, Problem> {
        let mut made = Picture::blank(width, height)?;
        let (across, down) = (
            self.width as f32 / width as f32,
            self.height as f32 / height as f32,
        );
        // Two samples for each pixel that a step passes over, at least one.
        let (columns, lines) = (samples(across), samples(down));
        let share = 1.0 / (columns * lines) as f32;
        for (y, row) in made.grey.chunks_exact_mut(width).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let mut sum = 0.0;
                for line in 0..lines {
                    let from_y = (y as f32 + (line as f32 + 0.5) / lines as f32) * down;
                    for column in 0..columns {
                        let from_x = (x as f32 + (column as f32 + 0.5) / columns as f32) * across;
                        sum += self.between(from_x, from_y);
                    }
                }
                *pixel = (sum * share).round() as u8;
            }
        }
        Ok(made)
    }

    /// The picture turned by quarters of a circle, clockwise.
    pub(crate) fn turned(&self, quarters: u8) -> Picture {
        let (width, height) = (self.width, self.height);
        let (turned_width, turned_height) = if quarters % 2 == 1 {
            (height, width)
        } else {
            (width, height)
        };
        let mut grey = Vec::with_capacity(self.grey.len());
        for y in 0..turned_height {
            for x in 0..turned_width {
                let (from_x, from_y) = match quarters % 4 {
                    0 => (x, y),
                    1 => (y, height - 1 - x),
                    2 => (width - 1 - x, height - 1 - y),
                    _ => (width - 1 - y, x),
                };
                grey.push(self.at(from_x as isize, from_y as isize));
            }
        }
        Picture {
            width: turned_width,
            height: turned_height,
            grey,
        }
    }
}

fn samples(step: f32) -> usize {
    (step.ceil() as usize).clamp(1, 4)
}

/// How many pixels a size has, where it is one that may be.
pub(crate) fn pixels(width: usize, height: usize) -> Result<usize, Problem> {
    match width.checked_mul(height) {
        Some(0) => Err(Problem::Damaged),
        Some(pixels) if pixels <= PIXELS && width <= SIDE && height <= SIDE => Ok(pixels),
        _ => Err(Problem::TooLarge),
    }
}

/// The brightness of a colour.
pub(crate) fn brightness(red: u8, green: u8, blue: u8) -> u8 {
    let sum = u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29;
    (sum / 256) as u8
}

#[cfg(test)]
pub(crate) mod tests;
