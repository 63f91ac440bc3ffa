//! The `summarize` stage: a thread in at most sixty words, in the writers' own sentences, each with its speaker.
//!
//! Extractive by design: what the summary says somebody wrote, and where it stands is part of the answer. A scorer
//! that was trained on people's summaries weighs each sentence by its likeness to the rest, its place and its wording; what
//! repeats a chosen sentence is left out, and what leans on the sentence before it (`That is why …`) is told behind that one or not at all. Vectors of sentences are made of what the encoder gives for their tokens, of whole messages that
//! other stages read as well. A sentence is taken whole or not at all: where none fits, the answer says so.
//! What a message repeats of an earlier one is a quotation, and never told as its sender's; nor is a signature, a heading, or what a line announces.
//!
//! The scorer knows English. A thread in another language is told by its first sentences, and `language` and `note` say so.
//!
//! Sentences are read as a reader sees them: no tags of HTML, no letter in another one's place, nothing invisible. Two things are changed
//! in them beside that. A payment card's number is masked to its last four digits (`••1111`) and its
//! verification value to `•••`; and where a greeting was cut off (`Hello, when …`), the sentence
//! begins with a capital. `start` and `end` are those of the sentence as it was written.
//!
//! Beside the summary stand `ask`, what the person who opened the thread asks for at last, or else anybody; `agreed`, the newest
//! agreement or undertaking, be it a word or two; and `open`, the newest question after which nobody else wrote. Each is a sentence of the thread or
//! absent. In a letter alone, the summary begins with what it asks, where that fits.
//!
//! Default: 60 words, names included, of scripts without blanks by an estimate (two letters a word in Chinese and Japanese, four in Thai); the first and last 64 sentences of a thread are read, and none of more than 2,000 bytes is told.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod agreeing;
mod choose;
mod features;
mod language;
mod leaning;
mod mask;
mod matters;
mod pieces;
mod sentences;
mod tell;
mod thread;
mod vectors;
mod wanting;

use fleetwright_sdk::nn::ANY;
use fleetwright_sdk::prelude::*;

pub use sentences::Sentence;
pub use thread::{Message, Thread, read};
pub use vectors::{Place, Plan, plan};

use choose::Candidate;
use features::Likeness;
use language::Language;
use matters::matters;
use vectors::WIDTH;

/// Tokens of a row that are read where the encoder's card sets no bound.
const TOKENS: usize = 256;
/// Bytes of a sentence that is told. Nobody reads a longer one, and few of them would fill what a stage may answer.
const LONGEST: usize = 2000;
/// Sentences of a thread that are read; past it the middle is left out.
const MOST: usize = 128;

/// Characters of a text without a sentence by which its language is told.
const BEGINNING: usize = 1000;
/// What is said of a text that has words and no sentence.
const NO_SENTENCE: &str = "the text has no sentence of three words or more beside greetings, names and what was said before: read the text";

