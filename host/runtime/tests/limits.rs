//! The limits of a call, each with a component that passes it, in process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use fleetwright_inference::{Backends, Catalog, LoadOptions, Model};
use fleetwright_runtime::{
    Answer, Attachment, CallError, CallErrorKind, Limits, LoadError, ModelBinding, Plugin,
    QuickCode, Rate, Request, Runtime, RuntimeOptions, Stage, StageGrants, Tier,
};
use fleetwright_tests::{Guest, places};
use tokio::time::Instant;

const LONG: Duration = Duration::from_secs(600);

fn runtime() -> Runtime {
    with(QuickCode::Off)
}

fn with(quick: QuickCode) -> Runtime {
    let options = RuntimeOptions {
        instances: 16,
        quick,
        ..RuntimeOptions::default()
    };
    Runtime::new(&options).unwrap()
}

async fn plugin(runtime: &Runtime, name: &str) -> Plugin {
    let component = Guest::named(name).unwrap().component().unwrap();
    runtime.load(&component, &BTreeSet::new()).await.unwrap()
}

/// Limits under which nothing ends by the clock.
fn patient() -> Limits {
    Limits {
        cpu: LONG,
        deadline: LONG,
        ..Limits::default()
    }
}

fn grants(config: &str) -> StageGrants {
    let catalog = Catalog::scan(&places::stub_models()).unwrap();
    let card = catalog.resolve("stub", &"1".parse().unwrap()).unwrap();
    let backends = Backends::detect(None).unwrap();
    let model = Model::load(card, &backends, LoadOptions::default()).unwrap();
    let card = card.to_guest_json().into();
    StageGrants {
        models: BTreeMap::from([("model".into(), ModelBinding { model, card })]),
        config: config.into(),
    }
}

fn request(fields: &str) -> Request {
    Request {
        submission: "sub_1".into(),
        fields: fields.into(),
        attachments: Vec::new(),
        work: Default::default(),
    }
}

async fn call(stage: &Stage, request: &Request) -> Result<Answer, CallError> {
    stage.call(request.clone(), Instant::now() + LONG).await.0
}

async fn idle(limits: Limits) -> Stage {
    let runtime = runtime();
    let idle = plugin(&runtime, "idle").await;
    Stage::new(&runtime, "idle", idle, StageGrants::default(), limits).unwrap()
}

fn kind(ended: Result<Answer, CallError>) -> CallErrorKind {
    ended.unwrap_err().kind
}

