use super::*;
use serde_json::json;

fn decisions() -> Map<String, Value> {
    let value = json!({
        "classify": {
            "type": "card", "urgency": "high", "type_confidence": 0.91, "anger": true, "sentiment": null,
            "alternatives": [{ "type": "card", "confidence": 0.91 }, { "type": "fraud", "confidence": 0.05 }]
        },
        "extract": { "amounts": [12, 99.5], "order": "A-12" },
    });
    value.as_object().unwrap().clone()
}

fn asked(source: &str) -> Result<bool, Unclear> {
    Condition::parse(source).unwrap().holds(&decisions())
}

/// What the `cel` crate says; an error as `None`.
fn by_cel(source: &str) -> Option<bool> {
    let program = cel::Program::compile(source).unwrap_or_else(|e| panic!("`{source}`: {e}"));
    let mut context = cel::Context::default();
    for (name, value) in decisions() {
        context.add_variable_from_value(name, as_cel(&value));
    }
    let empty = cel::Value::from(std::collections::HashMap::<String, cel::Value>::new());
    context.add_variable_from_value("summarize", empty);
    match program.execute(&context) {
        Ok(cel::Value::Bool(holds)) => Some(holds),
        _ => None,
    }
}

fn as_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => cel::Value::Int(whole),
            None => cel::Value::Float(number.as_f64().unwrap()),
        },
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(items) => {
            cel::Value::List(std::sync::Arc::new(items.iter().map(as_cel).collect()))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), as_cel(value)));
            cel::Value::from(members.collect::<std::collections::HashMap<_, _>>())
        }
    }
}

#[test]
fn conditions_mean_what_they_mean_in_cel() {
    let atoms = [
        "classify.type == \"card\"",
        "classify.type in ['refund', \"fraud\"]",
        "classify.urgency in [\"high\", \"critical\"]",
        "!(classify.type != 'card')",
        "classify.type_confidence >= 0.9",
        "classify.type_confidence < 0.5",
        "classify.anger",
        "!classify.anger",
        "!!classify.anger",
        "has(classify.anger)",
        "has(classify.nothing)",
        "has(summarize.open)",
        "summarize.open == \"x\"",
        "classify.nothing",
        "classify.sentiment == null",
        "classify.sentiment != null",
        "classify.alternatives[1].type == 'fraud'",
        "classify.alternatives[1][\"confidence\"] > 0.01",
        "size(classify.alternatives) == 2",
        "extract.amounts.size() > 5",
        "extract.order.startsWith(\"A-\") && extract.order.endsWith('12')",
        "extract.order.contains(\"\\\"\")",
        "\"type\" in classify",
        "99.5 in extract.amounts",
        "extract.order < \"B\"",
        "true",
        "false",
        "classify.type == 'a\\'b'",
        "extract.amounts[0] == 12",
        "extract.amounts[0] >= 12.0",
        "[1, 2] == [1, 2]",
        "-1 < 0",
    ];
    let mut sources: Vec<String> = atoms.iter().map(|atom| (*atom).to_owned()).collect();
    for left in atoms {
        for right in atoms {
            sources.push(format!("{left} && {right}"));
            sources.push(format!("{left} || {right}"));
            sources.push(format!("({left}) || {right} && !({left})"));
        }
    }
    for source in sources {
        assert_eq!(asked(&source).ok(), by_cel(&source), "`{source}`");
    }
}

#[test]
fn what_is_no_condition_is_refused_with_its_place() {
    for (source, says) in [
        ("classify.type = \"card\"", "byte 14"),
        ("classify.type == ", "its end"),
        ("classify.type == \"card", "ends with \""),
        ("(classify.anger", "`)` is needed"),
        (
            "classify.type.matches(\"c.*\")",
            "`matches(…)` is no function",
        ),
        ("now() > 3", "`now(…)` is no function"),
        ("has(classify)", "a member in `has(…)`"),
        ("classify.type in [\"card\",]", "a value such as"),
        ("size()", "1 arguments"),
        ("if == 2", "keeps `if`"),
        ("1.2.3 == 2", "a number such as"),
        ("", "its end"),
    ] {
        let error = Condition::parse(source).unwrap_err();
        assert!(error.contains(says), "`{source}`: {error}");
    }
    assert!(
        Condition::parse(&"!".repeat(100))
            .unwrap_err()
            .contains("deeper")
    );
    assert!(
        Condition::parse(&"(".repeat(5000))
            .unwrap_err()
            .contains("5000 bytes")
    );
}

#[test]
fn an_unclear_condition_says_why() {
    for (source, says) in [
        (
            "classify.nothing == 1",
            "uses `nothing`, which is absent here",
        ),
        ("classify.type", "gives a string"),
        ("classify.type < 3", "compares a string with a number"),
        ("classify.alternatives[7].type == 'a'", "uses `[7]`"),
    ] {
        let Unclear(error) = asked(source).unwrap_err();
        assert!(error.contains(says), "`{source}`: {error}");
    }
}

#[test]
fn the_types_that_a_condition_names_are_known() {
    let condition = Condition::parse("classify.type in ['card', 'fraud'] || 'order' == classify.type && classify.urgency == 'low'").unwrap();
    assert_eq!(condition.types(), ["card", "fraud", "order"]);
    assert!(condition.asks_for("urgency") && !condition.asks_for("sentiment"));
}
