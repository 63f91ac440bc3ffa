//! From texts to flags: every detector over every text, overlaps resolved in favour of the graver rule.

use fleetwright_detect::{Scan, Span, card, cvv, email, iban, phone};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::rules::{self, Action, Severity};
use crate::sources::Source;
use crate::{Config, national, phrase, secret};

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag {
    /// The rule's id.
    pub rule: &'static str,
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
    /// What stands in its place in a redacted text; never the thing itself.
    pub redacted: String,
    /// What was checked, as a phrase.
    pub reason: String,
}

/// A finding in one text, before the config has its say.
struct Finding {
    rule: &'static str,
    span: Span,
    redacted: String,
    reason: String,
}

/// Runs every rule over every text; flags in the order of the texts.
pub fn screen(sources: &[Source<'_>], config: &Config) -> Vec<Flag> {
    let scans: Vec<Scan<'_>> = sources
        .iter()
        .map(|source| Scan::new(&source.text))
        .collect();
    let cards: Vec<Vec<card::Card>> = scans.iter().map(card::find).collect();
    let any_card = cards.iter().any(|cards| !cards.is_empty());
    let mut flags = Vec::new();
    for ((source, scan), cards) in sources.iter().zip(&scans).zip(&cards) {
        let mut findings = if source.answer {
            leaked(scan, cards)
        } else {
            written(scan, cards, any_card, config)
        };
        if source.cut {
            let span = Span {
                start: source.text.len(),
                end: source.text.len(),
            };
            findings.push(finding(
                "text.unread",
                span,
                "",
                "a text longer than is read: the rest was not screened",
            ));
        }
        flags.extend(
            settle(findings, config)
                .into_iter()
                .map(|(finding, rule, action)| Flag {
                    rule: rule.id,
                    severity: rule.severity,
                    action,
                    place: source.name.clone(),
                    start: finding.span.start,
                    end: finding.span.end,
                    redacted: finding.redacted,
                    reason: finding.reason,
                }),
        );
    }
    flags
}

/// Findings in what a customer wrote.
fn written(scan: &Scan<'_>, cards: &[card::Card], any_card: bool, config: &Config) -> Vec<Finding> {
    let text = scan.text();
    let mut found = secrets(text);
    for card in cards {
        found.push(finding(
            "pan.luhn",
            card.span,
            &format!("[card {}]", card::mask(&card.digits)),
            &format!("a {} card number with a valid check digit", card.network),
        ));
        if let Some(span) = cvv::beside(scan, card) {
            found.push(finding(
                "pan.cvv",
                span,
                "[cvv]",
                "a verification value after a card number and its expiry date",
            ));
        }
    }
    for span in cvv::announced(scan) {
        found.push(match any_card {
            true => finding(
                "pan.cvv",
                span,
                "[cvv]",
                "a verification value in the same submission as a full card number",
            ),
            false => finding("cvv.alone", span, "[cvv]", "a card verification value"),
        });
    }
    for iban in iban::find(scan) {
        found.push(finding(
            "iban.mod97",
            iban.span,
            &format!("[IBAN {}]", iban::mask(&iban.normalized)),
            "an IBAN of its country's length with a valid checksum",
        ));
    }
    let mut all = |rule, spans: Vec<Span>, redacted: &str, reason: &str| {
        found.extend(
            spans
                .into_iter()
                .map(|span| finding(rule, span, redacted, reason)),
        )
    };
    all(
        "id.us-ssn",
        national::us_ssn(scan),
        "[US SSN]",
        "a US social security number in a range that is issued",
    );
    all(
        "id.gb-nino",
        national::gb_nino(scan),
        "[UK NI number]",
        "a UK National Insurance number with a prefix in use",
    );
    all(
        "id.de-tax",
        national::de_tax(scan),
        "[DE tax id]",
        "a German tax id with a valid check digit",
    );
    all(
        "email.address",
        email::find(scan).into_iter().map(|e| e.span).collect(),
        "[e-mail]",
        "an e-mail address",
    );
    all(
        "legal.threat",
        phrase::legal(text),
        "",
        "words that announce legal steps",
    );
    all(
        "health.mention",
        phrase::health(text),
        "",
        "words about the writer's health",
    );
    for phone in phone::find(scan, config.country.as_deref()) {
        found.push(finding(
            "phone.number",
            phone.span,
            &format!("[phone {}]", phone::mask(&phone.digits)),
            "a telephone number",
        ));
    }
    found
}

fn secrets(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut all = |rule, spans: Vec<Span>, redacted: &str, reason: &str| {
        found.extend(
            spans
                .into_iter()
                .map(|span| finding(rule, span, redacted, reason)),
        )
    };
    all(
        "secret.private-key",
        secret::private_keys(text),
        "[private key]",
        "a private key in PEM",
    );
    all(
        "secret.api-key",
        secret::api_keys(text),
        "[key]",
        "a key or token in a known format, or announced as one",
    );
    all(
        "secret.password",
        secret::passwords(text),
        "[password]",
        "a password or PIN told in the text",
    );
    found
}

/// Card numbers that `extract` found in attachments which are not text, such as PDF: it masks them and says where they are.
pub(crate) fn reported(fields: &Map<String, Value>, config: &Config) -> Vec<Flag> {
    let entities = fields
        .get("extract")
        .and_then(|extract| extract.get("entities"));
    let Some(rule) = rules::find("pan.luhn") else {
        return Vec::new();
    };
    let action = config.action(rule);
    let flag = |entity: &Value| {
        let place = entity.pointer("/where/source")?.as_str()?;
        let offset = |name| usize::try_from(entity.pointer(name)?.as_u64()?).ok();
        let card = entity.get("kind")?.as_str()? == "card" && place.starts_with("attachment:");
        card.then_some(Flag {
            rule: rule.id,
            severity: rule.severity,
            action,
            place: place.to_owned(),
            start: offset("/where/start")?,
            end: offset("/where/end")?,
            redacted: "[card]".to_owned(),
            reason: "a card number that `extract` found in the text of this attachment".to_owned(),
        })
    };
    let entities = entities.and_then(Value::as_array).into_iter().flatten();
    let flags = entities.filter_map(flag);
    if action == Action::Off {
        Vec::new()
    } else {
        flags.collect()
    }
}

/// Findings in what an earlier stage said: it must repeat neither card numbers nor secrets.
fn leaked(scan: &Scan<'_>, cards: &[card::Card]) -> Vec<Finding> {
    let mut found = secrets(scan.text());
    found.extend(cards.iter().map(|card| {
        finding(
            "pan.leak",
            card.span,
            &format!("[card {}]", card::mask(&card.digits)),
            "a full card number in an earlier stage's answer",
        )
    }));
    found
}

fn finding(rule: &'static str, span: Span, redacted: &str, reason: &str) -> Finding {
    Finding {
        rule,
        span,
        redacted: redacted.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Drops what is switched off, then what a graver rule covers; the rest in the text's order.
/// Phrases redact nothing, so that they cover nothing and nothing covers them.
fn settle(
    mut findings: Vec<Finding>,
    config: &Config,
) -> Vec<(Finding, &'static rules::Rule, Action)> {
    findings.sort_by_key(|finding| (rules::rank(finding.rule), finding.span.start));
    let mut kept: Vec<(Finding, &'static rules::Rule, Action)> = Vec::new();
    for finding in findings {
        let Some(rule) = rules::find(finding.rule) else {
            continue;
        };
        let action = config.action(rule);
        let covered = kept.iter().any(|(other, _, _)| {
            other.span.overlaps(finding.span)
                && !other.redacted.is_empty()
                && !finding.redacted.is_empty()
        });
        if action != Action::Off && !covered {
            kept.push((finding, rule, action));
        }
    }
    kept.sort_by_key(|(finding, _, _)| finding.span);
    kept
}
