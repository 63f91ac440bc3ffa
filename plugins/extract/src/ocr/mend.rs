//! What the recognizer mistakes for one another, put right where one reading alone makes sense: marks within a date, `0` in a
//! month's name, the case of a legal form, `I` and `l`, lines over vowels.
//!
//! Text layers of documents are never changed: this is for what was read off pictures.

use crate::company;
use crate::find::date;

/// What tells that a page is written with umlauts.
const UMLAUTS: &[char] = &['ä', 'ö', 'ü', 'Ä', 'Ö', 'Ü', 'ß'];

/// The lines of a page as they were most likely written.
pub(super) fn lines(texts: &mut [String]) {
    let umlauts = texts.iter().any(|text| text.contains(UMLAUTS));
    for text in texts {
        if umlauts {
            *text = text.chars().map(umlaut).collect();
        }
        *text = words(text);
    }
}

/// A vowel with a macron as one with an umlaut: on a page that has umlauts the one is misread for the other.
fn umlaut(c: char) -> char {
    match c {
        'ā' => 'ä',
        'ō' => 'ö',
        'ū' => 'ü',
        'Ā' => 'Ä',
        'Ō' => 'Ö',
        'Ū' => 'Ü',
        other => other,
    }
}

fn words(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let blank = piece.get(word.len()..).unwrap_or_default();
        mended.push_str(&word_of(word));
        mended.push_str(blank);
    }
    mended
}

fn word_of(word: &str) -> String {
    dated(word)
        .or_else(|| cents(word))
        .or_else(|| month(word))
        .or_else(|| form(word))
        .or_else(|| upright(word))
        .unwrap_or_else(|| word.to_owned())
}

/// `16:03.2025`, `30,03.2025`, `.23.05.2025`: a day and month that exist and a year, whatever the marks between.
fn dated(word: &str) -> Option<String> {
    let bare = word.trim_matches(|c: char| !c.is_ascii_digit());
    let marks: Vec<char> = bare.chars().filter(|c| !c.is_ascii_digit()).collect();
    let odd = marks.iter().all(|c| ".:,".contains(*c)) && marks.contains(&'.') && marks.len() == 2;
    let parts: Vec<&str> = bare.split(['.', ':', ',']).collect();
    let fits = matches!(parts.as_slice(), [day, month, year]
        if (1..=2).contains(&day.len()) && (1..=2).contains(&month.len()) && matches!(year.len(), 2 | 4));
    let mended = parts.join(".");
    let known = odd && fits && bare != mended && date::only(&mended).is_some();
    known.then(|| word.replacen(bare, &mended, 1))
}

/// `960;85`: a semicolon stands in no number, and a comma looks like it.
fn cents(word: &str) -> Option<String> {
    let (head, tail) = word.split_once(';')?;
    let digit = |c: char| c.is_ascii_digit();
    let fits = head.ends_with(digit) && tail.len() == 2 && tail.chars().all(digit);
    fits.then(|| format!("{head},{tail}"))
}

/// `0ct`, `N0v.`: a month's name with a nought in it.
fn month(word: &str) -> Option<String> {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let digits: Vec<char> = word.chars().filter(char::is_ascii_digit).collect();
    if letters < 2 || digits != ['0'] {
        return None;
    }
    let first = word.starts_with('0');
    let mended = word.replacen('0', if first { "O" } else { "o" }, 1);
    date::is_month(mended.trim_matches(|c: char| !c.is_alphabetic())).then_some(mended)
}

/// `ZahIbar`, `lnvoice`: the letters that are a stroke, where no word has the other one.
fn upright(word: &str) -> Option<String> {
    if let Some(rest) = word.strip_prefix("ln") {
        return Some(format!("In{rest}"));
    }
    let scottish = word.starts_with("Mc") || word.starts_with("Mac");
    let letters: Vec<char> = word.chars().collect();
    let small = |place: usize| letters.get(place).is_some_and(|c| c.is_lowercase());
    let within = |place: usize| place > 0 && small(place - 1) && small(place + 1);
    let stroke = |(place, c): (usize, &char)| match c {
        'I' if within(place) => 'l',
        other => *other,
    };
    let mended: String = letters.iter().enumerate().map(stroke).collect();
    (!scottish && mended != word).then_some(mended)
}

/// `LLc`, `SAs`, `uG`: a legal form in letters of both sizes, as it is written.
fn form(word: &str) -> Option<String> {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
    let odd = bare.chars().skip(1).any(char::is_uppercase) && bare.chars().any(char::is_lowercase);
    let written = company::written(bare).filter(|written| odd && *written != bare)?;
    Some(word.replacen(bare, written, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_in_one_way_alone_is_put_right() {
        for (read, written) in [
            ("Rechnung vom 16:03.2025", "Rechnung vom 16.03.2025"),
            ("Zahlbar bis 30,03.2025.", "Zahlbar bis 30.03.2025."),
            ("bis 21.03:25", "bis 21.03.25"),
            ("960;85 €", "960,85 €"),
            ("ZahIbar bis, lnvoice", "Zahlbar bis, Invoice"),
            ("17 0ct 2025", "17 Oct 2025"),
            ("3 N0v. 2025", "3 Nov. 2025"),
            ("Fournier SAs", "Fournier SAS"),
            (
                "Sonnblick Reinigung uG · Lindenallee",
                "Sonnblick Reinigung UG · Lindenallee",
            ),
            ("Copper Ridge LLc,  Boise", "Copper Ridge LLC,  Boise"),
            ("Kuhn GmBH & Co. KG", "Kuhn GmbH & Co. KG"),
        ] {
            assert_eq!(words(read), written);
        }
    }

    #[test]
    fn what_may_be_right_stays() {
        for text in [
            "at 16:03:25 on 4.5.2025",
            "1.078,58 € 12.50,00 (3;4) x;12 3;456",
            "40.13:2025",
            "10.0.0.1:80 v1.2:3",
            "K-0ct5 0x0 R0w2",
            "Sa facture, Se Ag Co",
            "McIntyre MacIntosh McDonald iPhone eBay SAP",
            "NGO S.A. B.V.",
        ] {
            assert_eq!(words(text), text);
        }
    }

    #[test]
    fn macrons_are_umlauts_on_a_page_that_has_some() {
        let mended = |texts: &[&str]| {
            let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            lines(&mut texts);
            texts
        };
        assert_eq!(mended(&["Sōhne", "Köln"]), ["Söhne", "Köln"]);
        assert_eq!(mended(&["Tōkyō"]), ["Tōkyō"]);
    }
}
