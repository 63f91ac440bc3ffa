//! A report against a baseline: what is worse, what is gone or new, and times.

use std::fs;
use std::path::Path;

use fleetwright_tests::Layout;
use serde_json::{Value, json};

use super::{eval, fleet, samples};

#[test]
fn a_baseline_tells_what_is_worse_beyond_noise() {
    let layout = fleet("word = \"card\"");
    let (_, report) = eval(&layout, &samples(60), &["--stage", "first"]);
    let baseline = layout
        .write("baseline.json", report.unwrap().to_string().as_bytes())
        .unwrap();
    let against = |layout: &Layout, words: &[&str]| {
        let mut all = vec!["--stage", "first", "--baseline", baseline.to_str().unwrap()];
        all.extend(words);
        eval(layout, &samples(60), &all)
    };
    let (ended, report) = against(&layout, &["--fail-on-worse"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    let compared = &report.unwrap()["compared"];
    assert_eq!(
        (&compared["worse"], &compared["same_data"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(
        (
            &compared["measures"][0]["matched"],
            &compared["measures"][0]["paired"]
        ),
        (&json!(60), &json!(true))
    );
    let worse = fleet("word = \"order\"");
    let (ended, report) = against(&worse, &["--fail-on-worse"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stdout.contains("worse"), "{ended}");
    let report = report.unwrap();
    let change = &report["compared"]["measures"][0]["changes"][0];
    assert_eq!(
        (
            &change["name"],
            &change["before"],
            &change["after"],
            &change["verdict"]
        ),
        (
            &json!("accuracy"),
            &json!(0.75),
            &json!(0.25),
            &json!("worse")
        ),
        "{report:#}"
    );
    let (ended, _) = against(&worse, &[]);
    assert_eq!(ended.code, Some(0), "it only tells: {ended}");

    let mut tampered: Value = serde_json::from_slice(&fs::read(&baseline).unwrap()).unwrap();
    tampered["measured"]["measures"][0]["figures"][0]["value"] = json!(0.5);
    fs::write(&baseline, tampered.to_string()).unwrap();
    let (ended, _) = against(&layout, &[]);
    assert!(
        ended.code == Some(1) && ended.stderr.contains("changed after it was written"),
        "{ended}"
    );
}

#[test]
fn a_measure_that_is_gone_fails_and_a_new_one_is_named() {
    let layout = fleet("word = \"card\"");
    let narrow = samples(20);
    let mut wide = samples(20);
    for line in &mut wide {
        line["expect"]["held"] = json!(false);
    }
    let report_of = |name: &str, lines: &[Value]| {
        let (_, report) = eval(&layout, lines, &["--stage", "first"]);
        layout
            .write(name, report.unwrap().to_string().as_bytes())
            .unwrap()
    };
    let (of_narrow, of_wide) = (
        report_of("narrow.json", &narrow),
        report_of("wide.json", &wide),
    );
    let against = |lines: &[Value], baseline: &Path, more: &[&str]| {
        let mut words = vec!["--stage", "first", "--baseline", baseline.to_str().unwrap()];
        words.extend(more);
        let (ended, report) = eval(&layout, lines, &words);
        (ended, report.unwrap()["compared"].take())
    };
    let (ended, compared) = against(&narrow, &of_wide, &["--fail-on-worse"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert_eq!(
        (&compared["worse"], &compared["gone"]),
        (&json!(0), &json!(["first held"])),
        "{compared:#}"
    );
    let gone = "only in the baseline: `first held`; nothing says that it is no worse, so that `--fail-on-worse` fails";
    assert!(ended.stdout.contains(gone), "{ended}");
    let (ended, _) = against(&narrow, &of_wide, &[]);
    assert_eq!(ended.code, Some(0), "it only tells: {ended}");

    let (ended, compared) = against(&wide, &of_narrow, &["--fail-on-worse"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(compared["new"], json!(["first held"]), "{compared:#}");
    assert!(
        ended
            .stdout
            .contains("new, with nothing to compare with: `first held`"),
        "{ended}"
    );
}

#[test]
fn times_stand_beside_the_comparison_without_a_verdict() {
    let layout = fleet("word = \"card\"");
    let (_, report) = eval(&layout, &samples(8), &["--stage", "first"]);
    let mut baseline = report.unwrap();
    let against = |baseline: &Value| {
        let file = layout
            .write("before.json", baseline.to_string().as_bytes())
            .unwrap();
        let words = ["--stage", "first", "--baseline", file.to_str().unwrap()];
        let (ended, report) = eval(&layout, &samples(8), &words);
        (ended, report.unwrap()["compared"]["times"].take())
    };
    let (ended, times) = against(&baseline);
    for time in ["p50", "p99", "cpu"] {
        assert_eq!(times["before"][time], baseline["run"]["latency"][time]);
        assert!(times["after"][time].as_f64().unwrap() > 0.0, "{times:#}");
    }
    assert_eq!(times["same_programs"], true, "{times:#}");
    assert_eq!(times.get("other_machine"), None, "{times:#}");
    for said in [
        "a sample: p50 ",
        " ms, processor time ",
        "no verdict: times hang on",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {ended}");
    }
    // Of the run, which the digest is not over.
    baseline["run"]["machine"]["processor"] = json!("another one");
    baseline["run"]["programs"]["host"]["digest"] = json!("sha256:0");
    let (ended, times) = against(&baseline);
    assert_eq!(times["other_machine"]["processor"], "another one");
    assert_eq!(times["same_programs"], false);
    for said in [
        "the baseline is of another machine (another one, ",
        "its program or its inference library is another",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {ended}");
    }
}
