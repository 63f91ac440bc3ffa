//! What a host's metrics say of models and stages between two moments: runs, batch sizes, where the time went.

use std::collections::BTreeMap;

use serde::Serialize;

/// The series of a host's metrics, as Prometheus reads them.
#[derive(Clone, Debug, Default)]
pub(super) struct Metered(BTreeMap<(String, String), f64>);

/// A model between two moments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ModelRuns {
    /// Its name and version.
    pub(super) model: String,
    /// Calls that asked it.
    pub(super) requests: u64,
    /// Its runs, each of one call or several.
    pub(super) executions: u64,
    /// Rows of a run, on average.
    pub(super) rows: f64,
    /// Runs by their rows: up to the number that stands before each, and more than the one before it.
    pub(super) runs_by_rows: BTreeMap<String, u64>,
    /// Milliseconds of a run, on average.
    pub(super) compute_ms: f64,
    /// Milliseconds that a call waited, on average.
    pub(super) queue_ms: f64,
    /// Processor time of a run, on average, in milliseconds; absent where not all of it is read: by several threads, or by a library with
    /// threads of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) processor_ms: Option<f64>,
    /// Calls that were given what another of their submission had computed.
    pub(super) shared: u64,
}

/// A stage between two moments: milliseconds of a call, on average.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StageCalls {
    /// Its name.
    pub(super) stage: String,
    /// Calls that ended.
    pub(super) calls: u64,
    /// By the clock.
    pub(super) total_ms: f64,
    /// Processor time of the guest.
    pub(super) guest_ms: f64,
    /// Waiting for its models.
    pub(super) inference_ms: f64,
    /// Waiting for a place.
    pub(super) queue_ms: f64,
}

impl Metered {
    /// Reads lines such as `name{label="value"} 1`; what is none of ours is left out.
    pub(super) fn read(text: &str) -> Metered {
        let lines = text.lines().filter(|line| {
            line.starts_with("fleetwright_model_") || line.starts_with("fleetwright_stage_")
        });
        let series = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) = series.split_once('{')?;
            let labels = labels.strip_suffix('}')?;
            Some(((name.to_owned(), labels.to_owned()), value.parse().ok()?))
        });
        Metered(series.collect())
    }

    /// What was added since `before`, of one series.
    fn since(&self, before: &Metered, name: &str, labels: &str) -> f64 {
        let of = |metered: &Metered| {
            let key = (name.to_owned(), labels.to_owned());
            metered.0.get(&key).copied().unwrap_or(0.0)
        };
        (of(self) - of(before)).max(0.0)
    }

    /// The labels of all series of this name.
    fn labels<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m str> {
        let named = self.0.keys().filter(move |(own, _)| own == name);
        named.map(|(_, labels)| labels.as_str())
    }

    /// The models, since `before`.
    pub(super) fn models(&self, before: &Metered) -> Vec<ModelRuns> {
        let each = self.labels("fleetwright_model_executions_total");
        let each = each.map(|labels| {
            let since = |name: &str| self.since(before, name, labels);
            let (requests, executions) = (
                since("fleetwright_model_requests_total"),
                since("fleetwright_model_executions_total"),
            );
            let runs = since("fleetwright_model_batch_rows_count");
            let queued = since("fleetwright_model_queue_seconds_count");
            let timed = since("fleetwright_model_processor_seconds_count");
            ModelRuns {
                model: label(labels, &["model", "version"]),
                requests: whole(requests),
                executions: whole(executions),
                rows: mean(since("fleetwright_model_batch_rows_sum"), runs),
                runs_by_rows: self.buckets(before, labels),
                compute_ms: 1000.0
                    * mean(since("fleetwright_model_compute_seconds_sum"), executions),
                queue_ms: 1000.0 * mean(since("fleetwright_model_queue_seconds_sum"), queued),
                // The series of one moment are read one after the other, while runs end.
                processor_ms: (self.by_one_thread(labels) && timed >= 0.9 * executions).then(
                    || 1000.0 * mean(since("fleetwright_model_processor_seconds_sum"), timed),
                ),
                shared: whole(since("fleetwright_model_saved_seconds_count")),
            }
        });
        each.filter(|model| model.requests > 0).collect()
    }

    /// Whether a model's runs are one thread's work.
    fn by_one_thread(&self, labels: &str) -> bool {
        let key = ("fleetwright_model_threads".to_owned(), labels.to_owned());
        self.0.get(&key) == Some(&1.0)
    }

    /// Runs by rows, out of buckets that each count what the ones before do.
    fn buckets(&self, before: &Metered, labels: &str) -> BTreeMap<String, u64> {
        let name = "fleetwright_model_batch_rows_bucket";
        let own = |all: &&str| all.starts_with(labels);
        let mut bounds: Vec<(f64, f64)> = self
            .labels(name)
            .filter(own)
            .filter_map(|all| {
                let bound = label(all, &["le"]).parse().ok()?;
                Some((bound, self.since(before, name, all)))
            })
            .collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut below, mut runs) = (0.0, BTreeMap::new());
        for (bound, upto) in bounds {
            if upto > below {
                runs.insert(format!("{bound}"), whole(upto - below));
            }
            below = upto;
        }
        runs
    }

    /// The stages, since `before`.
    pub(super) fn stages(&self, before: &Metered) -> Vec<StageCalls> {
        let each = self.labels("fleetwright_stage_duration_seconds_count");
        let each = each.map(|labels| {
            let calls = self.since(before, "fleetwright_stage_duration_seconds_count", labels);
            let millis = |what: &str| {
                let name = format!("fleetwright_stage_{what}_seconds_sum");
                1000.0 * mean(self.since(before, &name, labels), calls)
            };
            StageCalls {
                stage: label(labels, &["stage"]),
                calls: whole(calls),
                total_ms: millis("duration"),
                guest_ms: millis("guest"),
                inference_ms: millis("inference"),
                queue_ms: millis("queue"),
            }
        });
        each.filter(|stage| stage.calls > 0).collect()
    }
}

