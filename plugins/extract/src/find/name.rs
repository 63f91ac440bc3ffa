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
        Finding::new(
            Kind::Person,
            &scan,
            Span {
                start,
                end: start + name.len(),
            },
            name,
            0.95,
        )
    })
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
            found.push(Finding::new(
                Kind::Person,
                scan,
                scan.span(start, to),
                scan.slice(start, to),
                0.95,
            ));
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
            found.push(Finding::new(
                Kind::Person,
                scan,
                Span {
                    start,
                    end: start + trimmed.len(),
                },
                trimmed,
                0.9,
            ));
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
