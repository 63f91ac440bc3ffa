//! The figures that the README states of the shipped fleet, over the requests in `tests/data`:
//!
//! - `overhead [quick]`: wall clock of a submission in process, less the time that models were at work on it (each run counted
//!   once, and one at a time); with `quick`, where every stage runs quick code;
//! - `memory`: resident memory of a host that serves the fleet, after every request was submitted ten times;
//! - `chain`: what each of 1 to 10 empty stages adds to a submission, and what a stage call costs beside the model that it asks;
//! - `neighbours [CASE…]`: what a hostile guest costs a well-behaved stage beside it, case by case (about 45 s each);
//! - `device [cpu|cuda|webgpu] [SECONDS]`: rows a second of the encoder through the whole path beside the library alone;
//! - `soak [SECONDS]`: 100 clients at once over HTTP for a minute: answers by status, and memory at the start and at the end.
//!
//! `cargo bench -p fleetwright --bench figures -- [overhead [quick]|memory|chain|soak [SECONDS]|neighbours [CASE…]|device …]`, all but
//! the last two by default; plugins and models come from `cargo xtask setup`, hostile guests from `cargo xtask guests`.
#![allow(
    clippy::print_stdout,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "figures/alone.rs"]
mod alone;
#[path = "figures/chain.rs"]
mod chain;
#[path = "figures/device.rs"]
mod device;
#[path = "figures/neighbours.rs"]
mod neighbours;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fleetwright::cli::Places;
use fleetwright::client::Client;
use fleetwright::input::Input;
use fleetwright::onnxruntime;
use fleetwright::router::submission_of;
use fleetwright::telemetry::Metrics;
use fleetwright_fleet::{CompileBounds, Compiler, Fleet, QuickCode, Status, SubmissionId};

const DEADLINE: Duration = Duration::from_secs(30);

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if words
        .first()
        .is_some_and(|word| word == neighbours::PROCESS)
    {
        neighbours::process();
    }
    let all = words.is_empty();
    let wants = |name: &str| all || words.first().is_some_and(|word| word == name);
    if wants("overhead") {
        tokio.block_on(overhead(words.iter().any(|word| word == "quick")));
    }
    if wants("memory") {
        tokio.block_on(memory());
    }
    if wants("chain") {
        tokio.block_on(chain::table());
    }
    if words.first().is_some_and(|word| word == "device") {
        tokio.block_on(device::table(&words[1..]));
    }
    if words.first().is_some_and(|word| word == "neighbours") {
        tokio.block_on(neighbours::table(&words[1..]));
    }
    if wants("soak") {
        let seconds = words
            .get(1)
            .and_then(|word| word.parse().ok())
            .unwrap_or(60);
        tokio.block_on(soak(Duration::from_secs(seconds)));
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Where the shipped fleet's parts lie.
fn places() -> Places {
    let root = root();
    Places {
        manifest: root.join("fleet.toml"),
        plugins: root.join("plugins"),
        models: root.join("models"),
        state: root.join(".fleetwright"),
        onnxruntime: None,
        locked: false,
        bounds: CompileBounds::default(),
    }
}

/// The requests of `tests/data`, by name.
fn requests() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("tests/data"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension().is_some_and(|extension| {
            ["txt", "json", "eml", "pdf"]
                .iter()
                .any(|known| extension == *known)
        })
    });
    files.sort();
    files
}

/// The middle one, and the one that 9 in 10 do not pass, in milliseconds.
fn p50_p90(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 9 / 10])
}

