//! A text with the places of its pieces: lines, and in each the cells that gaps part.

/// A text, and where on the page its pieces stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The text: a line each, cells parted by tabs.
    pub text: String,
    /// Its lines, from the top.
    pub lines: Vec<Line>,
}

/// A line of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its cells, from the left.
    pub cells: Vec<Cell>,
    /// How far down the page its baseline lies.
    pub baseline: f64,
}

/// A run of text without a gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Where it starts in the text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How far right it begins, in the page's own measure.
    pub left: f64,
    /// How far right it ends.
    pub right: f64,
    /// How high its letters are.
    pub size: f64,
}

impl Page {
    /// A text that has no page: a tab parts columns, and a letter is as wide as any other.
    pub fn plain(text: String) -> Page {
        const COLUMN: f64 = 24.0;
        let mut lines = Vec::new();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let mut made = Line {
                baseline: lines.len() as f64,
                ..Line::default()
            };
            let mut start = offset;
            for (column, cell) in line.trim_end().split('\t').enumerate() {
                let left = column as f64 * COLUMN;
                made.cells.push(Cell {
                    start,
                    end: start + cell.len(),
                    left,
                    right: left + (cell.chars().count() as f64).min(COLUMN - 1.0),
                    size: 1.0,
                });
                start += cell.len() + 1;
            }
            lines.push(made);
            offset += line.len();
        }
        Page { text, lines }
    }

    /// The text of a cell.
    pub fn of(&self, cell: Cell) -> &str {
        self.text.get(cell.start..cell.end).unwrap_or_default()
    }

    /// Cuts the text to a length; cells that lie beyond it go.
    pub fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
        for line in &mut self.lines {
            line.cells.retain(|cell| cell.end <= length);
        }
    }
}
