//! A hundred clients at once: everything is answered or shed, nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fleetwright_tests::host::subject;
use fleetwright_tests::{Host, Layout};

use crate::assertions::{outcome, problem, still_works};

const CLIENTS: usize = 100;
const TIME: Duration = Duration::from_secs(3);

#[test]
fn a_hundred_clients_get_answers_or_are_told_to_come_back() {
    // Fewer places than clients, so that both answers are seen.
    let host = Host::start(
        Layout::named("echo", &["hostile"]).unwrap(),
        &["--max-inflight", "48"],
    )
    .unwrap();
    let done = AtomicBool::new(false);
    let counts: Vec<(u64, u64)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn({
                    let (host, done) = (&host, &done);
                    move || insist(host, done, client)
                })
            })
            .collect();
        thread::sleep(TIME);
        done.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    let (answered, shed): (u64, u64) = counts
        .iter()
        .fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    assert!(answered > 0, "{counts:?}");
    host.wait_for_in_flight(0).unwrap();
    let counted = |status: &str| {
        host.metric("fleetwright_http_submissions_total", &[("status", status)])
            .unwrap()
            .unwrap_or(0.0) as u64
    };
    assert_eq!((counted("completed"), counted("shed")), (answered, shed));
    for status in ["failed", "refused", "late", "cancelled"] {
        assert_eq!(counted(status), 0, "{status}");
    }
    still_works(&host, &subject("after"));
}

/// Submits one thing after the other; gives how many were answered, and how many shed.
fn insist(host: &Host, done: &AtomicBool, client: usize) -> (u64, u64) {
    let (mut answered, mut shed) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        let own = format!("client {client}, number {answered}");
        let response = host.submit(&subject(&own)).unwrap();
        if response.status == 429 {
            problem(&response, 429, "overloaded");
            shed += 1;
        } else {
            let outcome = outcome(&response, "completed");
            assert_eq!(
                outcome["stages"]["echo"]["answer"]["fields"]["subject"], own,
                "everyone gets an own answer"
            );
            answered += 1;
        }
    }
    (answered, shed)
}
