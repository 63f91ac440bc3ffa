//! From a submission's fields to the sentences of its thread, oldest first.
//!
//! `messages` are a thread as they stand. A body alone is a thread of its own where it quotes earlier messages. Signatures,
//! greetings, closings and names alone are no sentences, nor is what stood in an earlier message.

use std::collections::HashMap;
use std::ops::Range;

use fleetwright_sdk::reading;
use fleetwright_sdk::text::{
    self, Tracked, without_quotes, without_signature, without_signature_of,
};
use serde::Deserialize;

use crate::features::tokens;
use crate::pieces::{self, Said};
use crate::sentences::{Sentence, greeting, is_greeting};

/// Of what a thread says in a word or two, the newest so many are read.
const BRIEF: usize = 64;
/// As many dashes or the like, and a blank, are a ruling.
const RULING: usize = 5;

/// A message of a thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    from: String,
    body: String,
}

/// A thread as it is read, oldest message first.
#[derive(Debug, Default)]
pub struct Thread {
    /// What each message says, without quotations and signature: the words that every stage reads, so that one run of the
    /// encoder serves all. A signature that is a name alone is among them.
    pub(crate) own: Vec<String>,
    /// The message that the request is about.
    pub(crate) asked: Option<usize>,
    /// The sentences of all of them; ranges are bytes of the body that a sentence stands in.
    pub sentences: Vec<Sentence>,
    /// What they say in a word or two, such as `Agreed.`: no sentence of a summary, but an answer.
    pub(crate) brief: Vec<Sentence>,
}

/// Reads a thread.
pub fn read(messages: &[Message], body: &str, from: &str) -> Thread {
    let told = told(messages, body, from);
    let own = told
        .iter()
        .map(|told| without_signature(told.body.as_str()));
    let own: Vec<_> = own.map(str::to_owned).collect();
    let senders: Vec<_> = messages.iter().map(|message| &message.from).collect();
    // A body is about what its writer says now, and where that is nothing, as in a forward, about what was said last.
    let says = |at: &usize| own.get(*at).is_some_and(|own| !own.trim().is_empty());
    let asked = reading::asked(&senders).filter(says);
    let (sentences, brief) = sentences(&told);
    Thread {
        asked: asked.or_else(|| (0..own.len()).rev().find(says)),
        sentences,
        brief,
        own,
    }
}

/// What somebody says in one message.
struct Told<'a> {
    from: String,
    body: Tracked,
    /// The text that the body's ranges are of.
    written: &'a str,
}

/// Who says what, oldest first.
fn told<'a>(messages: &'a [Message], body: &'a str, from: &str) -> Vec<Told<'a>> {
    if messages.is_empty() {
        let seen = text::seen(body);
        let mut found = text::thread(seen.as_str());
        if let Some(newest) = found.first_mut() {
            newest.from = Some(from.to_owned());
        }
        let oldest_first = found.into_iter().rev();
        return oldest_first
            .map(|message| Told {
                from: message.from.unwrap_or_default(),
                body: message.body.within(&seen),
                written: body,
            })
            .collect();
    }
    // What a reply quotes stands in the thread already.
    let own = messages.iter().map(|message| {
        let seen = text::seen(&message.body);
        Told {
            from: message.from.clone(),
            body: without_quotes(seen.as_str()).within(&seen),
            written: &message.body,
        }
    });
    own.collect()
}

