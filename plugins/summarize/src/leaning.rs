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
    "when",
    "where",
    "once",
    "at",
    "least",
    "even",
    "true",
    "then",
];
/// An answer that begins with one of these, and a stop or a comma behind it, leans on its question.
const ANSWERS: &[&str] = &["yes", "no", "yep", "nope", "yeah", "exactly"];
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
];
/// `This is` before one of these, or before one of these with an article, says what the letter is.
const LETTERS: &[&str] = &[
    "to",
    "letter",
    "complaint",
    "request",
    "reminder",
    "message",
    "mail",
    "email",
    "notice",
    "formal",
];
/// What follows an `it is` that stands for something said before.
const NOUNS: &[&str] = &[
    "a",
    "an",
    "the",
    "something",
    "what",
    "my",
    "your",
    "our",
    "their",
];
/// An `it` behind one of these stands for what is talked of.
const THINKING: &[&str] = &[
    "think", "believe", "guess", "hope", "suppose", "say", "doubt",
];
const EXPLETIVE: &[&str] = &[
    "is", "was", "would", "may", "might", "seems", "looks", "appears", "has", "takes", "took",
];
const FOLLOWED: &[&str] = &[
    "that", "to", "if", "whether", "as", "since", "days", "weeks", "months", "hours",
];

/// Whether an English sentence leans.
pub(crate) fn leans(text: &str) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    let answers = ANSWERS.iter().any(|answer| {
        let rest = lower.strip_prefix(answer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([',', '.', '!', ';', ':']))
    });
    if answers {
        return true;
    }
    let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let points = |at: usize| points(words.get(at..).unwrap_or_default());
    let links = words.iter().take_while(|word| LINKS.contains(word)).count();
    (0..=links).any(points) || (0..words.len()).any(|at| points_within(&words, at))
}

/// Whether a word further on points to what was said before: `such a lid`, `on that`, `I think it is`.
fn points_within(words: &[&str], at: usize) -> bool {
    let of = |at: Option<usize>| at.and_then(|at| words.get(at)).copied().unwrap_or_default();
    let (before, word, after) = (of(at.checked_sub(1)), of(Some(at)), of(Some(at + 1)));
    match word {
        "these" | "those" => at < NEAR,
        "this" => {
            let letter = after == "is" && !self::points(words.get(at..).unwrap_or_default());
            at < NEAR && !TIMES.contains(&after) && !letter
        }
        "such" => after != "as",
        "that's" => true,
        "them" | "him" => at < SOON,
        "that" => PREPOSITIONS.contains(&before) && !CLAUSES.contains(&after),
        "it" | "it's" | "they" | "he" | "she" => {
            let near = at < SOON || THINKING.contains(&before);
            near && self::points(words.get(at..).unwrap_or_default())
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
        "this" if second == "is" => rest
            .iter()
            .skip(1)
            .take(2)
            .any(|word| LETTERS.contains(word)),
        "this" => TIMES.contains(&second),
        "it" => {
            let third = rest.get(1).copied().unwrap_or_default();
            let followed = rest.iter().skip(1).any(|word| FOLLOWED.contains(word));
            EXPLETIVE.contains(&second) && !NOUNS.contains(&third) && followed
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
            "True, this is not done yet.",
            "In addition, it is something that we like.",
            "On the whole I believe it should be mended.",
            "Or at least that's how I read the bill.",
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
            "This is a formal complaint about my lid.",
            "This is to tell you of a broken lid.",
            "I know that.",
            "No parcel came on Monday.",
            "I asked the shop and told them of it.",
            "The lid broke before it came.",
            "Lids such as mine break.",
            "",
        ] {
            assert!(!leans(text), "{text}");
        }
    }
}