stage! {
    name: "summarize",
    summary: "Puts a thread into at most sixty words: the sentences that matter, each with its speaker, and what is asked.",
    roles: {
        "encoder": "`input_ids` and `attention_mask` i64 [batch, tokens] to `states` f32 [batch, tokens, 384], such as minilm-trunk",
        "scorer": "`features` f32 [batch, 51] to `score` f32 [batch], such as sentence-scorer",
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
    agreed: Option<String>,
    open: Option<String>,
    language: Option<&'static str>,
    method: Option<Method>,
    note: Option<String>,
}

/// What chose the sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Method {
    /// The trained scorer.
    Scorer,
    /// Their place: the first of each message.
    Lead,
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

/// The sentences of a thread, each with its score, and what chose by it.
struct Weighed {
    sentences: Vec<Sentence>,
    /// What the thread says in a word or two.
    brief: Vec<Sentence>,
    scores: Vec<f32>,
    likeness: Likeness,
    method: Method,
}

fn summarize(request: Request<Fields>, config: Config) -> Result<Answer<Summary>, Failure> {
    let fields = request.fields;
    let mut thread = thread::read(&fields.messages, &fields.body, &fields.from);
    shorten(&mut thread.sentences);
    if thread.sentences.is_empty() {
        return Ok(Answer::new(Summary::of_none(&thread.own)));
    }
    let language = Language::of(&thread.sentences);
    let weighed = match language {
        Language::Foreign(..) => in_order(thread),
        Language::English | Language::Unknown => weigh(thread, &fields.subject)?,
    };
    Ok(Answer::new(answer(&weighed, language, config.words)))
}

/// Keeps the beginning and the end of a thread that is too long.
fn shorten(sentences: &mut Vec<Sentence>) {
    if sentences.len() > MOST {
        sentences.drain(MOST / 2..sentences.len() - MOST / 2);
        if let Some(after) = sentences.get_mut(MOST / 2) {
            after.follows = false;
        }
    }
}

/// Without the models: the first sentence of each message goes before the second of any.
fn in_order(thread: Thread) -> Weighed {
    let sentences = thread.sentences;
    let place = |sentence: &Sentence| sentence.place as f32 + sentence.message as f32 * 1e-3;
    Weighed {
        scores: sentences.iter().map(|s| -place(s)).collect(),
        likeness: Likeness::of_products(Vec::new(), Vec::new()),
        method: Method::Lead,
        brief: thread.brief,
        sentences,
    }
}

fn weigh(thread: Thread, subject: &str) -> Result<Weighed, Failure> {
    let tokens = nn::card("encoder")?.tokens_or(TOKENS);
    let (vectors, title) = vectors::plan(&thread, subject, tokens).vectors()?;
    let sentences = thread.sentences;
    let likeness = Likeness::new(&vectors, WIDTH, title.as_deref());
    let rows = features::features(&sentences, &likeness, subject.trim());
    Ok(Weighed {
        scores: score(&rows, sentences.len())?,
        likeness,
        method: Method::Scorer,
        brief: thread.brief,
        sentences,
    })
}

fn score(rows: &[f32], count: usize) -> Result<Vec<f32>, Failure> {
    let inputs = [("features", Tensor::new(&[count, features::COUNT], rows)?)];
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

fn answer(weighed: &Weighed, language: Language, words: usize) -> Summary {
    let Weighed {
        sentences,
        scores,
        brief,
        ..
    } = weighed;
    let found = matters(sentences, scores, brief);
    let candidates = candidates(weighed, found.ask);
    let choose = |candidates| choose::choose(sentences, candidates, &weighed.likeness, words);
    let follows = |one: &Candidate| sentences.get(one.index).is_some_and(|s| s.follows);
    let stand = candidates.iter().filter(|one| !one.leans || follows(one));
    let mut chosen = choose(stand.copied().collect());
    if chosen.is_empty() {
        // Nothing stands by itself, or what does is too long.
        let alone = |one: Candidate| Candidate {
            leans: false,
            ..one
        };
        chosen = choose(candidates.into_iter().map(alone).collect());
    }
    // Once more over the whole: two sentences side by side could make up a number.
    let summary = mask::cards(&tell::all(sentences, &chosen));
    let one = |sentence: Option<&Sentence>| {
        let sentence = sentence.filter(|sentence| is_told(sentence))?;
        Some(tell::one(sentences, sentence))
    };
    Summary {
        words: sentences::words(&summary),
        note: note(language, chosen.is_empty(), words),
        summary,
        sentences: chosen
            .iter()
            .filter_map(|index| Chosen::of(sentences.get(*index)?, *scores.get(*index)?))
            .collect(),
        ask: one(found.ask.and_then(|index| sentences.get(index))),
        agreed: one(found.agreed),
        open: one(found.open),
        language: language.code(),
        method: Some(weighed.method),
    }
}

impl Summary {
    /// Of a text without a sentence; a text that is not blank says why.
    fn of_none(own: &[String]) -> Self {
        let text = own.iter().any(|own| !own.trim().is_empty());
        let beginning: String = own.join(" ").chars().take(BEGINNING).collect();
        Self {
            language: Language::of_text(&beginning).code(),
            note: text.then(|| NO_SENTENCE.to_owned()),
            ..Self::default()
        }
    }
}

impl Chosen {
    fn of(sentence: &Sentence, score: f32) -> Option<Self> {
        Some(Self {
            speaker: sentence.speaker.clone(),
            text: sentence.text.clone(),
            message: sentence.message,
            start: sentence.range.start,
            end: sentence.range.end,
            score: (f64::from(score) * 1e4).round() / 1e4,
        })
    }
}

/// The whole sentences with their scores, fragments where there are none. In a letter, what is asked is told first; in a thread it stands beside the summary.
fn candidates(weighed: &Weighed, ask: Option<usize>) -> Vec<Candidate> {
    let sentences = &weighed.sentences;
    let whole = sentences.iter().any(|sentence| sentence.whole);
    let letter = sentences.iter().all(|sentence| sentence.message == 0);
    let english = weighed.method == Method::Scorer;
    let told = sentences.iter().zip(&weighed.scores).enumerate();
    let told = told.filter(|(_, (sentence, _))| (sentence.whole || !whole) && is_told(sentence));
    let scored = told.map(|(index, (sentence, score))| {
        let first = letter && ask == Some(index);
        Candidate {
            index,
            score: if first { f32::MAX } else { *score },
            leans: english && !first && index > 0 && leaning::leans(&sentence.text),
        }
    });
    scored.collect()
}

fn is_told(sentence: &Sentence) -> bool {
    sentence.text.len() <= LONGEST
}

/// What a reader must know of the summary.
fn note(language: Language, empty: bool, words: usize) -> Option<String> {
    let foreign = match language {
        Language::Foreign(code, name) => Some(format!(
            "the text is in {name} ({code}) and the scorer knows English alone: the summary is the first sentences that fit"
        )),
        Language::English | Language::Unknown => None,
    };
    let long = empty.then(|| {
        format!("no sentence of the text fits into {words} words, and none is cut: read the text")
    });
    match (foreign, long) {
        (Some(foreign), Some(long)) => Some(format!("{foreign}; {long}")),
        (foreign, long) => foreign.or(long),
    }
}

#[cfg(test)]
mod tests;
