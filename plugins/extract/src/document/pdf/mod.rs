//! The text layer of a PDF, page by page, in reading order.
//!
//! Bounds: 200 pages, 200,000 glyphs in all, 32 MiB of decompressed data, forms within forms eight deep. A file that
//! is encrypted, damaged or only pictures is reported as that.

mod bounds;
mod content;
mod layout;
mod matrix;

use hayro_syntax::{DecryptionError, LoadPdfError, Pdf as File};

use super::Problem;
use content::Reader;

/// How many pages are read.
const PAGES: usize = 200;

/// A PDF's text.
#[derive(Debug, Default)]
pub(super) struct Pdf {
    /// The text of each page that was read; empty for a page without text.
    pub(super) pages: Vec<String>,
    /// How many pages the file has.
    pub(super) count: usize,
    /// Why it was not read, or not to its end.
    pub(super) problem: Option<Problem>,
}

/// Reads a PDF's text layer.
pub(super) fn read(bytes: &[u8]) -> Pdf {
    if let Err(problem) = bounds::check(bytes) {
        return Pdf {
            problem: Some(problem),
            ..Pdf::default()
        };
    }
    match File::new(bytes.to_vec()) {
        Ok(file) => read_pages(&file),
        Err(LoadPdfError::Decryption(
            DecryptionError::PasswordProtected | DecryptionError::UnsupportedAlgorithm,
        )) => Pdf {
            problem: Some(Problem::Encrypted),
            ..Pdf::default()
        },
        Err(_) => Pdf {
            problem: Some(Problem::Damaged),
            ..Pdf::default()
        },
    }
}

fn read_pages(file: &File) -> Pdf {
    let pages = file.pages();
    let mut reader = Reader::new();
    let texts: Vec<String> = pages
        .iter()
        .take(PAGES)
        .map(|page| layout::text(reader.page(page)))
        .collect();
    let empty = texts.iter().all(|text| text.trim().is_empty());
    let problem = if pages.is_empty() {
        Some(Problem::Damaged)
    } else if reader.mostly_unmapped() {
        Some(Problem::Unmapped)
    } else if empty {
        Some(Problem::NoTextLayer)
    } else {
        (reader.exhausted() || pages.len() > PAGES).then_some(Problem::Truncated)
    };
    Pdf {
        pages: texts,
        count: pages.len(),
        problem,
    }
}
