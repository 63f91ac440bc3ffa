//! The `extract` stage: structured fields out of what a customer wrote and attached.
//!
//! Rules with checksums and normal forms find amounts, dates, account and reference numbers, addresses and names that
//! announce themselves; a model finds the other names. Every entity says where it stands and how it was found.
//!
//! Bounds: 256 KiB of each field, those of [`document`] for attachments, 200 entities, names by model in four rows of the latest
//! message and by default in four of what is attached.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod company;
pub mod document;
pub mod entity;
pub mod find;
pub mod invoice;
mod names;
mod ocr;
mod picture;
mod source;
mod tagger;

use fleetwright_sdk::prelude::*;
use fleetwright_sdk::reading;

use document::{Document, File, Library};
use entity::{Entity, Method, Where, merge};
use find::Finding;
use invoice::Invoice;
use names::Names;

stage! {
    name: "extract",
    summary: "Finds amounts, dates, account and reference numbers, addresses and names in text and attachments, each with where it stands.",
    roles: {
        "encoder": "`input_ids` and `attention_mask` i64 [batch, tokens] to `states` f32 [batch, tokens, D], of WordPiece tokens as MiniLM reads them",
        "tagger": "`states` f32 [batch, tokens, D], and where the card takes them `attention_mask` i64 [batch, tokens] and `shapes` f32 [batch, tokens, 25], to `tags` f32 [batch, tokens, L]: probabilities of the labels O, B-PER, I-PER, B-ORG, I-ORG, or B- and I- of other kinds, which are slots",
        "detector?": "`x` f32 [1, 3, height, width] to `fetch_name_0` f32 [1, 1, height, width]: where lines of text stand in a picture, as PP-OCR finds them",
        "recognizer?": "`x` f32 [1, 3, 48, width] to `fetch_name_0` f32 [1, steps, C]: a line's characters (CTC), the labels on the card",
        "upright?": "`x` f32 [lines, 3, 80, 160] to `fetch_name_0` f32 [lines, 2]: whether a line stands upright or on its head",
    },
    config_schema: include_str!("../config.schema.json"),
    answer_schema: include_str!("../answer.schema.json"),
    handle: handle,
}

/// The stage's config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// ISO 3166 code of the country that national telephone numbers belong to.
    pub country: Option<String>,
    /// How a date such as `03/04/2025` is read.
    pub dates: find::date::Order,
    /// The currency (ISO 4217) that `$` stands for.
    pub dollar: String,
    /// The least mean probability with which the model's names are taken, from 0 to 1.
    pub names_floor: f64,
    /// In how many rows of attached prose the model looks for names, of all attachments together.
    pub names_attached: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            country: None,
            dates: find::date::Order::default(),
            dollar: "USD".to_owned(),
            names_floor: 0.4,
            names_attached: reading::APART,
        }
    }
}

/// What the stage reads of a submission.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// The subject line.
    pub subject: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// The sender, as `Name <address>`.
    pub from: Option<String>,
    /// A thread, oldest first.
    pub messages: Vec<Message>,
}

/// One message of a thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Who wrote it.
    pub from: Option<String>,
    /// What they wrote.
    pub body: Option<String>,
}

/// The stage's answer.
#[derive(Debug, Serialize)]
pub struct Extract {
    /// What was found, each thing once.
    pub entities: Vec<Entity>,
    /// The fields of the invoice that is attached, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Invoice>,
    /// What became of each attachment.
    pub documents: Vec<Document>,
    /// Whether entities or text were left out for their number or length.
    pub truncated: bool,
}

fn handle(request: Request<Fields>, config: Config) -> Result<Answer<Extract>, Failure> {
    let files = request.attachments.iter().map(|a| File {
        name: &a.name,
        media_type: &a.media_type,
        bytes: &a.bytes,
    });
    let library = Library::read(files)?;
    let owners = source::owners(&library);
    let (sources, cut) = source::collect(&request.fields, &library, &owners);
    let sender = request.fields.from.as_deref().and_then(find::name::sender);
    let mut entities: Vec<Entity> = sender
        .map(|name| {
            let place = Where::new("from", name.span);
            Entity::new(name, Method::Rule, place)
        })
        .into_iter()
        .collect();
    let mut names = Names::new(&request.fields, &config);
    for source in &sources {
        let by_rule = find::all(source.text(), &config);
        let by_model = names.of(source, &by_rule)?;
        let entity = |finding: Finding, method| {
            let place = source.place(finding.span);
            Entity::new(finding, method, place)
        };
        entities.extend(by_rule.into_iter().map(|f| entity(f, Method::Rule)));
        entities.extend(by_model.into_iter().map(|f| entity(f, Method::Model)));
    }
    let (entities, left_out) = merge(entities);
    let invoice = billed(&library, &owners, &config);
    Ok(Answer::new(Extract {
        entities,
        invoice,
        documents: library.documents,
        truncated: cut || left_out,
    }))
}

/// The invoice that the first document with pages is that says so; `owners` tell whose texts are whose.
fn billed(library: &Library, owners: &[usize], config: &Config) -> Option<Invoice> {
    (0..library.documents.len()).find_map(|document| {
        let texts = library.texts.iter().zip(owners);
        let own = texts.filter(|(text, owner)| **owner == document && text.page.is_some());
        let own: Vec<_> = own.map(|(text, _)| text).collect();
        invoice::read(&own, source::shared(library, document), config)
    })
}

#[cfg(test)]
mod tests;
