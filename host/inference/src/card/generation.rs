//! What a card says of a generative model: `[generation]` and `[adapters]`, of format `gguf`.
//!
//! Defaults: 8 answers at once, each with its prompt in 1,024 tokens, of which the answer takes at most 256; no markers of a chat.
//! Bounds: see [`MOST_CONTEXT`] and [`MOST_SEQUENCES`]; the room of all sequences is taken when the model is loaded.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::check::{Finding, finding};
use super::raw::RawCard;
use super::{CardFile, Dim, Format, Port};
use crate::tensor::ElementType;

/// The most tokens of a sequence.
const MOST_CONTEXT: u32 = 131_072;
/// The least: less is no prompt.
const LEAST_CONTEXT: u32 = 32;
/// The most sequences at once.
const MOST_SEQUENCES: u32 = 64;
/// The longest marker, in bytes.
const MOST_MARKER: usize = 4096;

/// How a generative model is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generation {
    /// Tokens of a prompt and its answer together.
    pub context: u32,
    /// Answers at once.
    pub sequences: u32,
    /// The most tokens of an answer.
    pub tokens: u32,
    /// How the model was taught to tell who speaks.
    pub chat: Option<Chat>,
}

impl Default for Generation {
    fn default() -> Generation {
        Generation {
            context: 1024,
            sequences: 8,
            tokens: 256,
            chat: None,
        }
    }
}

/// What stands before and after each part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// Before and after what the model is told of its work.
    pub system: [String; 2],
    /// Before and after what it is asked.
    pub user: [String; 2],
    /// Before its answer.
    pub answer: String,
}

impl Generation {
    /// What guests are told.
    pub(super) fn to_guest_json(&self) -> Value {
        let mut told = json!({ "context": self.context, "tokens": self.tokens });
        if let (Some(object), Some(chat)) = (told.as_object_mut(), &self.chat) {
            let chat = json!({ "system": chat.system, "user": chat.user, "answer": chat.answer });
            object.insert("chat".to_owned(), chat);
        }
        told
    }

    /// What of it shapes answers, for the card's digest.
    pub(super) fn digest_line(&self) -> String {
        format!(
            "generation {} {} {:?}",
            self.context, self.tokens, self.chat
        )
    }
}

/// What a card of format `gguf` has, and no other: its generation, and its adapters by name.
pub(super) struct Generative {
    pub(super) generation: Option<Generation>,
    pub(super) adapters: BTreeMap<String, String>,
}

/// Takes the tables of generation out of `raw`, and gives a generative model the inputs and outputs that all have.
pub(super) fn check(raw: &mut RawCard, files: &[CardFile]) -> Result<Generative, Finding> {
    let (generation, adapters) = (raw.generation.take(), std::mem::take(&mut raw.adapters));
    if raw.format != Format::Gguf {
        let other = match (&generation, adapters.is_empty()) {
            (Some(_), _) => "generation",
            (None, false) => "adapters",
            (None, true) => {
                return Ok(Generative {
                    generation,
                    adapters,
                });
            }
        };
        return finding(
            other,
            format!(
                "belongs to format `gguf`, and this card's format is `{}`; remove it",
                raw.format.name()
            ),
        );
    }
    for (key, given) in [
        ("inputs", !raw.inputs.is_empty()),
        ("outputs", !raw.outputs.is_empty()),
        ("batch", raw.batch.is_some()),
        ("limits", !raw.limits.is_empty()),
        ("warm_up", !raw.warm_up.is_empty()),
    ] {
        if given {
            return finding(
                key,
                "every model of format `gguf` takes and gives the same; remove it, and say under `[generation]` what bounds it",
            );
        }
    }
    let generation = generation.unwrap_or_default();
    check_bounds(&generation)?;
    check_files(files, &adapters)?;
    Ok(Generative {
        generation: Some(generation),
        adapters,
    })
}

fn check_bounds(generation: &Generation) -> Result<(), Finding> {
    let Generation {
        context,
        sequences,
        tokens,
        chat,
    } = generation;
    for (key, given, least, most) in [
        ("context", *context, LEAST_CONTEXT, MOST_CONTEXT),
        ("sequences", *sequences, 1, MOST_SEQUENCES),
        // The prompt needs room, too.
        ("tokens", *tokens, 1, context.saturating_sub(1)),
    ] {
        if !(least..=most).contains(&given) {
            return finding(
                format!("generation.{key}"),
                format!("`{given}` is not from `{least}` to `{most}`; write a number that is"),
            );
        }
    }
    let markers = chat.iter().flat_map(|chat| {
        let parts = chat.system.iter().chain(&chat.user);
        parts.chain(std::iter::once(&chat.answer))
    });
    match markers.map(String::len).max() {
        Some(longest) if longest > MOST_MARKER => finding(
            "generation.chat",
            format!("a marker has `{longest}` bytes, and at most `{MOST_MARKER}` are read"),
        ),
        _ => Ok(()),
    }
}

