//! From the decisions so far and a table to a queue: pure, and the same every time.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::table::{Facts, Rule, Table, Target, When};

/// How many other queues an answer names.
const ALTERNATIVES: usize = 3;
/// How many asks of one request are looked at.
const MOST_ASKS: usize = 8;

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
    /// The most probable types, the answer among them.
    #[serde(default)]
    alternatives: Vec<Likely>,
    /// What single parts of the letter ask, where they do not all ask the same.
    #[serde(default)]
    asks: Vec<Likely>,
}

/// A type with the confidence in it.
#[derive(Clone, Debug, Deserialize)]
struct Likely {
    #[serde(rename = "type")]
    kind: String,
    confidence: f64,
}

impl Classification {
    /// Confidence in the type, or in the whole where the classifier does not tell them apart.
    pub fn confidence(&self) -> Option<f64> {
        self.type_confidence.or(self.confidence)
    }

    /// The same request, if it were of another type.
    fn with_type(&self, likely: &Likely) -> Self {
        Self {
            kind: Some(likely.kind.clone()),
            type_confidence: Some(likely.confidence),
            ..self.clone()
        }
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
    /// Where else the request goes, since it asks for several things.
    pub also: Vec<Also>,
}

/// A further queue that a request needs.
#[derive(Debug, PartialEq, Serialize)]
pub struct Also {
    /// The queue.
    pub queue: String,
    /// The rule; absent where the default decided.
    pub rule: Option<String>,
    /// One sentence with the facts and their figures.
    pub reason: String,
}

/// What decided a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DecidedBy {
    /// A rule of the table.
    Rule,
    /// No rule matched, and one matches the type that is next likely.
    Proposal,
    /// No rule matched.
    Default,
    /// A rule's condition gave no answer: a person decides.
    Unclear,
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

/// Decides where a request goes. `decisions` are the answers that the stage is shown, the classification among them.
pub fn decide(
    table: &Table,
    classification: Option<&Classification>,
    decisions: &Map<String, Value>,
) -> Route {
    let Some(facts) = classification.filter(|facts| facts.kind.is_some()) else {
        let reason = format!(
            "there is no classification → queue `{}`, where a person decides",
            table.human
        );
        return to_human(table, reason, DecidedBy::Absent, Vec::new());
    };
    let matches = matching(table, facts, decisions);
    if facts.confidence().unwrap_or(0.0) < table.floor {
        return by_floor(table, facts, &matches);
    }
    let main = by_table(table, facts, &matches)
        .or_else(|| by_proposal(table, facts, decisions))
        .unwrap_or_else(|| by_default(table, facts));
    let also = further(table, facts, decisions, &main.queue);
    Route { also, ..main }
}

/// Of a type that is not sure enough: by a person, who is told what the table would have said.
fn by_floor(table: &Table, facts: &Classification, matches: &Matches) -> Route {
    let kind = facts.kind.as_deref().unwrap_or_default();
    let figure = facts
        .confidence()
        .map_or("not given".to_owned(), |c| format!("{c:.2}"));
    let reason = format!(
        "confidence in type `{kind}` is {figure}, below the floor of {:.2} → queue `{}`, where a person decides",
        table.floor, table.human
    );
    let would_be = alternatives(table, &matches.places);
    to_human(table, reason, DecidedBy::Floor, would_be)
}

/// The rules that match, in the table's order.
struct Matches {
    places: Vec<usize>,
    /// A rule before all of them whose condition gave no answer, and why.
    unclear: Option<(usize, String)>,
}

fn matching(table: &Table, facts: &Classification, decisions: &Map<String, Value>) -> Matches {
    let mut matches = Matches {
        places: Vec::new(),
        unclear: None,
    };
    for (place, rule) in table.rules.iter().enumerate() {
        match meets(rule, facts, decisions) {
            Ok(true) => matches.places.push(place),
            Ok(false) => {}
            Err(why) if matches.places.is_empty() && matches.unclear.is_none() => {
                matches.unclear = Some((place, why));
            }
            Err(_) => {}
        }
    }
    matches
}

/// By the first rule that matches; by a person, where a rule before it gave no answer. `None` where the table is silent.
fn by_table(table: &Table, facts: &Classification, matches: &Matches) -> Option<Route> {
    if let Some((place, why)) = &matches.unclear {
        let reason = format!(
            "the condition of {} {why} → queue `{}`, where a person decides",
            rule_told(table, *place),
            table.human
        );
        let would_be = alternatives(table, &matches.places);
        return Some(to_human(table, reason, DecidedBy::Unclear, would_be));
    }
    let (first, rest) = matches.places.split_first()?;
    by_rule(table, *first, facts, alternatives(table, rest))
}

/// Where the table is silent: what it says of the next likely type that is likely enough.
fn by_proposal(
    table: &Table,
    facts: &Classification,
    decisions: &Map<String, Value>,
) -> Option<Route> {
    let least = table.propose?;
    let likely = facts
        .alternatives
        .iter()
        .filter(|likely| likely.confidence >= least && facts.kind.as_ref() != Some(&likely.kind));
    let silent = told(facts, false, false);
    for likely in likely {
        let facts = facts.with_type(likely);
        let matches = matching(table, &facts, &with_type(decisions, likely));
        let found = by_table(table, &facts, &matches);
        if let Some(route) = found.filter(|route| route.decided_by == DecidedBy::Rule) {
            return Some(Route {
                reason: format!(
                    "{silent} matches no rule, and the next likely {}",
                    route.reason
                ),
                decided_by: DecidedBy::Proposal,
                ..route
            });
        }
    }
    None
}

/// The other queues that a request needs which asks for several things: those of its parts' types by the same table, and a person's
/// for a part whose type is not sure, as if it had come alone.
fn further(
    table: &Table,
    facts: &Classification,
    decisions: &Map<String, Value>,
    main: &str,
) -> Vec<Also> {
    let mut also: Vec<Also> = Vec::new();
    let others = facts
        .asks
        .iter()
        .filter(|ask| facts.kind.as_ref() != Some(&ask.kind));
    for ask in others.take(MOST_ASKS) {
        let facts = facts.with_type(ask);
        let matches = matching(table, &facts, &with_type(decisions, ask));
        // What no rule is for needs the default queue, as it would alone.
        let by_type =
            by_table(table, &facts, &matches).unwrap_or_else(|| by_default(table, &facts));
        if by_type.queue == main || also.iter().any(|known| known.queue == by_type.queue) {
            continue;
        }
        let route = match ask.confidence < table.floor {
            true => by_floor(table, &facts, &matches),
            false => by_type,
        };
        if route.queue != main && also.iter().all(|known| known.queue != route.queue) {
            also.push(Also {
                queue: route.queue,
                rule: route.rule,
                reason: format!("a part of the letter: {}", route.reason),
            });
        }
    }
    also
}

/// The decisions, if the type were another.
fn with_type(decisions: &Map<String, Value>, likely: &Likely) -> Map<String, Value> {
    let mut decisions = decisions.clone();
    if let Some(Value::Object(classify)) = decisions.get_mut("classify") {
        classify.insert("type".to_owned(), Value::from(likely.kind.as_str()));
        classify.insert("type_confidence".to_owned(), Value::from(likely.confidence));
    }
    decisions
}

fn by_rule(
    table: &Table,
    place: usize,
    facts: &Classification,
    alternatives: Vec<Alternative>,
) -> Option<Route> {
    let rule = table.rules.get(place)?;
    let (urgency, sentiment, condition) = asked_for(&rule.when);
    let facts = told(facts, urgency, sentiment);
    let verb = if facts.contains(" and ") {
        "match"
    } else {
        "matches"
    };
    let condition = condition.map_or(String::new(), |source| format!(" (`{source}`)"));
    let reason = format!(
        "{facts} {verb} {}{condition} → queue `{}`",
        rule_told(table, place),
        rule.target.queue
    );
    let name = Some(table.rule_name(place));
    Some(route(
        &rule.target,
        reason,
        DecidedBy::Rule,
        name,
        alternatives,
    ))
}

/// Whether a rule asks for urgency and for sentiment, and its condition, where that asks for more than these and the type.
fn asked_for(when: &When) -> (bool, bool, Option<&str>) {
    match when {
        When::Facts(facts) => (
            !facts.urgency.values().is_empty(),
            !facts.sentiment.values().is_empty(),
            None,
        ),
        When::Condition(condition) => (
            condition.asks_for("urgency"),
            condition.asks_for("sentiment"),
            condition
                .asks_beyond(&["type", "urgency", "sentiment"])
                .then(|| condition.source()),
        ),
    }
}

fn rule_told(table: &Table, place: usize) -> String {
    let name = table.rule_name(place);
    let named = table
        .rules
        .get(place)
        .is_some_and(|rule| rule.name.is_some());
    if named {
        format!("rule `{name}`")
    } else {
        name
    }
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
        also: Vec::new(),
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
        also: Vec::new(),
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

fn meets(
    rule: &Rule,
    facts: &Classification,
    decisions: &Map<String, Value>,
) -> Result<bool, String> {
    match &rule.when {
        When::Facts(wanted) => Ok(has_facts(wanted, facts)),
        When::Condition(condition) => condition.holds(decisions).map_err(|unclear| unclear.0),
    }
}

fn has_facts(wanted: &Facts, facts: &Classification) -> bool {
    let among = |accepted: &[String], fact: &Option<String>| {
        accepted.is_empty() || fact.as_ref().is_some_and(|fact| accepted.contains(fact))
    };
    among(wanted.kind.values(), &facts.kind)
        && among(wanted.urgency.values(), &facts.urgency)
        && among(wanted.sentiment.values(), &facts.sentiment)
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
