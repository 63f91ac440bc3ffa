//! Labels and the values that they announce.

use super::evidence::{BELOW, BESIDE, Reading, Spotted};
use super::grid::{Grid, Piece};

/// How many letters and digits may stand between a label and its value, as in `Due date (by noon): 4 May`.
pub(super) const FILLING: usize = 12;
/// How many bytes a label has in which a letter may be mistaken: in a short one it would make another word.
const LONG_LABEL: usize = 10;
/// The longest number of an invoice.
const LONGEST: usize = 32;

/// The words of a list.
pub(super) fn words(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split('|')
}

/// A place where a label stands in a piece of text: the bytes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A text in small letters, made once for the many labels that are looked for in it.
#[derive(Clone, Debug)]
pub(super) struct Small {
    text: String,
    /// Where a label may begin, not within a word, and the letter there without its accent.
    starts: Vec<(usize, char)>,
    /// A bit for each of these letters, by its code modulo 64: most labels are ruled out by it.
    first: u64,
}

impl Small {
    pub(super) fn new(text: &str) -> Small {
        let text = lowered(text);
        let mut starts = Vec::new();
        let mut within = false;
        for (place, c) in text.char_indices() {
            if !within && !c.is_whitespace() {
                starts.push((place, bare(c)));
            }
            within = c.is_alphabetic();
        }
        let first = starts.iter().fold(0, |bits, (_, c)| bits | bit(*c));
        Small {
            text,
            starts,
            first,
        }
    }
}

fn bit(c: char) -> u64 {
    1 << (u32::from(c) % u64::BITS)
}

/// The first place of a label as whole words, in any case. Blanks and accents of the label may be missing in the text, and some
/// letters stand for others, as pictures of text are read; capitals are often written without accents, too.
pub(super) fn find_label(text: &Small, label: &str) -> Option<Found> {
    let first = bare(label.chars().next()?);
    if text.first & bit(first) == 0 {
        return None;
    }
    let lower = text.text.as_str();
    let ends = label.ends_with(char::is_alphanumeric);
    let starts = text.starts.iter().filter(|(_, c)| *c == first);
    starts.map(|(start, _)| *start).find_map(|start| {
        let rest = without(lower.get(start..)?, label)?;
        let end = lower.len() - rest.len();
        (!(ends && rest.starts_with(char::is_alphabetic))).then_some(Found { start, end })
    })
}

/// What follows a label at the start of a text. Of a long label one letter may be another, missing, or one too many.
fn without<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (text, rest) = match common(text, label) {
        (rest, "") => return Some(rest),
        parted => parted,
    };
    let begun = label.len() - rest.len() > 1 && !rest.starts_with(' ');
    if label.len() < LONG_LABEL || !begun {
        return None;
    }
    let next = |text: &'a str| text.get(text.chars().next().map_or(0, char::len_utf8)..);
    let ahead = rest.get(rest.chars().next().map_or(0, char::len_utf8)..)?;
    let beside = next(text).filter(|_| text.starts_with(char::is_alphanumeric));
    let tried = [(beside, ahead), (Some(text), ahead), (beside, rest)];
    tried
        .into_iter()
        .find_map(|(text, label)| match common(text?, label) {
            (rest, "") => Some(rest),
            _ => None,
        })
}

/// What is left of a text and of a label behind what they have in common.
fn common<'a, 'b>(text: &'a str, label: &'b str) -> (&'a str, &'b str) {
    let (mut text, mut label) = (text, label);
    let mut within = false; // of a word: there a digit may stand for a letter
    loop {
        let mut letters = label.chars();
        match letters.next() {
            None => break,
            Some(' ') => {
                text = text.trim_start_matches([' ', '\u{a0}']);
                within = false;
            }
            Some(wanted) => {
                let mut rest = text.chars();
                let same = |c: char| {
                    c == wanted || bare(c) == bare(wanted) || within && taken_for(c, wanted)
                };
                if !rest.next().is_some_and(same) {
                    break;
                }
                text = rest.as_str();
                within = true;
            }
        }
        label = letters.as_str();
    }
    (text, label)
}

/// Whether a picture's small or capital letter is often read as this one instead.
fn taken_for(read: char, written: char) -> bool {
    matches!(
        (read, written),
        ('1' | 'i', 'l') | ('0', 'o') | ('l' | '1', 'i')
    )
}

/// A small letter without its accent.
fn bare(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        '’' => '\'',
        other => other,
    }
}

/// Small letters of the same lengths in bytes, and plain apostrophes and blanks.
fn lowered(text: &str) -> String {
    let small = |c: char| {
        let mut lower = c.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
            _ => c,
        }
    };
    text.chars().map(small).collect()
}

/// Whether a list's label stands in a text.
pub(super) fn has_label(text: &Small, list: &'static str) -> bool {
    words(list).any(|label| find_label(text, label).is_some())
}

