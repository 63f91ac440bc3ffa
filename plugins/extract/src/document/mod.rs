//! Attachments as texts: plain text, HTML, e-mail with what is attached to it, PDF, and pictures where models read them.
//!
//! The type is found by the content first and believed from the sender last. A file that cannot be read is reported
//! with its problem; it never ends the call. Everything is parsed here, inside the sandbox.
//!
//! Bounds: 16 MiB a file, e-mail in e-mail three deep, 32 documents, 1 MiB of text in all, those of [`crate::ocr`] and
//! [`crate::picture`] for scans.

mod html;
mod mail;
mod media;
mod page;
mod pdf;

use fleetwright_sdk::nn;
use serde::Serialize;

use crate::ocr::{Eye, Unread};
use crate::picture::{self, Picture};
pub use media::Media;
pub use page::{Cell, Line, Page};
pub(crate) use pdf::layout;

/// The largest file that is read, in bytes.
const FILE: usize = 16 * 1024 * 1024;
/// How many documents are read, nested ones included.
const DOCUMENTS: usize = 32;
/// How much text all documents may give, in bytes.
const TEXT: usize = 1024 * 1024;
/// How deep e-mail may nest in e-mail.
const DEPTH: usize = 3;

/// A file to read: its name, the type that the sender declared, and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// A label, never a path.
    pub name: &'a str,
    /// As declared; may be empty.
    pub media_type: &'a str,
    /// Undecoded.
    pub bytes: &'a [u8],
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// The file's name; nested files have the names of those around them before it, as `mail.eml/invoice.pdf`.
    pub name: String,
    /// As the sender declared it.
    pub media_type_declared: String,
    /// As its content says.
    pub media_type_found: &'static str,
    /// Pages, for a PDF.
    pub pages: Option<usize>,
    /// Characters of text that were read.
    pub characters: usize,
    /// Where text was read off pictures: the mean probability of its characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recognized: Option<f64>,
    /// Why it could not be read, or not to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Why a file could not be read, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// The file is empty.
    Empty,
    /// It needs a password.
    Encrypted,
    /// It has pages but no text, pictures of text most likely, and no model that reads those is bound.
    NoTextLayer,
    /// It was looked at, and no text is in it.
    NoText,
    /// Its structure is broken.
    Damaged,
    /// It is too large, too deep, or grows too large when it is decompressed.
    TooLarge,
    /// Only a part was read, for its length.
    Truncated,
    /// Its glyphs do not say which characters they are.
    Unmapped,
    /// This stage does not read such files.
    Unsupported,
}

/// A text out of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The document's name.
    pub document: String,
    /// The page, from 1, for a PDF.
    pub page: Option<usize>,
    /// The text with its places.
    pub content: Page,
}

impl Text {
    /// The text alone.
    pub fn text(&self) -> &str {
        &self.content.text
    }
}

/// Documents and their texts, while the bounds last.
#[derive(Debug, Default)]
pub struct Library {
    /// What became of each file, in order, nested ones after what holds them.
    pub documents: Vec<Document>,
    /// The texts that were found.
    pub texts: Vec<Text>,
    characters: usize,
}

