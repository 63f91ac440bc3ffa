//! The editors' schema says what the parser accepts, no more and no less.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{Canary, Effort, KEYS, Limits, Shadow, Size, TimeSpan};
use serde_json::Value;
use std::collections::BTreeSet;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../wit/fleet.schema.json")).unwrap()
}

/// Follows `$ref` within the file.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => root.pointer(path.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The schema of a path such as `models.X.batch`: `X` is any key, a list is its items.
fn at<'a>(root: &'a Value, path: &str) -> &'a Value {
    path.split('.')
        .filter(|part| !part.is_empty())
        .fold(root, |schema, part| {
            let found = match part {
                "X" => resolved(root, &schema["additionalProperties"]),
                key => resolved(root, &schema["properties"][key]),
            };
            match found.get("items") {
                Some(items) => resolved(root, items),
                None => found,
            }
        })
}

#[test]
fn property_names_are_the_keys_that_the_parser_accepts() {
    let root = schema();
    for (path, keys) in KEYS {
        let table = at(&root, path);
        let properties = table["properties"].as_object().unwrap();
        let named: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(named, keys.names().collect(), "`{path}`");
        assert_eq!(
            table["additionalProperties"], false,
            "`{path}` refuses other keys"
        );
        for (name, property) in properties {
            assert!(
                property["description"].is_string(),
                "`{path}.{name}` has no description"
            );
        }
    }
}

#[test]
fn every_table_of_fixed_keys_is_known_to_the_parser() {
    fn fixed(schema: &Value) -> usize {
        let below: usize = match schema {
            Value::Object(map) => map.values().map(fixed).sum(),
            Value::Array(items) => items.iter().map(fixed).sum(),
            _ => 0,
        };
        below + usize::from(schema["additionalProperties"] == false)
    }
    // `limits` stands once in the schema and twice among the tables.
    assert_eq!(fixed(&schema()) + 1, KEYS.len());
}

#[test]
fn defaults_are_those_of_the_parser() {
    let root = schema();
    let default = |name: &str| at(&root, "stage.limits")["properties"][name]["default"].clone();
    let limits = Limits::default();
    assert_eq!(default("memory"), Size(limits.memory).to_string());
    assert_eq!(default("tensors"), Size(limits.tensors).to_string());
    assert_eq!(default("output"), Size(limits.output).to_string());
    assert_eq!(default("cpu"), TimeSpan(limits.cpu).to_string());
    assert_eq!(default("deadline"), TimeSpan(limits.deadline).to_string());
    assert_eq!(default("concurrency"), limits.concurrency);
    assert_eq!(default("queue"), limits.queue);
    assert_eq!(default("log"), Size(limits.log).to_string());
    assert_eq!(default("computes"), limits.computes);
    assert_eq!(default("input"), Size(limits.input).to_string());
    assert_eq!(default("depth"), limits.depth);
    assert_eq!(default("attachments"), limits.attachments);
    assert_eq!(
        default("attachment_bytes"),
        Size(limits.attachment_bytes).to_string()
    );
    assert!(limits.rate.is_none() && default("rate").is_null());
    assert!(limits.fuel.is_none() && default("fuel").is_null());
    let model = |name: &str| at(&root, "models.X")["properties"][name]["default"].clone();
    let effort = Effort::default();
    assert_eq!(model("run"), TimeSpan(effort.run).to_string());
    assert_eq!(model("queue"), effort.queue);
    assert!(effort.threads.is_none() && model("threads").is_null());
    let fields = &at(&root, "submission")["properties"]["fields"]["default"];
    assert_eq!(
        *fields,
        serde_json::json!(fleetwright_manifest::DEFAULT_FIELDS)
    );
}

#[test]
fn defaults_of_a_canary_and_a_shadow_are_those_of_the_parser() {
    let root = schema();
    let canary = |name: &str| at(&root, "stage.canary")["properties"][name]["default"].clone();
    assert_eq!(
        canary("promote_after"),
        TimeSpan(Canary::PROMOTE_AFTER).to_string()
    );
    assert_eq!(canary("max_error_rate"), Canary::MAX_ERROR_RATE);
    assert_eq!(canary("max_p99_ratio"), Canary::MAX_P99_RATIO);
    assert_eq!(canary("min_requests"), Canary::MIN_REQUESTS);
    let sample = &at(&root, "stage.shadow")["properties"]["sample"]["default"];
    assert_eq!(sample.as_f64(), Some(Shadow::SAMPLE));
}
