//! From texts to flags: every rule over every text that it reads, overlaps resolved in favour of the stronger rule.

use fleetwright_detect::{Scan, Span, card, phrase};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::detectors::{Around, hits};
use crate::pack::{Action, Check, Reads, Severity};
use crate::rules::{Active, Rules};
use crate::sources::Source;

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag {
    /// The rule's id.
    pub rule: String,
    /// The rule's pack, as `name@version`.
    pub pack: String,
    /// How much it matters.
    pub severity: Severity,
    /// What the stage does with it.
    pub action: Action,
    /// The text that it was found in: `subject`, `body`, `message:N`, `attachment:NAME` or `stage:NAME.path`.
    #[serde(rename = "where")]
    pub place: String,
    /// Byte offset in that text.
    pub start: usize,
    /// Byte offset after it.
    pub end: usize,
    /// What stands in its place in a redacted text; never the thing itself. Empty where nothing is replaced.
    pub redacted: String,
    /// What was checked, as a phrase.
    pub reason: String,
    /// The model's probability, where one read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

impl Flag {
    /// A flag of a rule at a place of a text.
    pub fn new(
        active: &Active,
        place: String,
        span: Span,
        placeholder: String,
        reason: String,
    ) -> Self {
        let replaces = matches!(active.action, Action::Redact | Action::Hold);
        Self {
            rule: active.rule.id.to_string(),
            pack: active.pack.clone(),
            severity: active.rule.severity,
            action: active.action,
            place,
            start: span.start,
            end: span.end,
            redacted: if replaces { placeholder } else { String::new() },
            reason,
            confidence: None,
        }
    }
}

/// A finding in one text, of a rule and its rank.
struct Finding<'a> {
    rank: usize,
    active: &'a Active,
    span: Span,
    placeholder: String,
    reason: String,
}

/// Runs every rule but the learned ones over every text that it reads; flags in the order of the texts.
pub fn screen(sources: &[Source<'_>], rules: &Rules, country: Option<&str>) -> Vec<Flag> {
    let scans: Vec<Scan<'_>> = sources
        .iter()
        .map(|source| Scan::new(source.shown()))
        .collect();
    let cards: Vec<Vec<card::Card>> = scans.iter().map(card::find).collect();
    let any_card = cards.iter().any(|cards| !cards.is_empty());
    let mut flags = Vec::new();
    for ((source, scan), cards) in sources.iter().zip(&scans).zip(&cards) {
        let around = Around {
            cards,
            any_card,
            country,
        };
        let findings = rules
            .reading(source.stage.as_deref())
            .flat_map(|(rank, active)| found(rank, active, source, scan, &around))
            .collect();
        flags.extend(settle(findings).into_iter().map(|finding| {
            let span = source.original(finding.span);
            Flag::new(
                finding.active,
                source.name.clone(),
                span,
                finding.placeholder,
                finding.reason,
            )
        }));
    }
    flags
}

fn found<'a>(
    rank: usize,
    active: &'a Active,
    source: &Source<'_>,
    scan: &Scan<'_>,
    around: &Around<'_>,
) -> Vec<Finding<'a>> {
    let finding = |span, placeholder, reason| Finding {
        rank,
        active,
        span,
        placeholder,
        reason,
    };
    match &active.rule.reads {
        Reads::Checks(checks) if checks.contains(&Check::Unread) => {
            let end = source.shown().len();
            let reason = "a text longer than is read: the rest was not screened".to_owned();
            let span = Span { start: end, end };
            source
                .cut
                .then(|| finding(span, String::new(), reason))
                .into_iter()
                .collect()
        }
        Reads::Checks(checks) => checks
            .iter()
            .flat_map(|check| hits(*check, scan, around))
            .map(|hit| finding(hit.span, hit.placeholder, hit.reason))
            .collect(),
        Reads::Phrases(phrases) => phrases
            .iter()
            .flat_map(|words| {
                phrase::find(scan, words)
                    .into_iter()
                    .map(move |span| (words, span))
            })
            .map(|(words, span)| finding(span, String::new(), format!("the words \"{words}\"")))
            .collect(),
        Reads::Label { .. } => Vec::new(), // the model's: `learned`
    }
}

/// Drops what a stronger rule covers; the rest in the text's order. Phrases have no placeholder: they cover weaker phrases of their
/// pack, and nothing else covers them.
fn settle(mut findings: Vec<Finding<'_>>) -> Vec<Finding<'_>> {
    findings.sort_by_key(|finding| (finding.rank, finding.span.start));
    let mut kept: Vec<Finding<'_>> = Vec::new();
    for finding in findings {
        let covered = kept.iter().any(|other| {
            let alike = match (other.placeholder.is_empty(), finding.placeholder.is_empty()) {
                (true, true) => {
                    other.rank != finding.rank && other.active.pack == finding.active.pack
                }
                (other, finding) => !other && !finding,
            };
            alike && other.span.overlaps(finding.span)
        });
        if !covered {
            kept.push(finding);
        }
    }
    kept.sort_by_key(|finding| finding.span);
    kept
}

/// Card numbers that `extract` found in attachments which are not text, such as PDF: it masks them and says where they are.
pub(crate) fn reported(fields: &Map<String, Value>, rules: &Rules) -> Vec<Flag> {
    let looks_for_cards = |active: &Active| matches!(&active.rule.reads, Reads::Checks(checks) if checks.contains(&Check::Card));
    let Some((_, active)) = rules
        .reading(None)
        .find(|(_, active)| looks_for_cards(active))
    else {
        return Vec::new();
    };
    let entities = fields
        .get("extract")
        .and_then(|extract| extract.get("entities"));
    let flag = |entity: &Value| {
        let place = entity.pointer("/where/source")?.as_str()?;
        let offset = |name| usize::try_from(entity.pointer(name)?.as_u64()?).ok();
        let card = entity.get("kind")?.as_str()? == "card" && place.starts_with("attachment:");
        let span = Span {
            start: offset("/where/start")?,
            end: offset("/where/end")?,
        };
        let reason = "a card number that `extract` found in the text of this attachment".to_owned();
        card.then(|| Flag::new(active, place.to_owned(), span, "[card]".to_owned(), reason))
    };
    entities
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(flag)
        .collect()
}
