//! Set phrases: whole words, in either case, over any blanks or line ends.

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

fn matched(text: &str, start: usize, phrase: &str) -> Option<Span> {
    let mut rest = text.get(start..)?;
    for wanted in phrase.chars() {
        let c = rest.chars().next()?;
        if wanted == ' ' && c.is_whitespace() {
            rest = rest.trim_start();
        } else if c.eq_ignore_ascii_case(&wanted) || wanted == '\'' && c == '’' {
            rest = rest.get(c.len_utf8()..)?;
        } else {
            return None;
        }
    }
    let whole = !rest.starts_with(char::is_alphanumeric);
    whole.then(|| Span {
        start,
        end: text.len() - rest.len(),
    })
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
}