fn mean(sum: f64, of: f64) -> f64 {
    if of > 0.0 { sum / of } else { 0.0 }
}

/// A counter's whole number.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are whole and not negative"
)]
fn whole(count: f64) -> u64 {
    count.round().max(0.0) as u64
}

/// The values of some labels out of `a="1",b="2"`, one after the other.
fn label(labels: &str, names: &[&str]) -> String {
    let of = |name: &&str| {
        let start = format!("{name}=\"");
        let all = labels.split("\",").map(|one| one.trim_end_matches('"'));
        all.filter_map(|one| one.strip_prefix(start.as_str()))
            .next()
    };
    let values: Vec<&str> = names.iter().filter_map(of).collect();
    values.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"
# TYPE fleetwright_model_batch_rows histogram
fleetwright_model_requests_total{model="minilm",version="1.0.0"} 10
fleetwright_model_executions_total{model="minilm",version="1.0.0"} 10
fleetwright_model_executions_total{model="idle",version="1.0.0"} 3
fleetwright_model_batch_rows_bucket{model="minilm",version="1.0.0",le="1"} 10
fleetwright_model_batch_rows_bucket{model="minilm",version="1.0.0",le="2"} 10
fleetwright_model_batch_rows_bucket{model="minilm",version="1.0.0",le="+Inf"} 10
fleetwright_model_batch_rows_sum{model="minilm",version="1.0.0"} 10
fleetwright_model_batch_rows_count{model="minilm",version="1.0.0"} 10
"#;
    const AFTER: &str = r#"
fleetwright_model_requests_total{model="minilm",version="1.0.0"} 18
fleetwright_model_executions_total{model="minilm",version="1.0.0"} 15
fleetwright_model_executions_total{model="idle",version="1.0.0"} 3
fleetwright_model_batch_rows_bucket{model="minilm",version="1.0.0",le="1"} 12
fleetwright_model_batch_rows_bucket{model="minilm",version="1.0.0",le="2"} 15
fleetwright_model_batch_rows_bucket{model="minilm",version="1.0.0",le="+Inf"} 15
fleetwright_model_batch_rows_sum{model="minilm",version="1.0.0"} 18
fleetwright_model_batch_rows_count{model="minilm",version="1.0.0"} 15
fleetwright_model_compute_seconds_sum{model="minilm",version="1.0.0"} 0.05
fleetwright_model_processor_seconds_sum{model="minilm",version="1.0.0"} 0.04
fleetwright_model_processor_seconds_count{model="minilm",version="1.0.0"} 5
fleetwright_model_threads{model="minilm",version="1.0.0"} 1
fleetwright_model_queue_seconds_sum{model="minilm",version="1.0.0"} 0.008
fleetwright_model_queue_seconds_count{model="minilm",version="1.0.0"} 8
fleetwright_stage_duration_seconds_count{stage="classify",version="1.0.0"} 4
fleetwright_stage_guest_seconds_sum{stage="classify",version="1.0.0"} 0.002
"#;

    #[test]
    fn runs_and_batches_are_those_of_the_time_between() {
        let (before, after) = (Metered::read(BEFORE), Metered::read(AFTER));
        let models = after.models(&before);
        assert_eq!(models.len(), 1, "one that was not asked is not told");
        let minilm = &models[0];
        assert_eq!(
            (minilm.model.as_str(), minilm.requests, minilm.executions),
            ("minilm 1.0.0", 8, 5)
        );
        assert!((minilm.rows - 1.6).abs() < 1e-9 && (minilm.compute_ms - 10.0).abs() < 1e-9);
        assert!((minilm.queue_ms - 1.0).abs() < 1e-9);
        assert!((minilm.processor_ms.unwrap() - 8.0).abs() < 1e-9);
        let by_two = AFTER.replace("1.0.0\"} 1\n", "1.0.0\"} 2\n");
        let by_two = Metered::read(&by_two).models(&before);
        assert_eq!(by_two[0].processor_ms, None, "one thread of two is read");
        let unread = AFTER.replace("processor_seconds_count", "unheard_of");
        let unread = Metered::read(&unread).models(&before);
        assert_eq!(unread[0].processor_ms, None, "no run of its five is read");
        let runs: Vec<_> = minilm.runs_by_rows.iter().collect();
        assert_eq!(runs, [(&"1".to_owned(), &2), (&"2".to_owned(), &3)]);
        let stages = after.stages(&before);
        assert_eq!((stages[0].stage.as_str(), stages[0].calls), ("classify", 4));
        assert!((stages[0].guest_ms - 0.5).abs() < 1e-9);
    }

    #[test]
    fn metrics_of_others_say_nothing() {
        let other = Metered::read("http_requests_total{code=\"200\"} 4\nnot a series\n");
        assert!(other.models(&Metered::default()).is_empty());
    }
}
