//! Too much at once, and too slow: each is refused by its own bound, typed, and the host goes on.

use std::sync::mpsc;

use fleetwright_tests::host::{json_submission, subject};
use fleetwright_tests::{Exchange, Host, Layout};

use crate::assertions::{outcome, problem, stage_failed, still_works};

fn host(flags: &[&str]) -> Host {
    Host::start(Layout::named("slow", &["hostile"]).unwrap(), flags).unwrap()
}

#[test]
fn beyond_the_submissions_that_may_be_in_flight_the_host_sheds() {
    let host = host(&["--max-inflight", "2"]);
    // Submissions that have a place and are not whole yet: in flight until the test says otherwise.
    let request = json_submission(&subject("quick"));
    let first = Exchange::begin(host.address(), &request).unwrap();
    let second = Exchange::begin(host.address(), &request).unwrap();
    host.wait_for_in_flight(2).unwrap();
    let shed = host.submit(&subject("quick")).unwrap();
    assert_eq!(problem(&shed, 429, "overloaded")["limit"], 2);
    assert!(
        shed.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1,
        "{shed}"
    );
    assert_eq!(
        host.get("/livez").unwrap().status,
        200,
        "what is no submission is answered"
    );
    outcome(&first.finish(&request).unwrap(), "completed");
    outcome(&second.finish(&request).unwrap(), "completed");
    host.wait_for_in_flight(0).unwrap();
    still_works(&host, &subject("quick"));
    assert_eq!(
        host.metric(
            "fleetwright_http_submissions_total",
            &[("status", "shed"), ("code", "429")]
        )
        .unwrap(),
        Some(1.0)
    );
}

#[test]
fn beyond_its_instances_and_its_queue_a_stage_refuses() {
    let host = host(&[]);
    let (tell, told) = mpsc::sync_channel(3);
    // One runs for ever, one waits for ever: whichever is answered is the one too many.
    for _ in 0..3 {
        let (tell, exchange) = (
            tell.clone(),
            host.send(&json_submission(&subject("endless"))).unwrap(),
        );
        std::thread::spawn(move || tell.send(exchange.answer()));
    }
    let refused = told.recv().unwrap().unwrap();
    let problem = stage_failed(&refused, "endless", "overloaded");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("1 calls are running and 1 are waiting"),
        "{problem}"
    );
    assert!(refused.header("retry-after").is_some(), "{refused}");
    assert_eq!(host.in_flight().unwrap(), 2);
    still_works(&host, &subject("quick"));
}

#[test]
fn a_submission_that_is_not_done_in_time_ends_at_its_deadline() {
    let host = host(&["--deadline", "300ms"]);
    stage_failed(
        &host.submit(&subject("endless")).unwrap(),
        "endless",
        "deadline",
    );
    stage_failed(&host.submit(&subject("slow")).unwrap(), "slow", "deadline");
    let unfinished = Exchange::begin(host.address(), &json_submission(&subject("quick"))).unwrap();
    problem(&unfinished.answer().unwrap(), 408, "body-timeout");
    host.wait_for_in_flight(0).unwrap();
    assert_eq!(
        host.metric(
            "fleetwright_stage_failure_total",
            &[("stage", "endless"), ("reason", "deadline")]
        )
        .unwrap(),
        Some(1.0)
    );
}
