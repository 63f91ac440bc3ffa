//! From a submission's fields to the sentences of its thread, oldest first.
//!
//! `messages` are a thread as they stand. A body alone is a thread of its own where it quotes: each level of `>` is an
//! earlier message, its speaker the name in the line that introduces it.

use serde::Deserialize;

use crate::sentences::{Line, Sentence, split};

/// A message of a thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    from: String,
    body: String,
}

/// The sentences of the thread, oldest first; ranges are bytes of the body that a sentence stands in.
pub(crate) fn sentences(messages: &[Message], body: &str, from: &str) -> Vec<Sentence> {
    if messages.is_empty() {
        return quoted_thread(body, from);
    }
    let mut made = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        // What a reply quotes stands in the thread already.
        let own: Vec<_> = levels(&message.body)
            .into_iter()
            .filter(|line| line.depth == 0)
            .collect();
        made.extend(split(&own, index, name(&message.from).as_deref()));
    }
    made
}

fn quoted_thread(body: &str, from: &str) -> Vec<Sentence> {
    let lines = levels(body);
    let deepest = lines.iter().map(|line| line.depth).max().unwrap_or(0);
    let mut speakers = vec![None; deepest + 1];
    if let Some(first) = speakers.first_mut() {
        *first = name(from);
    }
    for line in &lines {
        if let Some(speaker) = line.introduces.as_ref()
            && let Some(place) = speakers.get_mut(line.depth + 1)
        {
            place.get_or_insert_with(|| speaker.clone());
        }
    }
    let mut made = Vec::new();
    for (index, depth) in (0..=deepest).rev().enumerate() {
        let own: Vec<_> = lines
            .iter()
            .filter(|line| line.depth == depth)
            .cloned()
            .collect();
        let speaker = speakers.get(depth).cloned().flatten();
        made.extend(split(&own, index, speaker.as_deref()));
    }
    made
}

/// The lines of a body with their depth of quotation, without signatures.
fn levels(body: &str) -> Vec<Line> {
    let (mut made, mut start, mut signed) = (Vec::new(), 0, false);
    for whole in body.split_inclusive('\n') {
        let (mut depth, mut text) = (0, whole.trim_end());
        while let Some(rest) = text.trim_start().strip_prefix('>') {
            depth += 1;
            text = rest;
        }
        let offset = start + (whole.trim_end().len() - text.len());
        start += whole.len();
        signed = depth == 0 && (signed || text.trim() == "--");
        if signed {
            continue;
        }
        let introduces = attribution(text);
        made.push(Line {
            text: if introduces.is_some() {
                String::new()
            } else {
                text.to_owned()
            },
            start: offset,
            depth,
            introduces,
        });
    }
    made
}

/// The name in `On 3 May 2024, Ann Lee <ann@shop.example> wrote:`; no name is an empty one's place, not a line of text.
fn attribution(line: &str) -> Option<String> {
    let head = line.trim().strip_suffix("wrote:")?.trim_end();
    let named = head.split('<').next().unwrap_or_default().trim_end();
    let last = named.rsplit([',', ':']).next().unwrap_or_default();
    let words: Vec<_> = last
        .split_whitespace()
        .filter(|word| word.chars().all(|c| c.is_alphabetic() || "-'.".contains(c)))
        .filter(|word| !matches!(*word, "AM" | "PM" | "at" | "On"))
        .collect();
    words.first().map(|word| (*word).to_owned())
}

/// The first name in `Ann Lee <ann@shop.example>` or `Lee, Ann`; of a bare address, what stands before the `@`.
pub(crate) fn name(from: &str) -> Option<String> {
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
        let body = "It has not come at all.\n\nOn 3 May 2024, Ann Lee <a@b.example> wrote:\n> We sent it on Friday.\n>\n> On 1 May 2024, Bo Ek wrote:\n>> Where is my parcel now?\n\n--\nBo Ek, Sales director of ACME\n";
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
            assert_eq!(&body[sentence.range.clone()], sentence.text);
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
}
