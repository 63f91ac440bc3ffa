//! A stage that says which version it is: what a swap is seen by.
//!
//! Its config may tell it to fail on a share of its calls, to take its time, or to answer something of its own.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::hint::black_box;

use fleetwright_sdk::prelude::*;

stage! {
    name: "versioned",
    summary: "Says which version it is.",
    config_schema: include_str!("config.schema.json"),
    handle: versioned,
}

/// What the stage is shown; each may be absent.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Fields {
    subject: String,
    /// The answer of the stage before, where there is one and it is granted.
    first: Option<Said>,
}

/// What the stage is told.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many subjects in a hundred it fails on; which ones is settled by the subject.
    fail_percent: u64,
    /// How many turns it spends before it answers.
    turns: u64,
    /// What it answers beside.
    word: String,
    /// Whether it fails, whatever it is shown.
    broken: bool,
}

/// What the stage says.
#[derive(Serialize, Deserialize)]
pub struct Said {
    version: String,
    subject: String,
    word: String,
    /// The version of the stage before.
    first: Option<String>,
}

fn versioned(request: Request<Fields>, config: Config) -> Result<Answer<Said>, Failure> {
    let Fields { subject, first } = request.fields;
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&subject);
    if config.broken || hash % 100 < config.fail_percent {
        return Err(Failure::Internal("as told".to_owned()));
    }
    for turn in 0..config.turns {
        black_box(turn);
    }
    Ok(Answer::new(Said {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subject,
        word: config.word,
        first: first.map(|first| first.version),
    }))
}
