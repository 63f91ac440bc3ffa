//! Pictures as inline SVG. Colours are the page's, so that they follow light and dark.

use fleetwright_fleet::evaluation::{Bin, Confused, Estimate, Point};

use super::text::{count, percent, value};
use super::words;
use crate::picture::{escaped, opened};

/// Each figure's value and interval on one scale.
pub(super) fn intervals<'e>(figures: impl Iterator<Item = &'e Estimate>) -> String {
    const ROW: f64 = 26.0;
    const NAMES: f64 = 270.0;
    const SCALE: f64 = 340.0;
    let shares: Vec<_> = figures.filter(|one| one.figure.name != "words").collect();
    let height = ROW * shares.len() as f64 + 24.0;
    let x = |value: f64| NAMES + SCALE * value.clamp(0.0, 1.0);
    let mut svg = opened(
        NAMES + SCALE + 210.0,
        height,
        "Figures with their intervals",
    );
    for tick in 0..=4 {
        let at = f64::from(tick) / 4.0;
        svg.push_str(&format!(
            "<line class=\"grid\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"{1:.1}\"/><text class=\"dim\" x=\"{0:.1}\" y=\"{2:.1}\" text-anchor=\"middle\">{3:.0}</text>",
            x(at),
            height - 20.0,
            height - 6.0,
            at * 100.0
        ));
    }
    for (place, one) in shares.iter().enumerate() {
        let y = ROW * (place as f64 + 0.5);
        svg.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 14.0,
            y + 4.0,
            escaped(&words(&one.figure.name))
        ));
        svg.push_str(&format!(
            "<line class=\"span\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><circle class=\"dot\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\"/>",
            x(one.low),
            x(one.high),
            x(one.value)
        ));
        svg.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\">{} <tspan class=\"dim\">{} – {}</tspan></text>",
            NAMES + SCALE + 16.0,
            y + 4.0,
            value(one, one.value),
            value(one, one.low),
            value(one, one.high)
        ));
    }
    svg + "</svg>"
}

/// A value in a table's cell, with its interval drawn beside it.
pub(super) fn bar(one: &Estimate) -> String {
    let x = |value: f64| 3.0 + 64.0 * value.clamp(0.0, 1.0);
    format!(
        "<span class=\"bar\"><svg width=\"70\" height=\"14\" viewBox=\"0 0 70 14\" aria-hidden=\"true\"><rect class=\"track\" x=\"0\" y=\"6\" width=\"70\" height=\"2\"/><line class=\"span\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"7\" y2=\"7\"/><circle class=\"dot\" cx=\"{:.1}\" cy=\"7\" r=\"3\"/></svg>{} <small>{} – {}</small></span>",
        x(one.low),
        x(one.high),
        x(one.value),
        value(one, one.value),
        value(one, one.low),
        value(one, one.high)
    )
}

/// A square of shares: 0 to 100 across, and `floor` to 100 upwards.
struct Square {
    svg: String,
    floor: f64,
}

impl Square {
    const LEFT: f64 = 44.0;
    const SIDE: f64 = 320.0;
    const TOP: f64 = 10.0;

    fn x(share: f64) -> f64 {
        Self::LEFT + Self::SIDE * share.clamp(0.0, 1.0)
    }

    fn y(&self, share: f64) -> f64 {
        let above = (share - self.floor) / (1.0 - self.floor);
        Self::TOP + Self::SIDE * (1.0 - above.clamp(0.0, 1.0))
    }

