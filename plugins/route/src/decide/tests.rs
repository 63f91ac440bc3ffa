use super::*;
use serde_json::json;

fn table() -> Table {
    serde_json::from_value(json!({
        "floor": 0.5,
        "rules": [
            { "when": { "type": ["card", "fraud"], "urgency": ["critical"] }, "queue": "card-emergency", "priority": 1 },
            { "name": "angry", "when": { "sentiment": "negative" }, "queue": "care", "reason": "somebody should call" },
            { "when": { "type": "card" }, "queue": "cards" }
        ],
        "default": { "queue": "general", "team": "front-desk" }
    }))
    .unwrap()
}

fn classified(value: serde_json::Value) -> Classification {
    serde_json::from_value(value).unwrap()
}

fn route_of(value: serde_json::Value) -> Route {
    routed(&table(), value)
}

fn routed(table: &Table, value: serde_json::Value) -> Route {
    let decisions = json!({ "classify": value });
    let facts = classified(decisions["classify"].clone());
    decide(table, Some(&facts), decisions.as_object().unwrap())
}

#[test]
fn the_first_match_wins_and_the_others_are_named() {
    let route = route_of(
        json!({ "type": "card", "urgency": "critical", "sentiment": "negative", "type_confidence": 0.97, "urgency_confidence": 0.8 }),
    );
    assert_eq!(route.queue, "card-emergency");
    assert_eq!(
        route.reason,
        "type `card` (0.97) and urgency `critical` (0.80) match rule 1 → queue `card-emergency`"
    );
    let others: Vec<&str> = route
        .alternatives
        .iter()
        .map(|a| a.queue.as_str())
        .collect();
    assert_eq!(others, ["care", "cards"]);
}

#[test]
fn a_rule_gives_its_own_reason_too() {
    let route = route_of(json!({ "type": "order", "sentiment": "negative", "confidence": 0.9 }));
    assert_eq!(
        route.reason,
        "type `order` (0.90) and sentiment `negative` match rule `angry` → queue `care`: somebody should call"
    );
    assert_eq!(route.rule.as_deref(), Some("angry"));
}

#[test]
fn a_rule_with_one_fact_reads_well() {
    assert_eq!(
        route_of(json!({ "type": "card", "confidence": 0.7 })).reason,
        "type `card` (0.70) matches rule 3 → queue `cards`"
    );
}

#[test]
fn below_the_floor_a_person_decides_and_sees_what_would_have_been() {
    let route = route_of(json!({ "type": "card", "confidence": 0.49 }));
    assert_eq!(
        (route.queue.as_str(), route.decided_by),
        ("human-review", DecidedBy::Floor)
    );
    assert_eq!(
        route.alternatives,
        [Alternative {
            queue: "cards".into(),
            rule: "rule 3".into()
        }]
    );
    assert!(
        route.reason.contains("0.49") && route.reason.contains("0.50"),
        "{}",
        route.reason
    );
    assert_eq!(
        route_of(json!({ "type": "card", "confidence": 0.5 })).decided_by,
        DecidedBy::Rule
    );
}

#[test]
fn a_classification_without_confidence_is_not_trusted() {
    let route = route_of(json!({ "type": "card" }));
    assert_eq!(route.decided_by, DecidedBy::Floor);
    assert!(route.reason.contains("not given"));
}

#[test]
fn without_a_match_the_default_decides_or_a_person() {
    let facts = json!({ "type": "order", "urgency": "low", "confidence": 0.9 });
    let route = route_of(facts.clone());
    assert_eq!(
        (route.queue.as_str(), route.team.as_deref()),
        ("general", Some("front-desk"))
    );
    assert_eq!(
        route.reason,
        "type `order` (0.90) and urgency `low` match no rule → default queue `general`"
    );
    let bare = Table {
        floor: 0.0,
        ..Table::default()
    };
    let route = routed(&bare, facts);
    assert_eq!(
        (route.queue.as_str(), route.decided_by),
        ("human-review", DecidedBy::Default)
    );
}

