//! Where lines of text stand: the detector's map of probabilities, cut at a threshold; each spot grown to its line.
//!
//! The detector learns lines that are shrunk, so that neighbours do not touch; what is found is grown again by as much as
//! its area and outline say (differentiable binarization).

use fleetwright_sdk::nn::{ANY, Model, Tensor};

use super::quad::Quad;
use super::{LINES, Unread};
use crate::picture::Picture;

/// The longer side of what the detector sees, and what both sides are multiples of.
const LONG: usize = 1_280;
const STEP: usize = 32;
/// What belongs to a line, and what a whole line must have on average.
const PIXEL: f32 = 0.3;
const LINE: f32 = 0.6;
/// How much a spot grows, and how low it may be.
const GROWTH: f32 = 1.6;
const LOWEST: f32 = 2.5;
/// What the detector's inputs are less, and divided by, a channel each.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const SPREAD: [f32; 3] = [0.229, 0.224, 0.225];

/// The lines of a picture, from the top.
pub(super) fn lines(detector: &Model, picture: &Picture) -> Result<Vec<Quad>, Unread> {
    let (width, height) = size(picture);
    let small = picture.resized(width, height)?;
    let mut input = Vec::with_capacity(3 * small.grey.len());
    for (mean, spread) in MEAN.iter().zip(SPREAD) {
        let levels: Vec<f32> = (0..=255u8)
            .map(|grey| (f32::from(grey) / 255.0 - mean) / spread)
            .collect();
        input.extend(
            small
                .grey
                .iter()
                .map(|grey| levels.get(usize::from(*grey)).copied().unwrap_or(0.0)),
        );
    }
    let input = Tensor::new(&[1, 3, height, width], &input)?;
    let output = detector.run([("x", input)])?;
    let map = output.f32("fetch_name_0")?.shaped(&[1, 1, height, ANY])?;
    let scale = |long: usize, short: usize| long as f32 / short as f32;
    let (across, down) = (scale(picture.width, width), scale(picture.height, height));
    let mut lines: Vec<Quad> = spots(&map, width)
        .into_iter()
        .filter_map(|spot| spot.line())
        .map(|line| line.scaled(across, down))
        .collect();
    lines.sort_by(|a, b| a.y.total_cmp(&b.y));
    Ok(lines)
}

/// The size that the detector sees a picture in.
fn size(picture: &Picture) -> (usize, usize) {
    let long = picture.width.max(picture.height).max(1);
    let side = |side: usize| {
        let scaled = if long > LONG {
            side * LONG / long
        } else {
            side
        };
        (scaled.div_ceil(STEP) * STEP).max(STEP)
    };
    (side(picture.width), side(picture.height))
}

/// Neighbouring pixels above the threshold.
struct Spot {
    sum: f32,
    count: usize,
    corners: Vec<(f32, f32)>,
}

impl Spot {
    /// The line that the spot stands for, where it is sure enough.
    fn line(mut self) -> Option<Quad> {
        if self.sum / (self.count as f32) < LINE {
            return None;
        }
        let quad = Quad::around(&mut self.corners)?;
        if quad.height < LOWEST {
            return None;
        }
        let outline = 2.0 * (quad.width + quad.height);
        Some(quad.grown(quad.width * quad.height * GROWTH / outline))
    }
}

/// The spots of a map, row by row.
fn spots(map: &[f32], width: usize) -> Vec<Spot> {
    let mut open: Vec<bool> = map.iter().map(|value| *value > PIXEL).collect();
    let mut spots = Vec::new();
    let mut waiting = Vec::new();
    for start in 0..map.len() {
        if !take(&mut open, start) {
            continue;
        }
        if spots.len() >= 4 * LINES {
            break;
        }
        let mut spot = Spot {
            sum: 0.0,
            count: 0,
            corners: Vec::new(),
        };
        waiting.push(start);
        while let Some(at) = waiting.pop() {
            let (x, y) = (at % width, at / width);
            spot.sum += map.get(at).copied().unwrap_or(0.0);
            spot.count += 1;
            let within = |at: usize| map.get(at).is_some_and(|value| *value > PIXEL);
            let edge = x == 0 || x + 1 == width || !within(at - 1) || !within(at + 1);
            if edge {
                let (x, y) = (x as f32, y as f32);
                spot.corners
                    .extend([(x, y), (x + 1.0, y), (x, y + 1.0), (x + 1.0, y + 1.0)]);
            }
            let sides = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then_some(at + 1),
                at.checked_sub(width),
                Some(at + width),
            ];
            waiting.extend(
                sides
                    .into_iter()
                    .flatten()
                    .filter(|next| take(&mut open, *next)),
            );
        }
        spots.push(spot);
    }
    spots
}

/// Takes a pixel, where it is there to be taken.
fn take(open: &mut [bool], at: usize) -> bool {
    open.get_mut(at).is_some_and(std::mem::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_that_touch_are_one_and_unsure_ones_are_none() {
        let map = [
            0.9, 0.9, 0.0, 0.9, //
            0.0, 0.9, 0.0, 0.9, //
            0.0, 0.0, 0.0, 0.9, //
            0.4, 0.4, 0.4, 0.0,
        ];
        let spots = spots(&map, 4);
        assert_eq!(
            spots.iter().map(|spot| spot.count).collect::<Vec<_>>(),
            [3, 3, 3]
        );
        assert!(
            spots.into_iter().all(|spot| spot.line().is_none()),
            "too low, or too unsure"
        );
    }

    #[test]
    fn a_spot_grows_to_its_line() {
        let width = 64;
        let mut map = vec![0.0; width * 32];
        for y in 10..16 {
            for x in 8..56 {
                map[y * width + x] = 0.95;
            }
        }
        let line = spots(&map, width).into_iter().find_map(Spot::line).unwrap();
        assert_eq!((line.x, line.y, line.angle), (32.0, 13.0, 0.0));
        assert!((10.0..15.0).contains(&line.height), "{line:?}");
    }
}
