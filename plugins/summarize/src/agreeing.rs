//! Whether a sentence agrees to something, undertakes it, or says that it is done.

use crate::sentences::Sentence;

/// An answer that begins with one of these, and a stop or a comma behind it, is a yes.
const YES: &[&str] = &[
    "agree",
    "yes",
    "yep",
    "yeah",
    "agreed",
    "exactly",
    "right",
    "sure",
    "ok",
    "okay",
    "correct",
    "fine",
    "absolutely",
    "no problem",
    "not a problem",
    "good point",
    "good idea",
    "great idea",
    "sounds good",
    "sounds great",
    "makes sense",
    "will do",
    "done",
    "fixed",
];
/// A longer answer says something of its own, whatever it begins with.
const SHORT: usize = 8;
/// Words with which somebody agrees, wherever they stand.
const AGREED: &[&str] = &[
    "i agree",
    "we agree",
    "i do agree",
    "i also agree",
    "i fully agree",
    "i totally agree",
    "i completely agree",
    "have to agree",
    "tend to agree",
    "must agree",
    "agreed to",
    "agreed on",
    "i second",
    "i 2nd",
    "it's a deal",
    "that works",
    "works for me",
    "works for us",
    "fine with me",
    "fine by me",
    "that's fine",
    "i accept",
    "we accept",
    "we have decided",
    "we've decided",
    "i volunteer",
    "i'd go with",
    "i would go with",
    "i'll go with",
    "makes sense to me",
    "you're right",
    "you are right",
    "you are correct",
    "that's right",
    "that's true",
    "that is true",
    "is right",
    "okay by me",
    "ok by me",
    "ok with me",
    "looks good to me",
    "we're working on",
    "i'm working on",
    "we are working on",
];
/// What may be liked: a thing that somebody proposed.
const PROPOSED: &[&str] = &["proposal", "suggestion", "idea", "approach", "solution"];
/// With these somebody undertakes something …
const UNDERTAKES: &[&str] = &["i'll", "i will", "we'll", "we will"];
/// … unless one of these follows …
const IDLE: &[&str] = &[
    "be unable",
    "need",
    "see",
    "have to",
    "continue",
    "bet",
    "admit",
    "assume",
    "guess",
    "say",
    "be asking",
    "be happy if",
];
/// … or goes before.
const WITHIN: &[&str] = &[
    "which", "that", "when", "whether", "how", "what", "until", "think", "hope",
];
/// Who says that something is done …
const DOERS: &[&str] = &[
    "i have",
    "i've",
    "we have",
    "we've",
    "has been",
    "have been",
    "has now been",
];
/// … and what is done where a request is met.
const DONE: &[&str] = &[
    "refunded",
    "sent",
    "shipped",
    "fixed",
    "mended",
    "repaired",
    "replaced",
    "cancelled",
    "canceled",
    "corrected",
    "updated",
    "added",
    "changed",
    "removed",
    "issued",
    "forwarded",
    "booked",
    "reset",
    "unlocked",
    "blocked",
    "resolved",
    "closed",
    "confirmed",
    "credited",
    "reversed",
];
const SETTLED: &[&str] = &["is resolved", "is closed", "is settled"];
/// Openings that no denial behind them takes back.
const OPENING: &[&str] = &[
    "i agree",
    "we agree",
    "agreed",
    "you're right",
    "you are right",
    "you are correct",
];
/// Words that take it back.
const NOT: &[&str] = &[
    "not", "never", "unless", "until", "if", "against", "unable", "cannot", "nor", "or am i",
    "disagree",
];
/// … and those after which a yes is none.
const BUT: &[&str] = &["but", "however", "although"];

/// What a thread's sentences agree to. Only who answers somebody undertakes what was asked, or has done it.
pub(crate) fn agrees(sentence: &Sentence) -> bool {
    let said = Said::of(&sentence.text);
    let answers = sentence.message > 0;
    if sentence.text.contains('?') || said.takes_back() {
        return false;
    }
    said.says_yes() || said.likes() || answers && (said.undertakes() || said.is_done())
}

/// A sentence in small letters: as it stands, and its words alone with a blank around each.
struct Said {
    lower: String,
    words: String,
    /// Where each of the words begins.
    starts: Vec<usize>,
}

impl Said {
    fn of(text: &str) -> Self {
        let lower = text.to_lowercase().replace('’', "'");
        let spoken = |c: char| c.is_alphanumeric() || c == '\'';
        let words = lower
            .split(|c: char| !spoken(c))
            .filter(|word| !word.is_empty());
        let (mut joined, mut starts) = (String::from(" "), Vec::new());
        for word in words {
            starts.push(joined.len());
            joined.push_str(word);
            joined.push(' ');
        }
        Said {
            lower,
            words: joined,
            starts,
        }
    }