#[tokio::test]
async fn what_is_shown_is_bounded_before_an_instance_is_made() {
    let limits = Limits {
        input: 16,
        depth: 2,
        attachments: 1,
        attachment_bytes: 10,
        ..patient()
    };
    let stage = idle(limits).await;
    let file = |bytes: usize| Attachment {
        name: "a".into(),
        media_type: "text/plain".into(),
        bytes: Bytes::from(vec![0; bytes]),
    };
    let with = |files: &[usize]| Request {
        attachments: files.iter().map(|bytes| file(*bytes)).collect(),
        ..request("{}")
    };
    call(&stage, &request(r#"{"a":[1,2,3,45]}"#)).await.unwrap();
    call(&stage, &with(&[10])).await.unwrap();
    for (request, kind_of) in [
        (request(r#"{"a":[1,2,3,456]}"#), CallErrorKind::Input),
        (request(r#"{"a":[[1]]}"#), CallErrorKind::Input),
        (with(&[1, 1]), CallErrorKind::Attachments),
        (with(&[11]), CallErrorKind::Attachments),
    ] {
        assert_eq!(kind(call(&stage, &request).await), kind_of, "{request:?}");
    }
}

/// Who waits for an instance until the deadline never gets one, and leaves the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passes_in_the_queue_for_instances_is_told_as_such() {
    let runtime = runtime();
    let spin = plugin(&runtime, "spin").await;
    let limits = Limits {
        concurrency: 1,
        queue: 1,
        ..patient()
    };
    let stage = Stage::new(&runtime, "spin", spin, StageGrants::default(), limits).unwrap();
    let endless = request("{}");
    let mut running = std::pin::pin!(call(&stage, &endless));
    tokio::select! {
        ended = &mut running => panic!("it ends: {ended:?}"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    for _ in 0..3 {
        let deadline = Instant::now() + Duration::from_millis(30);
        let late = tokio::select! {
            ended = &mut running => panic!("it ends: {ended:?}"),
            (late, timings) = stage.call(request("{}"), deadline) => {
                assert!(timings.queue > Duration::ZERO, "{timings:?}");
                late.unwrap_err()
            }
        };
        // The third would be one too many, had the first not left the queue.
        assert_eq!(late.kind, CallErrorKind::Deadline);
        assert!(
            late.detail.contains("waited for an instance"),
            "{}",
            late.detail
        );
    }
}

#[tokio::test]
async fn a_rate_admits_its_burst() {
    let rate = Rate {
        calls: 3,
        per: Duration::from_secs(1),
    };
    let stage = idle(Limits {
        rate: Some(rate),
        ..patient()
    })
    .await;
    // What passes a limit of its own takes no token.
    let wide = request(&"[".repeat(100));
    assert_eq!(kind(call(&stage, &wide).await), CallErrorKind::Input);
    let mut ends = Vec::new();
    for _ in 0..1000 {
        ends.push(
            call(&stage, &request("{}"))
                .await
                .map_err(|error| error.kind),
        );
    }
    assert!(ends[..3].iter().all(Result::is_ok));
    assert!(
        ends.iter()
            .any(|end| matches!(end, Err(CallErrorKind::Rate)))
    );
}

#[tokio::test]
async fn computes_are_counted() {
    let runtime = runtime();
    let component = std::fs::read(places::guest("hostile").unwrap()).unwrap();
    let hostile = runtime.load(&component, &BTreeSet::new()).await.unwrap();
    let limits = Limits {
        computes: 5,
        ..patient()
    };
    for (size, ends) in [(5, None), (6, Some(CallErrorKind::Computes))] {
        let config = format!(r#"{{"case":"infer-again","size":{size}}}"#);
        let stage = Stage::new(
            &runtime,
            "computes",
            hostile.clone(),
            grants(&config),
            limits.clone(),
        );
        let ended = call(&stage.unwrap(), &request("{}")).await;
        assert_eq!(ended.err().map(|error| error.kind), ends, "{size}");
    }
}

#[tokio::test]
async fn fuel_ends_a_call_after_the_same_work_every_time() {
    let runtime = runtime();
    let metered = runtime.metered().unwrap();
    let spin = plugin(&metered, "spin").await;
    let limits = |fuel| Limits {
        fuel: Some(fuel),
        ..patient()
    };
    let stage = |plugin: &Plugin, fuel| {
        Stage::new(
            &runtime,
            "fuel",
            plugin.clone(),
            StageGrants::default(),
            limits(fuel),
        )
        .unwrap()
    };
    let error = call(&stage(&spin, 1_000_000), &request("{}"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Fuel);
    assert!(error.detail.contains("`limits.fuel`"), "{error}");

    // The least that suffices is one number, not a matter of the machine's mood.
    let idle = plugin(&metered, "idle").await;
    let suffices = async |fuel| call(&stage(&idle, fuel), &request("{}")).await.is_ok();
    let (mut too_little, mut enough) = (0, 10_000);
    assert!(suffices(enough).await);
    while enough - too_little > 1 {
        let middle = (too_little + enough) / 2;
        match suffices(middle).await {
            true => enough = middle,
            false => too_little = middle,
        }
    }
    for _ in 0..20 {
        assert!(
            suffices(enough).await && !suffices(too_little).await,
            "{enough}"
        );
    }
}

#[tokio::test]
async fn fuel_is_counted_only_where_it_was_compiled_in() {
    let runtime = runtime();
    let limits = Limits {
        fuel: Some(1000),
        ..patient()
    };
    let unmetered = plugin(&runtime, "idle").await;
    let refused = Stage::new(&runtime, "idle", unmetered, StageGrants::default(), limits);
    assert!(matches!(refused.err(), Some(LoadError::Unmetered)));
    // The other way round it is not bounded.
    let metered = plugin(&runtime.metered().unwrap(), "idle").await;
    let stage = Stage::new(&runtime, "idle", metered, StageGrants::default(), patient()).unwrap();
    call(&stage, &request("{}")).await.unwrap();
}

/// A pool of 16 instances: a component with five memories may not take more than half of it.
#[tokio::test]
async fn no_stage_alone_takes_the_pool() {
    half_of_the_pool(runtime()).await;
}

#[tokio::test]
async fn no_stage_alone_takes_the_pool_of_quick_code() {
    half_of_the_pool(with(QuickCode::Only)).await;
}

async fn half_of_the_pool(runtime: Runtime) {
    let memories = plugin(&runtime, "memories").await;
    let limits = Limits {
        memory: 8 << 20,
        ..patient()
    };
    let greedy = Stage::new(&runtime, "greedy", memories, StageGrants::default(), limits).unwrap();
    let idle = plugin(&runtime, "idle").await;
    let idle = Stage::new(&runtime, "idle", idle, StageGrants::default(), patient()).unwrap();
    let (many, one) = (request("{}"), request("{}"));
    let greedy = futures(64, || call(&greedy, &many));
    let idle = futures(8, || call(&idle, &one));
    let (greedy, idle) = tokio::join!(greedy, idle);
    assert!(
        greedy
            .into_iter()
            .all(|end| kind(end) == CallErrorKind::Memory)
    );
    assert!(idle.iter().all(Result::is_ok), "{idle:?}");
}

/// Fuel means the same each time: who counts it runs no quick code.
#[tokio::test]
async fn a_component_is_quick_where_that_is_asked_for_and_never_where_it_counts_fuel() {
    for (quick, tier) in [
        (QuickCode::Off, Tier::Optimised),
        (QuickCode::Only, Tier::Quick),
        (QuickCode::From(1), Tier::Quick),
        (QuickCode::From(1 << 30), Tier::Optimised),
    ] {
        let runtime = with(quick);
        assert_eq!(plugin(&runtime, "idle").await.tier(), tier, "{quick:?}");
        let metered = plugin(&runtime.metered().unwrap(), "idle").await;
        assert_eq!(metered.tier(), Tier::Optimised);
    }
}

/// What runs ends in the code that it began in, and what the stage counts goes on: its rate here.
#[tokio::test]
async fn optimised_code_takes_over_from_quick_code_and_nothing_else_of_the_stage_changes() {
    let runtime = with(QuickCode::From(1));
    let idle = plugin(&runtime, "idle").await;
    let limits = Limits {
        rate: Some(Rate {
            calls: 1,
            per: Duration::from_secs(3600),
        }),
        ..patient()
    };
    let stage = Stage::new(&runtime, "idle", idle, StageGrants::default(), limits).unwrap();
    call(&stage, &request("{}")).await.unwrap();

    let component = Guest::named("idle").unwrap().component().unwrap();
    let none = BTreeSet::new();
    let optimised = runtime.optimised(&component, &none).await.unwrap();
    let trial = stage.trial(optimised).unwrap();
    call(&trial, &request("{}")).await.unwrap();
    let before = stage.take_over(trial);
    assert_eq!(before.tier(), Tier::Quick);
    assert_eq!(stage.plugin().tier(), Tier::Optimised);
    let again = kind(call(&stage, &request("{}")).await);
    assert_eq!(again, CallErrorKind::Rate, "one an hour, in whatever code");

    let spin = Guest::named("spin").unwrap().component().unwrap();
    let other = runtime.optimised(&spin, &none).await.unwrap();
    assert!(matches!(
        stage.trial(other).err(),
        Some(LoadError::OtherComponent(_))
    ));
}

/// So many at once, in the order in which they began.
async fn futures<F: Future>(count: usize, begin: impl Fn() -> F) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..count).map(|_| Box::pin(begin())).collect();
    let mut ends: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (call, end) in running
            .iter_mut()
            .zip(&mut ends)
            .filter(|(_, end)| end.is_none())
        {
            if let std::task::Poll::Ready(output) = call.as_mut().poll(cx) {
                *end = Some(output);
            }
        }
        match ends.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    ends.into_iter().flatten().collect()
}