/// The values of a list's labels, those of the surest label first: what `read` takes of the text after a label, of a cell
/// to its right, or of one below. A label that stands within one of `others` is none.
pub(super) fn values<'g, 'a>(
    grid: &'g Grid<'a>,
    list: &'static str,
    others: &'g [&'static str],
    read: impl Fn(&str) -> Option<Reading> + Copy + 'g,
) -> impl Iterator<Item = Spotted> + 'g {
    words(list).flat_map(move |label| {
        grid.pieces.iter().filter_map(move |piece| {
            let found = find_label(&piece.small, label)?;
            let within = |other: &'static str| {
                find_label(&piece.small, other).is_some_and(|o| {
                    o.start <= found.start && found.end <= o.end && other.len() > label.len()
                })
            };
            let foreign = others.iter().any(|list| words(list).any(within));
            if foreign || is_owed(piece.text, found) {
                return None;
            }
            value(grid, piece, found, read)
        })
    })
}

/// Whether `due` is that of a sum, as in `amount due`.
fn is_owed(text: &str, found: Found) -> bool {
    let head = text
        .get(..found.start)
        .unwrap_or_default()
        .trim_end()
        .to_lowercase();
    text.get(found.start..found.end)
        .is_some_and(|word| word.eq_ignore_ascii_case("due"))
        && ["amount", "total", "balance"]
            .iter()
            .any(|word| head.ends_with(word))
}

/// The value of one label.
fn value(
    grid: &Grid<'_>,
    piece: &Piece<'_>,
    found: Found,
    read: impl Fn(&str) -> Option<Reading>,
) -> Option<Spotted> {
    let rest = piece.text.get(found.end..).unwrap_or_default();
    let own = rest.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, ':' | '.' | '-' | '–' | '/' | ')' | '(')
    });
    if let Some(reading) = read(own) {
        let from = piece.text.len() - own.len();
        return Some(piece.spotted(from, reading, BESIDE));
    }
    if rest.chars().filter(|c| c.is_alphanumeric()).count() > FILLING {
        return None; // running text, no label
    }
    let whole =
        |other: &Piece<'_>, confidence| Some(other.spotted(0, read(other.text)?, confidence));
    let beside = grid.beside(piece).find_map(|other| whole(other, BESIDE));
    beside.or_else(|| grid.below(piece).find_map(|other| whole(other, BELOW)))
}

/// An invoice's number at the start of a text: one word with a digit, which is no date, sum or share.
pub(super) fn number(whole: &str) -> Option<Reading> {
    let text = whole.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '#' | ':' | '.' | '°' | 'º')
    });
    let text = [
        "number", "no.", "no", "nr.", "nr", "n°", "nº", "n.", "num.", "#",
    ]
    .iter()
    .find_map(|word| {
        let head = text
            .get(..word.len())
            .filter(|head| head.eq_ignore_ascii_case(word))?;
        let rest = text.get(head.len()..)?;
        rest.starts_with([' ', ':', '\u{a0}', '#']).then_some(rest)
    })
    .unwrap_or(text);
    let text = text.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '#' | ':' | '.' | '°' | 'º')
    });
    let word = text
        .split_whitespace()
        .next()?
        .trim_end_matches([',', ';', '.', ':', ')']);
    let fits = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_' | '.'));
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let begins = word.starts_with(|c: char| c.is_ascii_alphanumeric());
    let dated = !fleetwright_detect::Scan::new(text).is_empty() && starts_with_date(text);
    let sum = word
        .split(['.', ','])
        .nth(1)
        .is_some_and(|decimals| decimals.len() == 2 && digits + 1 == word.len());
    let start = whole.len() - text.len();
    (fits && begins && digits > 0 && word.len() <= LONGEST && !dated && !sum)
        .then(|| (start..start + word.len(), word.to_uppercase()))
}

/// Whether a date begins a text, in any reading.
fn starts_with_date(text: &str) -> bool {
    let found = crate::find::date::find(
        &fleetwright_detect::Scan::new(text),
        crate::find::date::Order::Ambiguous,
    );
    found.first().is_some_and(|date| date.span.start == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, label: &str) -> Option<(usize, usize)> {
        find_label(&Small::new(text), label).map(|found| (found.start, found.end))
    }

    #[test]
    fn a_label_is_whole_words_in_any_case_with_or_without_its_blanks() {
        assert_eq!(place("Our DUE  DATE: 4 May", "due date"), Some((4, 13)));
        assert_eq!(place("DueDate 4 May", "due date"), Some((0, 7)));
        assert_eq!(
            place("Überfällig: FÄLLIG am 4.5.", "fällig"),
            Some((14, 21))
        );
        assert_eq!(
            place("DATE D’ECHEANCE : 4 mai", "date d'échéance"),
            Some((0, 17))
        );
        assert_eq!(place("Bil1 to", "bill to"), Some((0, 7)));
        assert_eq!(place("ZahIbar bis 4.5.", "zahlbar bis"), Some((0, 11)));
        assert_eq!(place("1ate", "late"), None, "a word begins with its letter");
        for text in [
            "Rechnungsdatim",
            "Rechnungsdatm",
            "Rechnungsdattum",
            "Rechnungs datum",
        ] {
            let found = place(text, "rechnungsdatum");
            assert_eq!(
                found,
                Some((0, text.len())).filter(|_| !text.contains(' ')),
                "{text}"
            );
        }
        assert_eq!(
            place("Rechnungstatim", "rechnungsdatum"),
            None,
            "two are too many"
        );
        assert_eq!(
            place("lates", "later"),
            None,
            "a short label is itself alone"
        );
        assert_eq!(place("residue dates", "due date"), None);
        assert_eq!(place("due dated", "due date"), None);
        assert_eq!(place("", "due"), None);
    }
}
