//! What of a device's speed is left through the whole path: rows a second of the shipped encoder over HTTP, sandbox, wasi-nn and
//! batching, beside the same library and graph alone, at its best number of rows. Both take 128 tokens a row.
//!
//! `… -- device [cpu|cuda|webgpu] [SECONDS]`; the library of that build comes from `fleetwright models pull --onnxruntime BUILD`, the graph
//! for GPUs from `models/minilm/train/train.py`, the guest from `cargo xtask guests`. How busy the GPU was, `nvidia-smi` tells where it is.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fleetwright::cli::Places;
use fleetwright::onnxruntime::{self, LibraryChoice};
use fleetwright_inference::{Backends, Card, Device, LoadOptions, Model, NamedTensor, Tensor};
use fleetwright_tests::{Host, Layout, places};
use serde_json::{Value, json};
use tokio::time::Instant;

const TOKENS: u32 = 128;
const ROWS: [u32; 7] = [1, 4, 8, 16, 32, 64, 128];
const CLIENTS: &str = "256";
const LONG: Duration = Duration::from_secs(120);

pub(super) async fn table(words: &[String]) {
    let build = words.first().map_or("cpu", String::as_str);
    let (device, declared) = match build {
        "cuda" => (Device::Cuda(0), "cuda:0"),
        "webgpu" => (Device::WebGpu, "webgpu"),
        "cpu" => (Device::Cpu, "cpu"),
        other => panic!("`{other}` is no build: give `cpu`, `cuda` or `webgpu`"),
    };
    let seconds = words.get(1).and_then(|word| word.parse().ok());
    let length = Duration::from_secs(seconds.unwrap_or(10));
    println!(
        "{build}, {TOKENS} tokens a row, {} s each",
        length.as_secs()
    );
    let mut best = (0, 0.0);
    for rows in ROWS {
        let rate = alone(build, device, rows, length).await;
        println!("alone, {rows:>3} rows a run: {rate:>9.1} rows/s");
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

/// Rows a second of runs of so many, one after the other, and one beside it where the device has a second worker for that.
async fn alone(build: &str, device: Device, rows: u32, length: Duration) -> f64 {
    let card = Card::read(&places::root().join("models/minilm/1.0.0")).unwrap();
    let backends = Backends::detect(Some(&library(build))).unwrap();
    let options = LoadOptions {
        device,
        max_batch: Some(rows as usize),
        max_tokens: Some(u64::from(rows * TOKENS)),
        merge: false,
        ..LoadOptions::default()
    };
    let model = Model::load(&card, &backends, options).unwrap();
    let until = Instant::now() + length;
    let callers = (0..model.share().workers).map(|_| {
        let model = model.clone();
        tokio::spawn(async move {
            let mut runs = 0_u32;
            while Instant::now() < until {
                let inputs = inputs(rows);
                model.infer(inputs, Instant::now() + LONG).await.unwrap();
                runs += 1;
            }
            runs
        })
    });
    let callers: Vec<_> = callers.collect();
    let begun = Instant::now();
    let mut runs = 0;
    for caller in callers {
        runs += caller.await.unwrap();
    }
    f64::from(runs * rows) / begun.elapsed().as_secs_f64()
}

fn inputs(rows: u32) -> Vec<NamedTensor> {
    let ids: Vec<i64> = (0..i64::from(rows * TOKENS))
        .map(|place| 1000 + place % 97)
        .collect();
    let dims = vec![rows, TOKENS];
    let mask = vec![1; ids.len()];
    let inputs = [("input_ids", ids), ("attention_mask", mask)];
    let inputs = inputs.into_iter().map(|(name, data)| {
        let tensor = Tensor::from_i64(dims.clone(), &data).unwrap();
        (name.to_owned(), tensor)
    });
    inputs.collect()
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
