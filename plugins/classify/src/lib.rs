//! The `classify` stage: what a request is about, how urgent it is and in what mood it was written.
//!
//! It reads subject and body (or, of a thread, the newest message of whoever opened it) without quoted replies and
//! signature, cut at the encoder's bound of tokens. What the heads take is read off their card: any of the encoder's outputs, which
//! reach them without leaving the host, and of its inputs. Class names come from there too, so that other heads need no other
//! plugin.
//!
//! Default: below a confidence of 0.5 the answer says `low_confidence`. Out of scope is a class of its own (`other`),
//! repeated as `out_of_scope`. The stage's confidence is that of the type.
//!
//! A submission without a word of text, such as a file alone, is not guessed at: the answer says `nothing_read`, its
//! type is `other` with confidence 0, so that a person decides, and no model runs.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use fleetwright_sdk::nn::{ANY, ModelCard, Tensors};
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::text::{without_quotes, without_signature};
use fleetwright_sdk::tokenizer;

/// Tokens that are read where the encoder's card sets no bound.
const TOKENS: usize = 256;
/// The class of what no queue of a customer service is for.
const OUT_OF_SCOPE: &str = "other";
/// The types that an answer names at most.
const ALTERNATIVES: usize = 3;

stage! {
    name: "classify",
    summary: "Says what a request is about, how urgent it is and in what mood it was written, each with its confidence.",
    roles: {
        "encoder": "`input_ids` and `attention_mask` i64 [batch, tokens] to whatever the heads take, such as minilm",
        "heads": "the encoder's outputs and inputs that the card names, such as `states` and `attention_mask`, to the probabilities `type`, `urgency` and `sentiment`, with labels in the card, such as inbox-heads",
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
}

impl Default for Config {
    fn default() -> Self {
        Self { floor: 0.5 }
    }
}

/// The stage's answer. Each confidence is a calibrated probability.
#[derive(Debug, Serialize)]
pub struct Classification {
    r#type: String,
    type_confidence: f64,
    urgency: Option<String>,
    urgency_confidence: f64,
    sentiment: Option<String>,
    sentiment_confidence: f64,
    alternatives: Vec<Alternative>,
    out_of_scope: bool,
    low_confidence: bool,
    nothing_read: bool,
}

impl Classification {
    /// Of a submission without text: nothing is claimed, least of all that it is out of scope.
    fn of_nothing() -> Self {
        Self {
            r#type: OUT_OF_SCOPE.to_owned(),
            type_confidence: 0.0,
            urgency: None,
            urgency_confidence: 0.0,
            sentiment: None,
            sentiment_confidence: 0.0,
            alternatives: Vec::new(),
            out_of_scope: false,
            low_confidence: true,
            nothing_read: true,
        }
    }
}

/// A type, and how probable it is.
#[derive(Debug, Serialize)]
struct Alternative {
    r#type: String,
    confidence: f64,
}

fn classify(request: Request<Fields>, config: Config) -> Result<Answer<Classification>, Failure> {
    let Some(text) = text(&request.fields) else {
        return Ok(Answer::new(Classification::of_nothing()).confidence(0.0));
    };
    let card = nn::card("heads")?;
    let scored = score(&text, &card)?;
    let types = ranked(&scored, "type", card.labels("type")?)?;
    let (r#type, sure) = best(&types)?;
    let urgencies = ranked(&scored, "urgency", card.labels("urgency")?)?;
    let (urgency, urgency_confidence) = best(&urgencies)?;
    let sentiments = ranked(&scored, "sentiment", card.labels("sentiment")?)?;
    let (sentiment, sentiment_confidence) = best(&sentiments)?;
    let alternatives = types.iter().take(ALTERNATIVES);
    let answer = Classification {
        out_of_scope: r#type == OUT_OF_SCOPE,
        low_confidence: sure < f64::from(config.floor),
        r#type,
        type_confidence: sure,
        urgency: Some(urgency),
        urgency_confidence,
        sentiment: Some(sentiment),
        sentiment_confidence,
        nothing_read: false,
        alternatives: alternatives
            .map(|(label, probability)| Alternative {
                r#type: label.clone(),
                confidence: rounded(*probability),
            })
            .collect(),
    };
    Ok(Answer::new(answer).confidence(sure))
}

/// Subject, empty line, body, as the heads were trained; none where there is no text.
fn text(fields: &Fields) -> Option<String> {
    let asked = newest_of_the_opener(&fields.messages);
    let body = [fields.body.as_str(), asked]
        .into_iter()
        .find(|body| !body.trim().is_empty());
    let own = own_words(body.unwrap_or_default());
    let parts = [fields.subject.trim(), own.as_str()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// The newest message of whoever opened the thread: what they ask now, and not what they are answered.
fn newest_of_the_opener(messages: &[Message]) -> &str {
    let opener = messages.first().map(|message| &message.from);
    let newest = messages
        .iter()
        .rev()
        .find(|message| Some(&message.from) == opener);
    newest.map_or("", |message| message.body.as_str())
}

/// What the writer of a letter wrote in it; where quotes and signature are all of it, the letter as it stands.
fn own_words(letter: &str) -> String {
    let newest = without_quotes(letter);
    let own = without_signature(newest.as_str()).trim();
    if own.is_empty() { letter.trim() } else { own }.to_owned()
}

fn score(text: &str, heads: &ModelCard) -> Result<Tensors, Failure> {
    let tokens = nn::card("encoder")?.tokens_or(TOKENS);
    let encoding = tokenizer::encode(text, tokens);
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

/// The labels of an output with their probabilities, the most probable first.
fn ranked(
    scored: &Tensors,
    output: &str,
    labels: &[String],
) -> Result<Vec<(String, f32)>, Failure> {
    let scores = scored.f32(output)?.shaped(&[1, ANY])?;
    if scores.len() != labels.len() {
        return Err(Failure::Inference(format!(
            "output `{output}` of the heads has {} classes and its card {} labels: make the card anew",
            scores.len(),
            labels.len()
        )));
    }
    let mut ranked: Vec<_> = labels.iter().cloned().zip(scores.iter().copied()).collect();
    ranked.sort_by(|left, right| right.1.total_cmp(&left.1));
    Ok(ranked)
}

fn best(ranked: &[(String, f32)]) -> Result<(String, f64), Failure> {
    match ranked.first() {
        Some((label, probability)) if (0.0..=1.001).contains(probability) => {
            Ok((label.clone(), rounded(*probability)))
        }
        Some((label, probability)) => Err(Failure::Inference(format!(
            "`{label}` has the probability {probability}: bind heads that end in softmax"
        ))),
        None => Err(Failure::Inference("the heads have no classes".to_owned())),
    }
}

/// Four decimals: what a reader can use, and the same text on every machine.
fn rounded(probability: f32) -> f64 {
    (f64::from(probability) * 1e4).round().clamp(0.0, 1e4) / 1e4
}

#[cfg(test)]
mod tests;
