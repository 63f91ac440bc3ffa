//! Tables for a person: an outcome, a problem, and plain columns.
//!
//! Cells wrap between words within the width given; nothing that a submission says can move the cursor or change colours.
//! Colours only where the style allows them. Widths are those of the terminal's cells, wide characters included.

pub mod words;

use std::time::Duration;

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use words::{clean, words};

/// Narrower than this, a column holds no words.
const NARROWEST: usize = 8;
/// Between two columns, and before the first.
const GAP: usize = 2;
/// The most lines of one cell.
const LINES: usize = 12;

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The width in cells.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
}

/// One cell's text, how it is painted and whether it stands to the right.
struct Cell {
    text: String,
    paint: Paint,
    right: bool,
}

impl Cell {
    fn new(text: impl Into<String>, paint: Paint) -> Cell {
        Cell {
            text: text.into(),
            paint,
            right: false,
        }
    }

    fn right(text: impl Into<String>, paint: Paint) -> Cell {
        Cell {
            text: text.into(),
            paint,
            right: true,
        }
    }
}

/// A file's outcome: a line with its status and time, and a row for each stage with its answer, confidence and time.
#[must_use]
pub fn outcome(name: &str, outcome: &Value, elapsed: Duration, style: Style) -> String {
    let status = outcome
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or("unknown");
    let title = painted(&clean(name), Paint::Bold, style);
    let mut text = format!(
        "{title}  {}  {}\n",
        painted(status, paint(status), style),
        painted(&millis(elapsed.as_secs_f64() * 1000.0), Paint::Dim, style)
    );
    for hold in outcome
        .get("holds")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let said =
            |member: &str| clean(hold.get(member).and_then(Value::as_str).unwrap_or_default());
        text.push_str(&paragraph(
            &format!("held by {}: {}", said("stage"), said("reason")),
            Paint::Warn,
            style,
        ));
    }
    let header = vec![
        Cell::new("stage", Paint::Dim),
        Cell::new("answer", Paint::Dim),
        Cell::right("confidence", Paint::Dim),
        Cell::right("ms", Paint::Dim),
    ];
    let stages = outcome
        .get("stages")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let rows = std::iter::once(header).chain(stages.map(|(name, stage)| stage_row(name, stage)));
    text.push_str(&grid(&rows.collect::<Vec<_>>(), style));
    text
}

/// Why a file was refused.
#[must_use]
pub fn problem(name: &str, problem: &Value, style: Style) -> String {
    let title = painted(&clean(name), Paint::Bold, style);
    format!(
        "{title}  {}\n{}",
        painted("refused", Paint::Bad, style),
        problem_line(problem, style)
    )
}

/// A problem's title and detail.
#[must_use]
pub fn problem_line(problem: &Value, style: Style) -> String {
    let said = |member: &str| {
        clean(
            problem
                .get(member)
                .and_then(Value::as_str)
                .unwrap_or_default(),
        )
    };
    paragraph(
        &format!("{}: {}", said("title"), said("detail")),
        Paint::Bad,
        style,
    )
}

/// Columns under a header.
#[must_use]
pub fn columns<const N: usize>(header: &[String; N], rows: &[[String; N]], style: Style) -> String {
    let header = header
        .iter()
        .map(|text| Cell::new(text.clone(), Paint::Dim))
        .collect::<Vec<_>>();
    let rows = rows.iter().map(|row| {
        row.iter()
            .map(|text| Cell::new(clean(text), Paint::Plain))
            .collect()
    });
    grid(
        &std::iter::once(header).chain(rows).collect::<Vec<_>>(),
        style,
    )
}

