//! A stage that breaks one rule at a time, as the `case` in its config says: what a host must bear is tested with it.
//!
//! Every case ends in a typed error for its own submission, but for `echo`, `hold` and `infer`, which are the well
//! behaved ones to compare with. It declares one role, `model`, whose first input it names by `input` in the config.

#[cfg(target_arch = "wasm32")]
mod inference;

use std::hint::black_box;

use fleetwright_sdk::{
    Description, Disposition, Failure, RawAnswer, RawRequest, Role, Stage, config, export, logging,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// This plugin. It is written by hand, so that it can answer what the SDK would not let through.
pub static STAGE: Stage = Stage {
    description: Description {
        name: "hostile",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Breaks the rule that its config names.",
        roles: &[Role {
            name: "model",
            purpose: "any model: it is never asked for anything sensible",
        }],
        config_schema: include_str!("config.schema.json"),
        answer_schema: r#"{"type":"object"}"#,
    },
    handle,
};

export!();

/// What the manifest says that the stage shall do.
#[derive(Deserialize)]
pub struct Config {
    /// The rule to break.
    pub case: String,
    /// The role to ask for.
    #[serde(default = "model")]
    pub role: String,
    /// The input's name, for the cases that send tensors.
    #[serde(default = "input")]
    pub input: String,
    /// How many bytes, lines, tensors or runs, for the cases that count.
    #[serde(default = "size")]
    pub size: usize,
    /// The answer's text, for the case that gives it as it is.
    #[serde(default)]
    pub text: String,
}

fn model() -> String {
    "model".to_owned()
}

fn input() -> String {
    "input".to_owned()
}

fn size() -> usize {
    1 << 20
}

fn handle(request: RawRequest) -> Result<RawAnswer, Failure> {
    let config = config::<Config>()?;
    match config.case.as_str() {
        "spin" => spin(),
        "bomb" => bomb(),
        "recurse" => answer(&json!({ "depth": recurse(1) })),
        "trap" => std::process::abort(),
        "echo" => answer(&echo(&request)?),
        "hold" => Ok(RawAnswer {
            disposition: Disposition::Hold("as told".to_owned()),
            ..answer(&json!({}))?
        }),
        "flood-output" => answer(&json!({ "flood": "x".repeat(config.size) })),
        "flood-reason" => Ok(RawAnswer {
            disposition: Disposition::Hold("x".repeat(config.size)),
            ..answer(&json!({}))?
        }),
        "flood-failure" => Err(Failure::Internal("x".repeat(config.size))),
        "flood-log" => flood_log(config.size),
        "flood-line" => {
            logging::error("x".repeat(config.size));
            answer(&json!({ "bytes": config.size }))
        }
        "forge-line" => {
            logging::warn("done\n2026-01-01T00:00:00Z  INFO forged\u{1b}[31m");
            answer(&json!({}))
        }
        "answer-text" => raw("not JSON"),
        "answer-array" => raw("[]"),
        "answer-empty" => raw(""),
        "answer-raw" => raw(&config.text),
        "answer-digits" => raw(&format!("{{\"a\":{}}}", "9".repeat(config.size))),
        "answer-deep" => raw(&format!(
            "{{\"a\":{}{}}}",
            "[".repeat(config.size),
            "]".repeat(config.size)
        )),
        "confidence-high" => Ok(RawAnswer {
            confidence: Some(1.5),
            ..answer(&json!({}))?
        }),
        "confidence-nan" => Ok(RawAnswer {
            confidence: Some(f64::NAN),
            ..answer(&json!({}))?
        }),
        "invalid-input" => Err(Failure::InvalidInput("as told".to_owned())),
        "invalid-config" => Err(Failure::InvalidConfig("as told".to_owned())),
        "inference" => Err(Failure::Inference("as told".to_owned())),
        "internal" => Err(Failure::Internal("as told".to_owned())),
        _ => infer(&config),
    }
}

/// Loops for ever.
fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Allocates without end, and writes what it allocates.
fn bomb() -> ! {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1u8; 1 << 20]));
    }
}

/// Calls itself without end.
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if black_box(depth) == u64::MAX {
        depth
    } else {
        recurse(depth + 1) + black_box(frame).iter().sum::<u64>()
    }
}

/// Writes `lines` log lines.
fn flood_log(lines: usize) -> Result<RawAnswer, Failure> {
    for line in 0..lines {
        logging::info(format_args!("line {line}"));
    }
    answer(&json!({ "lines": lines }))
}

/// Everything that the stage was shown.
fn echo(request: &RawRequest) -> Result<Value, Failure> {
    let fields: Value =
        serde_json::from_str(&request.fields).map_err(|e| Failure::InvalidInput(e.to_string()))?;
    let attachments = request.attachments.iter();
    let attachments: Vec<_> = attachments
        .map(|a| json!({ "name": a.name, "media_type": a.media_type, "bytes": a.bytes.len() }))
        .collect();
    Ok(json!({ "fields": fields, "attachments": attachments }))
}

fn answer(fields: &Value) -> Result<RawAnswer, Failure> {
    raw(&fields.to_string())
}

fn raw(fields: &str) -> Result<RawAnswer, Failure> {
    Ok(RawAnswer {
        fields: fields.to_owned(),
        confidence: None,
        disposition: Disposition::Continue,
    })
}

/// The cases that reach past the SDK, to wasi-nn itself.
#[cfg(target_arch = "wasm32")]
fn infer(config: &Config) -> Result<RawAnswer, Failure> {
    answer(&inference::run(config)?)
}

/// Natively there is no wasi-nn to reach.
#[cfg(not(target_arch = "wasm32"))]
fn infer(config: &Config) -> Result<RawAnswer, Failure> {
    Err(Failure::InvalidConfig(format!(
        "case `{}` is unknown, or wants a component",
        config.case
    )))
}
