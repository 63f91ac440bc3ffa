//! Set phrases: whole words, in either case, over any blanks or line ends. A rule of its own, of low severity: a phrase
//! is a hint for a person, not a finding of fact.

use fleetwright_detect::Span;
use fleetwright_detect::phrase::find;

const LEGAL: &[&str] = &[
    "my lawyer",
    "my lawyers",
    "my solicitor",
    "my solicitors",
    "my attorney",
    "our lawyers",
    "our solicitors",
    "legal action",
    "legal proceedings",
    "legal advice",
    "take you to court",
    "see you in court",
    "sue you",
    "suing you",
    "small claims",
    "the ombudsman",
    "letter before action",
    "letter before claim",
    "class action",
    "trading standards",
    "consumer protection agency",
];

const HEALTH: &[&str] = &[
    "diagnosed with",
    "my diagnosis",
    "my illness",
    "chemotherapy",
    "my cancer",
    "i am pregnant",
    "i'm pregnant",
    "my pregnancy",
    "my disability",
    "i am disabled",
    "wheelchair",
    "mental health",
    "my depression",
    "my anxiety",
    "my medication",
    "my surgery",
    "my medical condition",
    "heart condition",
    "in hospital",
    "my insulin",
    "hiv positive",
];

/// Phrases that announce legal steps.
pub(crate) fn legal(text: &str) -> Vec<Span> {
    LEGAL.iter().flat_map(|phrase| find(text, phrase)).collect()
}

/// Phrases that speak of the writer's health.
pub(crate) fn health(text: &str) -> Vec<Span> {
    HEALTH
        .iter()
        .flat_map(|phrase| find(text, phrase))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn phrases_are_whole_words_over_line_ends() {
        assert_eq!(legal("I will TAKE you\n  to court.").len(), 1);
        assert!(legal("a lawyerly tone, my lawyerish friend").is_empty());
        assert_eq!(health("I’m pregnant").len(), 1);
    }

    proptest! {
        #[test]
        fn spans_are_text(text in "[my lawyerIł’ \n]{0,60}") {
            for span in legal(&text) {
                prop_assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
