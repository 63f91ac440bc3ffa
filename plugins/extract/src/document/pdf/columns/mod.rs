//! Prose in columns: the lines left of a gutter are read before those right of it.
//!
//! Where two columns share their baselines, their lines would interleave otherwise. A table stays as it is, row by row:
//! its cells are short, are numbers, begin with a capital, or end though the next word would have fitted.
//!
//! The gaps of all rows are laid over one another, and where most meet there may be a gutter → rows one below the
//! other with nothing at that place are a stretch → rows of a table within it are left out → what no row of the rest
//! covers parts it into columns → where all of these hold prose, it is a band and read column by column.
//!
//! Bounds: four places for a gutter are tried on a page, and each takes one pass over its glyphs.

use std::ops::Range;

use super::layout::{self, Glyph};
use crate::document::page::{Line, Page};

/// How many places for a gutter are tried.
const TRIES: usize = 4;
/// How wide a gutter is at least, in parts of the letters' size: journals set 12 points beside letters of 10.
const GUTTER: f64 = 1.15;
/// Rows that stand closer than this are looked at as one where gaps are sought, as columns may be out of step.
const STEP: f64 = 0.9;
/// A blank of this height, in parts of the letters' size, ends a stretch.
const BREAK: f64 = 3.0;
/// A piece is short below this part of its column's width.
const SHORT: f64 = 0.5;
/// How many rows of short pieces are a table; a single one may be the columns' headings.
const TABLE: usize = 2;
/// What is narrower than this, in parts of the size, is no column but holds the marks or numbers of paragraphs.
const MARKS: f64 = 3.0;
/// How many lines a column of prose has at least.
const LINES: usize = 5;
/// How many words the middle one of its lines has at least.
const WORDS: usize = 4;
/// The part of its characters that are letters, at least.
const LETTERS: f64 = 0.7;
/// The part of its lines that run on, at least: the first word of the next one would not have fitted.
const RUN_ON: f64 = 0.5;
/// The part of its lines that begin with a small letter, at least.
const SMALL: f64 = 0.3;
/// How wide a blank is, in parts of the size.
const BLANK: f64 = 0.25;

/// From where to where something goes across the page.
#[derive(Clone, Copy, Debug)]
struct Span {
    left: f64,
    right: f64,
    size: f64,
}

/// What of the page's width a row covers; narrower gaps than a gutter count as covered.
struct Outline {
    spans: Vec<Span>,
    baseline: f64,
    size: f64,
    turned: bool,
}

/// Columns of prose side by side at most: each glyph is held against them.
const COLUMNS: usize = 8;

/// A gap in a row.
struct Gap {
    row: usize,
    left: f64,
    right: f64,
}

/// Rows that are read column by column.
struct Band {
    rows: Range<usize>,
    /// Where the columns are cut apart, from the left.
    cuts: Vec<f64>,
}

/// The lines of a page as they are read, out of its rows, each in order from the left.
pub(super) fn in_order(rows: &[Vec<Glyph>]) -> Vec<&[Glyph]> {
    let outlines: Vec<Outline> = rows.iter().map(|row| outline(row)).collect();
    let mut gaps = gaps(&outlines);
    let mut taken = vec![false; rows.len()];
    let mut bands: Vec<Band> = Vec::new();
    for _ in 0..TRIES {
        let Some(gutter) = meeting(&gaps) else { break };
        for stretch in stretches(&outlines, &taken, gutter) {
            bands.extend(bands_of(rows, &outlines, stretch, gutter));
        }
        for band in &bands {
            if let Some(rows) = taken.get_mut(band.rows.clone()) {
                rows.fill(true);
            }
        }
        gaps.retain(|gap| {
            let tried = gap.left <= gutter && gutter <= gap.right;
            !tried && taken.get(gap.row) == Some(&false)
        });
    }
    bands.sort_by_key(|band| band.rows.start);
    arranged(rows, &bands)
}

/// The rows outside of bands as they are, and those of each band column by column.
fn arranged<'a>(rows: &'a [Vec<Glyph>], bands: &[Band]) -> Vec<&'a [Glyph]> {
    let whole = |range: Range<usize>| rows.get(range).unwrap_or_default().iter();
    let mut lines: Vec<&[Glyph]> = Vec::new();
    let mut place = 0;
    for band in bands {
        lines.extend(whole(place..band.rows.start).map(Vec::as_slice));
        lines.extend(parted(rows, band).into_iter().flatten());
        place = band.rows.end;
    }
    lines.extend(whole(place..rows.len()).map(Vec::as_slice));
    lines
}

