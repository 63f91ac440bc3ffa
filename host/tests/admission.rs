//! The door, as whoever serves sees it. What any order of threads may do to it is settled in `interleavings.rs`.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use fleetwright::admission::{Admission, Shed};

#[test]
fn the_host_sheds_what_exceeds_its_bound_and_takes_more_when_one_leaves() {
    let admission = Admission::new(2, Duration::from_secs(1));
    let first = admission.admit().unwrap();
    let _second = admission.admit().unwrap();
    assert_eq!(admission.admit().unwrap_err(), Shed::Full { max: 2 });
    drop(first);
    let _third = admission.admit().unwrap();
    assert_eq!(admission.in_flight(), 2);
}

#[test]
fn a_draining_host_takes_nothing_and_keeps_no_place() {
    let admission = Admission::new(2, Duration::from_secs(1));
    admission.drain();
    assert_eq!(admission.admit().unwrap_err(), Shed::Draining);
    assert_eq!(admission.in_flight(), 0);
}

#[tokio::test]
async fn idle_ends_when_the_last_submission_leaves() {
    let admission = Admission::new(2, Duration::from_secs(1));
    admission.idle().await;
    let permit = admission.admit().unwrap();
    let waiting = tokio::spawn({
        let admission = admission.clone();
        async move { admission.idle().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(permit);
    waiting.await.unwrap();
}
