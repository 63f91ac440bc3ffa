//! The limit: onnxruntime by itself, without a line of this host's.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ort::ep;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

/// Sessions side by side that are tried: a second one overlaps its copies with the first one's run.
pub(super) const SESSIONS: [usize; 2] = [1, 2];

/// What CUDA's provider is linked to, as `models pull` puts it beside the library.
const CUDA_LIBRARIES: [&str; 4] = [
    "libcudart.so.13",
    "libcublasLt.so.13",
    "libcublas.so.13",
    "libcurand.so.10",
];

/// Fusions that lose on processors.
const SLOWER_FUSIONS: &str = "SkipLayerNormFusion;BiasGeluFusion";

/// The library, loaded for the rest of this process.
pub(super) struct Alone {
    environment: ort::environment::Environment,
}

impl Alone {
    pub(super) fn load(library: &Path) -> Alone {
        for name in CUDA_LIBRARIES {
            let beside = library.with_file_name(name);
            if beside.is_file() {
                ort::util::preload_dylib(&beside).unwrap();
            }
        }
        let builder = ort::init_from(library).unwrap();
        let environment = builder.with_telemetry(false).build().unwrap();
        Alone { environment }
    }

    /// Rows a second of `graph`, whose inputs are ids and a mask, by so many sessions, each with one run of so many rows after the other.
    pub(super) fn rate(
        &self,
        graph: &Path,
        device: &str,
        sessions: usize,
        (rows, tokens): (u32, u32),
        length: Duration,
    ) -> f64 {
        let mut opened: Vec<Session> = (0..sessions)
            .map(|_| self.session(graph, device, sessions))
            .collect();
        for session in &mut opened {
            run(session, rows, tokens);
        }
        let begun = Instant::now();
        let runs: u32 = thread::scope(|scope| {
            let threads = opened.iter_mut().map(|session| {
                scope.spawn(move || {
                    let mut runs = 0;
                    while begun.elapsed() < length {
                        run(session, rows, tokens);
                        runs += 1;
                    }
                    runs
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().map(|one| one.join().unwrap()).sum()
        });
        f64::from(runs * rows) / begun.elapsed().as_secs_f64()
    }

    fn session(&self, graph: &Path, device: &str, sessions: usize) -> Session {
        // On a processor all cores, divided; a device's own threads are not ours to count.
        let cores = thread::available_parallelism().unwrap().get();
        let builder = Session::builder(&self.environment)
            .unwrap()
            .with_intra_threads((cores / sessions).max(1))
            .unwrap()
            .with_intra_op_spinning(false)
            .unwrap()
            .with_optimization_level(GraphOptimizationLevel::All)
            .unwrap();
        let provider = match device {
            "cuda" => Some(ep::CUDA::default().build()),
            "webgpu" => Some(ep::WebGPU::default().build()),
            _ => None,
        };
        let builder = match provider {
            Some(_) => builder,
            // As this host opens them: the limit does without what loses there, too.
            None => builder
                .with_config_entry("optimization.disable_specified_optimizers", SLOWER_FUSIONS)
                .unwrap(),
        };
        let providers: Vec<_> = provider
            .into_iter()
            .map(|provider| provider.error_on_failure())
            .collect();
        let mut builder = builder.with_execution_providers(providers).unwrap();
        builder.commit_from_file(graph).unwrap()
    }
}

fn run(session: &mut Session, rows: u32, tokens: u32) {
    let ids: Vec<i64> = (0..i64::from(rows * tokens))
        .map(|place| 1000 + place % 97)
        .collect();
    let mask = vec![1_i64; ids.len()];
    let dims = [i64::from(rows), i64::from(tokens)];
    let inputs = ort::inputs![
        "input_ids" => TensorRef::from_array_view((dims, &*ids)).unwrap(),
        "attention_mask" => TensorRef::from_array_view((dims, &*mask)).unwrap(),
    ];
    session.run(inputs).unwrap();
}
