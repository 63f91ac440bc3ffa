//! What a call of a stage costs that does nothing: a fresh instance, its store, limits and answer; and the same in bare
//! wasmtime, without one limit, to price them: no account of memory, no epochs, no meter, no deadline, no admission, no fuel.
//!
//! `cargo bench -p fleetwright-runtime --bench call`; the guest comes from `cargo xtask guests`. criterion compares runs;
//! the goals are stated for the 50th percentile of single calls, and for the ratio of the two, which are printed after. Both
//! take turns, so that a busy machine is busy for both.
#![allow(
    clippy::print_stdout,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use fleetwright_runtime::{Limits, Rate, Request, Runtime, RuntimeOptions, Stage, StageGrants};
use tokio::time::Instant;

#[path = "common/bare.rs"]
mod bare;

/// Rounds in which each takes its turn, and single calls of a turn.
const ROUNDS: usize = 24;
const CALLS: usize = 1000;
/// Between two turns: the clock that ticks for guests slows down meanwhile, so that the bare call has none beside it.
const REST: Duration = Duration::from_millis(80);
/// A field of a submission, for the call that shows something.
const FIELDS: usize = 2048;

fn guest(name: &str) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/guests/{name}.wasm"));
    std::fs::read(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; run `cargo xtask guests` first", path.display()))
}

fn calls(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let runtime = Runtime::new(&RuntimeOptions::default()).unwrap();
    let metered = runtime.metered().unwrap();
    let limits = Limits::default();
    let full = Limits {
        rate: Some(Rate {
            calls: u32::MAX,
            per: Duration::from_secs(1),
        }),
        ..Limits::default()
    };
    let fuel = Limits {
        fuel: Some(1 << 40),
        ..Limits::default()
    };
    let stage = tokio.block_on(stage(&runtime, limits));
    let full = tokio.block_on(self::stage(&runtime, full));
    let fuel = tokio.block_on(self::stage(&metered, fuel));
    let empty = request("{}".into());
    let bare = bare::Bare::new(&guest("guest-empty"), "{}", &BTreeMap::new());
    for (what, request) in [
        ("a stage that does nothing", empty.clone()),
        (
            "the same, shown 2 KiB",
            request(format!("{{\"body\":\"{}\"}}", "x".repeat(FIELDS))),
        ),
    ] {
        println!("\n{what}: {ROUNDS} rounds of {CALLS} single calls each, µs");
        let mut times = [const { Vec::new() }; 4];
        tokio.block_on(async {
            for turns in 0..ROUNDS * 4 {
                // Each follows each other one as often.
                let order = [0, 1, 2, 3, 0, 2, 1, 3, 0, 3, 2, 1];
                let who = order[turns % order.len()];
                let times = &mut times[who];
                tokio::time::sleep(REST).await;
                match who {
                    0 => turn(times, async || drop(bare.call(&request.fields).await)).await,
                    1 => turn(times, async || call(&stage, &request).await).await,
                    2 => turn(times, async || call(&full, &request).await).await,
                    _ => turn(times, async || call(&fuel, &request).await).await,
                }
            }
        });
        let names = ["without limits", "default limits", "and a rate", "and fuel"];
        let base = percentile(&mut times[0], 50);
        for (name, times) in names.iter().zip(&mut times) {
            let [p50, p90, p99] = [50, 90, 99].map(|percent| percentile(times, percent));
            println!(
                "{name:<16} p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  ratio of p50 {:.3}",
                p50 / base
            );
        }
    }
    tokio.block_on(price_of_computing(&runtime, &metered));
    criterion.bench_function("empty stage", |bencher| {
        bencher
            .to_async(&tokio)
            .iter(async || call(&stage, &empty).await);
    });
    criterion.bench_function("the same in bare wasmtime, without limits", |bencher| {
        bencher
            .to_async(&tokio)
            .iter(async || drop(bare.call(&empty.fields).await));
    });
}

fn request(fields: String) -> Request {
    Request {
        submission: "sub_bench".into(),
        fields,
        attachments: Vec::new(),
        work: Default::default(),
    }
}

async fn call(stage: &Stage, request: &Request) {
    let deadline = Instant::now() + Duration::from_secs(5);
    stage.call(request.clone(), deadline).await.0.unwrap();
}

async fn stage(runtime: &Runtime, limits: Limits) -> Stage {
    let plugin = runtime
        .load(&guest("guest-empty"), &BTreeSet::new())
        .await
        .unwrap();
    let grants = StageGrants {
        config: "{}".into(),
        ..StageGrants::default()
    };
    Stage::new(runtime, "empty", plugin, grants, limits).unwrap()
}

/// What guests that compute pay: one that parses and writes 16 KiB of JSON, without limits, with them, and with fuel. The call is too
/// short for the lane of long ones, whose threads have memory of their own.
async fn price_of_computing(runtime: &Runtime, metered: &Runtime) {
    let (bytes, config) = (guest("guest-hostile"), r#"{"case":"echo"}"#);
    let echo = async |runtime: &Runtime, fuel| {
        let plugin = runtime.load(&bytes, &BTreeSet::new()).await.unwrap();
        let grants = StageGrants {
            config: config.into(),
            ..StageGrants::default()
        };
        let limits = Limits {
            output: 1 << 20,
            fuel,
            ..Limits::default()
        };
        Stage::new(runtime, "echo", plugin, grants, limits).unwrap()
    };
    let plain = echo(runtime, None).await;
    let fuelled = echo(metered, Some(1 << 40)).await;
    let bare = bare::Bare::new(&bytes, config, &BTreeMap::new());
    let fields: Vec<String> = (0..1024).map(|i| format!("\"f{i}\":[{i},\"x\"]")).collect();
    let request = request(format!("{{{}}}", fields.join(",")));
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS / 4 {
        let [without, with, fuel] = &mut times;
        turn(without, async || drop(bare.call(&request.fields).await)).await;
        turn(with, async || call(&plain, &request).await).await;
        turn(fuel, async || call(&fuelled, &request).await).await;
    }
    let [without, with, fuel] = times.each_mut().map(|times| percentile(times, 50));
    println!(
        "\na guest that reads and writes {} KiB of JSON: p50 without limits {without:.0} µs, with them {with:.0} µs, ratio {:.3}, and with fuel {fuel:.0} µs, ratio to those with limits {:.3}",
        request.fields.len() >> 10,
        with / without,
        fuel / with
    );
}

/// As many calls as a turn has, in a second at most.
async fn turn(times: &mut Vec<f64>, call: impl AsyncFn()) {
    let begun = Instant::now();
    for _ in 0..CALLS {
        if begun.elapsed() > Duration::from_secs(1) {
            break;
        }
        let start = std::time::Instant::now();
        call().await;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
}

fn percentile(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() * percent / 100]
}

criterion_group!(benches, calls);
criterion_main!(benches);
