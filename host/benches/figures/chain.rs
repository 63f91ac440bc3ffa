//! What our layers cost beside the work: a stage call outside its model, and each further stage of a submission.
//!
//! In process, of the release build, one submission after the other. The model is the stub, which answers at once: of a call
//! that asks it, all is the sandbox's and the host's but the run itself, which is subtracted. Such a call wakes two threads, the
//! model's and then its own again; what that takes is the machine's, and is measured beside it: by itself, and once more with cores
//! that are kept from falling asleep.

use std::collections::BTreeSet;
use std::process::{Child, Command};
use std::time::Duration;

use fleetwright_fleet::{
    CompileBounds, Compiler, Fleet, Options, Outcome, QuickCode, Status, Submission, SubmissionId,
};
use fleetwright_tests::Layout;
use serde_json::Map;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Submissions that are timed, after a tenth as many that warm up.
const SUBMISSIONS: usize = 3000;
/// How often each length takes its turn: a busy moment falls on all of them.
const TURNS: usize = 10;
const LENGTHS: [usize; 6] = [1, 2, 4, 6, 8, 10];
const LONG: Duration = Duration::from_secs(60);

fn empty(stages: usize) -> String {
    let mut text = "schema = 1\nname = \"chain\"\n".to_owned();
    for stage in 0..stages {
        text += &format!("[[stage]]\nname = \"s{stage}\"\nplugin = \"empty@1\"\n");
    }
    text
}

const ASKS: &str = "schema = 1\nname = \"asks\"\n[models.stub]\nuse = \"stub@1\"\n[[stage]]\nname = \"asks\"\n\
    plugin = \"hostile@1\"\nmodels = { model = \"stub\" }\nconfig = { case = \"infer\" }\n";

struct Served {
    fleet: Fleet,
    _layout: Layout,
}

impl Served {
    async fn start(text: &str) -> Served {
        let layout = Layout::new(text, &["empty", "hostile"]).unwrap();
        let options = Options {
            manifest: layout.manifest(),
            plugins: layout.plugins(),
            models: fleetwright_tests::places::stub_models(),
            state: layout.state().to_owned(),
            onnxruntime: None,
            locked: false,
            // This program has no verb to compile with.
            compiler: Compiler::InProcess,
            bounds: CompileBounds::default(),
            quick: QuickCode::Off,
        };
        Served {
            fleet: Fleet::start(&options).await.unwrap(),
            _layout: layout,
        }
    }

    async fn submit(&self) -> Outcome {
        let submission = Submission {
            id: SubmissionId::new(),
            fields: Map::new(),
            attachments: Vec::new(),
            marks: BTreeSet::new(),
        };
        let deadline = Instant::now() + LONG;
        let outcome = self.fleet.current().run(submission, deadline).await;
        assert_eq!(outcome.status, Status::Completed, "{:?}", outcome.failure);
        outcome
    }

    /// The time of each of so many submissions, in microseconds.
    async fn times(&self, count: usize) -> Vec<f64> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = std::time::Instant::now();
            self.submit().await;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        times
    }
}

pub(super) async fn table() {
    lengths().await;
    println!("a stage call that asks a model once, {SUBMISSIONS} submissions, µs");
    beside_a_model("cores as they are").await;
    let awake = Awake::start();
    beside_a_model("cores kept awake").await;
    drop(awake);
}

/// Empty stages, one after the other.
async fn lengths() {
    let mut chains = Vec::new();
    for length in LENGTHS {
        let served = Served::start(&empty(length)).await;
        served.times(SUBMISSIONS / 10).await;
        chains.push((length, served, Vec::new()));
    }
    for _ in 0..TURNS {
        for (_, served, times) in &mut chains {
            times.extend(served.times(SUBMISSIONS / TURNS).await);
        }
    }
    println!(
        "empty stages one after the other, {SUBMISSIONS} submissions of each length in {TURNS} turns"
    );
    println!(
        "{:>7} {:>9} {:>9} {:>11} {:>12}",
        "stages", "p50 µs", "p99 µs", "a second", "µs a stage"
    );
    let mut points = Vec::new();
    for (length, _, times) in &mut chains {
        let a_second = 1e6 * times.len() as f64 / times.iter().sum::<f64>();
        let (p50, p99) = (percentile(times, 50), percentile(times, 99));
        let a_stage = p50 / *length as f64;
        println!("{length:>7} {p50:>9.1} {p99:>9.1} {a_second:>11.0} {a_stage:>12.1}");
        points.push((*length as f64, p50));
    }
    let (slope, start, fit) = line(&points);
    println!("each further stage {slope:.1} µs, beside {start:.1} µs a submission; R² {fit:.4}\n");
}

/// A stage call, less the run of the model that it asks.
async fn beside_a_model(cores: &str) {
    let served = Served::start(ASKS).await;
    served.times(SUBMISSIONS / 10).await;
    let [mut outside, mut guest, mut wall] = [const { Vec::new() }; 3];
    for _ in 0..SUBMISSIONS {
        let outcome = served.submit().await;
        let ms = outcome.stages[0].1.ms.unwrap();
        outside.push(us(ms.total) - us(ms.inference));
        guest.push(us(ms.guest));
        wall.push(us(outcome.ms));
    }
    println!("{cores}");
    for (what, mut times) in [
        ("outside the backend", outside),
        ("of it in the guest", guest),
        ("the submission", wall),
        ("two wakes, bare", wakes().await),
    ] {
        let [p50, p90, p99] = [50, 90, 99].map(|percent| percentile(&mut times, percent));
        println!("  {what:<20} p50 {p50:>7.1}  p90 {p90:>7.1}  p99 {p99:>7.1}");
    }
}

/// A thread wakes another, which wakes it again, by what the host does it with: nothing but the machine's share of a call.
async fn wakes() -> Vec<f64> {
    let (asked, mut asks) = mpsc::channel::<oneshot::Sender<()>>(1);
    let other = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            while let Some(reply) = asks.recv().await {
                reply.send(()).unwrap();
            }
        });
    });
    let mut times = Vec::with_capacity(SUBMISSIONS);
    for _ in 0..SUBMISSIONS {
        let start = std::time::Instant::now();
        let (reply, answer) = oneshot::channel();
        asked.send(reply).await.unwrap();
        answer.await.unwrap();
        times.push(us(start.elapsed()));
    }
    drop(asked);
    other.join().unwrap();
    times
}

/// A process for each core that computes whenever nobody else does, so that no core falls asleep; they end when this is dropped.
struct Awake(Vec<Child>);

impl Awake {
    fn start() -> Awake {
        let cores = std::thread::available_parallelism().unwrap().get();
        let on = |core: usize| {
            Command::new("taskset")
                .args(["-c", &core.to_string(), "chrt", "--idle", "0"])
                .args(["sh", "-c", "while :; do :; done"])
                .spawn()
                .expect("taskset and chrt are util-linux's")
        };
        Awake((0..cores).map(on).collect())
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn percentile(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() * percent / 100]
}

/// Slope and start of the straight line through `points`, by least squares, and the share of their spread that it explains.
fn line(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let slope =
        spread(&|point| (point.0 - x) * (point.1 - y)) / spread(&|point| (point.0 - x).powi(2));
    let start = y - slope * x;
    let missed = spread(&|point| (point.1 - start - slope * point.0).powi(2));
    let fit = 1.0 - missed / spread(&|point| (point.1 - y).powi(2));
    (slope, start, fit)
}
