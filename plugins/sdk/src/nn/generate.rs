//! Text out of a generative model: whole, or piece by piece.
//!
//! A [`Prompt`] tells the plugin's own words from a submission's: in the latter the model's markers, such as `<|im_end|>`, are
//! letters like any other, and what stands before the first of them is read once for all calls of the stage. [`Options`] that are
//! not set are as the model's card and the host say: as many tokens as the card allows, and the likeliest of each.
//!
//! ```no_run
//! use fleetwright_sdk::nn::{self, Model, Options, Prompt};
//!
//! fn reply(question: &str) -> Result<String, nn::Error> {
//!     let card = nn::card("writer")?;
//!     let prompt = card.chat("Answer in one sentence.", &Prompt::new().template("Question: ").data(question));
//!     let options = Options { tokens: Some(64), stop: vec!["\n".to_owned()], ..Options::default() };
//!     Ok(Model::open("writer")?.generate(&prompt, &options)?.text)
//! }
//! ```

use serde::{Deserialize, Serialize};

use super::{Error, Model, Tensor};
use crate::host;

/// What a model goes on from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    text: String,
    data: Vec<(usize, usize)>,
}

impl Prompt {
    /// An empty prompt.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words of the plugin's own; the model's markers in them are markers.
    #[must_use]
    pub fn template(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds what a submission says; nothing in it is a marker.
    #[must_use]
    pub fn data(mut self, text: &str) -> Self {
        let from = self.text.len();
        self.text.push_str(text);
        self.data.push((from, self.text.len()));
        self
    }

    /// Adds another prompt.
    #[must_use]
    pub fn then(mut self, other: &Prompt) -> Self {
        let before = self.text.len();
        self.text.push_str(&other.text);
        let moved = other
            .data
            .iter()
            .map(|(from, to)| (from + before, to + before));
        self.data.extend(moved);
        self
    }

    /// The text of it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What an answer may take, where it ends, and how its tokens are chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Options {
    /// The most tokens.
    #[serde(rename = "n-predict", skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u32>,
    /// The most milliseconds, from when it begins; it ends with what there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// 0: the likeliest token; above, tokens are drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// The share of probability that is drawn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// How many of the likeliest tokens are drawn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Where drawing begins: equal seeds give equal answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// What the answer must be, in llama.cpp's GBNF, whose first rule is `root`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grammar: Option<String>,
    /// Texts at which it ends; they are no part of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

/// Options as the host takes them, with the prompt's ranges.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(flatten)]
    options: &'a Options,
    data: &'a [(usize, usize)],
}

/// A text and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// How it came about.
    pub usage: Usage,
}

/// How a text came about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// How many of those the model had read for an earlier call.
    pub reused_tokens: u32,
    /// Tokens of the text.
    pub tokens: u32,
    /// Why it ended.
    pub finish: Finish,
    /// The stop at which it ended.
    #[serde(default)]
    pub stop: Option<String>,
}

/// Why a text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model had no more to say.
    End,
    /// A stop came.
    Stop,
    /// It has as many tokens as it may.
    Length,
    /// Its time is over.
    Time,
}

impl Model {
    /// Generates a text, and gives it whole.
    ///
    /// # Errors
    /// [`Error::Host`] where the host refuses prompt or options, the time is up, or the backend fails.
    pub fn generate(&self, prompt: &Prompt, options: &Options) -> Result<Generated, Error> {
        let metadata = metadata(&self.role, prompt, options)?;
        let inputs = [
            ("prompt", Tensor::text(&prompt.text)?),
            ("metadata", Tensor::text(&metadata)?),
        ];
        let outputs = self.run(inputs)?;
        let read = |name: &str| -> Result<String, Error> {
            let bytes = outputs.read::<u8>(name)?.to_vec();
            String::from_utf8(bytes).map_err(|error| unreadable(&self.role, &error))
        };
        Ok(Generated {
            text: read("text")?,
            usage: usage(&self.role, &read("usage")?)?,
        })
    }

    /// Begins to generate a text, whose pieces [`Text::next`] gives as they come. Dropping it ends the generation.
    ///
    /// # Errors
    /// As [`Model::generate`].
    pub fn stream(&self, prompt: &Prompt, options: &Options) -> Result<Text, Error> {
        let metadata = metadata(&self.role, prompt, options)?;
        let text = host::Text::start(&self.role, &prompt.text, &metadata);
        Ok(Text {
            text: text.map_err(|refusal| Error::host(&self.role, refusal))?,
            role: self.role.clone(),
        })
    }
}

/// A text that is being generated.
pub struct Text {
    role: String,
    text: host::Text,
}

impl Text {
    /// The next piece; `None` once the text has ended.
    ///
    /// # Errors
    /// [`Error::Host`] where the time is up or the backend fails.
    #[allow(clippy::should_implement_trait, reason = "it may fail, and for long")]
    pub fn next(&mut self) -> Result<Option<String>, Error> {
        let piece = self.text.next();
        piece.map_err(|refusal| Error::host(&self.role, refusal))
    }

    /// How the text came about, once it has ended.
    ///
    /// # Errors
    /// [`Error::Card`] where the host says it in a way that this SDK does not know.
    pub fn usage(&self) -> Result<Option<Usage>, Error> {
        let json = self.text.usage();
        json.map(|json| usage(&self.role, &json)).transpose()
    }
}

fn metadata(role: &str, prompt: &Prompt, options: &Options) -> Result<String, Error> {
    let data = &prompt.data;
    serde_json::to_string(&Metadata { options, data }).map_err(|error| unreadable(role, &error))
}

fn usage(role: &str, json: &str) -> Result<Usage, Error> {
    serde_json::from_str(json).map_err(|error| unreadable(role, &error))
}

fn unreadable(role: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Card {
        role: role.to_owned(),
        reason: format!(
            "is of a model whose text cannot be read ({error}): bind one of format `gguf`"
        ),
    }
}
