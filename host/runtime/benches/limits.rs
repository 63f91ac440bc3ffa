//! What all limits together cost a call of each shipped stage, and of one that does nothing: the stage as the host runs it, against
//! the same component, models and inputs in bare wasmtime without one limit: no account of memory or tensors, no epochs, no meter, no
//! deadline, no admission, no lane.
//!
//! `cargo bench -p fleetwright-runtime --bench limits [SECONDS]`, after `cargo xtask setup` and `cargo xtask guests`: the components are
//! those of `plugins/`, the models those of `models/`, and config and models of each stage are those of `fleet.toml`. Both take turns, call
//! by call, for [`SECONDS`] a stage by default. What is told is the ratio of the medians, and the middle half of the ratios of single
//! pairs. A call's models are part of it, as they are of a request: limits cost them nothing. `--json` has it as one object, for
//! `tests/peers`.
#![allow(
    clippy::print_stdout,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fleetwright_inference::{Backends, Catalog, LoadOptions, Model};
use fleetwright_runtime::{
    Limits, ModelBinding, Request, Runtime, RuntimeOptions, Stage, StageGrants,
};
use toml::Value;

#[path = "common/bare.rs"]
mod bare;

/// How long each stage is asked, both ways together.
const SECONDS: f64 = 12.0;
/// The stage that does nothing, and answers nothing.
const EMPTY: &str = "(empty)";
/// Pairs of calls that do not count.
const WARM: usize = 20;

/// A letter as the stages of the fleet read it, and what earlier stages said of it.
const LETTER: &str = r#"{
  "subject": "Charged twice for one order",
  "from": "Ruth Calder <ruth.calder@example.org>",
  "body": "Hello,\n\nOn 3 March 2025 I paid 49.90 EUR for order A-448120, and on the next morning the same sum left my account once more. I have written to your chat twice since then and nobody has told me when the second payment comes back.\n\nPlease refund one of the two to my account, IBAN DE89 3704 0044 0532 0130 00, and confirm it by e-mail. If that takes more than a week I would like to cancel the order altogether.\n\nKind regards\nRuth Calder\n+49 30 901820",
  "classify": {"type": "refund", "urgency": "normal", "sentiment": "negative", "anger": false, "confidence": 0.93, "alternatives": []},
  "route": {"queue": "payments", "team": "billing", "priority": 3, "reason": "money-back"},
  "extract": {"entities": []},
  "summarize": {"summary": "Ruth Calder was charged twice for order A-448120 and asks for a refund.", "sentences": []}
}"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// onnxruntime as `fleetwright models pull` put it into the state; without it, what is built in.
fn backends() -> Backends {
    let inside = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let begins = |path: &Path, with: &str| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(with)
    };
    let package = inside(&root().join(".fleetwright/lib"));
    let package = package.iter().find(|path| begins(path, "onnxruntime-1"));
    let files = package.map(|folder| inside(folder)).unwrap_or_default();
    let library = files.iter().find(|path| begins(path, "libonnxruntime."));
    Backends::detect(library.map(PathBuf::as_path)).unwrap()
}

/// One stage of the fleet, as its manifest has it.
struct Shipped {
    name: String,
    component: Vec<u8>,
    config: String,
    models: BTreeMap<String, Model>,
    fields: String,
}

