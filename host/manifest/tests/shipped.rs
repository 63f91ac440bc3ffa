//! The shipped fleet is valid, and says what its comments say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{Limits, OnError, Source, parse};

#[test]
fn the_shipped_fleet_is_valid() {
    let source = Source::new("fleet.toml", include_str!("../../../fleet.toml"));
    let manifest =
        parse(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)));
    let names: Vec<&str> = manifest
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["classify", "route", "extract", "summarize", "comply"]
    );
    for side_by_side in ["route", "extract", "summarize"] {
        assert_eq!(manifest.stage(side_by_side).unwrap().needs, ["classify"]);
    }
    let classify = manifest.stage("classify").unwrap();
    assert_eq!(classify.limits, Limits::default(), "as its comment says");
    let extract = manifest.stage("extract").unwrap();
    assert_eq!(extract.limits.memory, 256 << 20);
    assert_eq!(extract.on_error, OnError::Continue);
    let route = manifest.stage("route").unwrap();
    assert!(
        route.reads.iter().eq(["classify"]),
        "route sees nothing of the request"
    );
    assert_eq!(manifest.upstream("comply").len(), 4);
}

/// What stands in comments is read by people who take the `#` away.
#[test]
fn the_examples_in_its_comments_are_valid() {
    let mut text = include_str!("../../../fleet.toml").to_owned();
    for example in [
        "# rate  ",
        "# fuel  ",
        "# [stage.canary]",
        "# plugin = \"classify@2\"",
        "# weight = 0.1",
    ] {
        let line = example.trim_start_matches("# ");
        assert_eq!(text.matches(example).count(), 1, "{example}");
        text = text.replace(example, line);
    }
    let source = Source::new("fleet.toml", text);
    let manifest =
        parse(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)));
    let classify = manifest.stage("classify").unwrap();
    assert_eq!(
        classify.canary.as_ref().unwrap().to_string(),
        "classify@2 at 10 %"
    );
    assert_eq!(classify.limits.rate.unwrap().to_string(), "100/s");
    assert_eq!(classify.limits.fuel, Some(100_000_000));
}
