//! Content streams: where each glyph of a page stands, and which characters it is.

use std::sync::Arc;

use hayro_font::hayro_cmap::BfString;
use hayro_font::{
    CMapResolverFn, Font, FontCache, FontGlyph, FontQuery, FontResolverFn, StandardFont,
};
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction as Op;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};
use hayro_syntax::page::{Page, Resources};

use super::layout::Glyph;
use super::matrix::Matrix;

/// How many glyphs of a file are read.
const GLYPHS: usize = 200_000;
/// How deep forms may nest.
const FORMS: usize = 8;
/// How many forms of a file are drawn.
const DRAWN: usize = 2_000;
/// How many graphics states may be saved at once.
const SAVED: usize = 256;
/// How many operators of a page are read.
const OPERATORS: usize = 2_000_000;

/// Reads the pages of one file: fonts are kept from page to page.
pub(super) struct Reader<'a> {
    fonts: FontCache<'a>,
    programs: FontResolverFn,
    cmaps: CMapResolverFn,
    glyphs: Vec<Glyph>,
    left: usize,
    operators: usize,
    forms: usize,
    mapped: usize,
    unmapped: usize,
}

/// What `q` saves and `Q` restores.
#[derive(Clone)]
struct State<'a> {
    to_page: Matrix,
    font: Option<Font<'a>>,
    size: f64,
    character_spacing: f64,
    word_spacing: f64,
    scale: f64,
    leading: f64,
    rise: f64,
}

/// The text matrices between `BT` and `ET`.
struct Cursor {
    line: Matrix,
    text: Matrix,
}