    fn new(title: &str, across: &str, up: &str, floor: f64) -> Self {
        let (width, height) = (
            Self::LEFT + Self::SIDE + 16.0,
            Self::TOP + Self::SIDE + 44.0,
        );
        let mut square = Square {
            svg: opened(width, height, title),
            floor,
        };
        let (left, right) = (Self::x(0.0), Self::x(1.0));
        let (top, bottom) = (square.y(1.0), square.y(floor));
        for tick in 0..=5 {
            let part = f64::from(tick) / 5.0;
            let share = floor + part * (1.0 - floor);
            let (x, y) = (Self::x(part), square.y(share));
            square.svg.push_str(&format!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/><line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ));
            square.svg.push_str(&format!(
                "<text class=\"dim\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text><text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0}</text>",
                bottom + 16.0, part * 100.0, left - 8.0, y + 4.0, share * 100.0
            ));
        }
        square.svg.push_str(&format!(
            "<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{across}</text><text class=\"dim\" transform=\"translate(11 {:.1}) rotate(-90)\" text-anchor=\"middle\">{up}</text>",
            Self::x(0.5), bottom + 36.0, (top + bottom) / 2.0
        ));
        square
    }

    fn curve(&mut self, points: &[(f64, f64)]) {
        let path: Vec<String> = points
            .iter()
            .map(|(across, up)| format!("{:.1},{:.1}", Self::x(*across), self.y(*up)))
            .collect();
        self.svg.push_str(&format!(
            "<polyline class=\"curve\" points=\"{}\"/>",
            path.join(" ")
        ));
    }

    fn dot(&mut self, (across, up): (f64, f64), size: f64, told: &str) {
        self.svg.push_str(&format!(
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{size}\"><title>{}</title></circle>",
            Self::x(across),
            self.y(up),
            escaped(told)
        ));
    }

    fn finish(self) -> String {
        self.svg + "</svg>"
    }
}

/// Confidence against what is right; the height of a bar is its part of the answers.
pub(super) fn reliability(bins: &[Bin]) -> String {
    let mut square = Square::new("Reliability curve", "confidence, %", "right, %", 0.0);
    let most = bins.iter().map(|bin| bin.cases).max().unwrap_or(0).max(1) as f64;
    let width = 1.0 / bins.len().max(1) as f64;
    let bottom = square.y(0.0);
    for (place, bin) in bins.iter().enumerate() {
        let top = square.y(0.3 * bin.cases as f64 / most);
        square.svg.push_str(&format!(
            "<rect class=\"mass\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{} answers</title></rect>",
            Square::x(place as f64 * width) + 1.0,
            Square::SIDE * width - 2.0,
            bottom - top,
            count(bin.cases)
        ));
    }
    square.svg.push_str(&format!(
        "<line class=\"ideal\" x1=\"{:.1}\" y1=\"{bottom:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        Square::x(0.0),
        Square::x(1.0),
        square.y(1.0)
    ));
    let full: Vec<&Bin> = bins.iter().filter(|bin| bin.cases > 0).collect();
    let points: Vec<_> = full.iter().map(|bin| (bin.confidence, bin.right)).collect();
    square.curve(&points);
    for bin in full {
        let told = format!(
            "{} answers, {} sure, {} right",
            count(bin.cases),
            percent(bin.confidence),
            percent(bin.right)
        );
        square.dot((bin.confidence, bin.right), 4.0, &told);
    }
    square.finish()
}

/// What is right among the surest answers. The scale begins at the tenth below the lowest share.
pub(super) fn coverage(points: &[Point]) -> String {
    let lowest = points
        .iter()
        .map(|point| point.accuracy)
        .fold(0.9, f64::min);
    let floor = (lowest * 10.0).floor() / 10.0;
    let (across, up) = ("answers kept, %", "right among them, %");
    let mut square = Square::new("Coverage and accuracy", across, up, floor);
    let curve: Vec<_> = points
        .iter()
        .map(|point| (point.coverage, point.accuracy))
        .collect();
    square.curve(&curve);
    for point in points {
        let told = format!(
            "from {:.2} up: {} kept, {} right",
            point.threshold,
            percent(point.coverage),
            percent(point.accuracy)
        );
        square.dot((point.coverage, point.accuracy), 2.5, &told);
    }
    square.finish()
}

/// Room for names beside a matrix, and how its cells are drawn.
struct Matrix<'a> {
    rows: Vec<&'a str>,
    /// Labels that were found; nothing: no answer.
    columns: Vec<Option<&'a str>>,
    cell: f64,
    /// The size of names; 0: none are written.
    names: f64,
    margin: f64,
}

