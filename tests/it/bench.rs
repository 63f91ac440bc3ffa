//! `fleetwright bench`: what it asks, what it counts, what it writes, and what it refuses.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use fleetwright_tests::{Ended, Host, Layout, command, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

fn echo() -> Layout {
    let layout = Layout::named("echo", &["hostile"]).unwrap();
    let bodies = "{\"body\": \"one\"}\n{\"subject\": \"two\", \"body\": \"three\"}\n";
    layout.write("bodies.jsonl", bodies.as_bytes()).unwrap();
    layout
}

fn words(layout: &Layout, words: &[&str]) -> Vec<std::ffi::OsString> {
    let mut all: Vec<std::ffi::OsString> = vec!["bench".into(), "--body".into()];
    all.push(layout.folder().join("bodies.jsonl").into());
    all.extend(["--out".into(), layout.folder().join("out").into()]);
    all.extend(["--warm", "50ms", "--duration", "500ms"].map(Into::into));
    all.extend(words.iter().map(Into::into));
    all.extend(layout.flags());
    all
}

fn bench(layout: &Layout, more: &[&str]) -> (Ended, Option<Value>) {
    let ended = command(words(layout, more), "").unwrap();
    let report = fs::read_to_string(layout.folder().join("out/report.json")).ok();
    (
        ended,
        report.map(|text| serde_json::from_str(&text).unwrap()),
    )
}

/// A server that answers every request with `answer`, and each `wait` after it came.
fn server(answer: &'static str, wait: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|read| read > 0) {
                    thread::sleep(wait);
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    address
}

#[test]
fn the_fleet_is_measured_in_this_process_by_both_loops() {
    let layout = echo();
    let (ended, report) = bench(&layout, &["--clients", "2", "--rate", "40"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(
        ended.stdout.contains("2 clients") && ended.stdout.contains("40.0/s"),
        "{ended}"
    );
    let report = report.unwrap();
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    for (step, mode) in steps.iter().zip(["closed", "open"]) {
        assert_eq!((&step["mode"], &step["failed"]), (&json!(mode), &json!(0)));
        assert!(step["answered"].as_u64().unwrap() > 0, "{step}");
        let latency = |name: &str| step["latency_ms"][name].as_f64().unwrap();
        assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("p99_9"));
        assert!(step["cpu"]["submission_ms"].as_f64().unwrap() > 0.0);
        assert!(step["memory"]["peak_bytes"].as_u64().unwrap() > 1 << 20);
        assert_eq!(step["stages"][0]["stage"], "echo");
    }
    for digest in [
        &report["fleet"]["manifest"],
        &report["fleet"]["stages"][0]["plugin"]["digest"],
        &report["fleet"]["stages"][0]["models"]["model"]["digest"],
        &report["bodies"]["digest"],
    ] {
        assert!(digest.as_str().unwrap().starts_with("sha256:"), "{report}");
    }
    let picture = fs::read_to_string(layout.folder().join("out/latency.svg")).unwrap();
    assert!(
        picture.starts_with("<svg") && picture.contains("p99.9") && picture.ends_with("</svg>\n"),
        "{picture}"
    );
}

#[test]
fn a_host_is_measured_over_http_with_its_processor_time_memory_and_digests() {
    let host = Host::start(echo(), &[]).unwrap();
    let layout = host.layout().clone();
    let (url, pid) = (
        format!("http://{}", host.address()),
        host.process().to_string(),
    );
    let (ended, report) = bench(
        &layout,
        &["--url", &url, "--pid", &pid, "--sweep", "2", "--json"],
    );
    assert_eq!(ended.code, Some(0), "{ended}");
    let report = report.unwrap();
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3, "saturation, and two rates");
    let offered = |step: usize| steps[step]["offered"].as_f64().unwrap();
    assert!((offered(2) / offered(1) - 2.0).abs() < 1e-6);
    for step in steps {
        assert_eq!(step["failed"], 0, "{step}");
        assert!(step["cpu"]["submission_ms"].as_f64().is_some(), "{step}");
        assert!(step["memory"]["processes"].as_u64().unwrap() >= 1, "{step}");
        assert_eq!(step["stages"][0]["stage"], "echo", "its metrics are read");
    }
    let digest = &report["fleet"]["stages"][0]["plugin"]["digest"];
    assert!(digest.as_str().unwrap().starts_with("sha256:"), "{report}");
    assert_eq!(ended.json().unwrap()["complete"], true);
}

