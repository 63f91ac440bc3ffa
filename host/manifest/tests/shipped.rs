//! The shipped fleet is valid, and says what its comments say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{OnError, Source, parse};

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
