//! The rules: each has an id, a severity and a default action. README.md documents the checks behind them.

use serde::{Deserialize, Serialize};

/// How much a finding matters, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Harm follows if it goes on.
    Critical,
    /// Regulated data.
    High,
    /// Personal data, or something that a person should know of.
    Medium,
    /// For the record.
    Low,
}

/// What the stage does with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Reports and redacts it.
    Flag,
    /// Reports and redacts it, and holds the submission for a person.
    Hold,
    /// Looks away.
    Off,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// The id that flags and config name.
    pub id: &'static str,
    /// How much its findings matter.
    pub severity: Severity,
    /// What is done where the config does not say.
    pub action: Action,
}

const fn rule(id: &'static str, severity: Severity, action: Action) -> Rule {
    Rule {
        id,
        severity,
        action,
    }
}

/// All rules. Where findings overlap, the rule that stands first here keeps the place.
pub const RULES: &[Rule] = &[
    rule("secret.private-key", Severity::Critical, Action::Hold),
    rule("secret.api-key", Severity::Critical, Action::Hold),
    rule("secret.password", Severity::Critical, Action::Hold),
    rule("pan.cvv", Severity::Critical, Action::Hold),
    rule("pan.leak", Severity::Critical, Action::Hold),
    rule("pan.luhn", Severity::High, Action::Flag),
    rule("cvv.alone", Severity::Medium, Action::Flag),
    rule("iban.mod97", Severity::Medium, Action::Flag),
    rule("id.us-ssn", Severity::High, Action::Flag),
    rule("id.gb-nino", Severity::High, Action::Flag),
    rule("id.de-tax", Severity::High, Action::Flag),
    rule("email.address", Severity::Low, Action::Flag),
    rule("phone.number", Severity::Low, Action::Flag),
    rule("legal.threat", Severity::Medium, Action::Flag),
    rule("health.mention", Severity::Low, Action::Flag),
    rule("text.unread", Severity::Medium, Action::Hold),
];

/// The rule of an id.
pub(crate) fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// The place of a rule in [`RULES`]: the lower, the stronger.
pub(crate) fn rank(id: &str) -> usize {
    RULES
        .iter()
        .position(|rule| rule.id == id)
        .unwrap_or(RULES.len())
}
