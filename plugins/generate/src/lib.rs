//! The `generate` stage: has a generative model write a text by the prompt in its config.
//!
//! Placeholders of the prompt are filled with what the stage is shown; that is data, in which the model's markers mean nothing. The
//! part before the first placeholder is read once for all calls. With `sentences`, the text is read as it comes, and the model is
//! stopped once there are as many.
//!
//! Default: the likeliest token each time, as many as the card allows, fields cut at 2,000 characters.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod prompt;
mod sentences;

use fleetwright_sdk::nn::{Generated, Options};
use fleetwright_sdk::prelude::*;
use serde_json::{Map, Value};

use prompt::Filled;

stage! {
    name: "generate",
    summary: "Has a generative model write a text by a configured prompt.",
    roles: { "writer": "a generative model: `prompt` and `metadata` u8 [bytes] to `text` and `usage` u8 [bytes]" },
    config_schema: include_str!("../config.schema.json"),
    answer_schema: include_str!("../answer.schema.json"),
    handle: handle,
}

/// What the manifest may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    system: String,
    prompt: String,
    #[serde(default = "chars")]
    chars: usize,
    tokens: Option<u32>,
    time_ms: Option<u64>,
    sentences: Option<usize>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    seed: Option<u32>,
    #[serde(default)]
    stop: Vec<String>,
    grammar: Option<String>,
}

fn chars() -> usize {
    2000
}

impl Config {
    fn options(&self) -> Options {
        Options {
            tokens: self.tokens,
            time_ms: self.time_ms,
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: None,
            seed: self.seed,
            grammar: self.grammar.clone(),
            stop: self.stop.clone(),
        }
    }
}

/// What the stage is shown: fields and answers of earlier stages, by name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Fields(Map<String, Value>);

/// What the model wrote.
#[derive(Debug, PartialEq, Serialize)]
pub struct Written {
    text: String,
    tokens: Option<u32>,
    prompt_tokens: Option<u32>,
    reused_tokens: Option<u32>,
    ended: Value,
}

impl From<Generated> for Written {
    fn from(generated: Generated) -> Self {
        let Generated { text, usage } = generated;
        Self {
            text: text.trim().to_owned(),
            tokens: Some(usage.tokens),
            prompt_tokens: Some(usage.prompt_tokens),
            reused_tokens: Some(usage.reused_tokens),
            ended: serde_json::json!(usage.finish),
        }
    }
}

fn handle(request: Request<Fields>, config: Config) -> Result<Answer<Written>, Failure> {
    let Filled { prompt, empty } = prompt::fill(&config.prompt, &request.fields.0, config.chars)
        .map_err(Failure::InvalidConfig)?;
    if empty {
        return Err(Failure::InvalidInput(
            "none of the fields that `prompt` names has any text: send one, or grant it in the stage's `reads`".to_owned(),
        ));
    }
    let prompt = nn::card("writer")?.chat(&config.system, &prompt);
    let model = Model::open("writer")?;
    let options = config.options();
    let written = match config.sentences {
        Some(most) => sentences::write(model.stream(&prompt, &options)?, most)?,
        None => model.generate(&prompt, &options)?.into(),
    };
    Ok(Answer::new(written))
}

#[cfg(test)]
mod tests;
