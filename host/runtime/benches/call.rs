//! What a call of a stage costs that does nothing: a fresh instance, its store, limits and answer; and the same without
//! our layers, by wasmtime alone, to price them.
//!
//! `cargo bench -p fleetwright-runtime --bench call`; the guest comes from `cargo xtask guests`. criterion compares runs;
//! the goal is stated for the 50th percentile of single calls, which are printed after.
#![allow(
    clippy::print_stdout,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use fleetwright_runtime::{Limits, Request, Runtime, RuntimeOptions, Stage, StageGrants};
use tokio::time::Instant;

/// Single calls whose times are sorted.
const CALLS: usize = 20_000;

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
    let stage = tokio.block_on(stage());
    let request = Request {
        submission: "sub_bench".into(),
        fields: "{}".into(),
        attachments: Vec::new(),
    };
    let call = async || {
        let deadline = Instant::now() + Duration::from_secs(5);
        stage.call(&request, deadline).await.0.unwrap();
    };
    let bare = bare::Bare::new();
    criterion.bench_function("empty stage", |bencher| bencher.to_async(&tokio).iter(call));
    criterion.bench_function("the same in bare wasmtime", |bencher| {
        bencher.to_async(&tokio).iter(async || bare.call().await);
    });
    percentiles("empty stage", &tokio, call);
    percentiles("the same in bare wasmtime", &tokio, async || {
        bare.call().await
    });
}

async fn stage() -> Stage {
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
}

fn percentiles(name: &str, tokio: &tokio::runtime::Runtime, call: impl AsyncFn()) {
    let mut times: Vec<Duration> = tokio.block_on(async {
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let start = Instant::now();
            call().await;
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
    let (p50, p90, p99) = (at(50), at(90), at(99));
    println!("{name}, {CALLS} single calls: p50 {p50:.1} µs, p90 {p90:.1} µs, p99 {p99:.1} µs");
}

/// wasmtime as it comes: the same pool and epochs, no limits, no accounts, no meter, no admission.
mod bare {
    use wasmtime::component::{Component, Linker};
    use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

    wasmtime::component::bindgen!({
        world: "fleetwright:stage/stage",
        path: "../../wit",
        exports: { default: async },
    });

    pub(crate) struct Bare {
        engine: Engine,
        stage: StagePre<()>,
    }

    impl Bare {
        pub(crate) fn new() -> Self {
            let mut config = Config::new();
            config
                .allocation_strategy(InstanceAllocationStrategy::Pooling(
                    PoolingAllocationConfig::new(),
                ))
                .epoch_interruption(true)
                .concurrency_support(false);
            let engine = Engine::new(&config).unwrap();
            let component = Component::from_binary(&engine, &super::guest("guest-empty")).unwrap();
            // The guest imports nothing.
            let linked = Linker::new(&engine).instantiate_pre(&component).unwrap();
            Bare {
                engine,
                stage: StagePre::new(linked).unwrap(),
            }
        }

        pub(crate) async fn call(&self) {
            let mut store = Store::new(&self.engine, ());
            store.set_epoch_deadline(1 << 40);
            let instance = self.stage.instantiate_async(&mut store).await.unwrap();
            let request = exports::fleetwright::stage::handler::Request {
                fields: "{}".into(),
                attachments: Vec::new(),
            };
            let handler = instance.fleetwright_stage_handler();
            handler
                .call_handle(&mut store, &request)
                .await
                .unwrap()
                .unwrap();
        }
    }
}

criterion_group!(benches, calls);
criterion_main!(benches);
