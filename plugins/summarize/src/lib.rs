//! The `summarize` stage: a thread in at most sixty words, in the writers' own sentences, each with its speaker.
//!
//! Extractive by design: what the summary says somebody wrote, and where it stands is part of the answer. A scorer
//! that was trained on people's summaries weighs each sentence by its vector and its place; what repeats a chosen
//! sentence is left out. A sentence is taken whole or not at all; only where none fits is one cut, and marked `…`.
//!
//! Two things alone are changed in a sentence. A payment card's number is masked to its last four digits (`••1111`) and its
//! verification value to `•••`, before any model sees them; and where a greeting was cut off (`Hello, when …`), the sentence
//! begins with a capital. `start` and `end` are those of the sentence as it was written.
//!
//! The ask is that of the person who opened the thread, in the newest of their messages that asks for something; where they
//! are not known or ask for nothing, that of the newest message that does. It is in the summary wherever it fits.
//!
//! Default: 60 words, names included; the first and last 64 sentences of a thread are read.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod choose;
mod features;
mod mask;
mod sentences;
mod thread;

use fleetwright_sdk::nn::ANY;
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::tokenizer;

use choose::Choice;
use features::Likeness;
use sentences::Sentence;

/// The width of the encoder's vectors.
const WIDTH: usize = 384;
/// Sentences that go to the encoder in one run.
const ROWS: usize = 8;
/// Tokens of a sentence that are read where the encoder's card sets no bound.
const TOKENS: usize = 256;
/// Sentences of a thread that are read; past it the middle is left out.
const MOST: usize = 128;

stage! {
    name: "summarize",
    summary: "Puts a thread into at most sixty words: the sentences that matter, each with its speaker, and what is asked.",
    roles: {
        "encoder": "`input_ids` and `attention_mask` i64 [batch, tokens] to `embedding` f32 [batch, 384], such as minilm",
        "scorer": "`features` f32 [batch, 16] and `embedding` f32 [batch, 384] to `score` f32 [batch], such as sentence-scorer",
    },
    config_schema: include_str!("../config.schema.json"),
    answer_schema: include_str!("../answer.schema.json"),
    handle: summarize,
}

/// What the stage reads of a submission; each field may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    subject: String,
    body: String,
    from: String,
    messages: Vec<thread::Message>,
}

/// The stage's config.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    words: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { words: 60 }
    }
}

/// The stage's answer; empty where there is no sentence, such as in a file alone.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    summary: String,
    words: usize,
    sentences: Vec<Chosen>,
    ask: Option<String>,
}

/// A sentence of the summary, and where it stands.
#[derive(Debug, Serialize)]
struct Chosen {
    speaker: Option<String>,
    text: String,
    message: usize,
    start: usize,
    end: usize,
    score: f64,
}

fn summarize(request: Request<Fields>, config: Config) -> Result<Answer<Summary>, Failure> {
    let fields = request.fields;
    let mut sentences = thread::sentences(&fields.messages, &fields.body, &fields.from);
    shorten(&mut sentences);
    if sentences.is_empty() {
        return Ok(Answer::new(Summary::default()));
    }
    let vectors = embed(&sentences)?;
    let likeness = Likeness::new(&vectors, WIDTH);
    let rows = features::features(&sentences, &likeness, &fields.subject);
    let scores = score(&rows, &vectors, sentences.len())?;
    let asked = asked(&sentences, &scores);
    let mut weights = scores.clone();
    if let Some(weight) = asked.and_then(|index| weights.get_mut(index)) {
        *weight = f32::MAX; // what is asked is told first, where it fits
    }
    let choices = choose::choose(&sentences, &weights, &likeness, config.words);
    let ask = asked.and_then(|index| sentences.get(index));
    Ok(Answer::new(answer(&sentences, &scores, &choices, ask)))
}

/// Keeps the beginning and the end of a thread that is too long.
fn shorten(sentences: &mut Vec<Sentence>) {
    if sentences.len() > MOST {
        sentences.drain(MOST / 2..sentences.len() - MOST / 2);
    }
}

