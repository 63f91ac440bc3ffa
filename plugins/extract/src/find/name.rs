//! Names by rule: after "my name is", and below a closing line. The model finds those that stand elsewhere.

use fleetwright_detect::{Scan, Span};

use super::Finding;
use crate::entity::Kind;

const INTRODUCED: &[&str] = &[
    "my name is ",
    "my name's ",
    "mein name ist ",
    "je m'appelle ",
    "me llamo ",
];
const CLOSINGS: &[&str] = &[
    "regards",
    "best regards",
    "kind regards",
    "warm regards",
    "many thanks and regards",
    "sincerely",
    "yours sincerely",
    "yours faithfully",
    "best wishes",
    "all the best",
    "best",
    "cheers",
    "many thanks",
    "thanks",
    "thank you",
    "thanks in advance",
    "respectfully",
    "mit freundlichen grüßen",
    "viele grüße",
    "cordialement",
    "saludos",
];

/// Forms of address, which are no part of a name.
const TITLES: &[&str] = &[
    "mr",
    "mrs",
    "ms",
    "miss",
    "mister",
    "dr",
    "prof",
    "professor",
    "sir",
    "madam",
    "herr",
    "frau",
    "mme",
    "sr",
    "sra",
];

/// Finds names.
pub fn find(scan: &Scan<'_>) -> Vec<Finding> {
    let mut found = introduced(scan);
    found.extend(signed(scan));
    found
}

/// The sender's name in a header such as `Jane Whitfield <jane@example.com>`.
pub fn sender(from: &str) -> Option<Finding> {
    let name = from
        .split_once('<')?
        .0
        .trim()
        .trim_matches(['"', '\''])
        .trim();
    let start = from.find(name)?;
    let scan = Scan::new(from);
    is_name(name).then(|| {
        let end = start + name.len();
        person(&scan, Span { start, end }, 0.95)
    })
}

/// A person by rule.
fn person(scan: &Scan<'_>, span: Span, confidence: f64) -> Finding {
    let span = untitled(scan.text(), span);
    Finding::new(Kind::Person, scan, span, span.of(scan.text()), confidence)
}

/// A person's name without the form of address before it, and without what follows that is no word of a name: a single small or
/// caseless letter. `MS Dhoni` has initials.
pub(crate) fn untitled(text: &str, span: Span) -> Span {
    let Span { mut start, mut end } = span;
    while let Some((first, rest)) = text
        .get(start..end)
        .and_then(|name| name.split_once(char::is_whitespace))
    {
        let bare = first.trim_end_matches('.').to_lowercase();
        if first == "MS" || !TITLES.contains(&bare.as_str()) {
            break;
        }
        start = end - rest.trim_start().len();
    }
    while let Some((rest, last)) = text
        .get(start..end)
        .and_then(|name| name.rsplit_once(char::is_whitespace))
    {
        if last.chars().count() > 1 || last.chars().any(char::is_uppercase) {
            break;
        }
        end = start + rest.trim_end().len();
    }
    Span { start, end }
}

fn introduced(scan: &Scan<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for from in (0..scan.len()).filter(|p| !scan.word_before(*p)) {
        let Some(phrase) = INTRODUCED.iter().find(|phrase| {
            phrase.chars().enumerate().all(|(n, c)| {
                scan.at(from + n)
                    .is_some_and(|d| d.eq_ignore_ascii_case(&c) || c == '\'' && d == '’')
            })
        }) else {
            continue;
        };
        let start = from + phrase.chars().count();
        if let Some(to) = capitalised_end(scan, start) {
            found.push(person(scan, scan.span(start, to), 0.95));
        }
    }
    found
}

/// The end of one to four words that begin with capitals.
fn capitalised_end(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let mut end = None;
    let mut position = start;
    for _ in 0..4 {
        if !scan.at(position).is_some_and(char::is_uppercase) {
            break;
        }
        let to = scan.skip(position, |c| {
            c.is_alphabetic() || matches!(c, '-' | '\'' | '’')
        });
        end = Some(to);
        if scan.at(to) != Some(' ') {
            break;
        }
        position = to + 1;
    }
    end
}

/// The line below a closing line, where it reads as a name.
fn signed(scan: &Scan<'_>) -> Vec<Finding> {
    let text = scan.text();
    let mut found = Vec::new();
    let mut closed = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let lower = trimmed.trim_end_matches([',', '.', '!']).to_lowercase();
        if closed && is_name(trimmed) {
            let start = offset + line.find(trimmed).unwrap_or(0);
            let end = start + trimmed.len();
            found.push(person(scan, Span { start, end }, 0.9));
        }
        closed = CLOSINGS.contains(&lower.as_str()) || closed && trimmed.is_empty();
        offset += line.len();
    }
    found
}

/// One to four words that begin with capitals and hold letters alone.
fn is_name(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let word = |word: &&str| {
        word.chars().next().is_some_and(char::is_uppercase)
            && word
                .chars()
                .all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’' | '.'))
    };
    (1..=4).contains(&words.len())
        && words.iter().all(word)
        && text.chars().count() > 1
        && text.len() <= 60
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_address_and_a_stray_letter_are_no_part_of_a_name() {
        for (text, name) in [
            ("Mrs. Labrie", "Labrie"),
            ("Prof. Dr. Ada Lovelace", "Ada Lovelace"),
            ("Lea Petersen ג", "Lea Petersen"),
            ("M. Novak", "M. Novak"),
            ("MS Dhoni", "MS Dhoni"),
            ("Jo Q", "Jo Q"),
            ("Mr", "Mr"),
        ] {
            let all = Span {
                start: 0,
                end: text.len(),
            };
            assert_eq!(untitled(text, all).of(text), name);
        }
        let signed = find(&Scan::new("Kind regards,\nDr. Ada Lovelace"));
        assert_eq!(signed[0].value, "Ada Lovelace");
    }
}
