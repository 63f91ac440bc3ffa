//! What a hostile guest costs its neighbours: the time of a well-behaved stage's submissions while a hostile one is called
//! beside it, against the same while another well-behaved one is called as often in its place.
//!
//! Windows of both take turns, over HTTP against the host's own program: calm, hostile, hostile, calm, so that what changes
//! slowly falls on both. A ratio is of one window to the one beside it; what is told is the middle of those ratios, and
//! within which of them the middle half lies. Requests are sent by the clock, whether or not the ones before were answered, and
//! timed from when they were due, by a thread of its own: a runtime's timers are late by up to a millisecond.

use std::collections::BTreeSet;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fleetwright::client::Client;
use fleetwright_tests::versions::{replace, unseen};
use fleetwright_tests::{Guest, Host, Layout};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Windows of each kind, how long each is, and how long the machine rests between.
const WINDOWS: usize = 16;
const WINDOW: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_millis(300);
/// Time between two submissions to the neighbour, and between two to the other stage: no multiples of each other, so that
/// within a window they fall together in every way that they can.
const NEIGHBOUR: Duration = Duration::from_millis(4);
const OTHER: Duration = Duration::from_millis(49);
/// The most submissions to the other stage that are unanswered at once.
const UNANSWERED: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// No guest, but a process of its own, as far behind all others as one can be, that writes [`WRITTEN`] bytes as often as the other
/// stage is called: what the system itself keeps apart, without this host.
pub(crate) const PROCESS: &str = "process";
/// No guest, but a file that cannot be a stage, put into the folder of plugins as often as a person would not.
pub(crate) const FILES: &str = "bad-files";
/// Between two of them.
const PUT: Duration = Duration::from_millis(300);
/// What a guest writes that fills its memory or its answer, more or less.
const WRITTEN: usize = 32 << 20;

/// A stage: its name, its plugin, and what else its manifest entry says.
const CASES: &[(&str, &str, &str)] = &[
    // The same in both windows: how far two equal figures lie apart on this machine.
    ("calm", "idle", ""),
    (PROCESS, "idle", ""),
    ("spin", "spin", ""),
    ("log-spin", "log-spin", ""),
    ("config-spin", "config-spin", ""),
    ("role-spin", "role-spin", ""),
    ("recurse", "recurse", ""),
    ("memory-grown", "grow", ""),
    ("memory-written", "hostile", "config = { case = \"bomb\" }"),
    ("memories", "memories", ""),
    ("tables", "tables", ""),
    (
        "tensors",
        "hostile",
        "config = { case = \"tensors\", size = 67108864 }",
    ),
    (
        "handles",
        "hostile",
        "config = { case = \"tensors-many\", size = 100000 }",
    ),
    ("list-of-lists", "list-of-lists", ""),
    (
        "computes",
        "hostile",
        "config = { case = \"infer-again\", size = 100000 }",
    ),
    (
        "output",
        "hostile",
        "config = { case = \"flood-output\", size = 8000000 }",
    ),
    (
        "deep-json",
        "hostile",
        "config = { case = \"answer-deep\", size = 30000 }",
    ),
    (
        "log-lines",
        "hostile",
        "config = { case = \"flood-log\", size = 100000 }",
    ),
    ("trap", "hostile", "config = { case = \"trap\" }"),
    ("dropped-tensor", "dropped-tensor", ""),
    (
        "thief-role",
        "hostile",
        "config = { case = \"thief-role\", role = \"other\" }",
    ),
    (
        "malformed",
        "hostile",
        "config = { case = \"malformed-short\" }",
    ),
    (
        "dims-bomb",
        "hostile",
        "config = { case = \"dims-bomb\", size = 64 }",
    ),
    (
        "error-bomb",
        "hostile",
        "config = { case = \"error-bomb\", size = 100 }",
    ),
    // No guest either: files that are no component come and go in the folder of plugins.
    (FILES, "idle", ""),
];

fn host(cases: &[&(&str, &str, &str)]) -> Host {
    let mut text =
        "schema = 1\nname = \"neighbours\"\n[models.stub]\nuse = \"stub@1\"\n".to_owned();
    for (name, plugin, rest) in cases
        .iter()
        .copied()
        .chain([&("neighbour", "idle", ""), &("calm-twin", "idle", "")])
    {
        text += &format!(
            "[[stage]]\nname = \"{name}\"\nplugin = \"{plugin}@1\"\nneeds = []\nwhen = 'submission.subject == \"{name}\"'\n{rest}\n"
        );
        if *plugin == "hostile" {
            text += "models = { model = \"stub\" }\n";
        }
    }
    let layout = Layout::new(&text, &["hostile"]).unwrap();
    let plugins: BTreeSet<_> = CASES.iter().map(|case| case.1).collect();
    for plugin in plugins.into_iter().filter(|plugin| *plugin != "hostile") {
        let component = Guest::named(plugin).unwrap().component().unwrap();
        layout.put_plugin(plugin, &component).unwrap();
    }
    Host::start(layout, &["--deadline", "60s"]).unwrap()
}

