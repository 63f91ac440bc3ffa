//! The `route` stage: turns the decisions so far into a queue by the table in its config, whose conditions are CEL.
//!
//! The first rule that matches wins. Below the config's `floor` of confidence, and where there is no classification,
//! a person decides: the answer then is the `human` queue. So does a rule whose condition gives no answer. Where the table
//! is silent, it is asked for the next likely type (`propose`); a request that asks for several things goes to each queue that
//! it needs (`also`). The reason names the facts and their figures.
//!
//! Default: no rules, a floor of 0.6, and the queue `human-review` for everything. The stage uses no model.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod condition;
mod decide;
mod table;

use fleetwright_sdk::prelude::*;
use serde_json::{Map, Value};

pub use condition::Condition;
pub use decide::{Also, Alternative, Classification, DecidedBy, Route, decide};
pub use table::{Facts, Rule, Table, Target, When};

stage! {
    name: "route",
    summary: "Sends a classified request to a queue by a configured table, with the reason; to a person where confidence is low.",
    roles: {},
    config_schema: include_str!("../config.schema.json"),
    answer_schema: include_str!("../answer.schema.json"),
    handle: handle,
}

/// What the stage is shown: the answers of the stages that it reads, by name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Fields(Map<String, Value>);

fn handle(request: Request<Fields>, table: Table) -> Result<Answer<Route>, Failure> {
    table.check().map_err(Failure::InvalidConfig)?;
    let Fields(shown) = request.fields;
    let decisions: Map<String, Value> = shown
        .into_iter()
        .map(|(name, answer)| (name.replace('-', "_"), answer))
        .collect();
    let classification = decisions
        .get("classify")
        .filter(|answer| !answer.is_null())
        .map(Classification::deserialize)
        .transpose()
        .map_err(|error| {
            Failure::InvalidInput(format!("`classify` is no classification: {error}"))
        })?;
    let confidence = classification.as_ref().and_then(Classification::confidence);
    let answer = Answer::new(decide(&table, classification.as_ref(), &decisions));
    Ok(match confidence {
        Some(confidence) => answer.confidence(confidence.clamp(0.0, 1.0)),
        None => answer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetwright_sdk::harness::{Harness, json};

    #[test]
    fn the_stage_answers_with_queue_reason_and_confidence() {
        let run = Harness::new(&STAGE)
            .config(json!({ "rules": [{ "name": "card-emergency", "when": { "type": "card", "urgency": ["high", "critical"] }, "queue": "card-desk", "flow": "block-card", "priority": 1 }] }))
            .fields(json!({ "classify": { "type": "card", "urgency": "critical", "sentiment": "negative", "type_confidence": 0.97, "confidence": 0.8 } }))
            .run();
        let answer = run.answer();
        assert_eq!(answer.confidence, Some(0.97));
        assert_eq!(
            answer.fields,
            json!({
                "queue": "card-desk", "team": null, "flow": "block-card", "priority": 1, "decided_by": "rule", "rule": "card-emergency",
                "reason": "type `card` (0.97) and urgency `critical` match rule `card-emergency` → queue `card-desk`",
                "alternatives": [], "also": []
            })
        );
    }

    #[test]
    fn without_a_classification_a_person_decides() {
        let run = Harness::new(&STAGE).run();
        assert_eq!(run.answer().fields["queue"], "human-review");
        assert_eq!(run.answer().fields["decided_by"], "absent");
        assert_eq!(run.answer().confidence, None);
    }

    #[test]
    fn a_condition_reads_every_answer_that_is_shown() {
        let run = Harness::new(&STAGE)
            .config(json!({ "rules": [
                { "when": "classify.type == 'order' && has(extract.order) && extract.order.startsWith('A-')", "queue": "a-orders" }
            ] }))
            .fields(json!({
                "classify": { "type": "order", "type_confidence": 0.9 },
                "extract": { "order": "A-12" }
            }))
            .run();
        let fields = &run.answer().fields;
        assert_eq!(fields["queue"], "a-orders");
        assert_eq!(
            fields["reason"],
            "type `order` (0.90) matches rule 1 (`classify.type == 'order' && has(extract.order) && extract.order.startsWith('A-')`) → queue `a-orders`"
        );
    }

    #[test]
    fn a_broken_condition_is_an_invalid_config() {
        let run = Harness::new(&STAGE)
            .config(json!({ "rules": [{ "when": "classify.type = 'card'", "queue": "x" }] }))
            .run();
        assert!(
            matches!(run.failure(), Failure::InvalidConfig(text) if text.contains("at byte 14") && text.contains("rules[0]")),
            "{:?}",
            run.failure()
        );
    }

    #[test]
    fn a_rule_with_an_unknown_type_is_an_invalid_config() {
        let run = Harness::new(&STAGE)
            .config(json!({ "rules": [{ "when": { "type": "cardd" }, "queue": "x" }] }))
            .run();
        assert!(
            matches!(run.failure(), Failure::InvalidConfig(text) if text.contains("`cardd`") && text.contains("rule 1"))
        );
    }

    #[test]
    fn the_schemas_are_json() {
        for schema in [
            STAGE.description.config_schema,
            STAGE.description.answer_schema,
        ] {
            let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
            assert_eq!(schema["additionalProperties"], false);
        }
    }
}
