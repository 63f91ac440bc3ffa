//! The report on a terminal: a row a measurement, then batches and what failed.

use std::path::Path;

use fleetwright_load::Load;

use super::report::{Report, Step};
use crate::table::{self, Style};
use crate::units::bytes_for_people;

/// All of it.
pub(super) fn drawn(report: &Report, folder: &Path, style: Style) -> String {
    let mut text = format!(
        "{}: {} bodies in turn\n",
        table::words::clean(&report.name),
        report.bodies.count
    );
    let header = [
        "load",
        "answers/s",
        "p50 ms",
        "p95",
        "p99",
        "p99.9",
        "failed",
        "cpu ms",
        "memory",
    ];
    let rows: Vec<_> = report.steps.iter().map(row).collect();
    text.push_str(&table::columns(&header.map(str::to_owned), &rows, style));
    for step in &report.steps {
        if !step.complete {
            text.push_str(&format!("{}: stopped before its end\n", of(step)));
        }
        for (reason, count) in &step.failures {
            let reason = table::words::clean(reason);
            text.push_str(&format!("{}: {count} failed ({reason})\n", of(step)));
        }
    }
    let gone: Vec<_> = report.steps.iter().filter_map(went).collect();
    if !gone.is_empty() {
        let header = ["load", "cpu ms", "in models", "in guests", "in the host"];
        text.push_str(&table::columns(&header.map(str::to_owned), &gone, style));
    }
    let models: Vec<_> = report.steps.iter().flat_map(batches).collect();
    if !models.is_empty() {
        let header = [
            "load",
            "model",
            "calls",
            "runs",
            "rows a run",
            "ms a run",
            "waited ms",
            "shared",
        ];
        text.push_str(&table::columns(&header.map(str::to_owned), &models, style));
    }
    for file in ["report.json", "latency.svg"] {
        text.push_str(&format!("{}\n", folder.join(file).display()));
    }
    text
}

/// A load in a word or two.
pub(super) fn load(load: &Load) -> String {
    match load {
        Load::Open { rate, .. } => format!("{}/s", short(*rate)),
        Load::Closed { clients } => format!("{clients} clients"),
    }
}

fn of(step: &Step) -> String {
    match (step.offered, step.clients) {
        (Some(rate), _) => format!("{}/s", short(rate)),
        (None, clients) => format!("{} clients", clients.unwrap_or(0)),
    }
}

fn row(step: &Step) -> [String; 9] {
    let millis = |value: Option<f64>| value.map_or("–".to_owned(), short);
    let latency = &step.latency_ms;
    [
        of(step),
        short(step.rate),
        millis(latency.p50),
        millis(latency.p95),
        millis(latency.p99),
        millis(latency.p99_9),
        step.failed.to_string(),
        millis(step.cpu.submission_ms),
        step.memory
            .peak_bytes
            .map_or("–".to_owned(), bytes_for_people),
    ]
}

/// Where the processor time of a submission went.
fn went(step: &Step) -> Option<[String; 5]> {
    let (all, went) = step.cpu.submission_ms.zip(step.cpu.went)?;
    let part = |millis: f64| format!("{} ({} %)", short(millis), short(100.0 * millis / all));
    Some([
        of(step),
        short(all),
        part(went.models_ms),
        part(went.guests_ms),
        part(went.host_ms),
    ])
}

fn batches(step: &Step) -> Vec<[String; 8]> {
    let each = step.models.iter().map(|model| {
        [
            of(step),
            model.model.clone(),
            model.requests.to_string(),
            model.executions.to_string(),
            short(model.rows),
            short(model.compute_ms),
            short(model.queue_ms),
            model.shared.to_string(),
        ]
    });
    each.collect()
}

/// Three digits or so: what a person compares.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}