/// The sentences of a thread, and what it says in a word or two.
fn sentences(told: &[Told]) -> (Vec<Sentence>, Vec<Sentence>) {
    let speakers = speakers(told.iter().map(|told| told.from.as_str()));
    let (mut made, mut brief, mut said) = (Vec::new(), Vec::new(), Said::default());
    for (index, (speaker, message)) in speakers.iter().zip(told).enumerate() {
        let letter = without_signature_of(message.body.as_str(), &message.from);
        let (mut own, briefly) = of_message(index, letter, message);
        brief.extend(briefly.into_iter().map(|sentence| Sentence {
            speaker: speaker.clone(),
            ..sentence
        }));
        // A message alone neither repeats another nor is repeated.
        if told.len() > 1 {
            let words: Vec<Vec<String>> = own
                .iter()
                .map(|(_, sentence)| tokens(&sentence.text))
                .collect();
            let mut repeated = words.iter().map(|words| said.has(words));
            own.retain(|_| !repeated.next().unwrap_or_default());
            for words in &words {
                said.add(words);
            }
        }
        let mut last = None;
        for (place, (piece, sentence)) in own.into_iter().enumerate() {
            let follows = sentence.follows && last.is_some_and(|last| last + 1 == piece);
            last = Some(piece);
            made.push(Sentence {
                place,
                speaker: speaker.clone(),
                follows,
                ..sentence
            });
        }
    }
    let oldest = brief.len().saturating_sub(BRIEF);
    (made, brief.split_off(oldest))
}

/// Whether quoted lines stand between a sentence and the next one, which is not quoted itself.
fn quotes(gap: &str) -> bool {
    let marked = |line: &str| line.trim_start().starts_with('>');
    // The last piece is the beginning of the next sentence's own line.
    gap.rsplit_once('\n')
        .is_some_and(|(before, own)| !marked(own) && before.split('\n').skip(1).any(marked))
}

/// The sentences of one message, each with its place among the pieces, and what it says in a word or two; their speaker, and the
/// places of sentences among those that are kept, are the caller's to set.
fn of_message(index: usize, own: &str, message: &Told) -> (Vec<(usize, Sentence)>, Vec<Sentence>) {
    let start = after_greeting(own);
    let letter = own.get(start..).unwrap_or_default();
    let pieces = text::sentences(letter);
    let written: Vec<_> = pieces
        .iter()
        .map(|piece| message.body.source(piece.start + start..piece.end + start))
        .collect();
    let gaps = written.iter().zip(written.iter().skip(1));
    let gaps = gaps.map(|(one, next)| message.written.get(one.end..next.start));
    let behind_quotes = gaps.map(|gap| gap.is_none_or(quotes));
    let behind_quotes: Vec<bool> = [false].into_iter().chain(behind_quotes).collect();
    let whole = pieces::whole(letter, &pieces, &behind_quotes);
    let (mut sentences, mut brief) = (Vec::new(), Vec::new());
    let told = pieces.into_iter().zip(whole.into_iter().zip(behind_quotes));
    for (at, (piece, (whole, behind_quotes))) in told.enumerate() {
        let piece = bare(letter, piece);
        let within = piece.start + start..piece.end + start;
        let said = letter.get(piece).unwrap_or_default();
        let Some(sentence) = Sentence::of(said, index) else {
            brief.extend(Sentence::brief(said, index));
            continue;
        };
        let sentence = Sentence {
            range: message.body.source(within.clone()),
            own: within,
            whole,
            follows: at > 0 && !behind_quotes,
            ..sentence
        };
        let greeted = at == 0 && start > 0;
        let sentence = if greeted {
            sentence.capitalised()
        } else {
            sentence
        };
        sentences.push((at, sentence));
    }
    (sentences, brief)
}

/// A piece without the ruling that a writer set above it, and without a bracket at its beginning or end whose other stands in no part of it.
fn bare(letter: &str, piece: Range<usize>) -> Range<usize> {
    let text = letter.get(piece.clone()).unwrap_or_default();
    let ruled = text.trim_start_matches(['-', '_', '=', '*', '~']);
    let unruled = if text.len() - ruled.len() >= RULING && ruled.starts_with(char::is_whitespace) {
        ruled.trim_start()
    } else {
        text
    };
    let begun = unruled.trim_start_matches([')', ']', '}', ' ']);
    let mut told = begun;
    if !begun.contains('(')
        && let Some(unbracketed) = begun.strip_suffix(')')
        && !unbracketed.ends_with([':', ';', '-', '='])
    {
        told = unbracketed.trim_end();
    }
    let start = piece.start + (text.len() - begun.len());
    start..start + told.len()
}

