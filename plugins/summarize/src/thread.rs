//! From a submission's fields to the sentences of its thread, oldest first.
//!
//! `messages` are a thread as they stand. A body alone is a thread of its own where it quotes earlier messages. Signatures,
//! greetings, closings and names alone are no sentences.

use fleetwright_sdk::text::{self, Tracked, without_quotes, without_signature};
use serde::Deserialize;

use crate::sentences::{Sentence, greeting, is_greeting};

/// A message of a thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    from: String,
    body: String,
}

/// The sentences of the thread, oldest first; ranges are bytes of the body that a sentence stands in.
pub(crate) fn sentences(messages: &[Message], body: &str, from: &str) -> Vec<Sentence> {
    let told: Vec<(Option<String>, Tracked)> = if messages.is_empty() {
        let mut found = text::thread(body);
        if let Some(newest) = found.first_mut() {
            newest.from = Some(from.to_owned());
        }
        let oldest_first = found.into_iter().rev();
        oldest_first
            .map(|message| (message.from.as_deref().and_then(name), message.body))
            .collect()
    } else {
        // What a reply quotes stands in the thread already.
        messages
            .iter()
            .map(|message| (name(&message.from), without_quotes(&message.body)))
            .collect()
    };
    let mut made = Vec::new();
    for (index, (speaker, body)) in told.iter().enumerate() {
        let own = without_signature(body.as_str());
        let start = after_greeting(own);
        let ranges = text::sentences(own.get(start..).unwrap_or_default()).into_iter();
        let ranges = ranges.map(|range| range.start + start..range.end + start);
        let kept = ranges.enumerate().filter_map(|(at, range)| {
            let sentence = Sentence::of(own.get(range.clone())?, index, body.source(range))?;
            let greeted = at == 0 && start > 0;
            Some(if greeted {
                sentence.capitalised()
            } else {
                sentence
            })
        });
        made.extend(kept.enumerate().map(|(place, sentence)| Sentence {
            place,
            speaker: speaker.clone(),
            ..sentence
        }));
    }
    made
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

/// The first name in `Ann Lee <ann@shop.example>` or `Lee, Ann`; of a bare address, what stands before the `@`.
fn name(from: &str) -> Option<String> {
    let display = from
        .split('<')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches('"');
    let address = from.rsplit('<').next().unwrap_or_default();
    let display = if display.is_empty() { address } else { display };
    let given = display.split_once(',').map_or(display, |(_, given)| given);
    let word = given.split_whitespace().next()?.split('@').next()?;
    (!word.is_empty()).then(|| word.to_owned())
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
    }

    #[test]
    fn a_body_that_quotes_is_a_thread_oldest_first() {
        let body = "Hi Ann,\nit has not come at all.\n\nOn 3 May 2024 at 9:10, Ann Lee <a@b.example> wrote:\n> We sent it on Friday.\n>\n> On 1 May 2024 at 8:01, Bo Ek <bo@x.example> wrote:\n>> Where is my parcel now?\n>> -- \n>> Bo Ek, Sales director of ACME\n";
        let found = sentences(&[], body, "Bo Ek <bo@x.example>");
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
        let found = sentences(&messages, "ignored", "ignored");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].text, "It is on its way.");
    }

    #[test]
    fn greetings_closings_and_names_are_no_sentences() {
        let body = "Dear Mr Olsen,\n\nthe lamp came on Monday.\nIt is broken,\nso please send another one.\n\nKind regards,\nBo Ek\n";
        let found = sentences(&[], body, "");
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