/// One file of weights, and each adapter one of the others.
fn check_files(files: &[CardFile], adapters: &BTreeMap<String, String>) -> Result<(), Finding> {
    let is_adapter = |file: &&CardFile| adapters.values().any(|path| path == file.path());
    let weights = files
        .iter()
        .filter(|file| file.path().ends_with(".gguf") && !is_adapter(file));
    let weights = weights.count();
    if weights != 1 {
        return finding(
            "files",
            format!(
                "format `gguf` needs exactly one file that ends in `.gguf` and is no adapter, and `{weights}` are listed"
            ),
        );
    }
    for (name, path) in adapters {
        let key = format!("adapters.{name}");
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(fits) {
            return finding(
                key,
                "is not an adapter's name; use lower-case letters, digits and `-`",
            );
        }
        if !files.iter().any(|file| file.path() == path) {
            return finding(
                key,
                format!("`{path}` is none of the card's `files`; list it there, with its digest"),
            );
        }
    }
    Ok(())
}

/// What every generative model takes.
pub(super) fn inputs() -> BTreeMap<String, Port> {
    BTreeMap::from([port("prompt"), port("metadata")])
}

/// What every generative model gives.
pub(super) fn outputs() -> BTreeMap<String, Port> {
    BTreeMap::from([port("text"), port("usage")])
}

fn port(name: &str) -> (String, Port) {
    let port = Port {
        ty: ElementType::U8,
        dims: vec![Dim::Free(format!("{name}-bytes"))],
        labels: Vec::new(),
        pad: vec![0],
    };
    (name.to_owned(), port)
}

#[cfg(test)]
mod tests {
    use super::super::{Card, parse_for_test};
    use crate::generate::tests::{DIGEST, card};

    fn written(format: &str, rest: &str) -> Result<Card, String> {
        let text = format!(
            "schema = 1\nname = \"m\"\nversion = \"1.0.0\"\nformat = \"{format}\"\nlicence = \"MIT\"\nsource = \"tests\"\n\
            [[files]]\npath = \"m.gguf\"\nsha256 = \"{DIGEST}\"\nbytes = 1\n\
            [[files]]\npath = \"loud.gguf\"\nsha256 = \"{DIGEST}\"\nbytes = 1\n{rest}"
        );
        parse_for_test(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_generative_model_takes_and_gives_what_all_do() {
        let card = card(
            "[generation.chat]\nsystem = [\"<s>\", \"</s>\"]\nuser = [\"<u>\", \"</u>\"]\nanswer = \"<a>\"",
        );
        assert_eq!(
            card.inputs().keys().collect::<Vec<_>>(),
            ["metadata", "prompt"]
        );
        assert_eq!(card.outputs().keys().collect::<Vec<_>>(), ["text", "usage"]);
        let guest: serde_json::Value = serde_json::from_str(&card.to_guest_json()).unwrap();
        assert_eq!(guest["generation"]["context"], 64);
        assert_eq!(guest["generation"]["chat"]["user"][1], "</u>");
        let other = card.digest() != self::card("").digest();
        assert!(other, "what stands around a prompt shapes answers");
    }

    #[test]
    fn adapters_are_files_of_the_card_and_one_may_be_chosen() {
        let card = written("gguf", "[adapters]\nloud = \"loud.gguf\"").unwrap();
        assert_eq!(card.adapters().collect::<Vec<_>>(), ["loud"]);
        let loud = card.with_adapter("loud").unwrap();
        assert_eq!(
            (loud.adapter(), loud.digest()),
            (Some("loud"), card.digest())
        );
        assert!(card.with_adapter("soft").is_none());
    }

    #[test]
    fn what_does_not_hold_together_names_the_key_and_both_sides() {
        let loud = "[adapters]\nloud = \"loud.gguf\"\n";
        for (format, rest, told) in [
            (
                "gguf",
                "",
                "key `files`: format `gguf` needs exactly one file that ends in `.gguf` and is no adapter, and `2` are listed",
            ),
            (
                "gguf",
                "[adapters]\nloud = \"none.gguf\"\nsoft = \"loud.gguf\"",
                "key `adapters.loud`: `none.gguf` is none of the card's `files`",
            ),
            (
                "gguf",
                "[adapters]\n\"Very loud\" = \"loud.gguf\"",
                "is not an adapter's name",
            ),
            (
                "gguf",
                &format!("{loud}[generation]\ncontext = 8"),
                "key `generation.context`: `8` is not from `32` to `131072`",
            ),
            (
                "gguf",
                &format!("{loud}[generation]\nsequences = 0"),
                "key `generation.sequences`: `0` is not from `1` to `64`",
            ),
            (
                "gguf",
                &format!("{loud}[generation]\ntokens = 1024"),
                "key `generation.tokens`: `1024` is not from `1` to `1023`",
            ),
            (
                "gguf",
                &format!("{loud}[limits]\ntokens = 4"),
                "key `limits`: every model of format `gguf` takes and gives the same",
            ),
            (
                "gguf",
                &format!("{loud}[inputs.x]\ntype = \"u8\"\ndims = [1]"),
                "key `inputs`",
            ),
            (
                "gguf",
                &format!("{loud}[stub]"),
                "belongs to format `stub`, and this card's format is `gguf`",
            ),
            (
                "stub",
                "[generation]",
                "key `generation`: belongs to format `gguf`, and this card's format is `stub`",
            ),
            ("stub", loud, "key `adapters`: belongs to format `gguf`"),
        ] {
            let error = written(format, rest).unwrap_err();
            assert!(error.contains(told), "{rest}: {error}");
        }
    }
}
