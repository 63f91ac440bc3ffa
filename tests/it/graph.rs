//! The stage graph: who runs, after whom, and what a hold or a failure stops.

use fleetwright_tests::host::subject;
use fleetwright_tests::{Host, Layout};
use serde_json::{Value, json};

use crate::assertions::{outcome, stage_failed};

fn host() -> Host {
    Host::start(Layout::named("graph", &["hostile"]).unwrap(), &[]).unwrap()
}

/// The names of the stages with a status, in the order of the answer.
fn with_status<'a>(outcome: &'a Value, status: &str) -> Vec<&'a str> {
    let stages = outcome["stages"].as_object().unwrap();
    stages
        .iter()
        .filter(|(_, stage)| stage["status"] == status)
        .map(|(name, _)| name.as_str())
        .collect()
}

#[test]
fn stages_without_needs_between_them_run_side_by_side() {
    let layout = Layout::named("side-by-side", &["hostile"]).unwrap();
    let host = Host::start(layout, &["--deadline", "600s"]).unwrap();
    let problem = stage_failed(&host.submit(&subject("any")).unwrap(), "fails", "trap");
    for endless in ["endless-one", "endless-two"] {
        let stage = &problem["outcome"]["stages"][endless];
        assert_eq!(stage["status"], "skipped", "{problem:#}");
        assert_eq!(
            stage["reason"], "the submission failed at stage `fails`",
            "{problem:#}"
        );
    }
    host.wait_for_in_flight(0).unwrap();
}

#[test]
fn a_stage_runs_where_its_condition_holds() {
    let host = host();
    let wanted = outcome(&host.submit(&subject("wanted")).unwrap(), "completed");
    assert_eq!(
        with_status(&wanted, "ok"),
        ["first", "wanted", "after", "last", "beside"]
    );
    let plain = outcome(&host.submit(&subject("plain")).unwrap(), "completed");
    assert_eq!(
        with_status(&plain, "ok"),
        ["first", "after", "last", "beside"]
    );
    assert_eq!(
        plain["stages"]["wanted"]["reason"],
        "`when` is false: first.fields.subject == \"wanted\""
    );
    assert!(
        plain["stages"]["wanted"].get("answer").is_none(),
        "{plain:#}"
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated_fails_the_submission() {
    let host = host();
    let problem = stage_failed(
        &host.submit(&subject("careless")).unwrap(),
        "careless",
        "condition",
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("`body`"),
        "{problem:#}"
    );
    let both = json!({ "subject": "careless", "body": "x" });
    let outcome = outcome(&host.submit(&both).unwrap(), "completed");
    assert_eq!(outcome["stages"]["careless"]["status"], "ok");
}

#[test]
fn a_failure_ends_the_submission_goes_on_or_holds_as_the_manifest_says() {
    let host = host();
    let failed = stage_failed(&host.submit(&subject("fail")).unwrap(), "fails", "plugin");
    assert!(
        failed["detail"].as_str().unwrap().contains("as told"),
        "{failed:#}"
    );
    assert_eq!(
        failed["outcome"]["stages"]["after"]["status"], "skipped",
        "{failed:#}"
    );

    let on = outcome(&host.submit(&subject("continue")).unwrap(), "completed");
    assert_eq!(with_status(&on, "failed"), ["goes-on"]);
    assert_eq!(on["stages"]["goes-on"]["failure"]["reason"], "plugin");
    assert!(on.get("failure").is_none(), "{on:#}");
    assert_eq!(
        on["stages"]["after"]["answer"]["fields"],
        json!({}),
        "a failed stage is absent for later ones"
    );

    let held = outcome(&host.submit(&subject("hold-on-error")).unwrap(), "held");
    assert_eq!(held["holds"][0]["stage"], "holds-on-error", "{held:#}");
    assert_eq!(with_status(&held, "failed"), ["holds-on-error"]);
    assert_eq!(held["stages"]["last"]["status"], "skipped", "{held:#}");
}

#[test]
fn a_hold_stops_what_follows_and_nothing_beside_it() {
    let host = host();
    let held = outcome(&host.submit(&subject("hold")).unwrap(), "held");
    assert_eq!(
        held["holds"],
        json!([{ "stage": "holds", "reason": "as told" }])
    );
    assert_eq!(with_status(&held, "held"), ["holds"]);
    assert_eq!(with_status(&held, "ok"), ["first", "beside"]);
    for (stage, at) in [("after", "holds"), ("last", "after")] {
        let reason = format!("the submission is held at or before stage `{at}`");
        assert_eq!(held["stages"][stage]["reason"], reason, "{held:#}");
    }
    assert_eq!(
        outcome(&host.submit(&subject("plain")).unwrap(), "completed")["fleet"]["generation"],
        1
    );
}
