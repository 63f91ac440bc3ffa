//! HTML as text that keeps its structure: blocks on lines of their own, cells parted by tabs, items marked.
//!
//! The tokenizer follows the WHATWG standard and never fails; scripts, styles and what is hidden are left out.

use html5gum::{DefaultEmitter, Token, Tokenizer};

const BLOCKS: &[&[u8]] = &[
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figure",
    b"footer",
    b"form",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"hr",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"p",
    b"pre",
    b"section",
    b"table",
    b"tbody",
    b"tfoot",
    b"thead",
    b"title",
    b"tr",
    b"ul",
];
const SILENT: &[&[u8]] = &[
    b"script",
    b"style",
    b"template",
    b"noscript",
    b"head",
    b"svg",
    b"object",
];

/// The text of an HTML document.
pub(super) fn text(html: &str) -> String {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut page = Page::default();
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => page.open(&tag.name, tag.self_closing),
            Token::EndTag(tag) => page.close(&tag.name),
            Token::String(text) => page.write(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    page.text.trim().to_owned()
}

/// A page as it is written.
#[derive(Default)]
struct Page {
    text: String,
    /// The element whose content is left out, and how deep it nests in itself.
    silent: Option<(Vec<u8>, usize)>,
}

impl Page {
    fn open(&mut self, name: &[u8], self_closing: bool) {
        match &mut self.silent {
            Some((silent, depth)) if silent == name && !self_closing => *depth += 1,
            Some((silent, _)) if silent == b"head" && name == b"body" => self.silent = None,
            Some(_) => {}
            None if SILENT.contains(&name) && !self_closing => {
                self.silent = Some((name.to_vec(), 1))
            }
            None => self.mark(name),
        }
    }

    fn mark(&mut self, name: &[u8]) {
        if matches!(name, b"td" | b"th")
            && !self.text.is_empty()
            && !self.text.ends_with(['\n', '\t'])
        {
            self.text.push('\t');
        } else if name == b"br" || BLOCKS.contains(&name) {
            self.line();
        }
        if name == b"li" {
            self.text.push_str("- ");
        }
    }

    fn close(&mut self, name: &[u8]) {
        match &mut self.silent {
            Some((silent, depth)) if silent == name => {
                *depth -= 1;
                if *depth == 0 {
                    self.silent = None;
                }
            }
            Some(_) => {}
            None if BLOCKS.contains(&name) => self.line(),
            None => {}
        }
    }

    /// Ends a line, where one is begun.
    fn line(&mut self) {
        let kept = self.text.trim_end_matches([' ', '\t']).len();
        self.text.truncate(kept);
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Writes text with its white space folded.
    fn write(&mut self, text: &str) {
        if self.silent.is_some() {
            return;
        }
        for c in text.chars() {
            match c {
                ' ' | '\t' | '\n' | '\r' | '\u{c}'
                    if self.text.is_empty() || self.text.ends_with([' ', '\n', '\t']) => {}
                ' ' | '\t' | '\n' | '\r' | '\u{c}' => self.text.push(' '),
                '\u{200b}' | '\u{ad}' => {}
                c => self.text.push(c),
            }
        }
    }
}
