//! Whether a sentence leans on the one before it: without that one, a reader would take its `that`, `it` or `yes` for something else.

/// Words that point back, at a sentence's beginning …
const POINTING: &[&str] = &[
    "this",
    "that",
    "these",
    "those",
    "it",
    "it's",
    "that's",
    "its",
    "they",
    "they're",
    "their",
    "he",
    "she",
    "his",
    "her",
    "such",
    "neither",
    "both",
    "otherwise",
    "likewise",
    "similarly",
    "therefore",
    "thus",
    "hence",
    "instead",
    "yes",
    "no",
    "yep",
    "nope",
    "exactly",
    "same",
];
/// … or behind one of these.
const LINKS: &[&str] = &[
    "and",
    "but",
    "so",
    "or",
    "also",
    "then",
    "well",
    "because",
    "since",
    "if",
    "although",
    "though",
    "while",
    "however",
    "perhaps",
    "maybe",
    "obviously",
    "still",
    "ok",
    "okay",
    "for",
    "with",
    "in",
    "by",
    "from",
    "after",
    "before",
    "until",
    "unless",
    "as",
    "is",
    "are",
    "was",
    "does",
    "do",
    "did",
    "would",
    "could",
    "can",
    "should",
    "will",
];
/// A word that points back and stands further on is taken with what follows it.
const NEAR: usize = 8;
/// Two words that point back.
const PHRASES: &[&str] = &[
    "if so",
    "if not",
    "in that",
    "the same",
    "the former",
    "the latter",
    "the other",
    "as such",
];
/// A `this` before one of these is a time, and an `it` before one of these stands for what follows.
const TIMES: &[&str] = &[
    "morning",
    "afternoon",
    "evening",
    "week",
    "month",
    "year",
    "time",
    "letter",
    "mail",
    "email",
    "e-mail",
    "message",
    "is",
];
const EXPLETIVE: &[&str] = &[
    "is", "was", "would", "may", "might", "seems", "looks", "appears", "has", "takes", "took",
];
const FOLLOWED: &[&str] = &[
    "that", "to", "if", "whether", "as", "since", "days", "weeks", "months", "hours",
];

/// Whether a sentence leans.
pub(crate) fn leans(text: &str) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).take(12).collect();
    let points = |at: usize| points(words.get(at..).unwrap_or_default());
    let linked = words.first().is_some_and(|word| LINKS.contains(word));
    let inner = words.iter().enumerate().take(NEAR).any(|(at, word)| {
        let after = words.get(at + 1).copied().unwrap_or_default();
        matches!(*word, "these" | "those") || *word == "this" && !TIMES.contains(&after)
    });
    points(0) || linked && points(1) || inner
}

/// Whether words begin with one that points back.
fn points(words: &[&str]) -> bool {
    let [first, rest @ ..] = words else {
        return false;
    };
    let second = rest.first().copied().unwrap_or_default();
    let pair = format!("{first} {second}");
    if PHRASES.contains(&pair.as_str()) {
        return true;
    }
    let stands_for_what_follows = match *first {
        "this" => TIMES.contains(&second),
        "it" => {
            EXPLETIVE.contains(&second) && rest.iter().skip(1).any(|word| FOLLOWED.contains(word))
        }
        _ => false,
    };
    POINTING.contains(first) && !stands_for_what_follows
}

#[cfg(test)]
mod tests {
    use super::leans;

    #[test]
    fn what_points_back_leans() {
        for text in [
            "That should be doable.",
            "But this would mean a second lid.",
            "It's just hidden.",
            "If so, please send another.",
            "Yes, on Monday.",
            "Is this correct?",
            "For that we have a form.",
            "The lid of these two is gone.",
        ] {
            assert!(leans(text), "{text}");
        }
    }

    #[test]
    fn what_stands_by_itself_does_not() {
        for text in [
            "The lid broke.",
            "Also, I need the bill.",
            "It would be good to have another one.",
            "It is three weeks since I wrote.",
            "This morning the lid broke.",
            "I know that.",
            "",
        ] {
            assert!(!leans(text), "{text}");
        }
    }
}
