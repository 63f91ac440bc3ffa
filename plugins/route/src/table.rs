//! The routing table, as the stage's config gives it.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::condition::Condition;

/// The types that the shipped `classify` tells apart.
const SHIPPED_TYPES: &[&str] = &[
    "account",
    "card",
    "payment",
    "refund",
    "order",
    "delivery",
    "cancellation-or-subscription",
    "invoice",
    "technical",
    "fraud",
    "complaint",
    "information",
    "feedback",
    "other",
];

/// The routing table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Table {
    /// The least confidence in the type with which a rule may decide, from 0 to 1.
    pub floor: f64,
    /// The queue where a person decides.
    pub human: String,
    /// The types that rules may name: those of the classifier in use.
    pub types: Vec<String>,
    /// The rules, in order: the first match wins.
    pub rules: Vec<Rule>,
    /// The least confidence in another likely type with which the table is asked for that, where it is silent on the
    /// likeliest; never, where absent.
    pub propose: Option<f64>,
    /// Where a request goes that no rule matches; the human queue where absent.
    #[serde(rename = "default")]
    pub fallback: Option<Target>,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            floor: 0.6,
            human: "human-review".to_owned(),
            types: SHIPPED_TYPES.iter().map(|t| (*t).to_owned()).collect(),
            rules: Vec::new(),
            propose: None,
            fallback: None,
        }
    }
}

/// One line of the table.
#[derive(Debug, Deserialize)]
pub struct Rule {
    /// How reasons and answers call the rule; its place in the table, such as `rule 2`, where absent.
    pub name: Option<String>,
    /// What a classification must be.
    #[serde(default)]
    pub when: When,
    /// Where the request then goes.
    #[serde(flatten)]
    pub target: Target,
}

/// What must hold.
#[derive(Debug)]
pub enum When {
    /// A CEL expression over the decisions so far: `classify.type == "card"`.
    Condition(Condition),
    /// What a classification must be: `{ type = "card" }`.
    Facts(Facts),
}

impl Default for When {
    fn default() -> When {
        When::Facts(Facts::default())
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyWhen)
    }
}

/// Tells the two forms apart, so that a mistake in one is told as a mistake in that one.
struct AnyWhen;

impl<'de> Visitor<'de> for AnyWhen {
    type Value = When;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition such as `classify.type == \"card\"`, or a table such as { type = \"card\" }")
    }

    fn visit_str<E: de::Error>(self, source: &str) -> Result<When, E> {
        Condition::parse(source)
            .map(When::Condition)
            .map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<When, A::Error> {
        Facts::deserialize(de::value::MapAccessDeserializer::new(map)).map(When::Facts)
    }
}

/// What a classification must be: each fact that is given must be among the values.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// Accepted types; any, where empty.
    #[serde(rename = "type")]
    pub kind: OneOrMore,
    /// Accepted urgencies; any, where empty.
    pub urgency: OneOrMore,
    /// Accepted sentiments; any, where empty.
    pub sentiment: OneOrMore,
}

impl When {
    /// The types that it names.
    fn types(&self) -> Vec<&str> {
        match self {
            When::Condition(condition) => condition.types(),
            When::Facts(facts) => facts.kind.values().iter().map(String::as_str).collect(),
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, Deserialize)]
pub struct Target {
    /// The queue.
    pub queue: String,
    /// The team that works it.
    #[serde(default)]
    pub team: Option<String>,
    /// The automatic flow that starts.
    #[serde(default)]
    pub flow: Option<String>,
    /// 1 is the most urgent, 5 the least.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Why, in the words of whoever wrote the rule: put after the facts.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One value, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// `"card"`
    One(String),
    /// `["card", "fraud"]`
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> OneOrMore {
        OneOrMore::More(Vec::new())
    }
}

impl OneOrMore {
    /// The values; empty where any will do.
    pub fn values(&self) -> &[String] {
        match self {
            OneOrMore::One(value) => std::slice::from_ref(value),
            OneOrMore::More(values) => values,
        }
    }
}

impl Table {
    /// Checks what the schema cannot: that every rule can match a type that the classifier gives.
    ///
    /// # Errors
    /// A sentence that names the rule, the value and the way out.
    pub fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.floor) {
            return Err(format!(
                "`floor` is `{}`: give a confidence from 0 to 1",
                self.floor
            ));
        }
        if let Some(propose) = self.propose.filter(|least| !(0.0..=1.0).contains(least)) {
            return Err(format!(
                "`propose` is `{propose}`: give a confidence from 0 to 1"
            ));
        }
        for (place, rule) in self.rules.iter().enumerate() {
            let listed = |kind: &&str| self.types.iter().any(|known| known == kind);
            if let Some(unknown) = rule.when.types().iter().find(|kind| !listed(kind)) {
                return Err(format!(
                    "rule {} asks for type `{unknown}`, which `types` does not list ({}): correct it, or add it to `types`",
                    place + 1,
                    self.types.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// The name of the rule at a place.
    pub fn rule_name(&self, place: usize) -> String {
        self.rules
            .get(place)
            .and_then(|rule| rule.name.clone())
            .unwrap_or_else(|| format!("rule {}", place + 1))
    }
}
