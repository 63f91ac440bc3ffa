//! The `classify` stage: what a request is about, how urgent it is and in what mood it was written.
//!
//! It reads subject and body (or, of a thread, the newest message of whoever opened it) without quoted replies and
//! signature, each line once where it repeats itself, as much as the encoder takes, and cuts them as the other stages do, so that all read one run of the encoder. What the heads take is read off their card: any of the encoder's outputs, which
//! reach them without leaving the host, and of its inputs. Class names come from there too, so that other heads need no other
//! plugin.
//!
//! There is one answer for each output of the heads: the most probable of its labels, and how probable it is. An output
//! whose labels are `no` and `yes` is a flag, and is answered with a boolean; several flags make labels that may hold together.
//! The output `type` is the one that the stage is for: `alternatives`, `out_of_scope` and the stage's confidence are its own.
//! Heads without it have the confidence of their least sure answer.
//!
//! Default: below a confidence of 0.5 the answer says `low_confidence`; the type `other` is out of scope, and said to be by
//! `out_of_scope`; three alternatives are named. With `asks`, a letter that asks several times, or whose type is less sure than
//! `asks_below` (0.9) and that has several paragraphs, has each of its parts
//! classified too, in a second run, and `asks` says what each asks for, where they do not all ask the same.
//!
//! A submission without a word of text, such as a file alone, is not guessed at: the answer says `nothing_read`, its
//! type is the one out of scope with confidence 0, so that a person decides, and no model runs.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod answer;
mod asks;

use fleetwright_sdk::nn::{ModelCard, Tensors};
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::reading::{self, About, Letter};
use fleetwright_sdk::text;

pub use answer::Classification;

/// Tokens that are read where the encoder's card sets no bound.
const TOKENS: usize = 256;
/// The output that the stage is for.
const TYPE: &str = "type";

stage! {
    name: "classify",
    summary: "Says what a request is about, how urgent it is and in what mood it was written, each with its confidence.",
    roles: {
        "encoder": "`input_ids` and `attention_mask` i64 [batch, tokens] to whatever the heads take, such as minilm",
        "heads": "the encoder's outputs and inputs that the card names, such as `states` and `attention_mask`, to probabilities whose labels the card names, such as `type` and `urgency`; labels `no` and `yes` make a flag. Such as inbox-heads",
    },
    config_schema: include_str!("../config.schema.json"),
    answer_schema: include_str!("../answer.schema.json"),
    handle: classify,
}

/// What the stage reads of a submission; each field may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    subject: String,
    body: String,
    messages: Vec<Message>,
}

/// A message of a thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    from: String,
    body: String,
}

/// The stage's config.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    floor: f32,
    out_of_scope: String,
    alternatives: usize,
    asks: usize,
    asks_below: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            floor: 0.5,
            out_of_scope: "other".to_owned(),
            alternatives: 3,
            asks: 0,
            asks_below: 0.9,
        }
    }
}

fn classify(request: Request<Fields>, config: Config) -> Result<Answer<Classification>, Failure> {
    let card = nn::card("heads")?;
    let questions = answer::questions(&card)?;
    let Some(text) = text(&request.fields) else {
        let nothing = Classification::of_nothing(&questions, &config);
        return Ok(Answer::new(nothing).confidence(0.0));
    };
    let scored = score(&text, &card)?;
    let findings = answer::findings(&questions, &scored)?;
    let confidence = answer::confidence(&findings);
    let asks = asks::of(&text, confidence, &card, &config)?;
    Ok(Answer::new(Classification::of(&findings, asks, &config)).confidence(confidence))
}

/// Subject, empty line, body, as the heads were trained; none where there is no text.
fn text(fields: &Fields) -> Option<String> {
    let senders: Vec<_> = fields
        .messages
        .iter()
        .map(|message| &message.from)
        .collect();
    let about = match reading::about(&fields.body, &senders) {
        About::Body => Some(&fields.body),
        About::Message(at) => fields.messages.get(at).map(|message| &message.body),
    };
    let seen = text::seen(about.map_or("", String::as_str));
    let letter = Letter::of(seen.as_str());
    let (text, _) = reading::titled(&fields.subject, &reading::once(letter.own()));
    (!text.trim().is_empty()).then_some(text)
}

fn score(text: &str, heads: &ModelCard) -> Result<Tensors, Failure> {
    let tokens = nn::card("encoder")?.tokens_or(TOKENS);
    // What is past the first row is not read: a request says early what it is about.
    let row = reading::rows(text, tokens).next();
    let encoding = row.map(|row| row.encoding).unwrap_or_default();
    let encoded = Model::open("encoder")?.run(encoding.inputs()?)?;
    let inputs = encoding.inputs()?.into_iter().collect();
    Ok(Model::open("heads")?.run(taken(heads, encoded, inputs)?)?)
}

/// What the heads' card names as inputs, out of the encoder's outputs and inputs.
fn taken(
    heads: &ModelCard,
    mut outputs: Tensors,
    mut inputs: Tensors,
) -> Result<Vec<(String, Tensor)>, Failure> {
    let names = heads.inputs.keys();
    let found = names.map(|name| {
        let tensor = outputs.take(name).or_else(|_| inputs.take(name));
        tensor
            .map(|tensor| (name.clone(), tensor))
            .map_err(|_| unfed(name, &outputs, &inputs))
    });
    found.collect()
}

fn unfed(name: &str, outputs: &Tensors, inputs: &Tensors) -> Failure {
    let given: Vec<_> = outputs.names().chain(inputs.names()).collect();
    Failure::Inference(format!(
        "the heads want `{name}`, which is no output of the encoder and no input of it; left of those are {given:?}: \
         bind heads that take what the encoder gives, or an encoder that gives `{name}`"
    ))
}

#[cfg(test)]
mod tests;
