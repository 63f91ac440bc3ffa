//! Under paused time: a moment is what the plan says it is, to the millisecond, on any machine.

use std::sync::atomic::AtomicUsize;

use tokio::time::{sleep, sleep_until};

use super::*;
use crate::arrivals::Arrivals;

/// Answers in a millisecond, but nobody while it stalls.
struct Stalling {
    from: Instant,
    until: Instant,
    flying: AtomicUsize,
    most: AtomicUsize,
}

impl Stalling {
    fn new(from: Duration, until: Duration) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Stalling {
            from: now + from,
            until: now + until,
            flying: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }
}

impl Target for Stalling {
    async fn ask(&self, _: u64) -> Result<(), Reason> {
        let flying = self.flying.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(flying, Ordering::Relaxed);
        let now = Instant::now();
        if now >= self.from && now < self.until {
            sleep_until(self.until).await;
        }
        sleep(Duration::from_millis(1)).await;
        self.flying.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

fn plan(load: Load) -> Plan {
    Plan {
        load,
        warm: Duration::ZERO,
        span: Duration::from_secs(10),
        deadline: Duration::from_secs(30),
        in_flight: 16,
        seed: 1,
    }
}

/// The open loop with a timekeeper that keeps the paused time.
async fn open_loop(plan: Plan, target: Arc<Stalling>) -> Tally {
    let Load::Open { rate, arrivals } = plan.load else {
        panic!("no open loop")
    };
    let (due, moments) = mpsc::channel(AHEAD);
    let schedule = Schedule::new(rate, arrivals, plan.seed);
    let began = Instant::now();
    tokio::spawn(async move {
        for at in schedule.take_while(|at| *at < all(&plan)) {
            sleep_until(began + at).await;
            if due.send(began + at).await.is_err() {
                return;
            }
        }
    });
    open(plan, target, moments, &Shared::default())
        .await
        .unwrap()
}

const STALL: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(5));

#[tokio::test(start_paused = true)]
async fn a_stall_shows_in_the_open_loop_as_all_that_was_due_meanwhile() {
    let target = Stalling::new(STALL.0, STALL.1);
    let load = Load::Open {
        rate: 200.0,
        arrivals: Arrivals::Constant,
    };
    let tally = open_loop(plan(load), target.clone()).await;
    assert_eq!(tally.answered(), 2000);
    assert_eq!(
        target.most.load(Ordering::Relaxed),
        16,
        "the bound on requests in flight holds"
    );
    // 200 of 2,000 were due in the second that stalled; their latencies are spread over it, and 1 in 100 waited 900 ms.
    let p99 = tally.quantile(0.99).unwrap();
    assert!((890.0..960.0).contains(&p99), "{p99}");
    let p95 = tally.quantile(0.95).unwrap();
    assert!((490.0..560.0).contains(&p95), "{p95}");
    assert!(tally.quantile(0.5).unwrap() < 3.0);
}

#[tokio::test(start_paused = true)]
async fn the_same_stall_is_one_request_of_a_closed_loop() {
    let target = Stalling::new(STALL.0, STALL.1);
    let shared = Arc::new(Shared::default());
    let tally = closed(plan(Load::Closed { clients: 1 }), 1, target, &shared)
        .await
        .unwrap();
    assert!(tally.quantile(0.99).unwrap() < 3.0);
    assert!(tally.quantile(1.0).unwrap() >= 1000.0);
}

#[tokio::test(start_paused = true)]
async fn what_was_due_before_the_warm_up_ended_is_asked_and_not_counted() {
    let target = Stalling::new(Duration::ZERO, Duration::ZERO);
    let load = Load::Open {
        rate: 100.0,
        arrivals: Arrivals::Constant,
    };
    let plan = Plan {
        warm: Duration::from_secs(2),
        ..plan(load)
    };
    let tally = open_loop(plan, target).await;
    assert_eq!(tally.answered(), 1000);
    assert!((tally.rate() - 100.0).abs() < 0.5, "{}", tally.rate());
}

#[tokio::test(start_paused = true)]
async fn what_is_late_counts_with_what_it_waited() {
    let target = Stalling::new(Duration::ZERO, Duration::from_secs(1000));
    let load = Load::Open {
        rate: 100.0,
        arrivals: Arrivals::Constant,
    };
    let plan = Plan {
        deadline: Duration::from_secs(1),
        ..plan(load)
    };
    let tally = open_loop(plan, target).await;
    assert_eq!(tally.answered(), 0);
    assert_eq!(tally.failed().get(&Reason::LATE), Some(&1000));
    assert!(tally.quantile(0.01).unwrap() >= 999.0);
}

#[tokio::test(start_paused = true)]
async fn what_is_late_before_it_can_be_asked_is_never_asked() {
    let target = Stalling::new(Duration::ZERO, Duration::ZERO);
    let due = Instant::now();
    sleep(Duration::from_secs(2)).await;
    let ended = ask(target.clone(), 0, due, Duration::from_secs(1)).await;
    assert_eq!(ended.result, Err(Reason::LATE));
    assert_eq!(target.most.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn clients_of_a_closed_loop_ask_side_by_side() {
    let target = Stalling::new(Duration::ZERO, Duration::ZERO);
    let shared = Arc::new(Shared::default());
    let load = Load::Closed { clients: 4 };
    let tally = closed(plan(load), 4, target.clone(), &shared)
        .await
        .unwrap();
    assert_eq!(target.most.load(Ordering::Relaxed), 4);
    assert!(
        (3900..=4100).contains(&(tally.rate() as u64)),
        "{}",
        tally.rate()
    );
}

struct Instantly;

impl Target for Instantly {
    async fn ask(&self, number: u64) -> Result<(), Reason> {
        match number % 10 {
            0 => Err(Reason("tenth".into())),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn the_threads_ask_count_and_end() {
    for load in [
        Load::Open {
            rate: 2000.0,
            arrivals: Arrivals::Poisson,
        },
        Load::Closed { clients: 2 },
    ] {
        let plan = Plan {
            span: Duration::from_millis(200),
            ..plan(load)
        };
        let mut running = start(plan, Arc::new(Instantly)).unwrap();
        let tally = running.tally().await.unwrap();
        assert!(tally.complete() && tally.answered() > 0);
        assert!(tally.failed()[&Reason("tenth".into())] > 0);
        assert!(running.ended() >= tally.answered() && running.failed() > 0);
        assert!(running.own_time() > Duration::ZERO);
    }
}

#[tokio::test]
async fn a_measurement_that_is_stopped_says_so() {
    for load in [
        Load::Open {
            rate: 100.0,
            arrivals: Arrivals::Constant,
        },
        Load::Closed { clients: 1 },
    ] {
        let plan = Plan {
            span: Duration::from_secs(600),
            ..plan(load)
        };
        let mut running = start(plan, Arc::new(Instantly)).unwrap();
        running.stop();
        let tally = running.tally().await.unwrap();
        assert!(!tally.complete());
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_its_value() {
    let refused = |change: fn(&mut Plan)| {
        let mut plan = plan(Load::Closed { clients: 1 });
        change(&mut plan);
        plan.check().unwrap_err().to_string()
    };
    let open = |rate| Load::Open {
        rate,
        arrivals: Arrivals::Poisson,
    };
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        let mut plan = plan(open(1.0));
        plan.load = open(rate);
        assert!(
            matches!(plan.check(), Err(LoadError::Rate { .. })),
            "{rate}"
        );
    }
    assert!(refused(|plan| plan.load = Load::Closed { clients: 0 }).contains("`0` clients"));
    assert!(refused(|plan| plan.in_flight = 0).contains("in flight"));
    assert!(refused(|plan| plan.span = Duration::ZERO).contains("nothing is counted"));
    assert!(refused(|plan| plan.deadline = Duration::ZERO).contains("deadline"));
}