/// The lines of each column of a band.
fn parted<'a>(rows: &'a [Vec<Glyph>], band: &Band) -> Vec<Vec<&'a [Glyph]>> {
    let column = |glyph: &Glyph| band.cuts.iter().filter(|cut| **cut <= glyph.start).count();
    let mut columns = vec![Vec::new(); band.cuts.len() + 1];
    for row in rows.get(band.rows.clone()).unwrap_or_default() {
        for piece in row.chunk_by(|a, b| column(a) == column(b)) {
            let lines = piece
                .first()
                .and_then(|first| columns.get_mut(column(first)));
            if let Some(lines) = lines {
                lines.push(piece);
            }
        }
    }
    columns
}

fn outline(row: &[Glyph]) -> Outline {
    let seen = row.iter().filter(|glyph| !glyph.text.trim().is_empty());
    let spans = seen.map(|glyph| Span {
        left: glyph.start,
        right: glyph.end,
        size: glyph.size,
    });
    Outline {
        spans: covered(spans.collect()),
        baseline: row.first().map_or(0.0, |glyph| glyph.baseline),
        size: row.iter().map(|glyph| glyph.size).fold(0.0, f64::max),
        turned: row.iter().any(|glyph| glyph.turned),
    }
}

/// What spans cover together, from the left; they are joined where less than a gutter parts them.
fn covered(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut covered: Vec<Span> = Vec::new();
    for span in spans {
        match covered.last_mut() {
            Some(last) if span.left - last.right < GUTTER * last.size.min(span.size) => {
                last.right = last.right.max(span.right);
                last.size = span.size;
            }
            _ => covered.push(span),
        }
    }
    covered
}

/// The gaps of each row, together with the next one where that stands closer than lines do.
fn gaps(outlines: &[Outline]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (row, outline) in outlines.iter().enumerate() {
        let mut spans = outline.spans.clone();
        let next = outlines.get(row + 1).filter(|next| {
            next.turned == outline.turned
                && next.baseline - outline.baseline < STEP * next.size.min(outline.size)
        });
        spans.extend(next.iter().flat_map(|next| &next.spans));
        for pair in covered(spans).windows(2) {
            if let [before, after] = pair {
                let (left, right) = (before.right, after.left);
                gaps.push(Gap { row, left, right });
            }
        }
    }
    gaps
}

/// The middle of where most gaps meet; none where fewer do than a column has lines.
fn meeting(gaps: &[Gap]) -> Option<f64> {
    let mut ends: Vec<(f64, i32)> = gaps
        .iter()
        .flat_map(|gap| [(gap.left, 1), (gap.right, -1)])
        .collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut open, mut most, mut place) = (0, LINES as i32 - 1, None);
    for (at, (end, step)) in ends.iter().enumerate() {
        open += step;
        if open > most {
            most = open;
            place = ends.get(at + 1).map(|(next, _)| (end + next) / 2.0);
        }
    }
    place
}

/// Rows one below the other on which nothing stands at `gutter`.
fn stretches(outlines: &[Outline], taken: &[bool], gutter: f64) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    let mut last: Option<&Outline> = None;
    for (row, (outline, taken)) in outlines.iter().zip(taken).enumerate() {
        let crossed = |span: &Span| span.left < gutter && gutter < span.right;
        if *taken || outline.turned || outline.spans.iter().any(crossed) {
            last = None;
            continue;
        }
        let follows = last.is_some_and(|last| {
            outline.baseline - last.baseline <= BREAK * last.size.max(outline.size)
        });
        match stretches.last_mut() {
            Some(stretch) if follows => stretch.end = row + 1,
            _ => stretches.push(row..row + 1),
        }
        last = Some(outline);
    }
    stretches
}

/// The bands of a stretch: its parts without rows of a table, where `gutter` parts columns of prose.
fn bands_of(
    rows: &[Vec<Glyph>],
    outlines: &[Outline],
    stretch: Range<usize>,
    gutter: f64,
) -> Vec<Band> {
    let parts = untabled(outlines, stretch);
    let bands = parts.into_iter().filter_map(|part| {
        let columns = columns(outlines.get(part.clone())?);
        if columns.len() > COLUMNS {
            return None;
        }
        let band = Band {
            rows: part,
            cuts: cuts(&columns, gutter)?,
        };
        let parted = parted(rows, &band);
        let prose = columns
            .iter()
            .zip(parted)
            .all(|(column, lines)| is_prose(*column, &lines));
        prose.then_some(band)
    });
    bands.collect()
}

