//! Sentences of a text, as ranges of its bytes.
//!
//! A sentence ends at `.`, `!`, `?`, `…` and their full-width forms, at an empty line, before a list item, and at the end
//! of a line that is not merely wrapped; behind a full-width stop at once, but within brackets only before a blank; before a small letter only where the writer uses no capitals. A line that ends in a word such as `of` goes on in the next. Rules for abbreviations know English, and some German, French and Spanish.

use std::ops::Range;

use super::script::{columns, is_wide};

/// Never end a sentence.
const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "messrs", "hr", "fr", "sr", "sra", "mme", "vs", "e.g",
    "eg", "i.e", "ie", "cf", "approx", "z.b", "d.h", "bzw", "ca", "usw", "attn", "dept", "est",
    "al",
];
/// End no sentence before a number.
const COUNTERS: &[&str] = &[
    "no", "nos", "nr", "ref", "inv", "tel", "ext", "fig", "art", "p", "pp", "vol", "sec", "ch",
    "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "str",
    "apt", "acct", "qty", "max", "min",
];
/// End a sentence only before a capital.
const TAILS: &[&str] = &[
    "etc", "inc", "ltd", "co", "corp", "plc", "gmbh", "a.m", "p.m", "am", "pm",
];
/// A number and a full stop before one of these is a day.
const MONTHS: &[&str] = &[
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
    "January",
    "February",
    "March",
    "May",
    "June",
    "July",
    "October",
    "December",
];
/// Stops behind which no blank stands …
const WIDE_STOPS: [char; 3] = ['。', '！', '？'];
/// … and brackets that close behind them.
const WIDE_CLOSING: [char; 4] = ['」', '』', '）', ')'];
/// A line of fewer columns was not wrapped …
const WRAPPED: usize = 50;
/// … unless it ends in one of these, with which no sentence ends.
const HANGING: &[&str] = &[
    "a", "an", "the", "of", "to", "from", "into", "onto", "with", "without", "at", "by", "and",
    "or", "as", "that", "which", "but", "nor", "my", "your", "our", "their", "its", "whose", "is",
    "are", "was", "were", "has", "have", "would", "should", "could", "must", "because", "although",
    "if", "than", "between", "every", "der", "die", "das", "den", "und", "oder", "mit", "von",
    "für", "le", "les", "des", "et", "ou", "avec", "pour", "el", "los", "las", "y", "con", "para",
    "por",
];

/// The sentences of a text, in order, each without the whitespace around it. Together they hold all that is not blank.
#[must_use]
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut line = 0;
    let small = is_all_small(text);
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let rest = text.get(end..).unwrap_or_default();
        let ends = match c {
            '\n' => {
                let ends = line_ends(text.get(line..at).unwrap_or_default(), rest);
                line = end;
                ends
            }
            '。' | '！' | '？' | '।' | '؟' => !rest.starts_with(WIDE_CLOSING),
            '.' | '!' | '?' | '…' => {
                let before = text.get(start.max(line)..at).unwrap_or_default();
                stops(before, c, rest, small)
            }
            '"' | '\'' | ')' | ']' | '”' | '’' | '»' => {
                closes(text.get(start..at).unwrap_or_default(), rest, small)
            }
            '」' | '』' | '）' => {
                let before = text.get(start..at).unwrap_or_default();
                before.ends_with(WIDE_STOPS) && rest.starts_with(char::is_whitespace)
            }
            _ => false,
        };
        if ends {
            add(text, start..end, &mut found);
            start = end;
        }
    }
    add(text, start..text.len(), &mut found);
    found
}

fn add(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let Some(part) = text.get(range.clone()) else {
        return;
    };
    let start = range.start + (part.len() - part.trim_start().len());
    let end = start + part.trim().len();
    let closing = |c: char| is_closing(c) || matches!(c, '.' | '!' | '?' | '…');
    match found.last_mut() {
        // A second full stop, or a bracket after a full-width one.
        Some(last) if last.end == start && part.trim().chars().all(closing) => last.end = end,
        _ if start < end => found.push(start..end),
        _ => {}
    }
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）'
    )
}

/// Whether the writer begins sentences without capitals: no stop has one behind it, and two or more could.
fn is_all_small(text: &str) -> bool {
    let mut begun = 0;
    let stops = ['.', '!', '?', '…'];
    for (at, stop) in text.match_indices(stops) {
        let rest = text.get(at + stop.len()..).unwrap_or_default();
        // Of many in a row the last is looked at alone: a text may have nothing else.
        if rest.starts_with(stops) {
            continue;
        }
        let next = rest.trim_start();
        if next.len() == rest.len() {
            continue;
        }
        if next.starts_with(char::is_uppercase) {
            return false;
        }
        begun += usize::from(next.starts_with(char::is_lowercase));
    }
    begun > 1
}