/// Of optimised code, or of quick code.
async fn overhead(quick: bool) {
    const ROUNDS: usize = 40;
    let metrics = Metrics::install().unwrap();
    let root = root();
    // On one thread, so that no two runs are at once: else the time of models would be more than that of the clock.
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("fleet.toml");
    let shipped = std::fs::read_to_string(root.join("fleet.toml")).unwrap();
    std::fs::write(&manifest, shipped + "\n[inference]\nthreads = 1\n").unwrap();
    let places = Places {
        manifest,
        ..places()
    };
    let mut options = onnxruntime::options(&places).unwrap();
    // This program has no verb to compile with.
    options.compiler = Compiler::InProcess;
    if quick {
        options.quick = QuickCode::Only;
    }
    let fleet = Fleet::start(&options).await.unwrap();
    println!(
        "overhead of the host and its guests over the models' own compute, {ROUNDS} rounds, milliseconds"
    );
    println!(
        "{:<24} {:>9} {:>9} {:>9} {:>9}",
        "request", "wall p50", "model p50", "over p50", "over p90"
    );
    let mut every = Vec::new();
    for path in requests() {
        let mut columns = [Vec::new(), Vec::new(), Vec::new()];
        for round in 0..ROUNDS + 3 {
            let snapshot = fleet.current();
            let draft = Input::read(&path)
                .unwrap()
                .draft(snapshot.fields())
                .await
                .unwrap();
            let submission = submission_of(SubmissionId::new(), draft);
            let before = compute_seconds(&metrics);
            let outcome = snapshot
                .run(submission, tokio::time::Instant::now() + DEADLINE)
                .await;
            let model = (compute_seconds(&metrics) - before) * 1000.0;
            assert_ne!(
                outcome.status,
                Status::Failed,
                "{}: {:?}",
                path.display(),
                outcome.failure
            );
            if round >= 3 {
                let wall = outcome.ms.as_secs_f64() * 1000.0;
                for (column, value) in columns.iter_mut().zip([wall, model, wall - model]) {
                    column.push(value);
                }
            }
        }
        let [wall, model, over] = columns;
        every.extend(over.clone());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ((over50, over90), wall, model) = (p50_p90(over), p50_p90(wall).0, p50_p90(model).0);
        println!("{name:<24} {wall:>9.2} {model:>9.2} {over50:>9.2} {over90:>9.2}");
    }
    let (p50, p90) = p50_p90(every);
    println!("{:<24} {:>9} {:>9} {p50:>9.2} {p90:>9.2}", "all", "", "");
}

/// Time that all models were at work since the start, each run counted once.
fn compute_seconds(metrics: &Metrics) -> f64 {
    let text = metrics.render();
    let sums = text
        .lines()
        .filter(|line| line.starts_with("fleetwright_model_compute_seconds_sum"));
    sums.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// A host that serves the shipped fleet; ended when dropped.
struct Host {
    child: Child,
    client: Client,
}

impl Host {
    fn start() -> Host {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fleetwright"))
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .current_dir(root())
            .env("FLEETWRIGHT_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .next()
            .unwrap()
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let client = Client::new(ready["url"].as_str().unwrap()).unwrap();
        Host { child, client }
    }

    /// Resident memory in MiB, as Linux tells it.
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
            / 1024.0
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn bodies() -> Vec<(&'static str, Bytes)> {
    requests()
        .iter()
        .map(|path| Input::read(path).unwrap().body())
        .collect()
}

async fn memory() {
    let host = Host::start();
    let fresh = host.resident();
    for _ in 0..10 {
        for (media_type, body) in bodies() {
            let answer = host
                .client
                .submit(media_type, body, DEADLINE)
                .await
                .unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }
    println!(
        "resident memory of the host: {fresh:.0} MiB when ready, {:.0} MiB after every request ten times",
        host.resident()
    );
}

async fn soak(length: Duration) {
    const CLIENTS: usize = 100;
    let host = Host::start();
    let bodies = bodies();
    let start = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for i in 0..CLIENTS {
        let (client, bodies) = (host.client.clone(), bodies.clone());
        clients.spawn(async move {
            let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
            for (media_type, body) in bodies.iter().cycle().skip(i) {
                if start.elapsed() > length {
                    break;
                }
                let status = match client.submit(media_type, body.clone(), DEADLINE * 2).await {
                    Ok(answer) => answer.status.to_string(),
                    Err(error) => error.to_string(),
                };
                // A client that is told to come back later waits before it does, as `Retry-After` asks.
                if status == "429" {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                *statuses.entry(status).or_default() += 1;
            }
            statuses
        });
    }
    let mut memory = Vec::new();
    while start.elapsed() < length {
        tokio::time::sleep(length / 6).await;
        memory.push(format!("{:.0}", host.resident()));
    }
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(client) = clients.join_next().await {
        for (status, count) in client.unwrap() {
            *statuses.entry(status).or_default() += count;
        }
    }
    let total: usize = statuses.values().sum();
    println!(
        "{CLIENTS} clients for {} s: {total} answers, {:.1} a second; by status {statuses:?}",
        length.as_secs(),
        total as f64 / start.elapsed().as_secs_f64()
    );
    println!(
        "resident memory over that time, in six steps: {} MiB",
        memory.join(", ")
    );
}
