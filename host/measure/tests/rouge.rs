//! ROUGE against the package whose numbers it promises: see `golden/make.py`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use fleetwright_measure::{Rouge, stem};
use serde_json::Value;

fn golden(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_hundred_texts_score_what_the_package_says() {
    let rows = golden(include_str!("golden/rouge.json"));
    assert_eq!(rows.len(), 100);
    for row in rows {
        let text = row["text"].as_str().unwrap();
        let references: Vec<String> = serde_json::from_value(row["references"].clone()).unwrap();
        for (member, stemmed) in [("plain", false), ("stemmed", true)] {
            let wanted: [f64; 3] = serde_json::from_value(row[member].clone()).unwrap();
            let found = Rouge::of(text, &references, stemmed);
            let found = [found.one, found.two, found.longest];
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-12, "{member} of {row}: {found}");
            }
        }
    }
}

#[test]
fn words_have_the_stems_that_the_package_gives_them() {
    let rows = golden(include_str!("golden/stems.json"));
    assert_eq!(rows.len(), 4000);
    let differ: Vec<String> = rows
        .iter()
        .map(|row| (row[0].as_str().unwrap(), row[1].as_str().unwrap()))
        .filter(|(word, wanted)| stem(word) != *wanted)
        .map(|(word, wanted)| format!("{word}: {} for {wanted}", stem(word)))
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
}
