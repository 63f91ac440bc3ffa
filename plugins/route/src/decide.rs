//! From a classification and a table to a queue: pure, and the same every time.

use serde::{Deserialize, Serialize};

use crate::table::{Rule, Table, Target};

/// How many other queues an answer names.
const ALTERNATIVES: usize = 3;

/// What `classify` said.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Classification {
    /// What the request is about.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// How soon somebody must act.
    #[serde(default)]
    pub urgency: Option<String>,
    /// How the writer feels.
    #[serde(default)]
    pub sentiment: Option<String>,
    /// Confidence in the type.
    #[serde(default)]
    pub type_confidence: Option<f64>,
    /// Confidence in the urgency.
    #[serde(default)]
    pub urgency_confidence: Option<f64>,
    /// Confidence in the sentiment.
    #[serde(default)]
    pub sentiment_confidence: Option<f64>,
    /// Confidence in the whole answer.
    #[serde(default)]
    confidence: Option<f64>,
}

impl Classification {
    /// Confidence in the type, or in the whole where the classifier does not tell them apart.
    pub fn confidence(&self) -> Option<f64> {
        self.type_confidence.or(self.confidence)
    }
}

/// Where the request goes, and why.
#[derive(Debug, PartialEq, Serialize)]
pub struct Route {
    /// The queue.
    pub queue: String,
    /// The team that works it, where the table names one.
    pub team: Option<String>,
    /// The automatic flow that starts, where the table names one.
    pub flow: Option<String>,
    /// 1 is the most urgent, 5 the least.
    pub priority: Option<u8>,
    /// One sentence with the facts and their figures.
    pub reason: String,
    /// What decided.
    pub decided_by: DecidedBy,
    /// The rule that decided, by its name or place; absent where none did.
    pub rule: Option<String>,
    /// What else matched, in the table's order.
    pub alternatives: Vec<Alternative>,
}

/// What decided a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DecidedBy {
    /// A rule of the table.
    Rule,
    /// No rule matched.
    Default,
    /// The confidence was below the floor: a person decides.
    Floor,
    /// There is no classification: a person decides.
    Absent,
}

/// A queue that another rule would have chosen.
#[derive(Debug, PartialEq, Serialize)]
pub struct Alternative {
    /// The queue.
    pub queue: String,
    /// The rule.
    pub rule: String,
}

/// Decides where a request goes.
pub fn decide(table: &Table, classification: Option<&Classification>) -> Route {
    let Some((facts, kind)) = classification.and_then(|c| c.kind.as_deref().map(|kind| (c, kind)))
    else {
        let reason = format!(
            "there is no classification → queue `{}`, where a person decides",
            table.human
        );
        return to_human(table, reason, DecidedBy::Absent, Vec::new());
    };
    let matches: Vec<usize> = (0..table.rules.len())
        .filter(|place| {
            table
                .rules
                .get(*place)
                .is_some_and(|rule| meets(rule, facts))
        })
        .collect();
    let confidence = facts.confidence().unwrap_or(0.0);
    if confidence < table.floor {
        let figure = facts
            .confidence()
            .map_or("not given".to_owned(), |c| format!("{c:.2}"));
        let reason = format!(
            "confidence in type `{kind}` is {figure}, below the floor of {:.2} → queue `{}`, where a person decides",
            table.floor, table.human
        );
        return to_human(
            table,
            reason,
            DecidedBy::Floor,
            alternatives(table, &matches),
        );
    }
    match matches.split_first() {
        Some((first, rest)) => by_rule(table, *first, facts, alternatives(table, rest)),
        None => by_default(table, facts),
    }
}

fn by_rule(
    table: &Table,
    place: usize,
    facts: &Classification,
    alternatives: Vec<Alternative>,
) -> Route {
    let Some(rule) = table.rules.get(place) else {
        return by_default(table, facts);
    };
    let name = table.rule_name(place);
    let facts = told(
        facts,
        !rule.when.urgency.values().is_empty(),
        !rule.when.sentiment.values().is_empty(),
    );
    let verb = if facts.contains(" and ") {
        "match"
    } else {
        "matches"
    };
    let rule_text = if rule.name.is_some() {
        format!("rule `{name}`")
    } else {
        name.clone()
    };
    let reason = format!("{facts} {verb} {rule_text} → queue `{}`", rule.target.queue);
    route(
        &rule.target,
        reason,
        DecidedBy::Rule,
        Some(name),
        alternatives,
    )
}

fn by_default(table: &Table, facts: &Classification) -> Route {
    let facts = told(facts, true, true);
    let verb = if facts.contains(" and ") {
        "match"
    } else {
        "matches"
    };
    match &table.fallback {
        Some(target) => {
            let reason = format!("{facts} {verb} no rule → default queue `{}`", target.queue);
            route(target, reason, DecidedBy::Default, None, Vec::new())
        }
        None => {
            let reason = format!(
                "{facts} {verb} no rule → queue `{}`, where a person decides",
                table.human
            );
            to_human(table, reason, DecidedBy::Default, Vec::new())
        }
    }
}

fn route(
    target: &Target,
    facts: String,
    decided_by: DecidedBy,
    rule: Option<String>,
    alternatives: Vec<Alternative>,
) -> Route {
    let reason = match &target.reason {
        Some(why) => format!("{facts}: {why}"),
        None => facts,
    };
    Route {
        queue: target.queue.clone(),
        team: target.team.clone(),
        flow: target.flow.clone(),
        priority: target.priority,
        reason,
        decided_by,
        rule,
        alternatives,
    }
}

fn to_human(
    table: &Table,
    reason: String,
    decided_by: DecidedBy,
    alternatives: Vec<Alternative>,
) -> Route {
    Route {
        queue: table.human.clone(),
        team: None,
        flow: None,
        priority: None,
        reason,
        decided_by,
        rule: None,
        alternatives,
    }
}

fn alternatives(table: &Table, places: &[usize]) -> Vec<Alternative> {
    let rule = |place: &usize| {
        table.rules.get(*place).map(|rule| Alternative {
            queue: rule.target.queue.clone(),
            rule: table.rule_name(*place),
        })
    };
    places.iter().filter_map(rule).take(ALTERNATIVES).collect()
}

fn meets(rule: &Rule, facts: &Classification) -> bool {
    let among = |accepted: &[String], fact: &Option<String>| {
        accepted.is_empty() || fact.as_ref().is_some_and(|fact| accepted.contains(fact))
    };
    among(rule.when.kind.values(), &facts.kind)
        && among(rule.when.urgency.values(), &facts.urgency)
        && among(rule.when.sentiment.values(), &facts.sentiment)
}

/// The facts with their figures: "type `card` (0.97) and urgency `critical`".
fn told(facts: &Classification, urgency: bool, sentiment: bool) -> String {
    let fact = |name: &str, value: &Option<String>, confidence: Option<f64>| {
        let value = value.as_ref()?;
        Some(confidence.map_or(format!("{name} `{value}`"), |c| {
            format!("{name} `{value}` ({c:.2})")
        }))
    };
    let parts: Vec<String> = [
        fact("type", &facts.kind, facts.confidence()),
        urgency
            .then(|| fact("urgency", &facts.urgency, facts.urgency_confidence))
            .flatten(),
        sentiment
            .then(|| fact("sentiment", &facts.sentiment, facts.sentiment_confidence))
            .flatten(),
    ]
    .into_iter()
    .flatten()
    .collect();
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