impl<'a> Reader<'a> {
    pub(super) fn new() -> Reader<'a> {
        Reader {
            fonts: FontCache::new(),
            // Only metrics and names are wanted of a font that is not embedded: those of the standard fonts will do.
            programs: Arc::new(|query: &FontQuery| match query {
                FontQuery::Standard(font) => Some(font.get_font_data()),
                FontQuery::Fallback(_) => Some(StandardFont::Helvetica.get_font_data()),
            }),
            cmaps: Arc::new(|_| None),
            glyphs: Vec::new(),
            left: GLYPHS,
            operators: OPERATORS,
            forms: DRAWN,
            mapped: 0,
            unmapped: 0,
        }
    }

    /// The glyphs of a page, y downwards.
    pub(super) fn page(&mut self, page: &'a Page<'a>) -> Vec<Glyph> {
        let state = State {
            to_page: Matrix(page.initial_transform(true).as_coeffs()),
            font: None,
            size: 1.0,
            character_spacing: 0.0,
            word_spacing: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        self.run(
            page.page_stream().unwrap_or_default(),
            page.resources(),
            state,
            0,
        );
        std::mem::take(&mut self.glyphs)
    }

    /// Whether a bound cut the reading short.
    pub(super) fn exhausted(&self) -> bool {
        self.left == 0 || self.operators == 0 || self.forms == 0
    }

    /// Whether most glyphs do not say which characters they are.
    pub(super) fn mostly_unmapped(&self) -> bool {
        self.unmapped > self.mapped
    }

    fn run(&mut self, data: &[u8], resources: &Resources<'a>, mut state: State<'a>, depth: usize) {
        let mut saved = Vec::new();
        let mut cursor = Cursor {
            line: Matrix::IDENTITY,
            text: Matrix::IDENTITY,
        };
        let mut operations = TypedIter::new(data);
        while let Some(op) = operations.next() {
            self.operators = self.operators.saturating_sub(1);
            if self.exhausted() {
                return;
            }
            match op {
                Op::SaveState(_) if saved.len() < SAVED => saved.push(state.clone()),
                Op::RestoreState(_) => state = saved.pop().unwrap_or(state),
                Op::Transform(m) => {
                    state.to_page = matrix([m.0, m.1, m.2, m.3, m.4, m.5]).then(state.to_page)
                }
                Op::XObject(name) if depth < FORMS => self.form(name.0, resources, &state, depth),
                Op::TextFont(font) => {
                    state.size = font.1.as_f64();
                    state.font = resources
                        .get_font(font.0)
                        .and_then(|dict| self.fonts.font(&dict, &self.programs, &self.cmaps));
                }
                Op::CharacterSpacing(n) => state.character_spacing = n.0.as_f64(),
                Op::WordSpacing(n) => state.word_spacing = n.0.as_f64(),
                Op::HorizontalScaling(n) => state.scale = n.0.as_f64() / 100.0,
                Op::TextLeading(n) => state.leading = n.0.as_f64(),
                Op::TextRise(n) => state.rise = n.0.as_f64(),
                Op::BeginText(_) => cursor.set(Matrix::IDENTITY),
                Op::SetTextMatrix(m) => cursor.set(matrix([m.0, m.1, m.2, m.3, m.4, m.5])),
                Op::NextLine(n) => cursor.move_by(n.0.as_f64(), n.1.as_f64()),
                Op::NextLineAndSetLeading(n) => {
                    state.leading = -n.1.as_f64();
                    cursor.move_by(n.0.as_f64(), n.1.as_f64());
                }
                Op::NextLineUsingLeading(_) => cursor.move_by(0.0, -state.leading),
                Op::ShowText(text) => self.show(text.0.as_bytes(), &state, &mut cursor),
                Op::NextLineAndShowText(text) => {
                    cursor.move_by(0.0, -state.leading);
                    self.show(text.0.as_bytes(), &state, &mut cursor);
                }
                Op::ShowTextWithParameters(text) => {
                    (state.word_spacing, state.character_spacing) =
                        (text.0.as_f64(), text.1.as_f64());
                    cursor.move_by(0.0, -state.leading);
                    self.show(text.2.as_bytes(), &state, &mut cursor);
                }
                Op::ShowTexts(texts) => self.show_all(texts.0, &state, &mut cursor),
                _ => {}
            }
        }
    }

    /// A form within the page: its own resources, or those around it.
    fn form(
        &mut self,
        name: &Name<'_>,
        resources: &Resources<'a>,
        state: &State<'a>,
        depth: usize,
    ) {
        let Some(stream) = x_object(resources, name) else {
            return;
        };
        let dict = stream.dict();
        if dict
            .get::<Name<'_>>(b"Subtype")
            .is_none_or(|kind| kind.as_ref() != b"Form")
        {
            return;
        }
        self.forms = self.forms.saturating_sub(1);
        let Ok(data) = stream.decoded_data() else {
            return;
        };
        let mut inner = state.clone();
        if let Some(array) = dict.get::<Array<'a>>(b"Matrix") {
            let mut numbers = array.iter::<Number>();
            let six: [Option<Number>; 6] = std::array::from_fn(|_| numbers.next());
            if let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f)] = six {
                inner.to_page = matrix([a, b, c, d, e, f]).then(state.to_page);
            }
        }
        let own = dict.get::<Dict<'a>>(b"Resources").map(Resources::new);
        self.run(&data, own.as_ref().unwrap_or(resources), inner, depth + 1);
    }

    fn show_all(&mut self, texts: &Array<'_>, state: &State<'a>, cursor: &mut Cursor) {
        for item in texts.iter::<Object<'_>>() {
            match item {
                Object::Number(n) => {
                    cursor.advance(-n.as_f64() / 1000.0 * state.size * state.scale)
                }
                Object::String(text) => self.show(text.as_bytes(), state, cursor),
                _ => {}
            }
        }
    }

    fn show(&mut self, bytes: &[u8], state: &State<'a>, cursor: &mut Cursor) {
        let Some(font) = &state.font else { return };
        let mut place = 0;
        while place < bytes.len() && self.left > 0 {
            let (code, length) = font.read_code(bytes, place);
            place += length.max(1);
            self.left -= 1;
            let width = font.code_advance(code).x / 1000.0 * state.size;
            let blank = if length == 1 && code == 32 {
                state.word_spacing
            } else {
                0.0
            };
            let characters = match font.glyph(font.map_code(code), code) {
                FontGlyph::Outline(glyph) => glyph.as_unicode(),
                FontGlyph::Type3(glyph) => glyph.as_unicode(),
            };
            self.place(characters, width * state.scale, state, cursor);
            cursor.advance((width + state.character_spacing + blank) * state.scale);
        }
    }

    fn place(
        &mut self,
        characters: Option<BfString>,
        width: f64,
        state: &State<'a>,
        cursor: &Cursor,
    ) {
        let Some(characters) = characters else {
            self.unmapped += 1;
            return;
        };
        self.mapped += 1;
        let to_page = cursor.text.then(state.to_page);
        if !to_page.is_finite() || !width.is_finite() {
            return;
        }
        let (from, to, top) = (
            to_page.apply(0.0, state.rise),
            to_page.apply(width, state.rise),
            to_page.apply(0.0, state.rise + state.size),
        );
        let text = match characters {
            BfString::Char(c) => c.to_string(),
            BfString::String(text) => text,
        };
        self.glyphs.push(Glyph::new(text, from, to, top));
    }
}

impl Cursor {
    fn set(&mut self, matrix: Matrix) {
        (self.line, self.text) = (matrix, matrix);
    }

    fn move_by(&mut self, x: f64, y: f64) {
        self.set(self.line.shifted(x, y));
    }

    fn advance(&mut self, by: f64) {
        self.text = self.text.shifted(by, 0.0);
    }
}

fn x_object<'a>(resources: &Resources<'a>, name: &Name<'_>) -> Option<Stream<'a>> {
    resources.x_objects.get::<Stream<'a>>(name.as_ref())
}

fn matrix(numbers: [Number; 6]) -> Matrix {
    Matrix(numbers.map(|n| n.as_f64()))
}