    fn has(&self, words: &str) -> bool {
        self.parted(words).is_some()
    }

    /// What stands before and behind some words, where they first stand whole.
    fn parted(&self, words: &str) -> Option<(&str, &str)> {
        let first = words.as_bytes().first();
        self.starts.iter().find_map(|start| {
            let (before, rest) = self.words.split_at_checked(*start)?;
            // Most words differ in their first letter.
            if rest.as_bytes().first() != first {
                return None;
            }
            let after = rest.strip_prefix(words)?.strip_prefix(' ')?;
            Some((before.strip_suffix(' ')?, after))
        })
    }

    fn any(&self, of: &[&str]) -> bool {
        of.iter().any(|words| self.has(words))
    }

    fn takes_back(&self) -> bool {
        // Who begins with it agrees, whatever he denies then.
        if OPENING.iter().any(|opening| {
            self.parted(opening)
                .is_some_and(|(before, _)| before.is_empty())
        }) {
            return self.any(&["if", "unless", "until", "or am i"]);
        }
        let denies = self.lower.starts_with("no ") && !self.lower.starts_with("no problem");
        denies || self.any(NOT) || self.lower.contains("n't")
    }

    fn says_yes(&self) -> bool {
        // A bare yes answers a question, and says nothing without it.
        let bare = matches!(self.words.trim(), "yes" | "yep" | "yeah");
        let begins = !bare
            && YES.iter().any(|yes| {
                let rest = self.lower.strip_prefix(yes);
                rest.is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with([',', '.', '!', ';', ':'])
                })
            });
        let short = self.words.split_whitespace().count() <= SHORT;
        begins && short && !self.any(BUT) || self.any(AGREED)
    }

    fn likes(&self) -> bool {
        (self.has("i like") || self.has("i support")) && self.any(PROPOSED) && !self.any(BUT)
    }

    fn undertakes(&self) -> bool {
        let idle = |after: &str| IDLE.iter().any(|idle| after.starts_with(idle));
        UNDERTAKES
            .iter()
            .any(|said| self.says(said).is_some_and(|after| !idle(after)))
    }

    fn is_done(&self) -> bool {
        let done = |after: &str| {
            let by_the_way = ["now ", "also ", "already ", "just "];
            let after = by_the_way
                .iter()
                .find_map(|word| after.strip_prefix(word))
                .unwrap_or(after);
            DONE.iter().any(|done| after.starts_with(done))
        };
        self.any(SETTLED) || DOERS.iter().any(|said| self.says(said).is_some_and(done))
    }

    /// What follows some words that begin a clause of their own.
    fn says(&self, words: &str) -> Option<&str> {
        let (before, after) = self.parted(words)?;
        (!WITHIN.iter().any(|word| before.ends_with(word))).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(text: &str, message: usize) -> bool {
        let sentence = Sentence::of(text, message).or_else(|| Sentence::brief(text, message));
        agrees(&sentence.unwrap())
    }

    #[test]
    fn who_agrees_says_so() {
        for text in [
            "Agreed.",
            "I agree.",
            "Yes, that is true.",
            "OK, Tuesday it is.",
            "I have to agree with Ann.",
            "I like Bo's proposal.",
            "Tuesday works for us.",
            "We have decided to take the large one.",
            "You're right.",
            "You are right, we need not send it.",
            "As usual, Bo is right.",
        ] {
            assert!(agreed(text, 1), "{text}");
        }
    }

    #[test]
    fn who_answers_undertakes_or_has_done_what_was_asked() {
        for text in [
            "We'll send another one today.",
            "I will ask the plumber.",
            "We have now refunded the fee.",
            "Your parcel has been sent.",
            "Your case is closed.",
        ] {
            assert!(agreed(text, 1), "{text}");
            assert!(!agreed(text, 0), "nobody asked: {text}");
        }
    }

    #[test]
    fn what_is_taken_back_denied_asked_or_idle_is_none() {
        for text in [
            "I don't agree with that.",
            "We will not pay for it.",
            "I will pay if it comes.",
            "Will we meet, or will it rain?",
            "Yes, but it is broken.",
            "Yes, I would like to think that all of them have a lid and a box.",
            "We considered it and decided against it.",
            "I will be unable to come today.",
            "I'll need a list of names.",
            "We'll see what becomes of it.",
            "That is a matter which we'll look at.",
            "Right now we are closed.",
            "Let's take some shops at random.",
            "I like the lamp.",
            "There were faults, which have been corrected.",
            "No you send what we accept.",
            "Yes.",
            "The large lid, which has two hinges, was never a good idea of Bo's.",
        ] {
            assert!(!agreed(text, 1), "{text}");
        }
    }
}
