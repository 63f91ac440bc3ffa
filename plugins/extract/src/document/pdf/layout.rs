//! From glyphs to lines in reading order: top to bottom, then left to right; columns of a table parted by tabs, columns
//! of prose one after the other ([`columns`]).
//!
//! A glyph is a character of a text layer, or a run of text that was read off a picture.

use super::columns;
use crate::document::page::{Cell, Line, Page};

/// Glyphs that share a baseline, within this part of their size.
const SAME_LINE: f64 = 0.45;
/// A gap that is a blank between words, in parts of the size.
const BLANK: f64 = 0.18;
/// A gap that parts columns.
const COLUMN: f64 = 1.6;

/// A glyph on a page: y downwards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glyph {
    pub(super) text: String,
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) baseline: f64,
    pub(super) size: f64,
    /// Written upwards or downwards rather than across.
    pub(super) turned: bool,
}

impl Glyph {
    /// A glyph from its origin to where the next one begins; `top` is the size above the origin.
    pub(super) fn new(text: String, from: (f64, f64), to: (f64, f64), top: (f64, f64)) -> Glyph {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let size = (top.0 - from.0).hypot(top.1 - from.1);
        let turned = dy.abs() > dx.abs();
        let (start, end, baseline) = match (turned, dy > 0.0) {
            (false, _) => (from.0.min(to.0), from.0.max(to.0), from.1),
            (true, true) => (from.1, to.1, -from.0),
            (true, false) => (-from.1, -to.1, from.0),
        };
        Glyph {
            text,
            start,
            end,
            baseline,
            size,
            turned,
        }
    }

    /// A run of text that goes across from `start` to `end`.
    pub(crate) fn run(text: String, (start, end): (f64, f64), baseline: f64, size: f64) -> Glyph {
        Glyph {
            text,
            start,
            end,
            baseline,
            size,
            turned: false,
        }
    }
}

/// The page that glyphs make.
pub(crate) fn page(glyphs: Vec<Glyph>) -> Page {
    let rows = rows(glyphs);
    let mut page = Page::default();
    for line in columns::in_order(&rows) {
        write(&mut page, line);
    }
    page
}

/// The glyphs of each baseline, from the top, and on each from the left.
fn rows(mut glyphs: Vec<Glyph>) -> Vec<Vec<Glyph>> {
    glyphs.retain(|glyph| {
        !glyph.text.trim_matches(['\0', '\u{feff}']).is_empty() && glyph.size > 0.0
    });
    glyphs.sort_by(|a, b| {
        a.turned
            .cmp(&b.turned)
            .then(a.baseline.total_cmp(&b.baseline))
    });
    let mut rows: Vec<Vec<Glyph>> = Vec::new();
    for glyph in glyphs {
        let shares = |first: &Glyph| {
            first.turned == glyph.turned
                && glyph.baseline - first.baseline <= SAME_LINE * first.size.max(glyph.size)
        };
        match rows.last_mut() {
            Some(row) if row.first().is_some_and(shares) => row.push(glyph),
            _ => rows.push(vec![glyph]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.start.total_cmp(&b.start));
    }
    rows
}

/// Writes a line of glyphs, which are in order from the left.
pub(super) fn write(page: &mut Page, line: &[Glyph]) {
    let mut made = Line::default();
    let mut last: Option<&Glyph> = None;
    let mut cell: Option<Cell> = None;
    for glyph in line {
        let mut apart = last.is_none();
        if let Some(last) = last {
            let doubled =
                last.text == glyph.text && (glyph.start - last.start).abs() < 0.1 * glyph.size;
            if doubled {
                continue; // bold by printing twice
            }
            let gap = (glyph.start - last.end) / glyph.size.max(last.size);
            apart = gap > COLUMN;
            if !apart && gap > BLANK && cell.is_some() {
                blank(&mut page.text);
            }
        }
        last = Some(glyph);
        if apart {
            close(page, &mut made, cell.take());
        }
        if glyph.text.trim().is_empty() {
            if cell.is_some() {
                blank(&mut page.text);
            }
            continue;
        }
        if cell.is_none() && !made.cells.is_empty() {
            page.text.push('\t');
        }
        let open = cell.get_or_insert(Cell {
            start: page.text.len(),
            end: 0,
            left: glyph.start,
            right: glyph.end,
            size: glyph.size,
        });
        page.text.push_str(&glyph.text);
        (open.end, open.right) = (page.text.len(), glyph.end.max(open.right));
        open.size = open.size.max(glyph.size);
        made.baseline = glyph.baseline;
    }
    close(page, &mut made, cell);
    if !made.cells.is_empty() {
        page.text.push('\n');
        page.lines.push(made);
    }
}

/// Ends a cell, where one was begun, without the blanks after it.
fn close(page: &mut Page, line: &mut Line, cell: Option<Cell>) {
    if let Some(cell) = cell {
        page.text.truncate(cell.end);
        line.cells.push(cell);
    }
}

fn blank(text: &mut String) {
    if !text.ends_with([' ', '\t', '\n']) {
        text.push(' ');
    }
}
