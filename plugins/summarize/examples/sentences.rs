//! What the stage reads of threads: JSON lines `{"subject": …, "messages": [{"from": …, "body": …}]}` in; out, for each, its sentences, the
//! ids of the rows that the encoder is given, and the tokens `[row, from, to]` that each sentence and the subject are.
//!
//! The recipe of `sentence-scorer` trains on these, so that it sees what the stage will score.

use std::io::{BufRead, Write};

use serde::Deserialize;
use serde_json::{Value, json};

/// The bound of the shipped encoder.
const TOKENS: usize = 256;

#[derive(Deserialize)]
struct Given {
    subject: String,
    messages: Vec<summarize::Message>,
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let given: Given = serde_json::from_str(&line?)?;
        let thread = summarize::read(&given.messages, "", "");
        let plan = summarize::plan(&thread, &given.subject, TOKENS);
        let sentences = thread.sentences.iter().zip(&plan.sentences).map(|(s, at)| {
            json!({ "text": s.text, "message": s.message, "place": s.place, "speaker": s.speaker, "whole": s.whole, "tokens": places(at) })
        });
        let told = json!({
            "sentences": sentences.collect::<Vec<_>>(),
            "rows": plan.rows.iter().map(|row| &row.encoding.ids).collect::<Vec<_>>(),
            "title": places(&plan.title),
        });
        writeln!(out, "{told}")?;
    }
    out.flush()
}

fn places(places: &[summarize::Place]) -> Value {
    let of = |place: &summarize::Place| json!([place.row, place.tokens.start, place.tokens.end]);
    places.iter().map(of).collect()
}