/// The columns of rows: what they cover together.
fn columns(outlines: &[Outline]) -> Vec<Span> {
    let spans = outlines.iter().flat_map(|outline| outline.spans.clone());
    let mut columns: Vec<Span> = Vec::new();
    for span in covered(spans.collect()) {
        match columns.last_mut() {
            Some(last) if last.right - last.left < MARKS * last.size => last.right = span.right,
            _ => columns.push(span),
        }
    }
    columns
}

/// Where columns are cut apart; none unless one of the cuts is at `gutter`.
fn cuts(columns: &[Span], gutter: f64) -> Option<Vec<f64>> {
    let blanks: Vec<(f64, f64)> = columns
        .iter()
        .zip(columns.iter().skip(1))
        .map(|(before, after)| (before.right, after.left))
        .collect();
    let at_gutter = |(left, right): &(f64, f64)| *left <= gutter && gutter <= *right;
    let middle = |(left, right): &(f64, f64)| (left + right) / 2.0;
    blanks
        .iter()
        .any(at_gutter)
        .then(|| blanks.iter().map(middle).collect())
}

/// A stretch without the rows of tables: rows in succession with short pieces side by side, as labels and values are.
fn untabled(outlines: &[Outline], stretch: Range<usize>) -> Vec<Range<usize>> {
    let inside = outlines.get(stretch.clone()).unwrap_or_default();
    let columns = columns(inside);
    if columns.len() > COLUMNS {
        return Vec::new();
    }
    let tabled: Vec<bool> = inside.iter().map(|row| is_tabled(row, &columns)).collect();
    let mut parts = Vec::new();
    let mut start = stretch.start;
    let mut row = stretch.start;
    for run in tabled.chunk_by(|a, b| a == b) {
        if run.first() == Some(&true) && run.len() >= TABLE {
            parts.push(start..row);
            start = row + run.len();
        }
        row += run.len();
    }
    parts.push(start..stretch.end);
    parts
}

/// Whether a row has pieces in several columns and all are short.
fn is_tabled(row: &Outline, columns: &[Span]) -> bool {
    let parts = columns.iter().filter_map(|column| {
        let mut inside = row
            .spans
            .iter()
            .filter(|span| column.left <= span.left && span.right <= column.right);
        let first = inside.next()?;
        let right = inside.next_back().unwrap_or(first).right;
        Some((right - first.left) / (column.right - column.left))
    });
    let parts: Vec<f64> = parts.collect();
    parts.len() > 1 && parts.iter().all(|part| *part < SHORT)
}

/// Whether the lines of a column are prose.
fn is_prose(column: Span, lines: &[&[Glyph]]) -> bool {
    let mut page = Page::default();
    for line in lines {
        layout::write(&mut page, line);
    }
    let count = page.lines.len();
    if count < LINES {
        return false;
    }
    let part = |lines: usize| lines as f64 / count as f64;
    let texts = || page.lines.iter().map(|line| text(&page, line));
    let celled = page.lines.iter().filter(|line| line.cells.len() > 1);
    let small = texts().filter(|text| text.starts_with(char::is_lowercase));
    let mut words: Vec<usize> = texts().map(words).collect();
    words.sort_unstable();
    let running = page.lines.windows(2).filter(|pair| match pair {
        [line, next] => runs_on(&page, column, line, next),
        _ => false,
    });
    words.get(count / 2).is_some_and(|words| *words >= WORDS)
        && part(celled.count()) < 0.5
        && part(small.count()) >= SMALL
        && part(running.count()) >= RUN_ON
        && letters(&page.text) >= LETTERS
}

/// Whether the first word of the next line would not have fitted on a line.
fn runs_on(page: &Page, column: Span, line: &Line, next: &Line) -> bool {
    let (Some(last), Some(first)) = (line.cells.last(), next.cells.first()) else {
        return false;
    };
    let text = page.of(*first);
    let word = text.split_whitespace().next().unwrap_or_default();
    let part = word.chars().count() as f64 / text.chars().count().max(1) as f64;
    let width = part * (first.right - first.left) + BLANK * first.size;
    last.right + width > column.right
}

/// The text of a line.
fn text<'a>(page: &'a Page, line: &Line) -> &'a str {
    let start = line.cells.first().map_or(0, |cell| cell.start);
    let end = line.cells.last().map_or(0, |cell| cell.end);
    page.text.get(start..end).unwrap_or_default()
}

/// How many words have letters.
fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.contains(char::is_alphabetic))
        .count()
}

/// The part of a text's characters, blanks aside, that are letters.
fn letters(text: &str) -> f64 {
    let seen = text.chars().filter(|c| !c.is_whitespace()).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    letters as f64 / seen.max(1) as f64
}

#[cfg(test)]
mod tests;
