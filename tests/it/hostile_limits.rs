//! The limits that say what a stage is shown, how often it runs and what it may ask for: each refuses by its own name.

use std::thread;

use fleetwright_tests::host::subject;
use fleetwright_tests::{Guest, Host, Layout, Response};
use serde_json::{Value, json};

use crate::assertions::{outcome, stage_failed, still_works};
use crate::hostile_case::nothing_lives;

/// A stage of the guest `hostile`, which runs where the subject is its name.
fn stage(name: &str, case: &str, reads: &str, limits: &str) -> String {
    format!(
        "\n[[stage]]\nname = \"{name}\"\nplugin = \"hostile@1\"\nneeds = []\nwhen = 'submission.subject == \"{name}\"'\n\
         models = {{ model = \"stub\" }}\nreads = [{reads}]\nconfig = {{ {case} }}\nlimits = {{ {limits} }}\n"
    )
}

const ECHO: &str = "case = \"echo\"";

fn host(stages: &[String]) -> Host {
    let mut text = "schema = 1\nname = \"limits\"\n[defaults.limits]\ndeadline = \"200s\"\n[models.stub]\nuse = \"stub@1\"\n".to_owned();
    text.push_str(&stage("neighbour", ECHO, "", ""));
    text.extend(stages.iter().map(String::as_str));
    let layout = Layout::new(&text, &["hostile"]).unwrap();
    for name in ["spin", "idle"] {
        let component = Guest::named(name).unwrap().component().unwrap();
        layout.put_plugin(name, &component).unwrap();
    }
    Host::start(layout, &["--deadline", "400s"]).unwrap()
}

/// The stage refuses, and the metric names the limit; gives the problem.
fn refused(
    host: &Host,
    response: &Response,
    stage: &str,
    reason: &str,
    limit: &str,
    detail: &str,
) -> Value {
    let problem = stage_failed(response, stage, reason);
    let told = problem["detail"].as_str().unwrap();
    assert!(told.contains(detail), "`{detail}` is not in: {told}");
    let labels = [("stage", stage), ("limit", limit)];
    let counted = host
        .metric("fleetwright_stage_limit_total", &labels)
        .unwrap();
    assert!(counted >= Some(1.0), "{stage}: {limit}: {counted:?}");
    still_works(host, &subject("neighbour"));
    problem
}

#[test]
fn what_a_stage_is_shown_is_bounded_in_bytes_and_depth() {
    let host = host(&[
        stage("bytes", ECHO, "\"subject\", \"body\"", "input = \"1KiB\""),
        stage("depth", ECHO, "\"subject\", \"messages\"", "depth = 2"),
    ]);
    let mut submission = json!({ "subject": "bytes", "body": "x".repeat(900) });
    outcome(&host.submit(&submission).unwrap(), "completed");
    submission["body"] = "x".repeat(1100).into();
    let response = host.submit(&submission).unwrap();
    refused(
        &host,
        &response,
        "bytes",
        "input",
        "input",
        "`limits.input` is 1024",
    );

    let deep = json!({ "subject": "depth", "messages": [{ "body": "three deep" }] });
    let response = host.submit(&deep).unwrap();
    refused(
        &host,
        &response,
        "depth",
        "input",
        "depth",
        "`limits.depth`, 2",
    );
    // Its own answer is as deep as what it was shown, one more.
    outcome(&host.submit(&subject("depth")).unwrap(), "completed");
    nothing_lives(&host);
}

#[test]
fn attachments_are_bounded_in_number_and_bytes() {
    let host = host(&[
        stage("number", ECHO, "\"attachments\"", "attachments = 2"),
        stage(
            "bytes",
            ECHO,
            "\"attachments\"",
            "attachment_bytes = \"10B\"",
        ),
        stage("ungranted", ECHO, "", "attachments = 0"),
    ]);
    let with = |name: &str, count: usize| {
        let file = json!({ "name": "a.txt", "base64": "Z29vc2ViZXJyeQ==" });
        json!({ "subject": name, "attachments": vec![file; count] })
    };
    outcome(&host.submit(&with("number", 2)).unwrap(), "completed");
    let response = host.submit(&with("number", 3)).unwrap();
    refused(
        &host,
        &response,
        "number",
        "attachments",
        "attachments",
        "3 attachments",
    );
    outcome(&host.submit(&with("bytes", 1)).unwrap(), "completed");
    let response = host.submit(&with("bytes", 2)).unwrap();
    refused(
        &host,
        &response,
        "bytes",
        "attachments",
        "attachment_bytes",
        "20 bytes",
    );
    outcome(&host.submit(&with("ungranted", 3)).unwrap(), "completed");
}