/// The vectors of all sentences, one after the other.
fn embed(sentences: &[Sentence]) -> Result<Vec<f32>, Failure> {
    let tokens = nn::card("encoder")?.tokens_or(TOKENS);
    let encoder = Model::open("encoder")?;
    let mut vectors = Vec::with_capacity(sentences.len() * WIDTH);
    for chunk in sentences.chunks(ROWS) {
        let texts: Vec<_> = chunk.iter().map(|sentence| &sentence.text).collect();
        let encoded = encoder.run(tokenizer::encode_batch(&texts, tokens).inputs()?)?;
        let found = encoded.f32("embedding")?.shaped(&[texts.len(), WIDTH])?;
        vectors.extend_from_slice(&found);
    }
    Ok(vectors)
}

fn score(rows: &[f32], vectors: &[f32], count: usize) -> Result<Vec<f32>, Failure> {
    let inputs = [
        ("features", Tensor::new(&[count, features::COUNT], rows)?),
        ("embedding", Tensor::new(&[count, WIDTH], vectors)?),
    ];
    let scored = Model::open("scorer")?.run(inputs)?;
    let scores = scored.f32("score")?;
    let wanted: &[usize] = if scores.dims().len() == 2 {
        &[ANY, 1]
    } else {
        &[ANY]
    };
    let scores = scores.shaped(wanted)?;
    if scores.len() != count || scores.iter().any(|score| !score.is_finite()) {
        return Err(Failure::Inference(format!(
            "the scorer gave {} scores for {count} sentences, or one that is no number: bind `sentence-scorer`",
            scores.len()
        )));
    }
    Ok(scores.to_vec())
}

fn answer(
    sentences: &[Sentence],
    scores: &[f32],
    choices: &[Choice],
    ask: Option<&Sentence>,
) -> Summary {
    let (mut summary, mut chosen, mut last) = (String::new(), Vec::new(), None);
    for choice in choices {
        let Some((sentence, score)) = sentences.get(choice.index).zip(scores.get(choice.index))
        else {
            continue;
        };
        if !summary.is_empty() {
            summary.push(' ');
        }
        if last != Some(&sentence.speaker)
            && let Some(name) = &sentence.speaker
        {
            summary.push_str(name);
            summary.push_str(": ");
        }
        summary.push_str(&choice.text);
        last = Some(&sentence.speaker);
        chosen.push(Chosen {
            speaker: sentence.speaker.clone(),
            text: choice.text.clone(),
            message: sentence.message,
            start: sentence.range.start,
            end: sentence.range.end,
            score: (f64::from(*score) * 1e4).round() / 1e4,
        });
    }
    // Once more over the whole: two sentences side by side could make up a number.
    let summary = mask::cards(&summary);
    Summary {
        words: summary.split_whitespace().count(),
        summary,
        sentences: chosen,
        ask: ask.map(|sentence| match &sentence.speaker {
            Some(name) => format!("{name}: {}", sentence.text),
            None => sentence.text.clone(),
        }),
    }
}

/// What the person who opened the thread asks for at last; else what is asked for at last. Of one message, the question or
/// request that scores best. Its place in the thread.
fn asked(sentences: &[Sentence], scores: &[f32]) -> Option<usize> {
    let opener = sentences.first().and_then(|first| first.speaker.as_ref());
    let asking = || {
        sentences
            .iter()
            .zip(scores)
            .filter(|(sentence, _)| sentence.asks())
    };
    let newest = |of_opener: bool| {
        let of_right_person = move |(sentence, _): &(&Sentence, &f32)| {
            !of_opener || opener.is_some() && sentence.speaker.as_ref() == opener
        };
        let messages = asking()
            .filter(of_right_person)
            .map(|(sentence, _)| sentence.message);
        messages.max()
    };
    let message = newest(true).or_else(|| newest(false))?;
    sentences
        .iter()
        .zip(scores)
        .enumerate()
        .filter(|(_, (sentence, _))| sentence.message == message && sentence.asks())
        .max_by(|(_, left), (_, right)| left.1.total_cmp(right.1))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests;
