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
    sentence.contains(['?', '？', '؟']) || CUES.iter().any(|cue| lower.contains(cue))
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
            ("It broke on Monday.", false),
            ("", false),
        ] {
            assert_eq!(asks(sentence), asked, "{sentence}");
        }
    }
}
