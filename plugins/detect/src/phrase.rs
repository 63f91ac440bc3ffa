//! Set phrases: whole words, in either case, over any blanks or line ends.

use crate::{Scan, Span};

/// Where a phrase in lower case stands as whole words; a blank in it stands for any run of white space.
pub fn find(scan: &Scan<'_>, phrase: &str) -> Vec<Span> {
    let Some(first) = phrase.chars().next() else {
        return Vec::new();
    };
    scan.word_starts(first)
        .filter_map(|start| matched(scan.text(), start, phrase))
        .collect()
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
    }
}