#[test]
fn another_server_is_asked_and_its_failures_are_counted_by_status() {
    let layout = echo();
    let good = server(
        "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok",
        Duration::ZERO,
    );
    let url = format!("http://{good}");
    let (ended, report) = bench(
        &layout,
        &["--url", &url, "--path", "/predict", "--rate", "50"],
    );
    assert_eq!(ended.code, Some(0), "{ended}");
    let report = report.unwrap();
    assert_eq!(report["steps"][0]["failed"], 0, "{report}");
    assert!(report.get("fleet").is_none(), "{report}");

    let full = server(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
        Duration::ZERO,
    );
    let url = format!("http://{full}");
    let (ended, report) = bench(&layout, &["--url", &url, "--rate", "50"]);
    assert_eq!(ended.code, Some(1), "nothing was answered: {ended}");
    let step = &report.unwrap()["steps"][0];
    assert_eq!(step["failures"]["http 429"], step["failed"], "{step}");
    assert!(step["failed"].as_u64().unwrap() > 0, "{step}");
}

#[test]
fn what_comes_too_late_counts_with_what_it_waited() {
    let layout = echo();
    let slow = server(
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        Duration::from_secs(60),
    );
    let url = format!("http://{slow}");
    let (ended, report) = bench(
        &layout,
        &["--url", &url, "--rate", "20", "--deadline", "300ms"],
    );
    assert_eq!(ended.code, Some(1), "{ended}");
    let step = &report.unwrap()["steps"][0];
    assert_eq!(step["failures"]["deadline"], step["failed"], "{step}");
    assert!(
        step["latency_ms"]["p50"].as_f64().unwrap() >= 299.0,
        "{step}"
    );
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_way_out() {
    let layout = echo();
    let gone = {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    for (more, says) in [
        (vec!["--rate", "0"], "a rate of `0` a second is none"),
        (vec!["--clients", "0"], "`0` clients cannot ask"),
        (vec!["--rate", "5", "--max-inflight", "0"], "no bound"),
        (vec!["--rate", "5", "--url", &gone], "cannot be reached"),
        (vec!["--rate", "5", "--url", "ftp://x"], "is no address"),
        (
            vec!["--rate", "5", "--url", &gone, "--path", "predict"],
            "`predict` is no path",
        ),
        (vec!["--rate", "5", "--pid", "1"], "give `--url` too"),
        (
            vec!["--rate", "5", "--body", "no/such.jsonl"],
            "cannot read `no/such.jsonl`",
        ),
    ] {
        let (ended, _) = bench(&layout, &more);
        assert_eq!(ended.code, Some(1), "{ended}");
        assert!(ended.stderr.contains(says), "{more:?}: {ended}");
    }
    layout.write("bodies.jsonl", b"\n").unwrap();
    let (ended, _) = bench(&layout, &["--rate", "5"]);
    assert!(ended.stderr.contains("has no body"), "{ended}");
    layout
        .write("bodies.jsonl", b"{\"body\": \"a\"}\n{\"bodi\": \"b\"}\n")
        .unwrap();
    let (ended, _) = bench(&layout, &["--rate", "5"]);
    assert!(
        ended.stderr.contains("line 2") && ended.stderr.contains("bodi"),
        "{ended}"
    );
}

#[test]
fn what_is_stopped_is_written_and_says_so() {
    let layout = echo();
    let more = ["--duration", "600s", "--rate", "20", "--json"];
    let mut host = fleetwright_tests::command::host(
        words(&layout, &[])
            .into_iter()
            .filter(|word| word != "--duration" && word != "500ms")
            .chain(more.iter().map(Into::into)),
    )
    .unwrap();
    let mut child = host
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The folder is made, and then the fleet started: a signal between the two ends it without a report.
    let out = layout.folder().join("out");
    let metered = || fs::read_dir(format!("/proc/{}/task", child.id()));
    until("the load's threads", || {
        let names = metered()?
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        let asking = names.into_iter().any(|name| name.trim() == "load-asker");
        Ok(asking.then_some(()))
    })
    .unwrap();
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    let report = fs::read_to_string(out.join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["steps"][0]["complete"], false, "{report}");
}
