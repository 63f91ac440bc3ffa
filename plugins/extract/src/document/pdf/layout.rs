//! From glyphs to lines in reading order: top to bottom, then left to right; columns parted by tabs.

/// Glyphs that share a baseline, within this part of their size.
const SAME_LINE: f64 = 0.45;
/// A gap that is a blank between words, in parts of the size.
const BLANK: f64 = 0.18;
/// A gap that parts columns.
const COLUMN: f64 = 1.6;

/// A glyph on a page: y downwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glyph {
    text: String,
    start: f64,
    end: f64,
    baseline: f64,
    size: f64,
    /// Written upwards or downwards rather than across.
    turned: bool,
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
}

/// The text of a page.
pub(super) fn text(mut glyphs: Vec<Glyph>) -> String {
    glyphs.retain(|glyph| {
        !glyph.text.trim_matches(['\0', '\u{feff}']).is_empty() && glyph.size > 0.0
    });
    glyphs.sort_by(|a, b| {
        a.turned
            .cmp(&b.turned)
            .then(a.baseline.total_cmp(&b.baseline))
    });
    let mut text = String::new();
    let mut line: Vec<Glyph> = Vec::new();
    for glyph in glyphs {
        let breaks = line.first().is_some_and(|first| {
            first.turned != glyph.turned
                || glyph.baseline - first.baseline > SAME_LINE * first.size.max(glyph.size)
        });
        if breaks {
            write(&mut text, &mut line);
        }
        line.push(glyph);
    }
    write(&mut text, &mut line);
    text
}

/// Writes a line and empties it.
fn write(text: &mut String, line: &mut Vec<Glyph>) {
    line.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut last: Option<&Glyph> = None;
    let begun = text.len();
    for glyph in line.iter() {
        if let Some(last) = last {
            let doubled =
                last.text == glyph.text && (glyph.start - last.start).abs() < 0.1 * glyph.size;
            if doubled {
                continue; // bold by printing twice
            }
            let gap = (glyph.start - last.end) / glyph.size.max(last.size);
            if gap > COLUMN {
                trim(text, begun);
                text.push('\t');
            } else if gap > BLANK && !text.ends_with([' ', '\t']) && !glyph.text.starts_with(' ') {
                text.push(' ');
            }
        }
        let blank = glyph.text.trim().is_empty();
        if !blank {
            text.push_str(&glyph.text);
        } else if text.len() > begun && !text.ends_with([' ', '\t']) {
            text.push(' ');
        }
        last = Some(glyph);
    }
    trim(text, begun);
    if text.len() > begun {
        text.push('\n');
    }
    line.clear();
}

fn trim(text: &mut String, begun: usize) {
    while text.len() > begun && text.ends_with(' ') {
        text.pop();
    }
}
