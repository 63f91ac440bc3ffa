//! A rectangle at any angle, and the smallest one around points.

use std::f32::consts::{FRAC_PI_2, PI};

use crate::picture::Picture;

/// A rectangle whose width lies along `angle`, in radians, clockwise from the right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quad {
    /// The middle.
    pub(crate) x: f32,
    /// See `x`.
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) angle: f32,
}

impl Quad {
    /// The smallest rectangle around points, its width the longer side; none around fewer than three that span an area.
    pub(crate) fn around(points: &mut Vec<(f32, f32)>) -> Option<Quad> {
        let hull = hull(points);
        let edges = hull.iter().zip(hull.iter().cycle().skip(1));
        let mut best: Option<Quad> = None;
        for (a, b) in edges.take(hull.len()) {
            let angle = (b.1 - a.1).atan2(b.0 - a.0);
            let quad = within(&hull, angle);
            if best.is_none_or(|best| quad.width * quad.height < best.width * best.height) {
                best = Some(quad);
            }
        }
        best.filter(|quad| quad.width > 0.0 && quad.height > 0.0)
            .map(Quad::lengthwise)
    }

    /// The same rectangle with its width along the longer side, and that between straight up and straight down.
    fn lengthwise(self) -> Quad {
        let turned = if self.height > self.width {
            self.quarter()
        } else {
            self
        };
        Quad {
            angle: turned.angle - PI * ((turned.angle + FRAC_PI_2) / PI).floor(),
            ..turned
        }
    }

    fn quarter(self) -> Quad {
        Quad {
            width: self.height,
            height: self.width,
            angle: self.angle + FRAC_PI_2,
            ..self
        }
    }

    /// The same rectangle with its width along whichever side is nearest to an angle.
    pub(crate) fn along(self, angle: f32) -> Quad {
        let quarters = ((angle - self.angle) / FRAC_PI_2).round();
        let turned = Quad {
            angle: self.angle + quarters * FRAC_PI_2,
            ..self
        };
        if (quarters as i32) % 2 == 0 {
            turned
        } else {
            Quad {
                width: self.height,
                height: self.width,
                ..turned
            }
        }
    }

    /// Grown on each side by so much.
    pub(crate) fn grown(self, by: f32) -> Quad {
        Quad {
            width: self.width + 2.0 * by,
            height: self.height + 2.0 * by,
            ..self
        }
    }

    /// In a picture that is larger by these factors.
    pub(crate) fn scaled(self, across: f32, down: f32) -> Quad {
        let (sine, cosine) = self.angle.sin_cos();
        let along = (cosine * across).hypot(sine * down);
        let over = (sine * across).hypot(cosine * down);
        Quad {
            x: self.x * across,
            y: self.y * down,
            width: self.width * along,
            height: self.height * over,
            angle: (sine * down).atan2(cosine * across),
        }
    }

    /// In the picture of this size when that is turned by quarters, clockwise.
    pub(crate) fn turned(self, quarters: u8, width: f32, height: f32) -> Quad {
        let (x, y) = match quarters % 4 {
            0 => (self.x, self.y),
            1 => (height - self.y, self.x),
            2 => (width - self.x, height - self.y),
            _ => (self.y, width - self.x),
        };
        let angle = self.angle + f32::from(quarters % 4) * FRAC_PI_2;
        Quad {
            x,
            y,
            angle,
            ..self
        }
    }

    /// What lies in the rectangle, straight, in this size; values from 0 to 255.
    pub(crate) fn cut(&self, picture: &Picture, width: usize, height: usize) -> Vec<f32> {
        let (sine, cosine) = self.angle.sin_cos();
        let (across, down) = (self.width / width as f32, self.height / height as f32);
        let samples = |step: f32| (step.ceil() as usize).clamp(1, 3);
        let (columns, lines) = (samples(across), samples(down));
        let share = 1.0 / (columns * lines) as f32;
        let mut values = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                let mut sum = 0.0;
                for line in 0..lines {
                    let v = (row as f32 + (line as f32 + 0.5) / lines as f32) * down
                        - self.height / 2.0;
                    for part in 0..columns {
                        let u = (column as f32 + (part as f32 + 0.5) / columns as f32) * across
                            - self.width / 2.0;
                        sum += picture.between(
                            self.x + u * cosine - v * sine,
                            self.y + u * sine + v * cosine,
                        );
                    }
                }
                values.push(sum * share);
            }
        }
        values
    }
}

/// The rectangle at an angle around points.
fn within(points: &[(f32, f32)], angle: f32) -> Quad {
    let (sine, cosine) = angle.sin_cos();
    let (mut left, mut right) = (f32::INFINITY, f32::NEG_INFINITY);
    let (mut top, mut bottom) = (f32::INFINITY, f32::NEG_INFINITY);
    for (x, y) in points {
        let (u, v) = (x * cosine + y * sine, y * cosine - x * sine);
        (left, right) = (left.min(u), right.max(u));
        (top, bottom) = (top.min(v), bottom.max(v));
    }
    let (u, v) = ((left + right) / 2.0, (top + bottom) / 2.0);
    Quad {
        x: u * cosine - v * sine,
        y: u * sine + v * cosine,
        width: right - left,
        height: bottom - top,
        angle,
    }
}

/// The convex hull, by Andrew's chains. Sorts the points.
fn hull(points: &mut Vec<(f32, f32)>) -> Vec<(f32, f32)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup();
    let mut hull = half(points.iter());
    let other = half(points.iter().rev());
    hull.pop();
    hull.extend(other);
    hull.pop();
    hull
}

fn half<'a>(points: impl Iterator<Item = &'a (f32, f32)>) -> Vec<(f32, f32)> {
    let mut chain: Vec<(f32, f32)> = Vec::new();
    for point in points {
        while let [.., a, b] = chain.as_slice() {
            if (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0) > 0.0 {
                break;
            }
            chain.pop();
        }
        chain.push(*point);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_rectangle_is_found_at_any_angle() {
        for degrees in [-60.0f32, -10.0, 0.0, 3.0, 44.0, 89.0] {
            let (sine, cosine) = degrees.to_radians().sin_cos();
            let corner =
                |u: f32, v: f32| (50.0 + u * cosine - v * sine, 40.0 + u * sine + v * cosine);
            let mut points = vec![
                corner(-20.0, -3.0),
                corner(20.0, -3.0),
                corner(20.0, 3.0),
                corner(-20.0, 3.0),
                corner(0.0, 1.0),
            ];
            let quad = Quad::around(&mut points).unwrap();
            assert!(
                (quad.x - 50.0).abs() < 0.01 && (quad.y - 40.0).abs() < 0.01,
                "{quad:?}"
            );
            assert!(
                (quad.width - 40.0).abs() < 0.01 && (quad.height - 6.0).abs() < 0.01,
                "{quad:?}"
            );
            assert!(
                (quad.angle.to_degrees() - degrees).abs() < 0.1,
                "{degrees}: {quad:?}"
            );
        }
        assert_eq!(Quad::around(&mut vec![(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(Quad::around(&mut Vec::new()), None);
    }

    #[test]
    fn turning_there_and_back_changes_nothing() {
        let quad = Quad {
            x: 10.0,
            y: 20.0,
            width: 8.0,
            height: 2.0,
            angle: 0.1,
        };
        let there = quad.turned(1, 100.0, 60.0);
        let back = there.turned(3, 60.0, 100.0);
        assert!(
            (back.x - quad.x).abs() < 1e-4 && (back.y - quad.y).abs() < 1e-4,
            "{back:?}"
        );
        assert_eq!(there.along(0.0).width, quad.height);
    }
}