fn stage_row(name: &str, stage: &Value) -> Vec<Cell> {
    let status = stage
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or("unknown");
    let said = |value: Option<&Value>| clean(value.and_then(Value::as_str).unwrap_or_default());
    let reason = said(stage.get("reason"));
    let answer = stage.get("answer").map(words).unwrap_or_default();
    let answer = match status {
        "ok" => answer,
        "held" if answer.is_empty() => format!("held: {reason}"),
        "held" => answer,
        "failed" => {
            let failure = stage.get("failure");
            format!(
                "failed ({}): {}",
                said(failure.and_then(|failure| failure.get("reason"))),
                said(failure.and_then(|failure| failure.get("detail")))
            )
        }
        other if reason.is_empty() => other.to_owned(),
        other => format!("{other}: {reason}"),
    };
    let confidence = stage
        .get("confidence")
        .and_then(Value::as_f64)
        .map_or_else(String::new, |confidence| format!("{confidence:.2}"));
    let ms = stage
        .get("ms")
        .and_then(|ms| ms.get("total"))
        .and_then(Value::as_f64)
        .map_or_else(String::new, |ms| format!("{ms:.1}"));
    let answer_paint = match status {
        "failed" => Paint::Bad,
        "held" => Paint::Warn,
        "ok" => Paint::Plain,
        _ => Paint::Dim,
    };
    vec![
        Cell::new(clean(name), Paint::Bold),
        Cell::new(answer, answer_paint),
        Cell::right(confidence, Paint::Plain),
        Cell::right(ms, Paint::Dim),
    ]
}

fn paint(status: &str) -> Paint {
    match status {
        "completed" => Paint::Good,
        "held" => Paint::Warn,
        _ => Paint::Bad,
    }
}

fn millis(ms: f64) -> String {
    if ms < 10_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1000.0)
    }
}

fn paragraph(text: &str, colour: Paint, style: Style) -> String {
    let width = style.width.saturating_sub(GAP).max(NARROWEST);
    wrapped(text, width)
        .iter()
        .map(|line| format!("{:GAP$}{}\n", "", painted(line, colour, style)))
        .collect()
}

fn grid(rows: &[Vec<Cell>], style: Style) -> String {
    let widths = widths(rows, style.width);
    rows.iter()
        .map(|row| grid_row(row, &widths, style))
        .collect()
}

/// As wide as the widest cell; where that is too much together, the widest column gives way first.
fn widths(rows: &[Vec<Cell>], width: usize) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let natural = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.text.width())
            .max()
            .unwrap_or(0)
    };
    let mut widths: Vec<_> = (0..count).map(natural).collect();
    let room = width.saturating_sub(GAP * count);
    loop {
        let excess = widths.iter().sum::<usize>().saturating_sub(room);
        let mut sorted = widths.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let second = sorted.get(1).copied().unwrap_or(0);
        let Some(widest) = widths
            .iter_mut()
            .max()
            .filter(|widest| excess > 0 && **widest > NARROWEST)
        else {
            break;
        };
        // Down to the next widest, then the two in turn.
        *widest -= excess.min(*widest - second).clamp(1, *widest - NARROWEST);
    }
    widths
}

fn grid_row(row: &[Cell], widths: &[usize], style: Style) -> String {
    let cells: Vec<_> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| (cell, *width, wrapped(&cell.text, *width)))
        .collect();
    let height = cells
        .iter()
        .map(|(_, _, lines)| lines.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for index in 0..height {
        let mut line = String::new();
        for (cell, width, lines) in &cells {
            let part = lines.get(index).map_or("", String::as_str);
            let space = " ".repeat(width.saturating_sub(part.width()));
            let part = painted(part, cell.paint, style);
            let gap = " ".repeat(GAP);
            line.push_str(&if cell.right {
                format!("{gap}{space}{part}")
            } else {
                format!("{gap}{part}{space}")
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Lines of at most `width` cells, broken between words where there are any; what is left out is marked.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for piece in pieces(word, width) {
            let Some(line) = lines.last_mut() else { break };
            if line.is_empty() {
                line.push_str(&piece);
            } else if line.width() + 1 + piece.width() <= width {
                line.push(' ');
                line.push_str(&piece);
            } else {
                lines.push(piece);
            }
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            while last.width() + 2 > width && last.pop().is_some() {}
            last.push_str(" …");
        }
    }
    lines
}

/// A word in pieces that fit: most fit whole.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for character in word.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide > width && used > 0 {
            pieces.push(String::new());
            used = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
        used += wide;
    }
    pieces
}

fn painted(text: &str, paint: Paint, style: Style) -> String {
    let code = match paint {
        _ if !style.colour || text.is_empty() => return text.to_owned(),
        Paint::Plain => return text.to_owned(),
        Paint::Bold => "1",
        Paint::Dim => "2",
        Paint::Good => "32",
        Paint::Warn => "33",
        Paint::Bad => "31",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests;
