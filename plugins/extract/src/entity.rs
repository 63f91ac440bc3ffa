//! What the stage answers of each thing that it found, and how the same thing found twice becomes one.

use fleetwright_detect::Span;
use serde::Serialize;

use crate::find::Finding;

/// How many entities an answer carries.
pub const ENTITIES: usize = 200;

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Money: normalised as currency and plain number, `EUR 1234.56`.
    Amount,
    /// A day: ISO 8601, or `--MM-DD` where no year is written.
    Date,
    /// An international bank account number, without blanks.
    Iban,
    /// A payment card, masked to its last four digits.
    Card,
    /// The number of a bank or customer account that is no IBAN.
    AccountNumber,
    /// The number of an order or booking.
    OrderNumber,
    /// The number of an invoice.
    InvoiceNumber,
    /// The number of a case, ticket or complaint.
    CaseNumber,
    /// The number of a customer.
    CustomerNumber,
    /// The number of a parcel.
    TrackingNumber,
    /// An e-mail address, its domain in lower case.
    Email,
    /// A telephone number, E.164 where the country is known.
    Phone,
    /// A postal address, as one line with a comma between its parts.
    Address,
    /// A person's name.
    Person,
    /// An organisation's name.
    Organization,
    /// What a tagger marks under a label of its own.
    Slot,
}

/// How an entity was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By a rule, with its checks.
    Rule,
    /// By the tagger.
    Model,
}

/// Where an entity was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Where {
    /// `subject`, `body`, `from`, `message:N`, or `attachment:NAME`.
    pub source: String,
    /// The page, from 1, in a PDF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<usize>,
    /// The place in `documents`, from 0, of an attachment whose name others have, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<usize>,
    /// Byte offset in the text (for attachments: in the text of the file, or of the page).
    pub start: usize,
    /// Byte offset after it.
    pub end: usize,
    /// Whether it stands in an earlier message that a letter quotes, or in the lines that announce that.
    #[serde(skip_serializing_if = "is_false")]
    pub quoted: bool,
}

impl Where {
    /// A place in a text that has no pages.
    pub fn new(source: &str, span: Span) -> Where {
        Where {
            source: source.to_owned(),
            start: span.start,
            end: span.end,
            ..Where::default()
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Bytes of an answer that places where something stands again may take: a third of what a stage may answer by default. A statement that
/// repeats its dates would fill it otherwise.
const PLACES: usize = 20 << 10;
/// Bytes of a place as JSON, but for its source's name.
const PLACE: usize = 72;

/// A thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entity {
    /// What it is.
    pub kind: Kind,
    /// The tagger's label, for a slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// As a reader sees it written; masked for cards.
    pub value: String,
    /// In the form that machines compare; absent where the text leaves it open.
    pub normalized: Option<String>,
    /// For an amount: its currency (ISO 4217).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<&'static str>,
    /// For a date that can be read in two ways: both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<String>,
    /// Where it stands first.
    #[serde(rename = "where")]
    pub place: Where,
    /// Where it stands again: of all entities together, what [`PLACES`] bytes hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Where>,
    /// How often it stands in all texts.
    pub times: usize,
    /// How it was found.
    pub method: Method,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
}

impl Entity {
    /// An entity from a finding at a place.
    pub fn new(finding: Finding, method: Method, place: Where) -> Entity {
        Entity {
            kind: finding.kind,
            label: finding.label,
            value: finding.value,
            normalized: finding.normalized,
            currency: finding.currency,
            readings: finding.readings,
            place,
            also: Vec::new(),
            times: 1,
            method,
            confidence: finding.confidence,
        }
    }

    /// Whether both name the same thing. Two slots are two things, whatever stands in them.
    fn is_same(&self, other: &Entity) -> bool {
        if self.kind == Kind::Slot {
            return false;
        }
        let same = match (&self.normalized, &other.normalized) {
            (Some(a), Some(b)) => a == b || self.kind == Kind::Person && a.eq_ignore_ascii_case(b),
            _ => self.value == other.value,
        };
        self.kind == other.kind && same
    }
}

/// Entities with those that name the same thing merged, at most [`ENTITIES`], and whether some were left out.
pub fn merge(entities: Vec<Entity>) -> (Vec<Entity>, bool) {
    let mut merged: Vec<Entity> = Vec::new();
    let mut left = PLACES;
    let mut truncated = false;
    for entity in entities {
        let room = merged.len() < ENTITIES;
        match merged.iter_mut().find(|other| other.is_same(&entity)) {
            Some(other) => {
                other.times += 1;
                let known = other.place == entity.place || other.also.contains(&entity.place);
                let bytes = PLACE + entity.place.source.len();
                if let Some(rest) = left.checked_sub(bytes).filter(|_| !known) {
                    left = rest;
                    other.also.push(entity.place);
                }
                other.confidence = other.confidence.max(entity.confidence);
            }
            None if room => merged.push(entity),
            None => truncated = true,
        }
    }
    (merged, truncated)
}
