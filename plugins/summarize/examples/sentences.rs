//! What the stage reads of threads: JSON lines `{"messages": [{"from": …, "body": …}]}` in, the sentences of each out.
//!
//! The recipe of `sentence-scorer` trains on these, so that it sees the sentences that the stage will score.

use std::io::{BufRead, Write};

use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Thread {
    messages: Vec<summarize::Message>,
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let thread: Thread = serde_json::from_str(&line?)?;
        let sentences: Vec<_> = summarize::sentences(&thread.messages, "", "")
            .into_iter()
            .map(|s| json!({ "text": s.text, "message": s.message, "place": s.place, "speaker": s.speaker, "whole": s.whole }))
            .collect();
        writeln!(out, "{}", serde_json::Value::from(sentences))?;
    }
    out.flush()
}
