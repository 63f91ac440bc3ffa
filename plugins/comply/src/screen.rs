//! From texts to flags: every rule over every text that it reads, overlaps resolved in favour of the stronger rule.

use std::collections::BTreeMap;

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

    /// How many bytes the flag takes in an answer, with the comma behind it.
    pub(crate) fn written(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len() + 1)
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
    let mut replaced = Covered::default();
    let mut phrases: BTreeMap<&str, Covered> = BTreeMap::new();
    let mut kept: Vec<Finding<'_>> = Vec::new();
    let (mut rank, mut said) = (0, Vec::new());
    for finding in findings {
        let pack = finding.active.pack.as_str();
        if finding.rank != rank {
            // Phrases of one rule do not cover one another.
            for (pack, span) in said.drain(..) {
                phrases.entry(pack).or_default().add(span);
            }
            rank = finding.rank;
        }
        if finding.placeholder.is_empty() {
            let stronger = phrases.get(pack);
            if stronger.is_some_and(|stronger| stronger.overlaps(finding.span)) {
                continue;
            }
            said.push((pack, finding.span));
        } else if replaced.overlaps(finding.span) {
            continue;
        } else {
            replaced.add(finding.span);
        }
        kept.push(finding);
    }
    kept.sort_by_key(|finding| finding.span);
    kept
}

/// The ranges of a text that findings cover, those that overlap as one, by their starts: a text of nothing but findings has as many as
/// it has words.
#[derive(Default)]
struct Covered(BTreeMap<usize, usize>);

impl Covered {
    fn overlaps(&self, span: Span) -> bool {
        let before = self.0.range(..span.end).next_back();
        before.is_some_and(|(_, end)| *end > span.start)
    }

    fn add(&mut self, span: Span) {
        let Span { mut start, mut end } = span;
        while let Some((other, until)) = self.0.range(..end).next_back() {
            if *until <= start {
                break;
            }
            let (other, until) = (*other, *until);
            self.0.remove(&other);
            (start, end) = (start.min(other), end.max(until));
        }
        if start < end {
            self.0.insert(start, end);
        }
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_covered_is_what_one_of_the_ranges_overlaps(
            spans in prop::collection::vec((0_usize..60, 1_usize..12), 0..30),
            asked in prop::collection::vec((0_usize..60, 0_usize..12), 1..20),
        ) {
            let span = |(start, length): &(usize, usize)| Span { start: *start, end: start + length };
            let mut covered = Covered::default();
            spans.iter().for_each(|one| covered.add(span(one)));
            for one in asked.iter().map(span) {
                let any = spans.iter().map(span).any(|other| other.overlaps(one));
                prop_assert_eq!(covered.overlaps(one), any);
            }
        }
    }
}
