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
/// Among so many words at a sentence's beginning `this` and `these` point back; further on their noun may stand before them.
const NEAR: usize = 8;
/// Among so many there is no noun yet that an `it` could stand for.
const SOON: usize = 4;
/// Behind these `that` is no conjunction …
const PREPOSITIONS: &[&str] = &[
    "on", "of", "for", "to", "about", "with", "at", "by", "from", "than", "over", "like", "after",
    "before", "into",
];
/// … unless a clause begins with it.
const CLAUSES: &[&str] = &[
    "i", "you", "we", "he", "she", "they", "the", "a", "an", "there", "my", "your", "our",
];
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
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let points = |at: usize| points(words.get(at..).unwrap_or_default());
    let linked = words.first().is_some_and(|word| LINKS.contains(word));
    points(0) || linked && points(1) || (0..words.len()).any(|at| points_within(&words, at))
}

/// Whether a word further on points to what was said before: `such a lid`, `on that`, `I think it is`.
fn points_within(words: &[&str], at: usize) -> bool {
    let of = |at: Option<usize>| at.and_then(|at| words.get(at)).copied().unwrap_or_default();
    let (before, word, after) = (of(at.checked_sub(1)), of(Some(at)), of(Some(at + 1)));
    match word {
        "these" | "those" => at < NEAR,
        "this" => at < NEAR && !TIMES.contains(&after),
        "such" => after != "as",
        "that" => PREPOSITIONS.contains(&before) && !CLAUSES.contains(&after),
        "it" | "it's" | "they" | "he" | "she" => {
            at < SOON && self::points(words.get(at..).unwrap_or_default())
        }
        _ => false,
    }
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
            "I'd say it's just the opposite.",
            "I know of no such lid.",
            "Can you say more on that?",
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
            "The lid broke before it came.",
            "Lids such as mine break.",
            "",
        ] {
            assert!(!leans(text), "{text}");
        }
    }
}
