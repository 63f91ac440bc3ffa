//! Which sentences ask for something.

/// Words with which one asks, as they stand in small letters; a question mark asks as well, of any script.
const CUES: [&str; 12] = [
    "please",
    "could you",
    "can you",
    "would you",
    "will you",
    "let me know",
    "i want",
    "we want",
    "i need",
    "we need",
    "i would like",
    "kindly",
];

/// Whether a sentence, in English, asks for something: a question, or one of a few turns such as "please" and "I would like".
#[must_use]
pub fn asks(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    questions(sentence) || CUES.iter().any(|cue| says(&lower, cue))
}

/// Whether a question mark ends something in it: not one that stands for a letter (`can?t`), nor for a doubt, `(?)`.
#[must_use]
pub fn questions(sentence: &str) -> bool {
    let mut before = None;
    sentence.char_indices().any(|(at, c)| {
        let last = before.replace(c);
        match c {
            '？' | '؟' => true,
            '?' => {
                let after = sentence.get(at + 1..).unwrap_or_default();
                last != Some('(') && ends_question(after, sentence.starts_with('('))
            }
            _ => false,
        }
    })
}

/// Whether a question ends before `after`: there is nothing, or a new beginning, or a bracket that was opened with it.
fn ends_question(after: &str, bracketed: bool) -> bool {
    let marks = |c: char| {
        matches!(
            c,
            '?' | '!' | '"' | '\'' | '”' | '’' | '»' | '…' | '*' | '_'
        )
    };
    let rest = after.trim_start_matches(marks);
    match rest.chars().next() {
        None => true,
        Some(')' | ']') => bracketed || rest.trim_end_matches(['.', ' ']).chars().count() == 1,
        Some(c) if c.is_whitespace() => !rest.trim_start().starts_with(char::is_lowercase),
        Some(_) => false,
    }
}

/// Whether the words stand in the text, and are no part of longer ones.
fn says(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + found.len()..);
        let after = after.and_then(|after| after.chars().next());
        [before, after]
            .into_iter()
            .flatten()
            .all(|c| !c.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::asks;

    #[test]
    fn questions_and_requests_ask_and_statements_do_not() {
        for (sentence, asked) in [
            ("When does it come?", true),
            ("Could you look into it", true),
            ("PLEASE call me back.", true),
            ("We need two more.", true),
            ("いつ届きますか？", true),
            ("\"When?\" was all he said.", false),
            ("(Or is it Monday?)", true),
            ("Is it? I doubt it.", true),
            ("Can you come (or is Monday better?).", true),
            ("I can?t find it.", false),
            ("A lid (the large one?) was ordered.", false),
            ("The ??? lid is gone, it says ?no?.", false),
            ("The lid (?) is gone.", false),
            ("I was pleased, and wanted to say so: we wanted it.", false),
            ("It broke on Monday.", false),
            ("", false),
        ] {
            assert_eq!(asks(sentence), asked, "{sentence}");
        }
    }
}
