//! Which sentences ask for something.

/// Turns with which one asks for something, as they stand in small letters …
const REQUESTS: [&str; 7] = [
    "could you",
    "can you",
    "would you",
    "will you",
    "let me know",
    "i would like",
    "kindly",
];
/// … and words that tell a wish among other things. A question mark asks as well, of any script.
const WISHES: [&str; 5] = ["please", "i want", "we want", "i need", "we need"];

/// Characters behind a mark that are looked at.
const NEAR: usize = 8;

/// Whether a sentence, in English, asks for something: a question, or one of a few turns such as "please" and "I would like".
#[must_use]
pub fn asks(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    let any = |turns: &[&str]| turns.iter().any(|turn| says(&lower, turn));
    questions(sentence) || any(&REQUESTS) || any(&WISHES)
}

/// Whether a sentence, in English, asks by a turn that asks for nothing else, such as "could you".
#[must_use]
pub fn requests(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    REQUESTS.iter().any(|request| says(&lower, request))
}

/// Whether a question mark ends something in it: not one that stands for a letter (`can?t`), nor for a doubt, `(?)`.
#[must_use]
pub fn questions(sentence: &str) -> bool {
    let bracketed = sentence.starts_with('(');
    // What stands before a mark, or before the marks that it is the last of.
    let (mut before, mut last) = (' ', ' ');
    sentence.char_indices().any(|(at, c)| {
        if c != '?' || last != '?' {
            before = last;
        }
        last = c;
        let after = sentence.get(at + c.len_utf8()..).unwrap_or_default();
        match c {
            '？' | '؟' => true,
            '?' if !after.starts_with('?') => {
                before != '(' && ends_question(before, after, bracketed)
            }
            _ => false,
        }
    })
}

/// Whether a question ends between `before` and `after`: behind a word and before a blank; before a new beginning, or nothing; before a
/// bracket that ends the sentence or was opened with it.
fn ends_question(before: char, after: &str, bracketed: bool) -> bool {
    let blank = after.starts_with(char::is_whitespace);
    if blank && before.is_alphanumeric() {
        return true;
    }
    let marks = ['!', '"', '\'', '”', '’', '“', '»', '…', '*', '_'];
    let near: String = after.chars().take(NEAR).collect();
    let rest = near.trim_start_matches(marks);
    match rest.chars().next() {
        None => true,
        Some(')' | ']') => bracketed || rest.trim_end_matches(['.', ' ']).chars().nth(1).is_none(),
        Some(c) if c.is_whitespace() => !rest.trim_start().starts_with(char::is_lowercase),
        Some(c) => !c.is_alphanumeric() && !matches!(c, '.' | ','),
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
            ("Hello. Did you get my parcel? thanks", true),
            ("Where is my order?🙏", true),
            ("Really??? When?", true),
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
