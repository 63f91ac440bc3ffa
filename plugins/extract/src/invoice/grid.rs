//! The cells of a document with their neighbours: what stands beside a cell, and what below it.

use super::seek::Small;
use crate::document::Text;

/// How far below a label its value may stand, in heights of a letter.
const BELOW: f64 = 3.4;
/// How many lines below are looked at.
const LINES: usize = 4;

/// A run of text and its place.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Where it starts in the text of its page, in bytes.
    pub(super) start: usize,
    pub(super) small: Small,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) baseline: f64,
    pub(super) size: f64,
    /// The line's number, over all pages.
    pub(super) line: usize,
    /// The page's place among the texts, from 0.
    pub(super) page: usize,
}

/// All cells of a document, line by line.
pub(super) struct Grid<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    lines: Vec<std::ops::Range<usize>>,
}

impl<'a> Grid<'a> {
    pub(super) fn new(texts: &[&'a Text]) -> Grid<'a> {
        let mut grid = Grid {
            pieces: Vec::new(),
            lines: Vec::new(),
        };
        for (page, text) in texts.iter().enumerate() {
            for line in &text.content.lines {
                let start = grid.pieces.len();
                let cells = line.cells.iter().map(|cell| Piece {
                    text: text.content.of(*cell),
                    start: cell.start,
                    small: Small::new(text.content.of(*cell)),
                    left: cell.left,
                    right: cell.right,
                    baseline: line.baseline,
                    size: cell.size,
                    line: grid.lines.len(),
                    page,
                });
                let cells: Vec<Piece<'a>> = cells
                    .filter(|piece| !piece.text.trim().is_empty())
                    .collect();
                grid.pieces.extend(cells);
                grid.lines.push(start..grid.pieces.len());
            }
        }
        grid
    }

    /// How many lines there are.
    pub(super) fn height(&self) -> usize {
        self.lines.len()
    }

    /// The cells of a line, from the left.
    pub(super) fn line(&self, number: usize) -> &[Piece<'a>] {
        self.lines
            .get(number)
            .and_then(|range| self.pieces.get(range.clone()))
            .unwrap_or_default()
    }

    /// What stands to the right of a piece on its line, the nearest first.
    pub(super) fn beside(&self, piece: &Piece<'a>) -> impl Iterator<Item = &Piece<'a>> {
        let left = piece.left;
        self.line(piece.line)
            .iter()
            .filter(move |other| other.left > left)
    }

    /// What stands below a piece and over or under a part of it, the nearest first.
    pub(super) fn below(&self, piece: &Piece<'a>) -> impl Iterator<Item = &Piece<'a>> {
        let lines = (1..=LINES).flat_map(move |down| self.line(piece.line + down));
        lines.filter(move |other| {
            let near = other.baseline - piece.baseline <= BELOW * piece.size.max(other.size);
            other.page == piece.page && near && piece.overlaps(other)
        })
    }

    /// The usual height of a letter: the middle one.
    pub(super) fn usual_size(&self) -> f64 {
        let mut sizes: Vec<f64> = self.pieces.iter().map(|piece| piece.size).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.get(sizes.len() / 2).copied().unwrap_or(1.0)
    }
}

impl Piece<'_> {
    /// Whether one stands over or under a part of the other.
    pub(super) fn overlaps(&self, other: &Piece<'_>) -> bool {
        self.left < other.right && other.left < self.right
    }
}
