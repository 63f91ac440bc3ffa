//! A stage that asks an encoder once, with as many tokens as its config says: what a device gives through the whole path.

use fleetwright_sdk::prelude::*;

stage! {
    name: "encoder",
    summary: "Asks an encoder once.",
    roles: { "encoder": "`input_ids` and `attention_mask` i64 [batch, tokens] to `embedding` f32 [batch, width]" },
    config_schema: r#"{"type":"object","additionalProperties":false,"properties":{"tokens":{"type":"integer","minimum":1,"maximum":4096}}}"#,
    handle: encode,
}

/// The first of those that are words: those before it are markers, in the vocabularies of BERT.
const FIRST_WORD: i64 = 1000;

#[derive(Deserialize)]
struct Fields {
    body: String,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    tokens: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { tokens: 128 }
    }
}

#[derive(Serialize)]
struct Encoded {
    width: usize,
}

fn encode(request: Request<Fields>, config: Config) -> Result<Answer<Encoded>, Failure> {
    let letters = request.fields.body.bytes().map(i64::from);
    let words = letters.chain([0]).cycle().map(|letter| FIRST_WORD + letter);
    let ids: Vec<i64> = words.take(config.tokens).collect();
    let dims = [1, config.tokens];
    let inputs = [
        ("input_ids", Tensor::new(&dims, &ids)?),
        (
            "attention_mask",
            Tensor::new(&dims, &vec![1_i64; config.tokens])?,
        ),
    ];
    let embedding = Model::open("encoder")?.run(inputs)?.f32("embedding")?;
    let width = embedding.dims().last().copied().unwrap_or_default();
    Ok(Answer::new(Encoded { width }))
}