/// Whether a stop after `before` ends a sentence. In a text that is `small`, a small letter may begin one.
fn stops(before: &str, stop: char, rest: &str, small: bool) -> bool {
    let Some(next) = rest.chars().next() else {
        return true;
    };
    if !next.is_whitespace() {
        // A full-width mark that was made a plain one.
        return stop != '.' && (is_wide(next) || before.ends_with(is_wide) && !is_closing(next));
    }
    let following = rest.trim_start();
    if rest.starts_with(['\n', '\r']) && !following.starts_with(char::is_lowercase) {
        return stop != '.' || !is_item_mark(before);
    }
    let trails_off = stop == '…' || before.ends_with('.');
    if following.starts_with(char::is_lowercase) && (!small || trails_off) {
        return false;
    }
    stop != '.' || !abbreviates(before, following)
}

/// Whether a closing quote or bracket after `before` ends a sentence that its stop did not, since the quote followed it.
fn closes(before: &str, rest: &str, small: bool) -> bool {
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return false;
    }
    let inner = before.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»']);
    inner.ends_with(['.', '!', '?', '…', '。'])
        && (small || !rest.trim_start().starts_with(char::is_lowercase))
}

/// Whether the full stop after `before` belongs to its last word.
fn abbreviates(before: &str, following: &str) -> bool {
    if is_item_mark(before) {
        return true;
    }
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let lower = word.to_lowercase();
    let lower = lower.as_str();
    let number = following.starts_with(|c: char| c.is_ascii_digit() || c == '#');
    let capital = following.starts_with(char::is_uppercase);
    let initial = word.chars().count() == 1 && word.starts_with(char::is_uppercase) && word != "I";
    let initials = word.contains('.') && word.split('.').all(|part| part.chars().count() == 1);
    let day = (1..=2).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_digit())
        && MONTHS.iter().any(|month| following.starts_with(month));
    if TAILS.contains(&lower) {
        return !capital;
    }
    TITLES.contains(&lower) || (COUNTERS.contains(&lower) && number) || initial || initials || day
}