impl<'a> Matrix<'a> {
    fn of(confused: &'a [Confused]) -> Self {
        let mut names: Vec<&str> = confused
            .iter()
            .flat_map(|pair| [Some(pair.expected.as_str()), pair.found.as_deref()])
            .flatten()
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut columns: Vec<_> = names.iter().copied().map(Some).collect();
        if confused.iter().any(|pair| pair.found.is_none()) {
            columns.push(None);
        }
        let expected = |name: &&str| confused.iter().any(|pair| pair.expected == **name);
        let rows: Vec<&str> = names.into_iter().filter(expected).collect();
        let (cell, names) = match columns.len() {
            0..=8 => (46.0, 12.0),
            9..=20 => (34.0, 12.0),
            21..=45 => (17.0, 11.0),
            46..=100 => (11.0, 8.5),
            _ => (6.0, 0.0),
        };
        let longest = columns
            .iter()
            .flatten()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0);
        let margin = if names > 0.0 {
            (longest as f64 * names * 0.56 + 12.0).clamp(40.0, 300.0)
        } else {
            12.0
        };
        Matrix {
            rows,
            columns,
            cell,
            names,
            margin,
        }
    }

    fn name(&self, x: f64, y: f64, turn: &str, anchor: &str, text: &str) -> String {
        if self.names == 0.0 {
            return String::new();
        }
        format!(
            "<text transform=\"translate({x:.1} {y:.1}){turn}\" font-size=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            self.names,
            escaped(text)
        )
    }
}

/// How often each label was found where each was expected.
pub(super) fn confusion(confused: &[Confused]) -> String {
    let matrix = Matrix::of(confused);
    let (cell, margin) = (matrix.cell, matrix.margin);
    let width = margin + cell * matrix.columns.len() as f64 + 8.0;
    let height = margin + cell * matrix.rows.len() as f64 + 8.0;
    let mut svg = opened(width, height, "Confusion matrix");
    for (place, column) in matrix.columns.iter().enumerate() {
        let x = margin + cell * (place as f64 + 0.5) + matrix.names * 0.35;
        svg.push_str(&matrix.name(
            x,
            margin - 6.0,
            " rotate(-90)",
            "start",
            column.unwrap_or("no answer"),
        ));
    }
    for (place, row) in matrix.rows.iter().enumerate() {
        let y = margin + cell * place as f64;
        svg.push_str(&matrix.name(
            margin - 6.0,
            y + cell / 2.0 + matrix.names * 0.35,
            "",
            "end",
            row,
        ));
        svg.push_str(&format!(
            "<rect class=\"cell\" x=\"{margin:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{cell:.1}\"/>",
            cell * matrix.columns.len() as f64
        ));
        svg.push_str(&cells(&matrix, confused, row, y));
    }
    svg + "</svg>"
}

/// The cells of a row that are not empty.
fn cells(matrix: &Matrix<'_>, confused: &[Confused], row: &str, y: f64) -> String {
    let of_row: Vec<&Confused> = confused
        .iter()
        .filter(|pair| pair.expected == row)
        .collect();
    let all: u64 = of_row.iter().map(|pair| pair.cases).sum();
    let cell = matrix.cell;
    let mut svg = String::new();
    for pair in of_row {
        let found = pair.found.as_deref();
        let Some(place) = matrix.columns.iter().position(|column| *column == found) else {
            continue;
        };
        let x = matrix.margin + cell * place as f64;
        let share = pair.cases as f64 / all.max(1) as f64;
        let class = if found == Some(row) { "right" } else { "wrong" };
        svg.push_str(&format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{cell:.1}\" height=\"{cell:.1}\" opacity=\"{:.3}\"><title>{} found as {}: {} of {}</title></rect>",
            // What happened once must still be seen.
            0.12 + 0.88 * share,
            escaped(row),
            escaped(found.unwrap_or("no answer")),
            count(pair.cases),
            count(all)
        ));
        if cell >= 30.0 {
            let on_strong = if share > 0.5 { " class=\"strong\"" } else { "" };
            svg.push_str(&format!(
                "<text{on_strong} x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\">{}</text>",
                x + cell / 2.0,
                y + cell / 2.0 + 4.0,
                pair.cases
            ));
        }
    }
    svg
}
