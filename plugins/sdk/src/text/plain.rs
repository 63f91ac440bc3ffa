//! A text with its disguises taken off: letters of other scripts that look like Latin ones, full-width and mathematical forms, digits of
//! other scripts, what is invisible. They hide a word or a number from whoever searches for it, and a model from what it learned.

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

/// The zero of each run of ten decimal digits that is not ASCII's.
const ZEROS: [u32; 24] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50,
    0xed0, 0xf20, 0x1040, 0x17e0, 0x1810, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1fbf0,
];

/// The text as a reader sees it: full-width and mathematical letters, digits and signs as plain ones, digits of every script as
/// ASCII's; blanks of other kinds, and what blanks stand beside them, as one space; letters of other scripts that look Latin as Latin, in
/// words that have a Latin letter or a digit, or that have nothing else in a text that is mostly Latin; nothing invisible and no mark that
/// turns the direction. What is honestly written in another script stays.
///
/// ```
/// use fleetwright_sdk::text::plain;
///
/// let text = "card ４１１１\u{200b}1111, see my l\u{430}wyer";
/// let seen = plain(text);
/// assert_eq!(seen.as_str(), "card 41111111, see my lawyer");
/// assert_eq!(&text[seen.source(5..13)], "４１１１\u{200b}1111");
/// ```
#[must_use]
pub fn plain(text: &str) -> Tracked {
    let mut made = Tracked::default();
    if text.is_ascii() {
        made.keep(text, 0..text.len());
        return made;
    }
    let latin = text.chars().filter(|c| is_latin(*c)).count();
    let other = text
        .chars()
        .filter(|c| c.is_alphabetic() && !is_latin(*c))
        .count();
    let mut start = 0;
    while start < text.len() {
        let rest = text.get(start..).unwrap_or_default();
        let of_word = rest.starts_with(in_word);
        let end = rest.find(|c| in_word(c) != of_word).unwrap_or(rest.len());
        let run = start..start + end;
        let word = rest.get(..end).unwrap_or_default();
        if of_word {
            copy(
                text,
                run.clone(),
                is_disguised(word, latin > other),
                &mut made,
            );
        } else {
            copy_between(text, run.clone(), &mut made);
        }
        start = run.end;
    }
    made
}

/// What stands between words: blanks among which one is not ASCII's are one space, as a reader sees them.
fn copy_between(text: &str, run: Range<usize>, made: &mut Tracked) {
    let mut at = run.start;
    while let Some(rest) = text.get(at..run.end).filter(|rest| !rest.is_empty()) {
        let blanks = rest.find(|c| !is_blank(c)).unwrap_or(rest.len());
        if blanks > 0 {
            let gap = at..at + blanks;
            match rest.get(..blanks) {
                Some(ascii) if ascii.is_ascii() => made.keep(text, gap),
                _ => made.insert(" ", gap),
            }
            at += blanks;
        } else {
            let end = rest.find(is_blank).unwrap_or(rest.len());
            copy(text, at..at + end, false, made);
            at += end;
        }
    }
}

/// A blank within a line.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        && !matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
}

fn copy(text: &str, run: Range<usize>, disguised: bool, made: &mut Tracked) {
    let characters = text.get(run.clone()).unwrap_or_default().char_indices();
    for (at, c) in characters {
        let source = run.start + at..run.start + at + c.len_utf8();
        let seen = if disguised { latin_of(c) } else { None };
        match seen.or_else(|| ascii(c)) {
            Some(plain) => made.insert(plain.encode_utf8(&mut [0; 4]), source),
            None if is_hidden(c) => {}
            None => made.keep(text, source),
        }
    }
}

/// Whether a word has letters that only look Latin, and is meant to be read as Latin.
fn is_disguised(word: &str, among_latin: bool) -> bool {
    let alike = word.chars().any(|c| latin_of(c).is_some());
    let latin = word
        .chars()
        .any(|c| is_latin(c) || c.is_ascii_digit() || ascii(c).is_some());
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

/// The ASCII character that a character is in another form, whatever stands around it.
fn ascii(c: char) -> Option<char> {
    if c.is_ascii() {
        return None;
    }
    let code = u32::from(c);
    let digit = |zero: &u32| {
        code.checked_sub(*zero)
            .and_then(|at| char::from_digit(at, 10))
    };
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(code - 0xfee0), // full width
        '\u{24ea}' => Some('0'),
        '\u{2460}'..='\u{2468}' => char::from_digit(code - 0x2460 + 1, 10), // circled
        '\u{1d400}'..='\u{1d6a3}' => mathematical(code - 0x1d400),
        _ => ZEROS.iter().find_map(digit),
    }
}

/// Mathematical letters stand one style after the other, each from A to Z and from a to z.
fn mathematical(place: u32) -> Option<char> {
    let letter = place % 52;
    let first = if letter < 26 { 'A' } else { 'a' };
    char::from_u32(u32::from(first) + letter % 26)
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, 'À'..='ɏ' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d6a3}')
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || is_hidden(c)
}

/// Zero-width characters, joiners, marks of direction, variation selectors, soft hyphens, tags, the frame of a keycap.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    #[test]
    fn digits_of_every_script_are_digits_and_what_takes_no_room_goes() {
        for (text, seen) in [
            (
                "4\u{200d}1\u{ad}1\u{2060}1 １２３ ٤٥ 𝟗 ① ⓪",
                "4111 123 45 9 1 0",
            ),
            (
                "020 \u{a0} 7946\u{3000}0958,\u{2009}or",
                "020 7946 0958, or",
            ),
            ("a  b \u{a0}\n\u{a0} c\u{a0}é", "a  b \n c é"),
            ("4\u{fe0f}\u{20e3}1", "41"),
            ("ｊｏ＠ｅｘａｍｐｌｅ．ｃｏｍ", "jo@example.com"),
            ("𝐬𝐮𝐞 𝘺𝘰𝘶, 𝙕", "sue you, Z"),
            ("order А١23", "order A123"),
        ] {
            assert_eq!(plain(text).as_str(), seen);
        }
    }

    proptest! {
        #[test]
        fn any_text_leads_back(text in "[a4 ４٤\u{200b}\u{430}ж—é𝐬]{0,40}") {
            let seen = plain(&text);
            for (at, c) in seen.as_str().char_indices() {
                let source = seen.source(at..at + c.len_utf8());
                prop_assert!(!text[source].is_empty());
            }
            let again = plain(seen.as_str());
            prop_assert!(again.as_str().len() <= seen.as_str().len());
        }
    }
}
