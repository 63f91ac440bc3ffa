//! What is measured, by name and label. A program of its own: a process has one recorder.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetwright_inference::{
    Backends, CARD_FILE, Caller, Card, InferError, LoadOptions, Model, NamedTensor, Share, Tensor,
};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tokio::time::Instant;

/// Every metric's values in the order they came: counts and gauges as changes.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

struct Metric(String, Seen);

impl Metric {
    fn add(&self, value: f64) {
        self.1
            .0
            .lock()
            .unwrap()
            .entry(self.0.clone())
            .or_default()
            .push(value);
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }
    fn absolute(&self, value: u64) {
        self.add(value as f64);
    }
}

impl GaugeFn for Metric {
    fn increment(&self, value: f64) {
        self.add(value);
    }
    fn decrement(&self, value: f64) {
        self.add(-value);
    }
    fn set(&self, value: f64) {
        self.add(value);
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.add(value);
    }
}

impl Seen {
    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        Arc::new(Metric(
            format!("{}{{{}}}", key.name(), labels.join(",")),
            self.clone(),
        ))
    }

    fn of(&self, name: &str) -> Vec<f64> {
        self.0
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    fn total(&self, name: &str) -> f64 {
        self.of(name).iter().sum()
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

const CARD: &str = "schema = 1\nname = \"m\"\nversion = \"1.0.0\"\nformat = \"stub\"\nlicence = \"Apache-2.0\"\nsource = \"tests\"\n\
    [inputs.x]\ntype = \"f32\"\ndims = [\"batch\"]\n[outputs.y]\ntype = \"f32\"\ndims = [\"batch\"]\n[batch]\naxis = \"batch\"\nmax = 8\n";

fn load(extra: &str) -> Model {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(CARD_FILE), format!("{CARD}{extra}")).unwrap();
    Model::load(
        &Card::read(dir.path()).unwrap(),
        &Backends::embedded(),
        LoadOptions::default(),
    )
    .unwrap()
}

#[tokio::test]
async fn calls_runs_and_failures_are_counted() {
    let seen = Seen::default();
    metrics::set_global_recorder(seen.clone()).ok().unwrap();
    let x = |rows: u32| {
        vec![(
            "x".to_owned(),
            Tensor::from_f32(vec![rows], &vec![0.5; rows as usize]).unwrap(),
        )]
    };
    let soon = Instant::now() + Duration::from_secs(60);

    let model = load("");
    assert_eq!(
        seen.of("fleetwright_model_requests_total{model=m,version=1.0.0}"),
        [0.0],
        "there before the first call"
    );
    model.infer(x(3), soon).await.unwrap();
    model.infer(Vec::new(), soon).await.unwrap_err();
    model.infer(x(3), Instant::now()).await.unwrap_err();
    load("[stub]\nfail = \"error\"\n")
        .infer(x(1), soon)
        .await
        .unwrap_err();

    assert_eq!(
        seen.total("fleetwright_model_requests_total{model=m,version=1.0.0}"),
        4.0
    );
    assert_eq!(
        seen.total("fleetwright_model_executions_total{model=m,version=1.0.0}"),
        1.0
    );
    for reason in ["invalid-input", "deadline", "backend"] {
        let name =
            format!("fleetwright_model_failures_total{{model=m,version=1.0.0,reason={reason}}}");
        assert_eq!(seen.total(&name), 1.0, "{reason}");
    }
    assert_eq!(
        seen.of("fleetwright_model_batch_rows{model=m,version=1.0.0}"),
        [3.0]
    );
    for seconds in [
        "compute_seconds{model=m,version=1.0.0}",
        "processor_seconds{model=m,version=1.0.0}",
        "queue_seconds{model=m,version=1.0.0}",
        "stage_queue_seconds{model=m,version=1.0.0,stage=host}",
        "stage_compute_seconds{model=m,version=1.0.0,stage=host}",
    ] {
        let values = seen.of(&format!("fleetwright_model_{seconds}"));
        assert!(
            values.len() == 1 && (0.0..60.0).contains(&values.iter().sum()),
            "{seconds}: {values:?}"
        );
    }
    assert_eq!(
        seen.of("fleetwright_model_batch_entries{model=m,version=1.0.0}"),
        [1.0]
    );
    assert_eq!(
        seen.of("fleetwright_model_tokens_total{model=m,version=1.0.0,stage=host}"),
        [3.0]
    );
    padding_and_shares_are_counted(&seen).await;
    overruns_and_drops_are_counted(&seen).await;
    assert_eq!(
        seen.total("fleetwright_model_pending{model=m,version=1.0.0}"),
        0.0,
        "everything left the queue"
    );
}

const PADDED: &str = "[inputs.ids]\ntype = \"i64\"\ndims = [\"batch\", \"tokens\"]\npad = 0\n[outputs.y]\ntype = \"f32\"\ndims = [\"batch\"]\n\
    [batch]\naxis = \"batch\"\nlength = \"tokens\"\nmax = 8\n";

fn padded(name: &str, extra: &str, options: LoadOptions) -> Model {
    let (head, _) = CARD.split_once("[inputs").unwrap();
    let head = head.replace("\"m\"", &format!("\"{name}\""));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(CARD_FILE), format!("{head}{PADDED}{extra}")).unwrap();
    let card = Card::read(dir.path()).unwrap();
    Model::load(&card, &Backends::embedded(), options).unwrap()
}

