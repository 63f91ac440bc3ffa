//! "Did you mean": the nearest of a few known words.
//!
//! Purpose: most mistakes in a manifest are a letter or a dash. Bounds: words longer than 64 bytes are not compared.

use std::cmp::min;

/// The word of `known` that `given` most likely meant: at most a third of its letters differ, `-` and `_` and case aside.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if given.len() > 64 {
        return None;
    }
    let given = folded(given);
    let allowed = (given.len() / 3).max(1);
    known
        .into_iter()
        .filter(|word| word.len() <= 64)
        .map(|word| (distance(&given, &folded(word)), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Words as a list in backticks: `` `a`, `b` and `c` ``; at most sixteen, then how many more.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    if quoted.len() > 16 {
        let more = quoted.len() - 15;
        quoted.truncate(15);
        quoted.push(format!("{more} more"));
    }
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A value as a message shows it: one line, at most 60 characters.
pub(crate) fn shown(value: &str) -> String {
    let mut text: String = value
        .chars()
        .take(60)
        .map(|c| {
            if c.is_control() || c == '`' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if value.chars().nth(60).is_some() {
        text.push('…');
    }
    text
}

fn folded(word: &str) -> Vec<char> {
    word.chars()
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// Edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut two_ago: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut before: Option<char> = None;
    for (i, &ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut left: Option<char> = None;
        for (j, &cb) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best = min(at(&previous, j + 1), at(&row, j)) + 1;
            best = min(best, at(&previous, j) + usize::from(ca != cb));
            if before == Some(cb) && left == Some(ca) && j > 0 {
                best = min(best, at(&two_ago, j - 1) + 1);
            }
            row.push(best);
            left = Some(cb);
        }
        two_ago = std::mem::replace(&mut previous, row);
        before = Some(ca);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_far_ones_are_not() {
        let known = ["name", "plugin", "needs", "on_error", "reads"];
        assert_eq!(nearest("plugn", known), Some("plugin"));
        assert_eq!(nearest("on-error", known), Some("on_error"));
        assert_eq!(nearest("raeds", known), Some("reads"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn distance_counts_a_swap_once() {
        let d = |a: &str, b: &str| distance(&folded(a), &folded(b));
        assert_eq!(d("ab", "ba"), 1);
        assert_eq!(d("kitten", "sitting"), 3);
        assert_eq!(d("", "abc"), 3);
        assert_eq!(d("same", "same"), 0);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(list([]), "");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