/// Whether what stands before a full stop on its line is only the mark of a list item, as `1` or `a`.
fn is_item_mark(before: &str) -> bool {
    let mark = before.trim();
    (1..=3).contains(&mark.len()) && mark.bytes().all(|b| b.is_ascii_digit())
        || mark.len() == 1 && mark.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Whether the end of `line` ends a sentence, before `rest`.
fn line_ends(line: &str, rest: &str) -> bool {
    let next = rest.split('\n').next().unwrap_or_default();
    let (line, trimmed) = (line.trim(), next.trim());
    if line.is_empty() || trimmed.is_empty() || is_item(trimmed) {
        return true;
    }
    if trimmed.starts_with(char::is_lowercase) {
        return false;
    }
    if line.ends_with([':', ';']) {
        return true;
    }
    columns(line) < WRAPPED && !hangs(line)
}

/// Whether the last word of a text asks for another one.
#[must_use]
pub fn hangs(text: &str) -> bool {
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let lower = word.to_lowercase();
    HANGING.contains(&lower.as_str())
}

/// Whether a line starts a list item.
fn is_item(line: &str) -> bool {
    let bullet = line.strip_prefix(['-', '*', '•', '–', '·', '+']);
    if bullet.is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
        return true;
    }
    let mark = line.split(['.', ')']).next().unwrap_or_default();
    let after = line.get(mark.len()..).unwrap_or_default();
    is_item_mark(mark) && after.chars().nth(1).is_some_and(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn splits(text: &str, expected: &[&str]) {
        let found: Vec<_> = sentences(text)
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn stops_end_sentences() {
        splits(
            "It broke. Why? Help me!  Now…",
            &["It broke.", "Why?", "Help me!", "Now…"],
        );
        splits("Really?! Yes... no.", &["Really?!", "Yes... no."]);
        splits("", &[]);
        splits(" \n ", &[]);
        splits("no stop at all", &["no stop at all"]);
        splits("壊れました。助けて！", &["壊れました。", "助けて！"]);
        splits(
            "店員は「直せます。」と言いました。本当？（はい。）\n待ちます",
            &[
                "店員は「直せます。」と言いました。",
                "本当？",
                "（はい。）",
                "待ちます",
            ],
        );
        splits(
            "本当?はい!(はい。) ええ",
            &["本当?", "はい!", "(はい。)", "ええ"],
        );
        // Twenty-six wide letters fill a line.
        splits(
            "先週の月曜日に御社の通販サイトで注文した台所の電気の\n鍋が壊れています。",
            &["先週の月曜日に御社の通販サイトで注文した台所の電気の\n鍋が壊れています。"],
        );
        splits("¿Qué pasó? No lo sé.", &["¿Qué pasó?", "No lo sé."]);
    }

    #[test]
    fn without_capitals_a_small_letter_begins_a_sentence() {
        splits(
            "my lamp broke. i want another... or my money, e.g. by card. is that ok? thanks",
            &[
                "my lamp broke.",
                "i want another... or my money, e.g. by card.",
                "is that ok?",
                "thanks",
            ],
        );
        splits(
            "It broke at 9 p.m. on Monday. It is a no. 4 lamp, i.e. the big one.",
            &[
                "It broke at 9 p.m. on Monday.",
                "It is a no. 4 lamp, i.e. the big one.",
            ],
        );
        splits(
            "she said \"stop.\" and left.",
            &["she said \"stop.\" and left."],
        );
    }

    #[test]
    fn abbreviations_do_not() {
        splits(
            "Dr. Ada met Mr. J. R. Bo at 9 a.m. on Monday.",
            &["Dr. Ada met Mr. J. R. Bo at 9 a.m. on Monday."],
        );
        splits("Call at 9 p.m. Thanks.", &["Call at 9 p.m.", "Thanks."]);
        splits(
            "See order No. 12, e.g. the red one.",
            &["See order No. 12, e.g. the red one."],
        );
        splits("No. I did not.", &["No.", "I did not."]);
        splits(
            "We are Acme Ltd. Please pay.",
            &["We are Acme Ltd.", "Please pay."],
        );
        splits(
            "Lieferung am 3. März. Danke.",
            &["Lieferung am 3. März.", "Danke."],
        );
        splits("So do I. Bye.", &["So do I.", "Bye."]);
        splits("In the U.S. Army.", &["In the U.S. Army."]);
    }

    #[test]
    fn numbers_and_addresses_do_not() {
        splits(
            "I paid 3.50 to a.b@example.org. See https://x.example/a.b?c=d. Ok?",
            &[
                "I paid 3.50 to a.b@example.org.",
                "See https://x.example/a.b?c=d.",
                "Ok?",
            ],
        );
        splits(
            "Version 1.2.3 costs 1.000,50 EUR. Fine.",
            &["Version 1.2.3 costs 1.000,50 EUR.", "Fine."],
        );
        splits(
            "I was charged 300. Then again.",
            &["I was charged 300.", "Then again."],
        );
    }

    #[test]
    fn quotes_and_brackets_close_with_their_sentence() {
        splits(
            "He said \"stop.\" Then (it broke.) I left.",
            &["He said \"stop.\"", "Then (it broke.)", "I left."],
        );
        splits(
            "\"Why?\" she asked. Fine.",
            &["\"Why?\" she asked.", "Fine."],
        );
    }

    #[test]
    fn lines_and_items_end_sentences() {
        splits(
            "Hi Ada,\nit broke\nagain. Two things:\n- the lid\n- the box\n\nBo",
            &[
                "Hi Ada,\nit broke\nagain.",
                "Two things:",
                "- the lid",
                "- the box",
                "Bo",
            ],
        );
        splits(
            "Hello,\nI need help\nOrder 5",
            &["Hello,", "I need help", "Order 5"],
        );
        splits(
            "1. Open the box.\n2. Close it.\n3) Wait",
            &["1. Open the box.", "2. Close it.", "3) Wait"],
        );
        splits(
            "What do you mean by\nRequest 4? I am at\nHome.",
            &["What do you mean by\nRequest 4?", "I am at\nHome."],
        );
        let wrapped = "I have now been waiting for more than three weeks since\nMonday the first. Please help.";
        splits(
            wrapped,
            &[
                "I have now been waiting for more than three weeks since\nMonday the first.",
                "Please help.",
            ],
        );
        splits("One.\r\nTwo.\r\n", &["One.", "Two."]);
    }

    #[test]
    fn nothing_but_blanks_is_lost() {
        let text = "A.b! \"C\" (d.) … e\n\n\n- f\n1. g?!  H… .i 。 j";
        let mut rest = text.to_owned();
        for range in sentences(text).into_iter().rev() {
            rest.replace_range(range, "");
        }
        assert_eq!(rest.trim(), "");
    }
}
