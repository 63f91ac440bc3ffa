//! A host's life: it announces itself, drains on SIGTERM, and drops what nobody waits for.

use std::net::TcpListener;
use std::path::Path;

use fleetwright_tests::command::host as verb;
use fleetwright_tests::host::{json_submission, subject};
use fleetwright_tests::{Exchange, Host, Layout, Request, command, until};
use serde_json::Value;

use crate::assertions::{outcome, problem, still_works};

fn host(flags: &[&str]) -> Host {
    Host::start(Layout::named("slow", &["hostile"]).unwrap(), flags).unwrap()
}

#[test]
fn told_to_stop_the_host_answers_what_it_has_begun_and_nothing_new() {
    let mut host = host(&[]);
    let slow = host.send(&json_submission(&subject("slow"))).unwrap();
    // Keeps the host draining until the test has seen it.
    let request = json_submission(&subject("quick"));
    let unfinished = Exchange::begin(host.address(), &request).unwrap();
    host.wait_for_in_flight(2).unwrap();

    host.terminate().unwrap();
    until("the drain", || {
        Ok((host.get("/readyz")?.status == 503).then_some(()))
    })
    .unwrap();
    assert_eq!(
        host.get("/livez").unwrap().status,
        200,
        "draining is living"
    );
    let late = host.submit(&subject("quick")).unwrap();
    problem(&late, 503, "draining");
    assert!(late.header("retry-after").is_some(), "{late}");
    assert!(host.runs().unwrap());

    outcome(&slow.answer().unwrap(), "completed");
    outcome(&unfinished.finish(&request).unwrap(), "completed");
    assert_eq!(host.ended().unwrap().code(), Some(0), "{}", host.log());
    assert!(host.get("/livez").is_err(), "nothing listens any more");
}

#[test]
fn what_does_not_end_within_the_drain_is_cut_and_said_to_be() {
    let mut host = host(&["--drain", "200ms"]);
    let endless = host.send(&json_submission(&subject("endless"))).unwrap();
    host.wait_for_in_flight(1).unwrap();
    host.terminate().unwrap();
    assert_eq!(host.ended().unwrap().code(), Some(1), "{}", host.log());
    assert!(
        host.log()
            .contains("stopped before every submission was answered"),
        "{}",
        host.log()
    );
    assert!(endless.answer().is_err(), "its connection is closed");
}

#[test]
fn a_client_that_goes_away_cancels_its_submission() {
    let host = host(&[]);
    let endless = host.send(&json_submission(&subject("endless"))).unwrap();
    host.wait_for_in_flight(1).unwrap();
    drop(endless);
    host.wait_for_in_flight(0).unwrap();
    let cancelled = [("status", "cancelled"), ("code", "none")];
    assert_eq!(
        host.metric("fleetwright_http_submissions_total", &cancelled)
            .unwrap(),
        Some(1.0)
    );
    // The only instance of that stage is free again: the next one runs, and does not wait.
    let next = host.send(&json_submission(&subject("endless"))).unwrap();
    host.wait_for_in_flight(1).unwrap();
    still_works(&host, &subject("quick"));
    drop(next);
}

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let layout = Layout::named("slow", &["hostile"]).unwrap();
    let mut words = vec!["serve".into(), "--listen".into(), address.clone().into()];
    words.extend(layout.flags());
    let ended = command(words, "").unwrap();
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended.stderr.contains(&address) && ended.stderr.contains("--listen"),
        "{ended}"
    );
}

#[test]
fn what_the_host_prints_is_a_command_that_works() {
    let layout = Layout::named("echo", &["hostile"]).unwrap();
    let mut words = vec!["serve".into(), "--listen".into(), "127.0.0.1:0".into()];
    words.extend(layout.flags());
    let printed = layout.write("printed", b"").unwrap();
    let mut command = verb(words).unwrap();
    command.stdout(std::fs::File::create(&printed).unwrap());
    let mut child = command.spawn().unwrap();
    let text = until("the announcement", || {
        let text = std::fs::read_to_string(&printed)?;
        Ok(text.contains("Ctrl-C").then_some(text))
    });
    let answered = text.map(|text| (run_curl(&text), text));
    child.kill().unwrap();
    child.wait().unwrap();
    let (answer, text) = answered.unwrap();
    assert!(
        text.contains("Fleet `echo` serves at http://127.0.0.1:"),
        "{text}"
    );
    assert!(
        text.contains("/readyz") && text.contains("/metrics"),
        "{text}"
    );
    assert_eq!(answer["status"], "completed", "{answer:#}");
}

/// Does what the line says: with `sh` and `curl` where there is a curl, else by reading its words.
fn run_curl(text: &str) -> Value {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("curl "))
        .expect("a curl line")
        .trim();
    if Path::new("/usr/bin/curl").exists() {
        let output = std::process::Command::new("sh")
            .args(["-c", line])
            .output()
            .unwrap();
        return serde_json::from_slice(&output.stdout).unwrap();
    }
    let url = line
        .split(' ')
        .find_map(|word| word.strip_prefix("http://"))
        .expect("a URL");
    let (address, path) = url.split_once('/').unwrap();
    assert_eq!(path, "v1/submissions");
    let (_, body) = line.split_once("-d '").unwrap();
    let request = Request::submission("application/json", body.trim_end_matches('\''));
    Exchange::send(address.parse().unwrap(), &request)
        .unwrap()
        .answer()
        .unwrap()
        .json()
        .unwrap()
}
