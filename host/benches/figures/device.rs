//! What of a device's speed is left through the whole path: rows a second of the shipped encoder over HTTP, sandbox, wasi-nn and
//! batching, beside the same library and graph by themselves, at their best number of rows and sessions. Both take 128 tokens a row.
//!
//! `… -- device [cpu|cuda|webgpu] [SECONDS]`; the library of that build comes from `fleetwright models pull --onnxruntime BUILD`, the graph
//! for GPUs from `models/minilm/train/train.py`, the guest from `cargo xtask guests`. How busy the GPU was, `nvidia-smi` tells where it is.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fleetwright::cli::Places;
use fleetwright::onnxruntime::{self, LibraryChoice};
use fleetwright_inference::{Accelerator, Card};
use fleetwright_tests::{Host, Layout, places};
use serde_json::{Value, json};

use super::alone::{Alone, SESSIONS};

const TOKENS: u32 = 128;
const ROWS: [u32; 7] = [1, 4, 8, 16, 32, 64, 128];
const CLIENTS: &str = "256";

pub(super) async fn table(words: &[String]) {
    let build = words.first().map_or("cpu", String::as_str);
    let (declared, kind) = match build {
        "cuda" => ("cuda:0", Some(Accelerator::Cuda)),
        "webgpu" => ("webgpu", Some(Accelerator::WebGpu)),
        "cpu" => ("cpu", None),
        other => panic!("`{other}` is no build: give `cpu`, `cuda` or `webgpu`"),
    };
    let seconds = words.get(1).and_then(|word| word.parse().ok());
    let length = Duration::from_secs(seconds.unwrap_or(10));
    println!(
        "{build}, {TOKENS} tokens a row, {} s each",
        length.as_secs()
    );
    let card = Card::read(&places::root().join("models/minilm/1.0.0")).unwrap();
    let graph = card.graph(kind).unwrap();
    let graph = card.file_path(graph);
    let alone = Alone::load(&library(build));
    let mut best = (0, 0.0);
    for (sessions, rows) in SESSIONS
        .into_iter()
        .flat_map(|n| ROWS.map(|rows| (n, rows)))
    {
        let rate = alone.rate(&graph, build, sessions, (rows, TOKENS), length);
        println!("alone, {sessions} at once, {rows:>3} rows a run: {rate:>9.1} rows/s");
        if rate > best.1 {
            best = (rows, rate);
        }
    }
    let (rate, busy) = whole_path(build, declared, best.0, length);
    println!(
        "through the whole path, {CLIENTS} clients: {rate:.1} rows/s, {:.3} of the best alone; GPU busy {busy}",
        rate / best.1
    );
}

/// The pulled library of a build, as the host finds it.
fn library(build: &str) -> PathBuf {
    let places = Places {
        onnxruntime: Some(LibraryChoice::from(build)),
        ..super::places()
    };
    let file = onnxruntime::file(&places).unwrap_or_else(|error| panic!("{error}"));
    file.unwrap()
}

/// Rows a second of a host over HTTP, and how busy the GPU was meanwhile.
fn whole_path(build: &str, device: &str, rows: u32, length: Duration) -> (f64, String) {
    let text = format!(
        "schema = 1\nname = \"device\"\n[models.encoder]\nuse = \"minilm@1\"\ndevice = \"{device}\"\nqueue = 1024\n\
         batch = {{ max = {rows}, tokens = {}, delay = \"{}\" }}\n\
         [[stage]]\nname = \"encode\"\nplugin = \"encoder@1\"\nreads = [\"body\"]\nmodels = {{ encoder = \"encoder\" }}\n\
         limits = {{ concurrency = {CLIENTS}, queue = 256, deadline = \"60s\" }}\nconfig = {{ tokens = {TOKENS} }}\n",
        rows * TOKENS,
        if device == "cpu" { "0ms" } else { "2ms" },
    );
    let layout = Layout::new(&text, &["encoder"]).unwrap();
    let layout = layout.with_models(&places::root().join("models"));
    let library = library(build);
    let host = Host::start(layout, &["--onnxruntime", library.to_str().unwrap()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("bodies.jsonl");
    let bodies = (0..64).map(|number| json!({ "body": format!("letter {number}") }).to_string());
    std::fs::write(&body, bodies.collect::<Vec<_>>().join("\n")).unwrap();
    let gpu = Gpu::watch();
    let ended = Command::new(env!("CARGO_BIN_EXE_fleetwright"))
        .args([
            "bench",
            "--json",
            "--url",
            &format!("http://{}", host.address()),
        ])
        .args(["--clients", CLIENTS, "--warm", "2s"])
        .args(["--duration", &format!("{}s", length.as_secs())])
        .arg("--out")
        .arg(folder.path())
        .arg("--body")
        .arg(&body)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let busy = gpu.busy();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stdout)
    );
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let step = &report["steps"][0];
    assert_eq!(step["failed"], 0, "{step}");
    let metric = |name: &str| host.metric(name, &[]).unwrap().unwrap();
    let (sum, runs) = (
        metric("fleetwright_model_batch_rows_sum"),
        metric("fleetwright_model_batch_rows_count"),
    );
    println!("through the whole path, {:.1} rows a run", sum / runs);
    host.stop().unwrap();
    (step["rate"].as_f64().unwrap(), busy)
}

/// `nvidia-smi`, where it is.
struct Gpu(Option<Child>);

impl Gpu {
    fn watch() -> Gpu {
        let words = [
            "--query-gpu=utilization.gpu",
            "--format=csv,noheader,nounits",
            "-lms",
            "500",
        ];
        let spawned = Command::new("nvidia-smi")
            .args(words)
            .stdout(Stdio::piped())
            .spawn();
        Gpu(spawned.ok())
    }

    /// The mean of the second half of what it said: the first is the warm-up.
    fn busy(self) -> String {
        let Some(mut child) = self.0 else {
            return "not known: there is no `nvidia-smi`".to_owned();
        };
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let said: Vec<f64> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect();
        match &said[said.len() / 2..] {
            [] => "not known: `nvidia-smi` said nothing".to_owned(),
            half => format!("{:.0} %", half.iter().sum::<f64>() / half.len() as f64),
        }
    }
}