#[test]
fn no_classification_or_no_type_goes_to_a_person() {
    assert_eq!(
        decide(&table(), None, &Map::new()).decided_by,
        DecidedBy::Absent
    );
    assert_eq!(
        route_of(json!({ "urgency": "high", "confidence": 0.9 })).decided_by,
        DecidedBy::Absent
    );
}

#[test]
fn a_floor_outside_zero_to_one_is_refused() {
    let error = Table {
        floor: 1.5,
        ..Table::default()
    }
    .check()
    .unwrap_err();
    assert!(error.contains("`1.5`"));
    assert!(table().check().is_ok());
}

fn by_conditions() -> Table {
    serde_json::from_value(json!({
        "floor": 0.5,
        "propose": 0.2,
        "rules": [
            { "when": "classify.type in ['card', 'fraud'] && classify.urgency == 'critical'", "queue": "card-emergency" },
            { "name": "cards", "when": "classify.type == \"card\"", "queue": "cards" },
            { "name": "orders", "when": "classify.type == 'order'", "queue": "orders" }
        ],
        "default": { "queue": "general" }
    }))
    .unwrap()
}

#[test]
fn conditions_decide_as_the_facts_do() {
    let route = routed(
        &by_conditions(),
        json!({ "type": "card", "urgency": "critical", "type_confidence": 0.97, "urgency_confidence": 0.8 }),
    );
    assert_eq!(
        route.reason,
        "type `card` (0.97) and urgency `critical` (0.80) match rule 1 → queue `card-emergency`"
    );
    assert_eq!(route.alternatives[0].queue, "cards");
}

#[test]
fn a_rule_that_gives_no_answer_goes_to_a_person() {
    let route = routed(
        &by_conditions(),
        json!({ "type": "card", "confidence": 0.9 }),
    );
    assert_eq!(
        (route.queue.as_str(), route.decided_by),
        ("human-review", DecidedBy::Unclear)
    );
    assert!(
        route.reason.contains("rule 1") && route.reason.contains("`urgency`, which is absent"),
        "{}",
        route.reason
    );
}

#[test]
fn where_the_table_is_silent_the_next_likely_type_is_proposed() {
    let facts = |second: f64| {
        json!({
            "type": "information", "urgency": "low", "type_confidence": 0.6,
            "alternatives": [{ "type": "information", "confidence": 0.6 }, { "type": "order", "confidence": second }]
        })
    };
    let route = routed(&by_conditions(), facts(0.3));
    assert_eq!(
        (
            route.queue.as_str(),
            route.decided_by,
            route.rule.as_deref()
        ),
        ("orders", DecidedBy::Proposal, Some("orders"))
    );
    assert_eq!(
        route.reason,
        "type `information` (0.60) matches no rule, and the next likely type `order` (0.30) matches rule `orders` → queue `orders`"
    );
    let route = routed(&by_conditions(), facts(0.1));
    assert_eq!(
        (route.queue.as_str(), route.decided_by),
        ("general", DecidedBy::Default)
    );
}

#[test]
fn a_request_with_several_asks_goes_to_each_queue_that_it_needs() {
    let route = routed(
        &by_conditions(),
        json!({
            "type": "card", "urgency": "low", "type_confidence": 0.8,
            "asks": [
                { "type": "card", "confidence": 0.9 },
                { "type": "order", "confidence": 0.8 },
                { "type": "order", "confidence": 0.7 },
                // Not sure, yet it would go where the letter goes already.
                { "type": "order", "confidence": 0.3 },
                { "type": "fraud", "confidence": 0.3 },
                { "type": "feedback", "confidence": 0.2 }
            ]
        }),
    );
    assert_eq!(route.queue, "cards");
    let also: Vec<_> = route
        .also
        .iter()
        .map(|also| {
            (
                also.queue.as_str(),
                also.rule.as_deref(),
                also.reason.as_str(),
            )
        })
        .collect();
    assert_eq!(
        also,
        [
            (
                "orders",
                Some("orders"),
                "a part of the letter: type `order` (0.80) matches rule `orders` → queue `orders`"
            ),
            (
                "human-review",
                None,
                "a part of the letter: confidence in type `fraud` is 0.30, below the floor of 0.50 → queue `human-review`, where a person decides"
            ),
        ]
    );
}