/// Prints the table, of all cases or those named.
pub(crate) async fn table(named: &[String]) {
    let cases: Vec<_> = CASES
        .iter()
        .filter(|case| named.is_empty() || named.iter().any(|name| name == case.0))
        .collect();
    let windows: usize = std::env::var("WINDOWS").map_or(WINDOWS, |text| text.parse().unwrap());
    let host = host(&cases);
    let client = Client::new(&format!("http://{}", host.address())).unwrap();
    println!(
        "a neighbour's submissions, {} a second, beside {} a second to a stage that is calm and to one that is hostile; {windows} windows of {} s of each, in turns, milliseconds; ratios: the middle one, and the middle half",
        1000 / NEIGHBOUR.as_millis(),
        1000 / OTHER.as_millis(),
        WINDOW.as_secs()
    );
    println!(
        "{:<16} {:>15} {:>17} {:>15} {:>17} {:>15} {:>17} {:>8}",
        "beside", "p50", "ratio", "p90", "ratio", "p99", "ratio", "answers"
    );
    for (name, ..) in cases {
        // Once, so that neither window pays for what is done once.
        window(&client, name).await;
        let (mut calm, mut hostile) = (Vec::new(), Vec::new());
        let mut answers = 0;
        for turn in 0..windows {
            for is_hostile in [turn % 2 == 1, turn % 2 == 0] {
                let is_guest = is_hostile && *name != PROCESS && *name != FILES;
                let other = if is_guest { name } else { "calm-twin" };
                let _process = (is_hostile && *name == PROCESS).then(Beside::start);
                let _files = (is_hostile && *name == FILES).then(|| Files::start(&host));
                let (times, answered) = window(&client, other).await;
                if is_hostile {
                    hostile.push(times);
                    answers += answered;
                } else {
                    calm.push(times);
                }
            }
        }
        let mut line = format!("{name:<16}");
        for percent in [50, 90, 99] {
            line += &column(&calm, &hostile, percent);
        }
        println!("{line} {answers:>8}");
    }
}

/// [`process`] in a process of its own, until this is dropped.
struct Beside(Child);

impl Beside {
    fn start() -> Self {
        let own = std::env::current_exe().unwrap();
        Beside(Command::new(own).arg(PROCESS).spawn().unwrap())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Half of a component, with other bytes each time, in one file of the plugins, until this is dropped.
struct Files {
    stop: Arc<AtomicBool>,
    putting: Option<thread::JoinHandle<()>>,
}

impl Files {
    fn start(host: &Host) -> Self {
        let path = host.layout().plugins().join("bad.wasm");
        let component = Guest::named("idle").unwrap().component().unwrap();
        let half = component[..component.len() / 2].to_vec();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let putting = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                replace(&path, &unseen(&half)).unwrap();
                thread::sleep(PUT);
            }
            std::fs::remove_file(&path).unwrap();
        });
        Files {
            stop,
            putting: Some(putting),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(putting) = self.putting.take() {
            putting.join().unwrap();
        }
    }
}

/// Writes memory and gives it back, again and again, until it is killed.
pub(crate) fn process() -> ! {
    rustix::process::nice(19).unwrap();
    let mut due = Instant::now();
    loop {
        // Not zero, which the system gives for nothing.
        drop(std::hint::black_box(vec![1_u8; WRITTEN]));
        due += OTHER;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Both sides at a percentile, and the ratio of each pair of windows.
fn column(calm: &[Vec<f64>], hostile: &[Vec<f64>], percent: usize) -> String {
    let at = |times: &Vec<f64>| times[times.len() * percent / 100];
    let sorted = |values: &mut dyn Iterator<Item = f64>| {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let middle = |windows: &[Vec<f64>]| sorted(&mut windows.iter().map(at))[windows.len() / 2];
    let pairs = calm.iter().zip(hostile);
    let ratios = sorted(&mut pairs.map(|(calm, hostile)| at(hostile) / at(calm)));
    let quarter = ratios.len() / 4;
    format!(
        " {:>15} {:>17}",
        format!("{:.2} → {:.2}", middle(calm), middle(hostile)),
        format!(
            "{:.2} ({:.2}–{:.2})",
            ratios[ratios.len() / 2],
            ratios[quarter],
            ratios[ratios.len() - 1 - quarter]
        )
    )
}

/// One window: the neighbour's times, sorted, and how many of the other stage's submissions were answered.
async fn window(client: &Client, other: &str) -> (Vec<f64>, usize) {
    let end = Instant::now() + WINDOW;
    let beside = tokio::spawn(beside(client.clone(), other.to_owned(), end));
    let (runtime, client) = (tokio::runtime::Handle::current(), client.clone());
    let sending = thread::spawn(move || {
        let mut sent = JoinSet::new();
        let mut due = Instant::now();
        while due < end {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            sent.spawn_on(neighbour(client.clone(), due), &runtime);
            due += NEIGHBOUR;
        }
        sent
    });
    let sent = tokio::task::spawn_blocking(|| sending.join()).await;
    let mut times = sent.unwrap().unwrap().join_all().await;
    times.sort_by(f64::total_cmp);
    let answered = beside.await.unwrap();
    tokio::time::sleep(REST).await;
    (times, answered)
}

/// Milliseconds from when it was due to its answer.
async fn neighbour(client: Client, due: Instant) -> f64 {
    let answer = client
        .submit("application/json", body("neighbour"), PATIENCE)
        .await;
    assert_eq!(answer.unwrap().status, 200);
    due.elapsed().as_secs_f64() * 1000.0
}

/// Submits to the other stage until the window ends; clients that have no answer then go away.
async fn beside(client: Client, stage: String, end: Instant) -> usize {
    let unanswered = Arc::new(Semaphore::new(UNANSWERED));
    let mut sent = JoinSet::new();
    let mut due = interval(OTHER);
    due.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        due.tick().await;
        if let Ok(place) = unanswered.clone().try_acquire_owned() {
            let (client, body) = (client.clone(), body(&stage));
            sent.spawn(async move {
                let _place = place;
                client
                    .submit("application/json", body, PATIENCE)
                    .await
                    .is_ok()
            });
        }
    }
    let mut answered = 0;
    while let Some(ended) = sent.try_join_next() {
        answered += usize::from(ended.unwrap());
    }
    sent.shutdown().await;
    answered
}

fn body(subject: &str) -> Bytes {
    Bytes::from(serde_json::json!({ "subject": subject }).to_string())
}
