//! A text with its disguises taken off: letters of other scripts that look like Latin ones, full-width forms, what is invisible.

use std::ops::Range;

use super::Tracked;

/// Letters of Cyrillic and Greek, and the Latin ones that they look like.
const ALIKE: [(&str, &str); 2] = [
    (
        "асеорхуіјѕԁһԛԝЅІЈАВСЕНКМОРТХУ",
        "aceopxyijsdhqwSIJABCEHKMOPTXY",
    ),
    ("οαντυρικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oavtupikABEZHIKMNOPTYX"),
];

/// The text as a reader sees it: full-width letters, digits and signs as plain ones; letters of other scripts that look
/// Latin as Latin, in words that have a Latin letter, or that have nothing else in a text that is mostly Latin; nothing invisible
/// and no mark that turns the direction. What is honestly written in another script stays.
#[must_use]
pub fn plain(text: &str) -> Tracked {
    let latin = text.chars().filter(|c| is_latin(*c)).count();
    let other = text
        .chars()
        .filter(|c| c.is_alphabetic() && !is_latin(*c))
        .count();
    let mut made = Tracked::default();
    let mut start = 0;
    while start < text.len() {
        let rest = text.get(start..).unwrap_or_default();
        let of_word = rest.starts_with(in_word);
        let end = rest.find(|c| in_word(c) != of_word).unwrap_or(rest.len());
        let run = start..start + end;
        let word = rest.get(..end).unwrap_or_default();
        let disguised = of_word && is_disguised(word, latin > other);
        copy(text, run.clone(), disguised, &mut made);
        start = run.end;
    }
    made
}

fn copy(text: &str, run: Range<usize>, disguised: bool, made: &mut Tracked) {
    let characters = text.get(run.clone()).unwrap_or_default().char_indices();
    for (at, c) in characters {
        let source = run.start + at..run.start + at + c.len_utf8();
        let seen = if disguised { latin_of(c) } else { None };
        match seen.or_else(|| narrow(c)) {
            Some(plain) => made.insert(plain.encode_utf8(&mut [0; 4]), source),
            None if is_hidden(c) => {}
            None => made.keep(text, source),
        }
    }
}

/// Whether a word has letters that only look Latin, and is meant to be read as Latin.
fn is_disguised(word: &str, among_latin: bool) -> bool {
    let alike = word.chars().any(|c| latin_of(c).is_some());
    let latin = word.chars().any(is_latin);
    let all = || {
        word.chars()
            .all(|c| !c.is_alphabetic() || latin_of(c).is_some())
    };
    alike && (latin || among_latin && all())
}

fn latin_of(c: char) -> Option<char> {
    if c.is_ascii() {
        return None;
    }
    ALIKE.iter().find_map(|(others, latin)| {
        let place = others.chars().position(|other| other == c)?;
        latin.chars().nth(place)
    })
}

/// The plain form of a full-width one.
fn narrow(c: char) -> Option<char> {
    match c {
        '\u{3000}' => Some(' '),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => None,
    }
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, 'À'..='ɏ' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || is_hidden(c)
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_taken_off_and_offsets_survive() {
        let text = "Му cаrd w\u{200b}аs ｄｅｃｌｉｎｅｄ！ Еr\u{ad}ror ５１";
        let found = plain(text);
        assert_eq!(found.as_str(), "My card was declined! Error 51");
        let at = found.as_str().find("was").unwrap();
        assert_eq!(&text[found.source(at..at + 3)], "w\u{200b}аs");
        let at = found.as_str().find("declined").unwrap();
        assert_eq!(&text[found.source(at..at + 8)], "ｄｅｃｌｉｎｅｄ");
    }

    #[test]
    fn other_scripts_stay() {
        for text in [
            "Мою карту украли, помогите.",
            "Η κάρτα μου χάθηκε.",
            "My order to Москва is late.",
            "Das Geld für Größe 5 ist weg — 3 € zurück.",
            "注文した商品",
            "",
        ] {
            assert_eq!(plain(text).as_str(), text);
        }
    }

    #[test]
    fn a_word_of_nothing_but_lookalikes_is_latin_among_latin() {
        assert_eq!(plain("I want a сору of it").as_str(), "I want a copy of it");
    }
}