/// The bytes of the greeting with which a letter begins, on a line of its own (`Dear Mr Olsen,`) or before a sentence.
fn after_greeting(letter: &str) -> usize {
    let mut start = 0;
    for line in letter.split_inclusive('\n') {
        start += line.len();
        let text = line.trim();
        if !text.is_empty() {
            return if is_greeting(text) {
                start
            } else {
                match greeting(line) {
                    0 => 0,
                    bytes => start - line.len() + bytes,
                }
            };
        }
    }
    0
}

/// How the senders are called: by their first names, and by their whole names where two have the same.
fn speakers<'a>(senders: impl Iterator<Item = &'a str>) -> Vec<Option<String>> {
    let named: Vec<_> = senders.map(|from| (name(from), display(from))).collect();
    let mut whole: HashMap<&String, &str> = HashMap::new();
    let mut shared: Vec<&String> = Vec::new();
    for (name, display) in &named {
        let Some(name) = name else { continue };
        let known = whole.entry(name).or_insert(display);
        if !known.eq_ignore_ascii_case(display) {
            shared.push(name);
        }
    }
    let called = |(name, display): &(Option<String>, &str)| {
        let name = name.as_ref()?;
        let alike = shared.contains(&name);
        Some(if alike {
            display.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            name.clone()
        })
    };
    named.iter().map(called).collect()
}

/// Whoever sends so has not written.
const RELAYED: [&str; 3] = ["by way of", "on behalf of", "(by way of"];

