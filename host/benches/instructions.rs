//! What one call costs in instructions and allocations: figures that a busy machine does not change, so that a regression of a
//! few per cent shows anywhere.
//!
//! - `stage`: a call of a stage that does nothing, fresh instance;
//! - `model`: a call of a stage that asks a model once, which the stub answers, its worker's thread included;
//! - `tokenize`: 30 words into tokens, natively;
//! - `decode`: a submission of a thread of five messages, from JSON to fields.
//!
//! `cargo xtask bench instructions` counts the instructions of all but `model` under valgrind: of so many calls and of three times
//! as many, so that what a program does once falls out. By itself, this program counts allocations, of every thread;
//! the same command runs it so first. Guests come from `cargo xtask guests`.
#![allow(
    clippy::print_stdout,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    unsafe_code,
    reason = "an allocator that counts is made of unsafe functions"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fleetwright::submission::decode;
use fleetwright::submission::media::MediaType;
use fleetwright_inference::{Backends, Catalog, LoadOptions, Model};
use fleetwright_runtime::{
    Limits, ModelBinding, Request, Runtime, RuntimeOptions, Stage, StageGrants,
};
use fleetwright_tests::places;
use tokio::time::Instant;

/// Calls of which the allocations are averaged, after as many that warm up.
const CALLS: u32 = 200;
const CASES: [&str; 4] = ["stage", "model", "tokenize", "decode"];
/// Nothing ends by the clock, however slowly instructions are counted.
const LONG: Duration = Duration::from_secs(3600);

const WORDS: &str = "My card was declined twice in Lisbon today and I need it for the hotel, so please tell me \
    whether I can still use it or whether you block it now";

/// The system's allocator, counted.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

fn count(bytes: usize) {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

// SAFETY: every function hands its arguments to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    match words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => tokio.block_on(allocations()),
        ["run", case, calls] => tokio.block_on(run(case, calls.parse().unwrap())),
        other => panic!("`{other:?}` is asked for; ask for nothing, or for `run CASE CALLS`"),
    }
}

/// Calls of one case, for whoever counts their instructions from outside.
async fn run(case: &str, calls: u32) {
    let case = Case::ready(case).await;
    for _ in 0..calls {
        case.call().await;
    }
}

async fn allocations() {
    println!("{:<10} {:>12} {:>12}", "a call", "allocations", "bytes");
    for name in CASES {
        let case = Case::ready(name).await;
        for _ in 0..CALLS {
            case.call().await;
        }
        let before = (
            ALLOCATIONS.load(Ordering::SeqCst),
            BYTES.load(Ordering::SeqCst),
        );
        for _ in 0..CALLS {
            case.call().await;
        }
        let after = (
            ALLOCATIONS.load(Ordering::SeqCst),
            BYTES.load(Ordering::SeqCst),
        );
        let a_call = |before: u64, after: u64| (after - before) as f64 / f64::from(CALLS);
        println!(
            "{name:<10} {:>12.1} {:>12.0}",
            a_call(before.0, after.0),
            a_call(before.1, after.1)
        );
    }
}

/// A case, set up.
enum Case {
    Stage(Box<(Runtime, Stage, Request)>),
    Tokenize,
    Decode(Bytes, Vec<String>),
}

impl Case {
    async fn ready(name: &str) -> Case {
        match name {
            "stage" => Case::of_stage("empty", StageGrants::default()).await,
            "model" => Case::of_stage("hostile", with_a_model()).await,
            "tokenize" => Case::Tokenize,
            "decode" => {
                let message = |i: usize| serde_json::json!({"from": format!("{i}@example.com"), "date": "2026-11-26T09:00:00Z", "body": WORDS});
                let messages: Vec<_> = (0..5).map(message).collect();
                let body =
                    serde_json::json!({"subject": "Card blocked abroad", "messages": messages});
                let accepted = ["subject", "body", "from", "to", "date", "messages"];
                Case::Decode(
                    Bytes::from(body.to_string()),
                    accepted.map(str::to_owned).into(),
                )
            }
            other => panic!("no case is named `{other}`; there are {CASES:?}"),
        }
    }

    async fn of_stage(guest: &str, grants: StageGrants) -> Case {
        // Few instances: valgrind grants less of the address space than a pool of 512 reserves.
        let options = RuntimeOptions {
            instances: 1,
            ..RuntimeOptions::default()
        };
        let runtime = Runtime::new(&options).unwrap();
        let component = std::fs::read(places::guest(guest).unwrap()).unwrap();
        let plugin = runtime.load(&component, &BTreeSet::new()).await.unwrap();
        let limits = Limits {
            cpu: LONG,
            deadline: LONG,
            ..Limits::default()
        };
        let stage = Stage::new(&runtime, "bench", plugin, grants, limits).unwrap();
        let request = Request {
            submission: "sub_bench".into(),
            fields: "{}".into(),
            attachments: Vec::new(),
            work: Default::default(),
        };
        Case::Stage(Box::new((runtime, stage, request)))
    }

    async fn call(&self) {
        match self {
            Case::Stage(stage) => {
                let (_, stage, request) = &**stage;
                stage
                    .call(request.clone(), Instant::now() + LONG)
                    .await
                    .0
                    .unwrap();
            }
            Case::Tokenize => {
                let encoding = fleetwright_sdk::tokenizer::encode(std::hint::black_box(WORDS), 256);
                drop(std::hint::black_box(encoding));
            }
            Case::Decode(body, accepted) => {
                let draft = decode(MediaType::Json, body.clone(), accepted).await;
                drop(std::hint::black_box(draft.unwrap()));
            }
        }
    }
}

/// The stub, for a guest that asks it once.
fn with_a_model() -> StageGrants {
    let catalog = Catalog::scan(&places::stub_models()).unwrap();
    let card = catalog.resolve("stub", &"1".parse().unwrap()).unwrap();
    let model = Model::load(card, &Backends::embedded(), LoadOptions::default()).unwrap();
    let card = card.to_guest_json().into();
    StageGrants {
        models: BTreeMap::from([("model".into(), ModelBinding { model, card })]),
        config: r#"{"case":"infer"}"#.into(),
    }
}
