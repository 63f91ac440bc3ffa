//! Affine maps as PDF writes them: `[a b c d e f]` takes (x, y) to (ax + cy + e, bx + dy + f).

/// An affine map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix(pub(super) [f64; 6]);

impl Matrix {
    pub(super) const IDENTITY: Matrix = Matrix([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// First this map, then the other.
    pub(super) fn then(self, other: Matrix) -> Matrix {
        let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (self.0, other.0);
        Matrix([
            a * g + b * i,
            a * h + b * j,
            c * g + d * i,
            c * h + d * j,
            e * g + f * i + k,
            e * h + f * j + l,
        ])
    }

    /// A shift, before everything else.
    pub(super) fn shifted(self, x: f64, y: f64) -> Matrix {
        Matrix([1.0, 0.0, 0.0, 1.0, x, y]).then(self)
    }

    /// This map, then a scale.
    pub(super) fn scaled(self, by: f64) -> Matrix {
        self.then(Matrix([by, 0.0, 0.0, by, 0.0, 0.0]))
    }

    /// The way back; none where everything falls onto a line.
    pub(super) fn inverse(self) -> Option<Matrix> {
        let [a, b, c, d, e, f] = self.0;
        let determinant = a * d - b * c;
        let back = Matrix([d, -b, -c, a, c * f - d * e, b * e - a * f].map(|n| n / determinant));
        (determinant != 0.0 && back.is_finite()).then_some(back)
    }

    /// Where a point goes.
    pub(super) fn apply(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    pub(super) fn is_finite(self) -> bool {
        self.0.iter().all(|n| n.is_finite())
    }
}
