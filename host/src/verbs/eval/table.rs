//! The report on a terminal: figures with their intervals, the classes that fare worst, what changed, and how long it took.

use std::path::Path;

use fleetwright_fleet::evaluation::{Compared, Estimate, Report, Times, Told, Verdict};

use super::said;
use crate::table::{self, Style};

/// Classes that are shown at most, the worst first.
const CLASSES: usize = 12;

/// All of it.
pub(super) fn drawn(report: &Report, folder: &Path, style: Style) -> String {
    let measured = &report.measured;
    let of = measured.stage.as_deref().unwrap_or("the fleet");
    let mut text = format!(
        "{}: {of}, {} samples\n",
        table::words::clean(&measured.data.name),
        measured.samples.len()
    );
    for reason in said::left_out(measured) {
        text.push_str(&format!("not complete: {reason}\n"));
    }
    for failure in &measured.failures {
        text.push_str(&format!(
            "{} samples without an answer of {}: {}, such as {}\n",
            failure.samples,
            failure.stage,
            failure.reason,
            table::words::clean(&failure.first.join(", "))
        ));
    }
    for measure in &measured.measures {
        text.push('\n');
        text.push_str(&drawn_measure(measure, style));
    }
    if let Some(compared) = &report.compared {
        text.push('\n');
        text.push_str(&drawn_changes(compared, style));
    }
    let latency = &report.run.latency;
    text.push_str(&format!(
        "\n{:.1} s with {} at once; a sample: p50 {:.1} ms, p99 {:.1} ms; {:.2} ms of processor time, {:.2} of it in guests; models {:.2} ms\n",
        report.run.seconds, report.run.jobs, latency.p50, latency.p99, latency.cpu, latency.guest, latency.inference
    ));
    for file in ["report.json", "report.html"] {
        text.push_str(&format!("{}\n", folder.join(file).display()));
    }
    text
}

fn drawn_measure(measure: &Told, style: Style) -> String {
    let mut text = format!("{}: {} cases\n", measure.name, measure.cases);
    for note in &measure.notes {
        text.push_str(&format!("  {}\n", table::words::clean(note)));
    }
    let all = measure.figures.iter().filter(|one| one.figure.of.is_none());
    let rows: Vec<_> = all.map(figure_row).collect();
    let header = ["figure", "value", "95 %", "cases"].map(str::to_owned);
    text.push_str(&table::columns(&header, &rows, style));
    let classes = classes(measure);
    if !classes.is_empty() {
        let header = ["worst first", "cases", "precision", "recall", "f1"].map(str::to_owned);
        text.push_str(&table::columns(&header, &classes, style));
    }
    for (group, figures) in &measure.groups {
        let rows: Vec<_> = figures.iter().map(figure_row).collect();
        let header = [group.as_str(), "value", "95 %", "cases"].map(table::words::clean);
        text.push_str(&table::columns(&header, &rows, style));
    }
    text
}

fn figure_row(one: &Estimate) -> [String; 4] {
    [
        one.figure.name.to_string(),
        format!("{:.4}", one.value),
        format!("{:.4}–{:.4}", one.low, one.high),
        one.figure.cases.to_string(),
    ]
}

/// Classes, kinds or flags by their F1, the lowest first.
fn classes(measure: &Told) -> Vec<[String; 5]> {
    let f1 = |one: &&Estimate| one.figure.name == "f1" && one.figure.of.is_some();
    let mut worst: Vec<&Estimate> = measure.figures.iter().filter(f1).collect();
    worst.sort_by(|a, b| a.value.total_cmp(&b.value));
    let rows = worst.iter().take(CLASSES).map(|one| {
        let beside = |name: &str| {
            let same =
                |other: &&Estimate| other.figure.name == name && other.figure.of == one.figure.of;
            measure
                .figures
                .iter()
                .find(same)
                .map_or("–".to_owned(), short)
        };
        [
            one.figure.of.clone().unwrap_or_default(),
            one.figure.cases.to_string(),
            beside("precision"),
            beside("recall"),
            short(one),
        ]
    });
    rows.collect()
}

fn short(one: &Estimate) -> String {
    format!("{:.3} ({:.3}–{:.3})", one.value, one.low, one.high)
}

fn drawn_changes(compared: &Compared, style: Style) -> String {
    let mut text = format!(
        "against {}, {}: {} better, {} worse beyond noise\n",
        compared.baseline.get(..19).unwrap_or(&compared.baseline),
        said::of_what(compared),
        compared.better,
        compared.worse
    );
    for measure in &compared.measures {
        let how = match measure.paired {
            true => format!("{} samples of both, case by case", measure.matched),
            false => format!("{} samples of both: by intervals", measure.matched),
        };
        text.push_str(&format!("{} ({how})\n", measure.name));
        let all = measure
            .changes
            .iter()
            .filter(|change| change.figure.of.is_none());
        let rows: Vec<_> = all
            .map(|change| {
                [
                    change.figure.name.to_string(),
                    format!("{:.4} → {:.4}", change.before, change.after),
                    format!("{:+.4}–{:+.4}", change.low, change.high),
                    match change.verdict {
                        Verdict::Better => "better",
                        Verdict::Worse => "worse",
                        Verdict::Same => "within noise",
                    }
                    .to_owned(),
                ]
            })
            .collect();
        let header = ["figure", "before → now", "difference", ""].map(str::to_owned);
        text.push_str(&table::columns(&header, &rows, style));
    }
    for sentence in said::uncompared(compared) {
        text.push_str(&format!("{}\n", table::words::clean(&sentence)));
    }
    if let Some(times) = &compared.times {
        text.push_str(&drawn_times(times));
    }
    text
}

fn drawn_times(times: &Times) -> String {
    let (before, after) = (&times.before, &times.after);
    format!(
        "a sample: p50 {:.1} → {:.1} ms, p99 {:.1} → {:.1} ms, processor time {:.2} → {:.2} ms\n  {}\n",
        before.p50,
        after.p50,
        before.p99,
        after.p99,
        before.cpu,
        after.cpu,
        table::words::clean(&said::conditions(times))
    )
}
