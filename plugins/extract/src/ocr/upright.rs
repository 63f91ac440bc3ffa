//! Which way a page lies: by quarters from the direction of its lines, upside down by a model, askew by their angles.

use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};

use fleetwright_sdk::nn::{Model, Tensor};

use super::Unread;
use super::quad::Quad;
use crate::picture::Picture;

/// How many lines are asked whether they are upside down.
const ASKED: usize = 8;
/// What the model sees of each.
const WIDTH: usize = 160;
const HEIGHT: usize = 80;
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const SPREAD: [f32; 3] = [0.229, 0.224, 0.225];
/// A line tells a direction where it is so many times longer than high.
const LONG: f32 = 3.0;

/// By how many quarters, clockwise, the page is to be turned so that its lines go across; it may be upside down then.
pub(super) fn quarters(lines: &[Quad]) -> u8 {
    let (mut across, mut down) = (0.0, 0.0);
    for line in long(lines) {
        if line.angle.abs() > FRAC_PI_4 {
            down += line.width;
        } else {
            across += line.width;
        }
    }
    u8::from(down > across)
}

/// The angle of the lines: the middle one, the longer counting more.
pub(super) fn skew(lines: &[Quad]) -> f32 {
    let mut angles: Vec<(f32, f32)> = long(lines)
        .map(|line| {
            let quarters = (line.angle / FRAC_PI_2).round();
            (line.angle - quarters * FRAC_PI_2, line.width)
        })
        .collect();
    angles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = angles.iter().map(|(_, width)| width).sum::<f32>() / 2.0;
    let mut passed = 0.0;
    let middle = angles.iter().find(|(_, width)| {
        passed += width;
        passed >= half
    });
    middle.map_or(0.0, |(angle, _)| *angle)
}

fn long(lines: &[Quad]) -> impl Iterator<Item = &Quad> {
    lines
        .iter()
        .filter(|line| line.width >= LONG * line.height || line.height >= LONG * line.width)
}

/// Whether most of the longest lines stand on their heads.
pub(super) fn is_upside_down(
    model: &Model,
    picture: &Picture,
    lines: &[Quad],
) -> Result<bool, Unread> {
    let mut asked: Vec<&Quad> = lines.iter().collect();
    asked.sort_by(|a, b| b.width.total_cmp(&a.width));
    asked.truncate(ASKED);
    if asked.is_empty() {
        return Ok(false);
    }
    let mut input = Vec::with_capacity(asked.len() * 3 * WIDTH * HEIGHT);
    for line in &asked {
        let values = line.cut(picture, WIDTH, HEIGHT);
        for (mean, spread) in MEAN.iter().zip(SPREAD) {
            input.extend(values.iter().map(|value| (value / 255.0 - mean) / spread));
        }
    }
    let input = Tensor::new(&[asked.len(), 3, HEIGHT, WIDTH], &input)?;
    let output = model.run([("x", input)])?;
    let scores = output.f32("fetch_name_0")?.shaped(&[asked.len(), 2])?;
    let against = scores
        .rows()
        .filter(|row| matches!(row, [up, down] if down > up))
        .count();
    Ok(2 * against > asked.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(degrees: f32, width: f32) -> Quad {
        Quad {
            x: 0.0,
            y: 0.0,
            width,
            height: 10.0,
            angle: degrees.to_radians(),
        }
    }

    #[test]
    fn the_longer_lines_tell_the_turn_and_the_skew() {
        let lying = [
            line(1.5, 300.0),
            line(1.4, 250.0),
            line(-80.0, 40.0),
            line(60.0, 12.0),
        ];
        assert_eq!(quarters(&lying), 0);
        assert!((skew(&lying).to_degrees() - 1.5).abs() < 0.2);
        assert_eq!(
            quarters(&[line(89.0, 300.0), line(-89.0, 250.0), line(1.0, 100.0)]),
            1
        );
        assert_eq!((quarters(&[]), skew(&[])), (0, 0.0));
    }
}