impl Library {
    /// Reads files.
    ///
    /// # Errors
    /// A model that reads pictures failed; files that cannot be read are no errors.
    pub fn read<'a>(files: impl IntoIterator<Item = File<'a>>) -> Result<Library, nn::Error> {
        let mut library = Library::default();
        let mut eye = Eye::default();
        for file in files {
            library.add(file, 0, &mut eye)?;
        }
        Ok(library)
    }

    fn add(&mut self, file: File<'_>, depth: usize, eye: &mut Eye) -> Result<(), nn::Error> {
        if self.documents.len() >= DOCUMENTS {
            return Ok(());
        }
        let media = Media::of(file.bytes, file.media_type, file.name);
        let place = self.documents.len();
        self.documents.push(Document {
            name: file.name.to_owned(),
            media_type_declared: file.media_type.to_owned(),
            media_type_found: media.name(),
            pages: None,
            characters: 0,
            recognized: None,
            problem: None,
        });
        let outcome = self.read_as(media, file, depth, eye)?;
        if let Some(document) = self.documents.get_mut(place) {
            document.recognized = outcome.recognized();
            document.pages = outcome.pages;
            document.characters = outcome.characters;
            document.problem = outcome.problem;
        }
        Ok(())
    }

    fn read_as(
        &mut self,
        media: Media,
        file: File<'_>,
        depth: usize,
        eye: &mut Eye,
    ) -> Result<Outcome, nn::Error> {
        if file.bytes.is_empty() {
            return Ok(Outcome::of(Problem::Empty));
        }
        if file.bytes.len() > FILE {
            return Ok(Outcome::of(Problem::TooLarge));
        }
        let mut outcome = Outcome::default();
        match media {
            Media::Pdf => self.add_pdf(file, eye, &mut outcome)?,
            Media::Html => {
                let text = html::text(&media::decode(file.bytes));
                self.add_text(file.name, None, Page::plain(text), &mut outcome);
            }
            Media::Text => {
                let text = media::decode(file.bytes).into_owned();
                self.add_text(file.name, None, Page::plain(text), &mut outcome);
            }
            Media::Mail if depth < DEPTH => return self.add_mail(file, depth, eye),
            Media::Mail => return Ok(Outcome::of(Problem::TooLarge)),
            Media::Png => {
                self.add_picture(file.name, None, picture::png, file.bytes, eye, &mut outcome)?
            }
            Media::Jpeg => self.add_picture(
                file.name,
                None,
                picture::jpeg,
                file.bytes,
                eye,
                &mut outcome,
            )?,
            Media::Image(_) | Media::Other => return Ok(Outcome::of(Problem::Unsupported)),
        }
        Ok(outcome)
    }

    fn add_pdf(
        &mut self,
        file: File<'_>,
        eye: &mut Eye,
        outcome: &mut Outcome,
    ) -> Result<(), nn::Error> {
        let pdf = match pdf::Pdf::open(file.bytes) {
            Ok(pdf) => pdf,
            Err(problem) => {
                outcome.problem = Some(problem);
                return Ok(());
            }
        };
        let layer = pdf.text();
        (outcome.pages, outcome.problem) = (Some(layer.count), layer.problem);
        for (place, content) in layer.pages.into_iter().enumerate() {
            match content {
                pdf::Content::Text(page) => {
                    self.add_text(file.name, Some(place + 1), page, outcome)
                }
                pdf::Content::Pictures(_) if !Eye::sees() => outcome.trouble(Problem::NoTextLayer),
                pdf::Content::Pictures(number) => match pdf.picture(number) {
                    Ok(Some(picture)) => {
                        self.look(file.name, Some(place + 1), &picture, eye, outcome)?
                    }
                    Ok(None) => outcome.trouble(Problem::NoText),
                    Err(problem) => outcome.trouble(problem),
                },
            }
        }
        Ok(())
    }

    fn add_picture(
        &mut self,
        name: &str,
        page: Option<usize>,
        decode: fn(&[u8]) -> Result<Picture, Problem>,
        bytes: &[u8],
        eye: &mut Eye,
        outcome: &mut Outcome,
    ) -> Result<(), nn::Error> {
        if !Eye::sees() {
            outcome.trouble(Problem::NoTextLayer);
            return Ok(());
        }
        match decode(bytes) {
            Ok(picture) => self.look(name, page, &picture, eye, outcome),
            Err(problem) => {
                outcome.trouble(problem);
                Ok(())
            }
        }
    }

    /// Reads a picture's text.
    fn look(
        &mut self,
        name: &str,
        page: Option<usize>,
        picture: &Picture,
        eye: &mut Eye,
        outcome: &mut Outcome,
    ) -> Result<(), nn::Error> {
        match eye.read(picture) {
            Ok(reading) if reading.page.lines.is_empty() => outcome.trouble(Problem::NoText),
            Ok(reading) => {
                outcome.readings.push(reading.confidence);
                self.add_text(name, page, reading.page, outcome);
            }
            Err(Unread::Because(problem)) => outcome.trouble(problem),
            Err(Unread::Failed(error)) => return Err(error),
        }
        Ok(())
    }

    fn add_mail(
        &mut self,
        file: File<'_>,
        depth: usize,
        eye: &mut Eye,
    ) -> Result<Outcome, nn::Error> {
        let Some(mail) = mail::read(file.bytes) else {
            return Ok(Outcome::of(Problem::Damaged));
        };
        let mut outcome = Outcome::default();
        self.add_text(file.name, None, Page::plain(mail.text), &mut outcome);
        for part in &mail.attachments {
            let name = format!("{}/{}", file.name, part.name);
            let part = File {
                name: &name,
                media_type: &part.media_type,
                bytes: &part.bytes,
            };
            self.add(part, depth + 1, eye)?;
        }
        Ok(outcome)
    }

    fn add_text(
        &mut self,
        document: &str,
        page: Option<usize>,
        mut content: Page,
        outcome: &mut Outcome,
    ) {
        let left = TEXT.saturating_sub(self.characters);
        if content.text.len() > left {
            let end = (0..=left)
                .rev()
                .find(|end| content.text.is_char_boundary(*end))
                .unwrap_or(0);
            content.truncate(end);
            outcome.trouble(Problem::Truncated);
        }
        self.characters += content.text.len();
        outcome.characters += content.text.chars().count();
        if !content.text.is_empty() {
            self.texts.push(Text {
                document: document.to_owned(),
                page,
                content,
            });
        }
    }
}

/// How the reading of a file went.
#[derive(Default)]
struct Outcome {
    pages: Option<usize>,
    characters: usize,
    /// The confidence of each picture that was read.
    readings: Vec<f64>,
    problem: Option<Problem>,
}

impl Outcome {
    fn of(problem: Problem) -> Outcome {
        Outcome {
            problem: Some(problem),
            ..Outcome::default()
        }
    }

    /// Notes a problem; the first is told.
    fn trouble(&mut self, problem: Problem) {
        self.problem = self.problem.or(Some(problem));
    }

    fn recognized(&self) -> Option<f64> {
        let sum: f64 = self.readings.iter().sum();
        let mean = sum / self.readings.len() as f64;
        (!self.readings.is_empty()).then(|| (mean * 1000.0).round() / 1000.0)
    }
}

#[cfg(test)]
mod tests;
