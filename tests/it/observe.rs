//! What operators see: health, the fleet as it is served, metrics, log lines.

use fleetwright_tests::host::subject;
use fleetwright_tests::{Host, Layout, Request, digest, places};
use serde_json::{Value, json};

use crate::assertions::{outcome, problem, stage_failed, still_works};

fn host() -> Host {
    Host::start(Layout::named("graph", &["hostile"]).unwrap(), &[]).unwrap()
}

#[test]
fn health_is_told_to_whoever_asks() {
    let host = host();
    for path in ["/livez", "/readyz", "/v2/health/live", "/v2/health/ready"] {
        assert_eq!(host.get(path).unwrap().status, 200, "{path}");
    }
    let detail = host.get("/readyz?verbose").unwrap().json().unwrap();
    assert_eq!(detail["fleet"]["generation"], 1, "{detail}");
    assert_eq!(detail["submissions"]["in_flight"], 0, "{detail}");
    let head = Request::new("HEAD", "/livez");
    // A head has the length of a body that does not come.
    assert!(
        host.send(&head)
            .unwrap()
            .answer()
            .unwrap_err()
            .to_string()
            .contains("Ok(")
    );
}

#[test]
fn the_fleet_is_shown_as_it_is_served() {
    let host = host();
    let fleet = host.get("/v1/fleet").unwrap().json().unwrap();
    assert_eq!(
        (&fleet["name"], &fleet["generation"]),
        (&json!("graph"), &json!(1)),
        "{fleet:#}"
    );
    let manifest = std::fs::read(host.layout().manifest()).unwrap();
    assert_eq!(fleet["manifest"], digest(&manifest), "{fleet:#}");
    let stages = fleet["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 10);
    let component = digest(&std::fs::read(places::guest("hostile").unwrap()).unwrap());
    for stage in stages {
        let own = host
            .get(&format!("/v1/stages/{}", stage["name"].as_str().unwrap()))
            .unwrap();
        assert_eq!(&own.json().unwrap(), stage);
        assert_eq!(
            stage["plugin"],
            json!({ "name": "hostile", "version": "1.0.0", "digest": component })
        );
        assert_eq!(stage["models"]["model"]["name"], "stub", "{stage:#}");
    }
    let after = stages.iter().find(|stage| stage["name"] == "last").unwrap();
    assert_eq!(
        (&after["needs"], &after["reads"]),
        (&json!(["after"]), &json!([])),
        "{after:#}"
    );
    let announced: Vec<_> = host.announcement()["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| route["path"].clone())
        .collect();
    assert!(
        announced.contains(&json!("/v1/submissions")),
        "{announced:?}"
    );
}

/// Successes and failures by reason, per stage and per model, and where the time went.
#[test]
fn metrics_count_successes_and_failures_by_reason() {
    let host = host();
    still_works(&host, &subject("plain"));
    still_works(&host, &subject("continue"));
    outcome(&host.submit(&subject("hold")).unwrap(), "held");
    stage_failed(&host.submit(&subject("fail")).unwrap(), "fails", "plugin");
    stage_failed(
        &host.submit(&subject("careless")).unwrap(),
        "careless",
        "condition",
    );
    problem(
        &host
            .ask(&Request::submission("application/json", "{"))
            .unwrap(),
        400,
        "bad-json",
    );

    let metric = |name: &str, labels: &[(&str, &str)]| host.metric(name, labels).unwrap();
    let submissions = |status: &str| metric("fleetwright_submissions_total", &[("status", status)]);
    assert_eq!(
        (
            submissions("completed"),
            submissions("held"),
            submissions("failed")
        ),
        (Some(2.0), Some(1.0), Some(2.0))
    );
    assert_eq!(
        metric(
            "fleetwright_stage_success_total",
            &[("stage", "first"), ("version", "1.0.0")]
        ),
        Some(5.0)
    );
    assert_eq!(
        metric("fleetwright_stage_success_total", &[("stage", "holds")]),
        Some(1.0)
    );
    let failures = |stage: &str, reason: &str| {
        metric(
            "fleetwright_stage_failure_total",
            &[("stage", stage), ("reason", reason)],
        )
    };
    assert_eq!(failures("fails", "plugin"), Some(1.0));
    assert_eq!(failures("goes-on", "plugin"), Some(1.0));
    assert_eq!(failures("careless", "condition"), Some(1.0));
    assert_eq!(
        metric("fleetwright_stage_skipped_total", &[("stage", "wanted")]),
        Some(3.0 + 2.0)
    );
    assert_eq!(
        metric(
            "fleetwright_http_submissions_total",
            &[("status", "refused"), ("code", "400")]
        ),
        Some(1.0)
    );
    assert_eq!(
        metric(
            "fleetwright_http_requests_total",
            &[("route", "/v1/submissions"), ("code", "200")]
        ),
        Some(3.0)
    );
    assert_eq!(metric("fleetwright_submissions_in_flight", &[]), Some(0.0));
    for time in ["duration", "queue", "inference", "guest"] {
        let counted = metric(
            &format!("fleetwright_stage_{time}_seconds_count"),
            &[("stage", "first")],
        );
        assert_eq!(counted, Some(5.0), "{time}");
    }
    assert!(metric("process_resident_memory_bytes", &[]).unwrap() > 1e6);

    let text = host.get("/metrics").unwrap();
    assert!(
        text.header("content-type")
            .unwrap()
            .starts_with("text/plain"),
        "{:?}",
        text.header("content-type")
    );
    assert!(
        text.text()
            .contains("# TYPE fleetwright_stage_queue_seconds histogram")
    );
}

#[test]
fn metrics_of_a_model_keep_queue_and_compute_apart() {
    let host = Host::start(Layout::named("slow", &["hostile"]).unwrap(), &[]).unwrap();
    still_works(&host, &subject("quick"));
    let model = [("model", "stub"), ("version", "1.0.0")];
    assert_eq!(
        host.metric("fleetwright_model_requests_total", &model)
            .unwrap(),
        Some(1.0)
    );
    assert_eq!(
        host.metric("fleetwright_model_executions_total", &model)
            .unwrap(),
        Some(1.0)
    );
    for time in ["queue", "compute"] {
        let name = format!("fleetwright_model_{time}_seconds_count");
        assert_eq!(host.metric(&name, &model).unwrap(), Some(1.0), "{time}");
    }
    assert_eq!(
        host.metric("fleetwright_model_pending", &model).unwrap(),
        Some(0.0)
    );
}

/// Two stages side by side and one after them ask one model for the same; a fourth asks another, and each submission anew.
#[test]
fn stages_that_ask_a_model_for_the_same_share_one_run() {
    let stage = |name: &str, needs: &str, model: &str| {
        format!(
            "[[stage]]\nname = \"{name}\"\nplugin = \"hostile@1\"\nneeds = [{needs}]\nmodels = {{ model = \"{model}\" }}\nconfig = {{ case = \"infer\" }}\n\n"
        )
    };
    let text = [
        "schema = 1\nname = \"shared\"\n[defaults.limits]\ndeadline = \"200s\"\n[models.slow]\nuse = \"slow@1\"\n[models.stub]\nuse = \"stub@1\"\n\n".to_owned(),
        stage("one", "", "slow"),
        stage("two", "", "slow"),
        stage("three", "\"one\"", "slow"),
        stage("other", "", "stub"),
    ];
    let layout = Layout::new(&text.concat(), &["hostile"]).unwrap();
    let host = Host::start(layout, &["--deadline", "400s"]).unwrap();
    for round in 1..=2 {
        let outcome = outcome(&host.submit(&subject("any")).unwrap(), "completed");
        let answers = ["one", "two", "three"].map(|name| &outcome["stages"][name]["answer"]);
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{outcome:#}"
        );
        let computed = ["one", "two", "three"]
            .iter()
            .filter(|name| outcome["stages"][**name]["ms"]["inference"].as_f64() > Some(0.0));
        assert_eq!(computed.count(), 1, "{outcome:#}");
        let slow = |name: &str| host.metric(name, &[("model", "slow")]).unwrap();
        let rounds = f64::from(round);
        assert_eq!(slow("fleetwright_model_executions_total"), Some(rounds));
        assert_eq!(
            slow("fleetwright_model_saved_seconds_count"),
            Some(2.0 * rounds)
        );
        assert!(slow("fleetwright_model_saved_seconds_sum").unwrap() > 0.0);
        let stub = [("model", "stub")];
        let saved = host.metric("fleetwright_model_saved_seconds_count", &stub);
        assert_eq!(
            saved.unwrap(),
            None,
            "one stage binds it: nothing is shared"
        );
    }
}

#[test]
fn log_lines_carry_the_submissions_id() {
    let host = Host::start(
        Layout::named("graph", &["hostile"]).unwrap(),
        &["--log-format", "json"],
    )
    .unwrap();
    let problem = stage_failed(&host.submit(&subject("fail")).unwrap(), "fails", "plugin");
    let id = problem["id"].as_str().unwrap();
    let log = host.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let own: Vec<_> = lines
        .iter()
        .filter(|line| line.to_string().contains(id))
        .collect();
    assert!(
        own.iter()
            .any(|line| line.to_string().contains("stage failed")
                && line.to_string().contains("\"fails\"")),
        "{log}"
    );
    assert!(
        own.iter()
            .any(|line| line.to_string().contains("submission done")),
        "{log}"
    );
}
