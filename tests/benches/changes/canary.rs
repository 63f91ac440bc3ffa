//! A canary that errs on 20 % of its calls.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fleetwright_tests::host::subject;
use fleetwright_tests::versions::put;
use fleetwright_tests::{Host, Layout, until};

const CLIENTS: u64 = 64;
const WEIGHT: f64 = 0.1;
const MIN_REQUESTS: u64 = 100;

/// Each time from a start without a verdict to the rollback.
pub(super) fn canary(times: u32) {
    println!(
        "a canary of weight {WEIGHT} that errs on 20 %, {CLIENTS} clients, `min_requests` {MIN_REQUESTS}, `max_error_rate` 0.05, {times} times"
    );
    for _ in 0..times {
        once();
    }
}

fn once() {
    let text = format!(
        "schema = 1\nname = \"canary\"\n\n[[stage]]\nname = \"first\"\nplugin = \"versioned@1.0.70001\"\nreads = [\"subject\"]\n\n\
         [stage.canary]\nplugin = \"versioned@1.0.70002\"\nweight = {WEIGHT}\nconfig = {{ fail_percent = 20 }}\nmin_requests = {MIN_REQUESTS}\nmax_error_rate = 0.05\nmax_p99_ratio = 100\n"
    );
    let layout = Layout::new(&text, &[]).unwrap();
    for number in [1, 2] {
        put(&layout, number, &format!("v{number}.wasm")).unwrap();
    }
    let host = Host::start(layout, &["--max-inflight", "256"]).unwrap();
    let done = AtomicBool::new(false);
    let [answered, failed, number] = [const { AtomicU64::new(0) }; 3];
    let verdict = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    let response = host.submit(&subject(&format!("number {number}"))).unwrap();
                    let counter = if response.status == 200 {
                        &answered
                    } else {
                        &failed
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let verdict = until("the rollback", || {
            let control = host.get("/readyz?verbose")?.json()?["control"].clone();
            let verdict = &control["verdicts"][0];
            let rolled_back = control["generation"] == 2 && verdict["promoted"] == false;
            Ok(rolled_back.then(|| verdict["reason"].as_str().unwrap_or_default().to_owned()))
        });
        done.store(true, Ordering::Relaxed);
        verdict.unwrap()
    });
    let (answered, failed) = (answered.into_inner(), failed.into_inner());
    let share = failed as f64 / (answered + failed) as f64;
    println!("  rolled back: {verdict}");
    println!(
        "    clients saw {failed} errors in {} answers, {:.2} % of them until the rollback was seen",
        answered + failed,
        share * 100.0
    );
    assert!(share <= WEIGHT, "errors are bounded by the weight");
    assert!(verdict.contains("max_error_rate"), "{verdict}");
    let of = |text: &str| {
        text.split("errors in ")
            .nth(1)?
            .split(' ')
            .next()?
            .parse::<u64>()
            .ok()
    };
    let judged = of(&verdict).unwrap();
    assert!(judged <= MIN_REQUESTS, "judged after {judged} calls");
}