fn fleet() -> Vec<Shipped> {
    let text = std::fs::read_to_string(root().join("fleet.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let (catalog, backends) = (Catalog::scan(&root().join("models")).unwrap(), backends());
    let load = |(name, entry): (&String, &Value)| {
        let (used, version) = entry["use"].as_str().unwrap().split_once('@').unwrap();
        let card = catalog.resolve(used, &version.parse().unwrap()).unwrap();
        let model = Model::load(card, &backends, LoadOptions::default()).unwrap();
        (name.clone(), model)
    };
    let loaded = manifest["models"].as_table().unwrap();
    let loaded: BTreeMap<String, Model> = loaded.iter().map(load).collect();
    let letter: serde_json::Map<String, serde_json::Value> = serde_json::from_str(LETTER).unwrap();
    let stages = manifest["stage"].as_array().unwrap().iter();
    let shipped = stages.map(|entry| {
        let name = entry["name"].as_str().unwrap().to_owned();
        let path = root().join(format!("plugins/{name}.wasm"));
        let reads = entry["reads"].as_array().unwrap().iter();
        let reads: BTreeSet<&str> = reads.filter_map(Value::as_str).collect();
        let mut fields = letter.clone();
        fields.retain(|field, _| reads.contains(field.as_str()));
        let models = entry.get("models").and_then(Value::as_table);
        let models = models.into_iter().flatten().map(|(role, model)| {
            let model = loaded[model.as_str().unwrap()].clone();
            (role.clone(), model)
        });
        let config = entry.get("config").map_or("{}".to_owned(), |config| {
            serde_json::to_string(config).unwrap()
        });
        Shipped {
            component: std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
            config,
            models: models.collect(),
            fields: serde_json::to_string(&fields).unwrap(),
            name,
        }
    });
    let empty = root().join("target/guests/guest-empty.wasm");
    let empty = Shipped {
        name: EMPTY.to_owned(),
        component: std::fs::read(&empty).unwrap_or_else(|e| panic!("{}: {e}", empty.display())),
        config: "{}".to_owned(),
        models: BTreeMap::new(),
        fields: "{}".to_owned(),
    };
    shipped.chain([empty]).collect()
}

/// The stage as the host runs it. Limits are the default, but for memory and processor time, which `extract` has more of.
async fn limited(runtime: &Runtime, shipped: &Shipped) -> Stage {
    let plugin = runtime
        .load(&shipped.component, &BTreeSet::new())
        .await
        .unwrap();
    let bound = shipped.models.iter().map(|(role, model)| {
        let card = model.card().to_guest_json().into();
        let model = model.clone();
        (role.clone(), ModelBinding { model, card })
    });
    let grants = StageGrants {
        models: bound.collect(),
        config: shipped.config.clone(),
    };
    let limits = Limits {
        memory: 256 << 20,
        cpu: Duration::from_secs(5),
        ..Limits::default()
    };
    Stage::new(runtime, &shipped.name, plugin, grants, limits).unwrap()
}

/// Microseconds of a call.
async fn call(stage: &Stage, shipped: &Shipped) -> f64 {
    let request = Request {
        submission: "sub_bench".into(),
        fields: shipped.fields.clone(),
        attachments: Vec::new(),
        work: Default::default(),
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let begun = Instant::now();
    let (answer, _) = stage.call(request, deadline).await;
    let took = begun.elapsed();
    answer.unwrap();
    micros(took)
}

async fn bare_call(bare: &bare::Bare, shipped: &Shipped) -> f64 {
    let begun = Instant::now();
    let answer = bare.call(&shipped.fields).await;
    let took = begun.elapsed();
    assert_eq!(answer.is_empty(), shipped.name == EMPTY);
    micros(took)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// What was measured of one stage, or of all.
struct Found {
    name: String,
    pairs: usize,
    /// Medians, in microseconds.
    bare: f64,
    limited: f64,
    /// The middle half of the ratios of single pairs.
    ratios: [f64; 2],
}

impl Found {
    fn new(name: String, pairs: &[[f64; 2]]) -> Found {
        let [bare, limited] = [0, 1].map(|side| middle(pairs.iter().map(|pair| pair[side])));
        let ratios = sorted(pairs.iter().map(|[without, with]| with / without));
        Found {
            name,
            pairs: pairs.len(),
            bare,
            limited,
            ratios: [1, 3].map(|quarter| ratios[ratios.len() * quarter / 4]),
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name, "pairs": self.pairs, "bare_us": self.bare, "limited_us": self.limited,
            "ratio": self.limited / self.bare, "ratios": self.ratios,
        })
    }
}

fn main() {
    let seconds = std::env::args().find_map(|word| word.parse().ok());
    let json = std::env::args().any(|word| word == "--json");
    let each = Duration::from_secs_f64(seconds.unwrap_or(SECONDS));
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let runtime = Runtime::new(&RuntimeOptions::default()).unwrap();
    let found = fleet().into_iter().map(|shipped| {
        let stage = tokio.block_on(limited(&runtime, &shipped));
        let bare = bare::Bare::new(&shipped.component, &shipped.config, &shipped.models);
        let pairs = tokio.block_on(pairs(&stage, &bare, &shipped, each));
        Found::new(shipped.name, &pairs)
    });
    let found: Vec<Found> = found.collect();
    if json {
        let stages: Vec<_> = found.iter().map(Found::json).collect();
        println!("{}", serde_json::json!({ "stages": stages }));
    } else {
        print(&found);
    }
}

fn print(found: &[Found]) {
    println!("stage        pairs     bare, µs   limits, µs    ratio          of pairs");
    for one in found {
        println!(
            "{:<10} {:>7} {:>12.1} {:>12.1} {:>8.3} {:>17}",
            one.name,
            one.pairs,
            one.bare,
            one.limited,
            one.limited / one.bare,
            format!("{:.3}–{:.3}", one.ratios[0], one.ratios[1]),
        );
    }
    let [bare, limited] = found.iter().fold([0.0; 2], |[bare, limited], one| {
        [bare + one.bare, limited + one.limited]
    });
    let ratio = limited / bare;
    println!("{:<18} {bare:>12.1} {limited:>12.1} {ratio:>8.3}", "all");
}

/// Calls without limits and with them, in turns; each is the first of a pair as often as the other.
async fn pairs(
    stage: &Stage,
    bare: &bare::Bare,
    shipped: &Shipped,
    time: Duration,
) -> Vec<[f64; 2]> {
    let (mut pairs, begun) = (Vec::new(), Instant::now());
    for number in 0.. {
        if number > WARM && begun.elapsed() > time {
            break;
        }
        let pair = if number % 2 == 0 {
            let without = bare_call(bare, shipped).await;
            [without, call(stage, shipped).await]
        } else {
            let with = call(stage, shipped).await;
            [bare_call(bare, shipped).await, with]
        };
        if number >= WARM {
            pairs.push(pair);
        }
    }
    pairs
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    values[values.len() / 2]
}
