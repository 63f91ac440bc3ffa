//! The text layer of a PDF, page by page, in reading order; of a page without one, its pictures.
//!
//! Bounds: 200 pages, 200,000 glyphs in all, 32 MiB of decompressed data, forms within forms eight deep. A file that
//! is encrypted or damaged is reported as that.

mod bounds;
mod columns;
mod content;
pub(crate) mod layout;
mod matrix;
mod pictures;

use hayro_syntax::{DecryptionError, LoadPdfError, Pdf as File};

use super::{Page, Problem};
use crate::picture::Picture;
use content::Reader;

/// How many pages are read.
const PAGES: usize = 200;

/// A PDF that was opened.
pub(super) struct Pdf(File);

/// What stands on one page.
pub(super) enum Content {
    /// Text.
    Text(Page),
    /// No text; the number of the page, from 0, in whose pictures there may be some.
    Pictures(usize),
}

/// A PDF's text layer.
pub(super) struct Layer {
    /// Each page that was read.
    pub(super) pages: Vec<Content>,
    /// How many pages the file has.
    pub(super) count: usize,
    /// Why it was not read to its end, or not well.
    pub(super) problem: Option<Problem>,
}

impl Pdf {
    /// Opens a PDF.
    ///
    /// # Errors
    /// It needs a password, is broken, or grows too large.
    pub(super) fn open(bytes: &[u8]) -> Result<Pdf, Problem> {
        bounds::check(bytes)?;
        File::new(bytes.to_vec())
            .map(Pdf)
            .map_err(|error| match error {
                LoadPdfError::Decryption(
                    DecryptionError::PasswordProtected | DecryptionError::UnsupportedAlgorithm,
                ) => Problem::Encrypted,
                _ => Problem::Damaged,
            })
    }

    /// Reads the text layer.
    pub(super) fn text(&self) -> Layer {
        let pages = self.0.pages();
        let mut reader = Reader::new();
        let read: Vec<Content> = pages
            .iter()
            .take(PAGES)
            .enumerate()
            .map(|(number, page)| match layout::page(reader.page(page)) {
                text if text.lines.is_empty() => Content::Pictures(number),
                text => Content::Text(text),
            })
            .collect();
        let problem = if pages.is_empty() {
            Some(Problem::Damaged)
        } else if reader.mostly_unmapped() {
            Some(Problem::Unmapped)
        } else {
            (reader.exhausted() || pages.len() > PAGES).then_some(Problem::Truncated)
        };
        Layer {
            pages: read,
            count: pages.len(),
            problem,
        }
    }

    /// A page as its pictures draw it; none where it has none.
    ///
    /// # Errors
    /// Why they cannot be drawn.
    pub(super) fn picture(&self, number: usize) -> Result<Option<Picture>, Problem> {
        match self.0.pages().get(number) {
            Some(page) => pictures::draw(page),
            None => Ok(None),
        }
    }
}