#[test]
fn an_answer_is_bounded_in_depth_as_the_stage_says() {
    let deep = |size: u32| format!("case = \"answer-deep\", size = {size}");
    let host = host(&[
        stage("fits", &deep(29), "", "depth = 30"),
        stage("deeper", &deep(30), "", "depth = 30"),
        stage("deepest", &deep(119), "", "depth = 120"),
    ]);
    outcome(&host.submit(&subject("fits")).unwrap(), "completed");
    outcome(&host.submit(&subject("deepest")).unwrap(), "completed");
    let response = host.submit(&subject("deeper")).unwrap();
    refused(
        &host,
        &response,
        "deeper",
        "output",
        "depth",
        "`limits.depth`, 30",
    );
}

#[test]
fn computes_of_one_submission_are_counted() {
    let again = |size: u32| format!("case = \"infer-again\", size = {size}");
    let host = host(&[
        stage("fits", &again(10), "", "computes = 10"),
        stage("flood", &again(11), "", "computes = 10"),
        stage("none", &again(1), "", "computes = 0"),
    ]);
    outcome(&host.submit(&subject("fits")).unwrap(), "completed");
    for (name, detail) in [
        ("flood", "10 `compute` calls"),
        ("none", "0 `compute` calls"),
    ] {
        let response = host.submit(&subject(name)).unwrap();
        refused(&host, &response, name, "computes", "computes", detail);
    }
    // The stages bind one model, and each submission asks it for the same ten times: the first is computed, the others share it.
    let metric = |name: &str| host.metric(name, &[]).unwrap();
    let (requests, shared) = (
        metric("fleetwright_model_requests_total"),
        metric("fleetwright_model_saved_seconds_count"),
    );
    assert_eq!(
        (requests, shared),
        (Some(2.0), Some(18.0)),
        "what is beyond reaches no model"
    );
    nothing_lives(&host);
}

#[test]
fn a_rate_admits_a_burst_and_tells_the_rest_when_to_come_back() {
    let host = host(&[stage("rare", ECHO, "", "rate = \"2/h\"")]);
    outcome(&host.submit(&subject("rare")).unwrap(), "completed");
    let response = host.submit(&subject("rare")).unwrap();
    refused(&host, &response, "rare", "rate", "rate", "2 calls in 3600s");
    assert!(response.header("retry-after").is_some(), "{response}");
}

#[test]
fn a_rate_holds_for_all_who_come_at_once() {
    let host = host(&[stage("often", ECHO, "", "rate = \"20/m\"")]);
    let answered = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..4)
                        .filter(|_| host.submit(&subject("often")).unwrap().status == 200)
                        .count()
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum::<usize>()
    });
    // A burst of one, and one more each three seconds for as long as this takes.
    assert!((1..32).contains(&answered), "{answered}");
    let labels = [("stage", "often"), ("limit", "rate")];
    let refused = host
        .metric("fleetwright_stage_limit_total", &labels)
        .unwrap();
    assert_eq!(refused, Some((32 - answered) as f64));
}

#[test]
fn log_lines_are_bounded_in_bytes() {
    let flood = "case = \"flood-log\", size = 1000";
    let host = host(&[
        stage("silent", flood, "", "log = \"0B\""),
        stage("loud", flood, "", "log = \"1MiB\""),
    ]);
    for (name, dropped) in [("silent", Some(1000.0)), ("loud", None)] {
        outcome(&host.submit(&subject(name)).unwrap(), "completed");
        let labels = [("stage", name), ("limit", "log")];
        assert_eq!(
            host.metric("fleetwright_stage_limit_total", &labels)
                .unwrap(),
            dropped,
            "{name}"
        );
    }
}

#[test]
fn fuel_ends_a_guest_after_the_same_work_on_every_machine() {
    let metered = |name: &str, plugin: &str, fuel: u64| {
        format!(
            "\n[[stage]]\nname = \"{name}\"\nplugin = \"{plugin}@1\"\nneeds = []\nwhen = 'submission.subject == \"{name}\"'\n\
             limits = {{ fuel = {fuel}, cpu = \"600s\" }}\n"
        )
    };
    let host = host(&[
        metered("spins", "spin", 1_000_000),
        metered("rests", "idle", 1_000_000),
    ]);
    outcome(&host.submit(&subject("rests")).unwrap(), "completed");
    let response = host.submit(&subject("spins")).unwrap();
    refused(&host, &response, "spins", "fuel", "fuel", "`limits.fuel`");
    nothing_lives(&host);
}
