//! Attachments as texts: plain text, HTML, e-mail with what is attached to it, and the text layer of PDF.
//!
//! The type is found by the content first and believed from the sender last. A file that cannot be read is reported
//! with its problem; it never ends the call. Everything is parsed here, inside the sandbox.
//!
//! Bounds: 16 MiB a file, e-mail in e-mail three deep, 32 documents, 1 MiB of text in all.

mod html;
mod mail;
mod media;
mod pdf;

use serde::Serialize;

pub use media::Media;

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
    /// It has pages but no text: pictures of text, most likely.
    NoTextLayer,
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
    /// The text.
    pub text: String,
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
    pub fn read<'a>(files: impl IntoIterator<Item = File<'a>>) -> Library {
        let mut library = Library::default();
        for file in files {
            library.add(file, 0);
        }
        library
    }

    fn add(&mut self, file: File<'_>, depth: usize) {
        if self.documents.len() >= DOCUMENTS {
            return;
        }
        let media = Media::of(file.bytes, file.media_type, file.name);
        let place = self.documents.len();
        self.documents.push(Document {
            name: file.name.to_owned(),
            media_type_declared: file.media_type.to_owned(),
            media_type_found: media.name(),
            pages: None,
            characters: 0,
            problem: None,
        });
        let (pages, characters, problem) = self.read_as(media, file, depth);
        if let Some(document) = self.documents.get_mut(place) {
            (document.pages, document.characters, document.problem) = (pages, characters, problem);
        }
    }

    fn read_as(
        &mut self,
        media: Media,
        file: File<'_>,
        depth: usize,
    ) -> (Option<usize>, usize, Option<Problem>) {
        if file.bytes.is_empty() {
            return (None, 0, Some(Problem::Empty));
        }
        if file.bytes.len() > FILE {
            return (None, 0, Some(Problem::TooLarge));
        }
        match media {
            Media::Pdf => self.add_pdf(file),
            Media::Html => self.add_text(file.name, None, html::text(&media::decode(file.bytes))),
            Media::Text => self.add_text(file.name, None, media::decode(file.bytes).into_owned()),
            Media::Mail if depth < DEPTH => self.add_mail(file, depth),
            Media::Mail => (None, 0, Some(Problem::TooLarge)),
            Media::Image(_) | Media::Other => (None, 0, Some(Problem::Unsupported)),
        }
    }

    fn add_pdf(&mut self, file: File<'_>) -> (Option<usize>, usize, Option<Problem>) {
        let pdf = pdf::read(file.bytes);
        let mut total = 0;
        let mut problem = pdf.problem;
        for (place, text) in pdf.pages.into_iter().enumerate() {
            let (_, characters, cut) = self.add_text(file.name, Some(place + 1), text);
            total += characters;
            problem = problem.or(cut);
        }
        (Some(pdf.count), total, problem)
    }

    fn add_mail(
        &mut self,
        file: File<'_>,
        depth: usize,
    ) -> (Option<usize>, usize, Option<Problem>) {
        let Some(mail) = mail::read(file.bytes) else {
            return (None, 0, Some(Problem::Damaged));
        };
        let read = self.add_text(file.name, None, mail.text);
        for part in &mail.attachments {
            let name = format!("{}/{}", file.name, part.name);
            self.add(
                File {
                    name: &name,
                    media_type: &part.media_type,
                    bytes: &part.bytes,
                },
                depth + 1,
            );
        }
        read
    }

    fn add_text(
        &mut self,
        document: &str,
        page: Option<usize>,
        mut text: String,
    ) -> (Option<usize>, usize, Option<Problem>) {
        let left = TEXT.saturating_sub(self.characters);
        let cut = text.len() > left;
        if cut {
            let end = (0..=left)
                .rev()
                .find(|end| text.is_char_boundary(*end))
                .unwrap_or(0);
            text.truncate(end);
        }
        self.characters += text.len();
        let characters = text.chars().count();
        if characters > 0 {
            self.texts.push(Text {
                document: document.to_owned(),
                page,
                text,
            });
        }
        (None, characters, cut.then_some(Problem::Truncated))
    }
}

#[cfg(test)]
mod tests;
