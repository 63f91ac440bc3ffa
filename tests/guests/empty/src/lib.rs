//! A stage that does nothing, and imports nothing: what a call costs without a plugin's work.

use fleetwright_sdk::prelude::*;

stage! {
    name: "empty",
    summary: "Does nothing.",
    handle: empty,
}

#[derive(Serialize)]
struct Nothing {}

fn empty(_: Request<serde::de::IgnoredAny>) -> Result<Answer<Nothing>, Failure> {
    Ok(Answer::new(Nothing {}))
}
