//! What a call of a stage costs that does nothing: a fresh instance, its store, limits and answer. And the same without our
//! layers, by wasmtime alone, to price them.
//!
//! `cargo bench -p fleetwright --bench call`; the guest comes from `cargo xtask guests`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use fleetwright_runtime::{Limits, Request, Runtime, RuntimeOptions, Stage, StageGrants};
use tokio::time::Instant;

fn guest(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/guests/{name}.wasm"));
    std::fs::read(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; run `cargo xtask guests` first", path.display()))
}

fn calls(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let stage = tokio.block_on(async {
        let runtime = Runtime::new(&RuntimeOptions::default()).unwrap();
        let plugin = runtime
            .load(&guest("guest-empty"), &BTreeSet::new())
            .await
            .unwrap();
        let grants = StageGrants {
            config: "{}".into(),
            ..StageGrants::default()
        };
        Stage::new(&runtime, "empty", plugin, grants, Limits::default()).unwrap()
    });
    let request = Request {
        submission: "sub_bench".into(),
        fields: "{}".into(),
        attachments: Vec::new(),
    };
    criterion.bench_function("an empty stage, fresh instance", |bencher| {
        bencher.to_async(&tokio).iter(async || {
            let deadline = Instant::now() + Duration::from_secs(5);
            let (answer, _) = stage.call(&request, deadline).await;
            answer.unwrap()
        });
    });
    percentiles(&tokio, &stage, &request);
}

/// criterion gives means and medians of batches; the goal is stated for the 50th percentile of single calls.
fn percentiles(tokio: &tokio::runtime::Runtime, stage: &Stage, request: &Request) {
    const CALLS: usize = 20_000;
    let mut times: Vec<Duration> = tokio.block_on(async {
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let start = Instant::now();
            stage
                .call(request, start + Duration::from_secs(5))
                .await
                .0
                .unwrap();
            times.push(start.elapsed());
        }
        times
    });
    times.sort_unstable();
    let at = |percent: usize| {
        times
            .get(CALLS * percent / 100)
            .map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    println!(
        "an empty stage, {CALLS} single calls: p50 {:.1} µs, p90 {:.1} µs, p99 {:.1} µs",
        at(50),
        at(90),
        at(99)
    );
}

criterion_group!(benches, calls);
criterion_main!(benches);