fn ids(tokens: u32) -> Vec<NamedTensor> {
    let values = vec![1; tokens as usize];
    let tensor = Tensor::from_i64(vec![1, tokens], &values).unwrap();
    vec![("ids".to_owned(), tensor)]
}

/// Two stages in one run: what each asked for is its own, what the longer one added to the shorter is padding.
async fn padding_and_shares_are_counted(seen: &Seen) {
    let delay = Duration::from_secs(1);
    let options = LoadOptions {
        delay: Some(delay),
        max_batch: Some(2),
        ..LoadOptions::default()
    };
    let model = padded("p", "", options);
    let by = |stage: &str| Caller {
        aside: false,
        stage: stage.into(),
        deadline: Instant::now() + Duration::from_secs(60),
    };
    let both = tokio::join!(model.infer(ids(7), by("a")), model.infer(ids(10), by("b")));
    let (one, other) = (both.0.unwrap(), both.1.unwrap());
    assert_eq!((one.batch, other.batch), (2, 2));
    let of = |metric: &str| seen.total(&format!("fleetwright_model_{metric}"));
    assert_eq!(of("tokens_total{model=p,version=1.0.0,stage=a}"), 7.0);
    assert_eq!(of("tokens_total{model=p,version=1.0.0,stage=b}"), 10.0);
    assert_eq!(of("padding_tokens_total{model=p,version=1.0.0}"), 3.0);
    assert_eq!(of("batch_entries{model=p,version=1.0.0}"), 2.0);
    let run = of("compute_seconds{model=p,version=1.0.0}");
    let shares = ["a", "b"].map(|stage| {
        of(&format!(
            "stage_compute_seconds{{model=p,version=1.0.0,stage={stage}}}"
        ))
    });
    assert!(
        (shares[0] + shares[1] - run).abs() < 1e-6,
        "{shares:?} of {run}"
    );
    assert!(shares[0] < shares[1]);
}

/// A run that is stopped, and a call whose caller left before it had one.
async fn overruns_and_drops_are_counted(seen: &Seen) {
    let options = LoadOptions {
        run: Duration::from_millis(20),
        share: Some(Share {
            threads: 1,
            workers: 1,
        }),
        ..LoadOptions::default()
    };
    let model = padded("o", "[stub]\ndelay_ms = 3600000\n", options);
    let soon = || Instant::now() + Duration::from_secs(60);
    // Of another length, so that it is not in the run that hangs; asked later, so that it is not first.
    let running = tokio::spawn({
        let model = model.clone();
        async move { model.infer(ids(4), soon()).await }
    });
    tokio::task::yield_now().await;
    let mut leaving = Box::pin(model.infer(ids(100), soon()));
    std::future::poll_fn(|context| {
        assert!(leaving.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(leaving);
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, InferError::Overrun { .. }), "{error}");
    // Once another one has had its run, the one that left was looked at.
    model.infer(ids(4), soon()).await.unwrap_err();
    let of = |metric: &str| seen.total(&format!("fleetwright_model_{metric}"));
    assert_eq!(of("overruns_total{model=o,version=1.0.0}"), 2.0);
    assert_eq!(
        of("failures_total{model=o,version=1.0.0,reason=overrun}"),
        2.0
    );
    assert_eq!(of("dropped_total{model=o,version=1.0.0,reason=gone}"), 1.0);
    // Stopped since nobody waits for it any more: that is not the model's fault. The second call runs once the first has been stopped.
    let patient = LoadOptions {
        run: LoadOptions::default().run,
        ..options
    };
    let patient = padded("q", "[stub]\ndelay_ms = 3600000\n", patient);
    for _ in 0..2 {
        let brief = Instant::now() + Duration::from_millis(20);
        patient.infer(ids(4), brief).await.unwrap_err();
    }
    assert_eq!(of("overruns_total{model=q,version=1.0.0}"), 0.0);
    let last = |metric: &str| seen.of(metric).last().copied().unwrap();
    let granted = last("fleetwright_inference_threads{}");
    let taken = last("fleetwright_model_threads{model=o,version=1.0.0}");
    assert!(taken >= 1.0 && granted >= taken, "{taken} of {granted}");
    assert_eq!(
        last("fleetwright_model_workers{model=o,version=1.0.0}"),
        1.0
    );
}