/// The first name in `Ann Lee <ann@shop.example>` or `Lee, Ann`; of a bare address, what stands before the `@`.
fn name(from: &str) -> Option<String> {
    let display = display(from);
    if RELAYED
        .iter()
        .any(|relayed| display.to_lowercase().starts_with(relayed))
    {
        return None;
    }
    let given = display.split_once(',').map_or(display, |(_, given)| given);
    let word = given.split_whitespace().next()?.split('@').next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

/// The name before an address, or the address where there is none.
fn display(from: &str) -> &str {
    let display = from
        .split('<')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches('"');
    if display.is_empty() {
        from.rsplit('<')
            .next()
            .unwrap_or_default()
            .trim_end_matches('>')
    } else {
        display
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_senders() {
        assert_eq!(name("Ann Lee <ann@shop.example>").as_deref(), Some("Ann"));
        assert_eq!(
            name("\"Lee, Ann\" <ann@shop.example>").as_deref(),
            Some("Ann")
        );
        assert_eq!(name("ann.lee@shop.example").as_deref(), Some("ann.lee"));
        assert_eq!(name("<ann@shop.example>").as_deref(), Some("ann"));
        assert_eq!(name(" "), None);
        assert_eq!(name("by way of Ann Lee <ann@shop.example>"), None);
    }

    #[test]
    fn a_bracket_without_its_other_is_not_told() {
        let of = |text: &str| text[bare(text, 0..text.len())].to_owned();
        assert_eq!(of(") How about a lid?)"), "How about a lid?");
        assert_eq!(of("(A lid, or two.)"), "(A lid, or two.)");
        assert_eq!(of("It works now :)"), "It works now :)");
        assert_eq!(of("-----\nmy lid is broken."), "my lid is broken.");
    }

    #[test]
    fn two_of_one_first_name_are_told_apart() {
        let called = speakers(
            [
                "Ann Lee <a@x.example>",
                "Ann Moe <b@x.example>",
                "Bo Ek <c@x.example>",
                "\"Lee, Bo\"",
                "",
            ]
            .into_iter(),
        );
        let called: Vec<_> = called
            .iter()
            .map(|name| name.as_deref().unwrap_or("-"))
            .collect();
        assert_eq!(called, ["Ann Lee", "Ann Moe", "Bo Ek", "Lee, Bo", "-"]);
        let once = speakers(["Ann Lee <a@x.example>", "ann lee <a@x.example>"].into_iter());
        assert_eq!(once[0].as_deref(), Some("Ann"));
    }

    #[test]
    fn a_body_that_quotes_is_a_thread_oldest_first() {
        let body = "Hi Ann,\nit has not come at all.\n\nOn 3 May 2024 at 9:10, Ann Lee <a@b.example> wrote:\n> We sent it on Friday.\n>\n> On 1 May 2024 at 8:01, Bo Ek <bo@x.example> wrote:\n>> Where is my parcel now?\n>> -- \n>> Bo Ek, Sales director of ACME\n";
        let found = read(&[], body, "Bo Ek <bo@x.example>").sentences;
        let told: Vec<_> = found
            .iter()
            .map(|s| (s.message, s.speaker.as_deref().unwrap(), s.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (0, "Bo", "Where is my parcel now?"),
                (1, "Ann", "We sent it on Friday."),
                (2, "Bo", "It has not come at all."),
            ]
        );
        for sentence in &found {
            let written = &body[sentence.range.clone()];
            assert!(written.eq_ignore_ascii_case(&sentence.text), "{written}");
        }
    }

    #[test]
    fn what_follows_a_quotation_does_not_follow_the_sentence_before_it() {
        let body = "My lid broke. That is sad.\n> Is it old?\nThat depends on you.";
        let messages = [Message {
            from: "Bo".to_owned(),
            body: body.to_owned(),
        }];
        let found = read(&messages, "", "").sentences;
        let follows: Vec<_> = found.iter().map(|s| (s.text.as_str(), s.follows)).collect();
        assert_eq!(
            follows,
            [
                ("My lid broke.", false),
                ("That is sad.", true),
                ("That depends on you.", false)
            ]
        );
    }

    #[test]
    fn what_stands_between_two_sentences_and_is_none_parts_them() {
        let found = read(
            &[],
            "The lid came. Boxes didn't. That is what I wait for.",
            "",
        )
        .sentences;
        let follows: Vec<_> = found.iter().map(|s| (s.text.as_str(), s.follows)).collect();
        assert_eq!(
            follows,
            [
                ("The lid came.", false),
                ("That is what I wait for.", false)
            ]
        );
    }

    #[test]
    fn who_answers_below_a_marked_quotation_is_told() {
        for body in [
            "Ann Lee wrote:\n> Which box do you have?\nThe red one with the large lid.",
            "On Monday, Ann wrote:\n> Which box do you have?\n\nThe red one with the large lid.",
        ] {
            let found = read(&[], body, "Bo <bo@x.example>").sentences;
            let own: Vec<_> = found
                .iter()
                .filter(|s| s.speaker.as_deref() == Some("Bo"))
                .collect();
            assert!(
                own.iter().any(|s| s.whole && s.text.starts_with("The red")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn of_a_body_that_is_html_what_is_seen_is_read() {
        let body = "<html><body><p>The lamp &amp; its box are broken.</p><p>Please send <b>another</b> one.</p></body></html>";
        let found = read(&[], body, "").sentences;
        assert_eq!(found[0].text, "The lamp & its box are broken.");
        assert_eq!(found[1].text, "Please send another one.");
        assert_eq!(
            &body[found[1].range.clone()],
            "Please send <b>another</b> one."
        );
    }

    #[test]
    fn what_a_message_of_a_thread_quotes_is_not_said_twice() {
        let messages = [
            Message {
                from: "Bo".to_owned(),
                body: "Where is my parcel?".to_owned(),
            },
            Message {
                from: "Ann".to_owned(),
                body: "It is on its way.\n> Where is my parcel?".to_owned(),
            },
        ];
        let found = read(&messages, "ignored", "ignored").sentences;
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].text, "It is on its way.");
    }

    #[test]
    fn greetings_closings_and_names_are_no_sentences() {
        let body = "Dear Mr Olsen,\n\nthe lamp came on Monday.\nIt is broken,\nso please send another one.\n\nKind regards,\nBo Ek\n";
        let found = read(&[], body, "").sentences;
        assert_eq!(found.first().unwrap().text, "The lamp came on Monday.");
        assert!(
            found
                .last()
                .unwrap()
                .text
                .ends_with("so please send another one.")
        );
        assert_eq!(found.first().unwrap().speaker, None);
        assert_eq!(
            found.iter().map(|s| s.place).collect::<Vec<_>>(),
            (0..found.len()).collect::<Vec<_>>()
        );
    }
}
