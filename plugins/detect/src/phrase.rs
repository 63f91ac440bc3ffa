//! Set phrases: whole words, in either case, over any blanks or line ends. Two neighbouring letters of a long word may have changed
//! places, once in a phrase and not the first two of it, by which it is looked for.

use crate::scan::goes_on;
use crate::{Scan, Span};

/// Where a phrase in lower case stands as whole words; a blank in it stands for any run of white space.
pub fn find(scan: &Scan<'_>, phrase: &str) -> Vec<Span> {
    let matched = |start| matched(scan.text(), start, phrase);
    let mut first = phrase.chars();
    match (first.next(), first.next()) {
        (Some(one), Some(two)) => scan.word_starts((one, two)).filter_map(matched).collect(),
        (Some(one), None) => {
            let starts = scan.word_starts_of(one).into_iter();
            starts.filter_map(matched).collect()
        }
        (None, _) => Vec::new(),
    }
}

/// Letters of a word in which two may have changed places: in a shorter one that makes another word, as `trail` of `trial`.
const LONG: usize = 6;

fn matched(text: &str, start: usize, phrase: &str) -> Option<Span> {
    let (mut rest, mut wanted) = (text.get(start..)?, phrase);
    let mut mistyped = false;
    while let Some(letter) = wanted.chars().next() {
        let c = rest.chars().next()?;
        if letter == ' ' && c.is_whitespace() {
            rest = rest.trim_start();
            wanted = after(wanted, letter)?;
        } else if is_same(c, letter) {
            rest = after(rest, c)?;
            wanted = after(wanted, letter)?;
        } else {
            let first = std::mem::replace(&mut mistyped, true);
            let within = !first && is_long(phrase, phrase.len() - wanted.len());
            (rest, wanted) = exchanged(rest, wanted).filter(|_| within)?;
        }
    }
    let whole = !rest.starts_with(goes_on);
    whole.then(|| Span {
        start,
        end: text.len() - rest.len(),
    })
}

fn is_same(c: char, wanted: char) -> bool {
    c.eq_ignore_ascii_case(&wanted) || wanted == '\'' && c == '’'
}

fn after(text: &str, first: char) -> Option<&str> {
    text.get(first.len_utf8()..)
}

/// What follows two letters that stand in the wrong order, in the text and in the phrase.
fn exchanged<'t, 'p>(text: &'t str, phrase: &'p str) -> Option<(&'t str, &'p str)> {
    let (mut read, mut wanted) = (text.chars(), phrase.chars());
    let (a, b) = (read.next()?, read.next()?);
    let (x, y) = (wanted.next()?, wanted.next()?);
    let letters = x.is_alphabetic() && y.is_alphabetic();
    (letters && is_same(a, y) && is_same(b, x)).then_some((read.as_str(), wanted.as_str()))
}

/// Whether the word of a phrase around an offset has letters enough to be known by what is left of them.
fn is_long(phrase: &str, at: usize) -> bool {
    let (head, tail) = phrase.split_at_checked(at).unwrap_or_default();
    let letters = |part: Option<&str>| part.unwrap_or_default().chars().count();
    letters(head.rsplit(' ').next()) + letters(tail.split(' ').next()) >= LONG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_whole_words_in_either_case_over_line_ends() {
        let text = "The Security\n code, and security codes";
        let found = find(&Scan::new(text), "security code");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].of(text), "Security\n code");
        assert!(find(&Scan::new(""), "security code").is_empty());
        assert!(find(&Scan::new("x"), "").is_empty());
        assert_eq!(find(&Scan::new("x, ox: X"), "x").len(), 2);
        let text = "I’m here; i\n am there, I AM";
        assert_eq!(find(&Scan::new(text), "i'm").len(), 1);
        assert_eq!(find(&Scan::new(text), "i am").len(), 2);
    }

    #[test]
    fn two_letters_of_a_long_word_may_have_changed_places() {
        for (text, phrase, count) in [
            ("my soliictor wrote", "my solicitor", 1),
            ("My solicitro", "my solicitor", 1),
            ("my soliictro", "my solicitor", 0), // twice
            ("my osliictor", "my solicitor", 0),
            ("small calims court", "small claims", 1),
            ("small calim", "small claims", 0),
            ("on trail", "on trial", 0),         // another word
            ("mys olicitor", "my solicitor", 0), // a blank is no letter
            ("don’t agere", "don't agrees", 0),
            ("laywers", "lawyers", 1),
        ] {
            assert_eq!(find(&Scan::new(text), phrase).len(), count, "{text}");
        }
    }
}
