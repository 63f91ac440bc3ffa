//! What is measured, by name and label. A program of its own: a process has one recorder.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetwright_inference::{Backends, CARD_FILE, Card, LoadOptions, Model, Tensor};
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
    for seconds in ["queue", "compute"] {
        let values = seen.of(&format!(
            "fleetwright_model_{seconds}_seconds{{model=m,version=1.0.0}}"
        ));
        assert!(
            values.len() == 1 && (0.0..60.0).contains(&values.iter().sum()),
            "{seconds}: {values:?}"
        );
    }
    assert_eq!(
        seen.total("fleetwright_model_pending{model=m,version=1.0.0}"),
        0.0,
        "everything left the queue"
    );
}
