//! The report as a page that a person reads: self-contained, without a script, in light and dark, on paper too.
//!
//! Everything that data or models say is escaped; nothing is loaded from elsewhere.

mod against;
mod picture;
mod text;

use fleetwright_fleet::evaluation::{Estimate, Point, Program, Report, Task, Told};

use crate::picture::escaped;
use text::{count, percent, value};

const STYLE: &str = include_str!("page/style.css");
/// Pairs of labels that are told as most often confused.
const PAIRS: usize = 15;

/// All of it.
pub(super) fn drawn(report: &Report) -> String {
    let measured = &report.measured;
    let title = format!("{} – {}", measured.data.name, subject(report));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>{}</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n",
        escaped(&title)
    );
    page.push_str(&head(report));
    page.push_str(&failures(report));
    if let Some(compared) = &report.compared {
        page.push_str(&against::drawn(compared));
    }
    for measure in &measured.measures {
        page.push_str(&section(measure));
    }
    page.push_str(&times(report));
    page.push_str(&provenance(report));
    page.push_str("</main></body></html>\n");
    page
}

fn subject(report: &Report) -> String {
    match &report.measured.stage {
        Some(stage) => format!("stage {stage}"),
        None => format!("fleet {}", report.measured.fleet),
    }
}

fn head(report: &Report) -> String {
    let measured = &report.measured;
    let left_out: String = super::said::left_out(measured)
        .iter()
        .map(|said| {
            format!(
                " <span class=\"pill bad\">not complete: {}</span>",
                escaped(said)
            )
        })
        .collect();
    let failed = measured
        .samples
        .iter()
        .filter(|sample| !sample.failed.is_empty())
        .count();
    let failed = match failed {
        0 => "<span class=\"pill good\">every sample answered</span>".to_owned(),
        failed => format!(
            "<span class=\"pill bad\">{} without an answer</span>",
            count(failed as u64)
        ),
    };
    format!(
        "<header><p class=\"kicker\">Evaluation</p><h1>{}</h1><p class=\"lead\">{} over {} samples, through component, sandbox, wasi-nn and the models as they are shipped. Intervals hold 95 % of {} resamples.</p><p>{failed}{left_out}</p></header>\n{}",
        escaped(&measured.data.name),
        escaped(&capital(&subject(report))),
        count(measured.samples.len() as u64),
        count(u64::from(measured.settings.resamples)),
        tiles(report)
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The figures that come first in a reader's mind, of each measure.
fn tiles(report: &Report) -> String {
    let mut tiles = String::from("<section class=\"tiles\">");
    for measure in &report.measured.measures {
        for name in leading(measure) {
            let figure = all_cases(measure).find(|one| one.figure.name == *name);
            if let Some(one) = figure {
                tiles.push_str(&format!(
                    "<div class=\"tile\"><span class=\"of\">{}</span><strong>{}</strong><span class=\"name\">{}</span><span class=\"interval\">{} – {}</span></div>",
                    escaped(&measure.name),
                    value(one, one.value),
                    escaped(&words(&one.figure.name)),
                    value(one, one.low),
                    value(one, one.high)
                ));
            }
        }
    }
    tiles.push_str("</section>\n");
    tiles
}

fn leading(measure: &Told) -> &'static [&'static str] {
    match measure.task() {
        Task::Label | Task::Held if measure.out_of_scope().is_some() => &[
            "accuracy",
            "macro-f1",
            "in-scope-accuracy",
            "out-of-scope-recall",
            "calibration-error",
        ],
        Task::Label | Task::Held => &["accuracy", "macro-f1", "calibration-error"],
        Task::Spans => &["f1", "precision", "recall"],
        Task::Fields => &["exact-match", "all-fields"],
        Task::Summary => &["rouge-1", "rouge-2", "rouge-l"],
        Task::Flags => &["f1", "recall", "precision"],
    }
}

fn all_cases(measure: &Told) -> impl Iterator<Item = &Estimate> {
    measure.figures.iter().filter(|one| one.figure.of.is_none())
}

/// A figure's name as a person says it.
fn words(name: &str) -> String {
    let known = match name {
        "macro-f1" => "macro-F1",
        "f1" => "F1",
        "calibration-error" => "calibration error (ECE)",
        "out-of-scope-auroc" => "out of scope: AUROC",
        "out-of-scope-recall" => "out of scope: recall",
        "out-of-scope-precision" => "out of scope: precision",
        "out-of-scope-recall-at-precision" => "out of scope: recall at the precision asked",
        "recall-at-precision" => "recall at the precision asked",
        "auroc" => "AUROC",
        "rouge-1" => "ROUGE-1",
        "rouge-2" => "ROUGE-2",
        "rouge-l" => "ROUGE-L",
        "rouge-1-stemmed" => "ROUGE-1 on stems",
        "rouge-2-stemmed" => "ROUGE-2 on stems",
        "rouge-l-stemmed" => "ROUGE-L on stems",
        other => return other.replace('-', " "),
    };
    known.to_owned()
}

fn failures(report: &Report) -> String {
    let failures = &report.measured.failures;
    if failures.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for failure in failures {
        let said = report
            .run
            .failures
            .get(&format!("{} {}", failure.stage, failure.reason));
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&failure.stage),
            escaped(&failure.reason),
            count(failure.samples as u64),
            escaped(&failure.first.join(", ")),
            escaped(said.map_or("", String::as_str))
        ));
    }
    format!(
        "<section><h2>Without an answer</h2><p>They count as wrong.</p><div class=\"scroll\"><table><thead><tr><th>stage</th><th>reason</th><th class=\"n\">samples</th><th>such as</th><th>what the first said</th></tr></thead><tbody>{rows}</tbody></table></div></section>\n"
    )
}

fn section(measure: &Told) -> String {
    let mut text = format!(
        "<section><h2>{}</h2><p class=\"dim\">{} cases, {} of them without an answer.",
        escaped(&measure.name),
        count(measure.cases as u64),
        count(measure.failed as u64)
    );
    if let Some(sure) = measure.with_confidence.filter(|sure| *sure > 0) {
        text.push_str(&format!(
            " {} answers say how sure they are.",
            count(sure as u64)
        ));
    }
    text.push_str("</p>");
    for note in &measure.notes {
        text.push_str(&format!("<p class=\"note\">{}</p>", escaped(note)));
    }
    text.push_str(&figure(
        "Figures of all cases",
        &picture::intervals(all_cases(measure)),
    ));
    let mut pair = String::new();
    if !measure.reliability.is_empty() {
        pair.push_str(&figure(
            "Reliability: how often answers of a confidence are right. On the line a confidence means what it says; the bars say how many answers there are.",
            &picture::reliability(&measure.reliability),
        ));
    }
    if measure.coverage.len() > 1 {
        pair.push_str(&figure(
            "Coverage: how much is right among the surest answers, if the rest goes to a person.",
            &picture::coverage(&measure.coverage),
        ));
    }
    if !pair.is_empty() {
        text.push_str(&format!("<div class=\"pair\">{pair}</div>"));
    }
    text.push_str(&thresholds(&measure.coverage));
    if !measure.confused.is_empty() {
        text.push_str(&figure(
            "Confusion: expected down, found across. A row's share on the diagonal in blue, elsewhere in orange.",
            &picture::confusion(&measure.confused),
        ));
        text.push_str(&pairs(measure));
    }
    text.push_str(&classes(measure));
    text.push_str(&groups(measure));
    text.push_str(&ignored(measure));
    text.push_str("</section>\n");
    text
}

fn figure(caption: &str, picture: &str) -> String {
    format!(
        "<figure><div class=\"scroll\">{picture}</div><figcaption>{caption}</figcaption></figure>"
    )
}

/// What is wrong among what each threshold keeps, by tenths of the cases.
fn thresholds(points: &[Point]) -> String {
    if points.len() < 2 {
        return String::new();
    }
    let rows: String = spread(points)
        .iter()
        .map(|point| {
            format!(
                "<tr><td class=\"n\">{:.3}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{} – {}</td></tr>",
                point.threshold,
                percent(point.coverage),
                percent(point.error),
                percent(point.error_low),
                percent(point.error_high)
            )
        })
        .collect();
    format!(
        "<h3>Wrong among what is kept</h3><p class=\"dim\">The interval is of a threshold settled beforehand; one that is chosen here for looking best does worse on other data. Where nothing is wrong, resamples cannot tell how much might be.</p><div class=\"scroll\"><table><thead><tr><th class=\"n\">from a confidence of</th><th class=\"n\">answers kept</th><th class=\"n\">wrong among them</th><th class=\"n\">95 %</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// The points nearest to each tenth of coverage, the widest first.
fn spread(points: &[Point]) -> Vec<&Point> {
    let mut chosen: Vec<&Point> = Vec::new();
    for tenth in (1..=10).rev() {
        let wanted = f64::from(tenth) / 10.0;
        let far = |point: &&Point| (point.coverage - wanted).abs();
        let nearest = points.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
        let last = chosen.last().map(|point| point.threshold);
        chosen.extend(nearest.filter(|point| last != Some(point.threshold)));
    }
    chosen
}

/// The pairs that are confused most often.
fn pairs(measure: &Told) -> String {
    let mut wrong: Vec<_> = measure
        .confused
        .iter()
        .filter(|pair| pair.found.as_ref() != Some(&pair.expected))
        .collect();
    if wrong.is_empty() {
        return String::new();
    }
    wrong.sort_by_key(|pair| std::cmp::Reverse(pair.cases));
    let rows: String = wrong
        .iter()
        .take(PAIRS)
        .map(|pair| {
            format!(
                "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
                escaped(&pair.expected),
                escaped(pair.found.as_deref().unwrap_or("no answer")),
                count(pair.cases)
            )
        })
        .collect();
    format!(
        "<h3>Confused most often</h3><div class=\"scroll\"><table><thead><tr><th>expected</th><th>found</th><th class=\"n\">cases</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// One row a class, kind, field or flag, each figure with its interval drawn.
fn classes(measure: &Told) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for one in measure.figures.iter().filter(|one| one.figure.of.is_some()) {
        let (of, name) = (
            one.figure.of.as_deref().unwrap_or_default(),
            one.figure.name.as_ref(),
        );
        if !names.contains(&of) {
            names.push(of);
        }
        if !kinds.contains(&name) {
            kinds.push(name);
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let heads: String = kinds
        .iter()
        .map(|kind| format!("<th>{}</th>", escaped(&words(kind))))
        .collect();
    let mut rows = String::new();
    for name in &names {
        let find = |kind: &str| {
            let same =
                |one: &&Estimate| one.figure.name == kind && one.figure.of.as_deref() == Some(name);
            measure.figures.iter().find(same)
        };
        let cells: String = kinds
            .iter()
            .map(|kind| {
                format!(
                    "<td>{}</td>",
                    find(kind).map_or("–".to_owned(), picture::bar)
                )
            })
            .collect();
        let cases = measure
            .figures
            .iter()
            .find(|one| one.figure.of.as_deref() == Some(name));
        rows.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>{cells}</tr>",
            escaped(name),
            count(cases.map_or(0, |one| one.figure.cases))
        ));
    }
    format!(
        "<h3>By class</h3><div class=\"scroll\"><table class=\"classes\"><thead><tr><th></th><th class=\"n\">cases</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn groups(measure: &Told) -> String {
    let each = measure.groups.iter().map(|(group, figures)| {
        figure(
            &format!("Group {}", escaped(group)),
            &picture::intervals(figures.iter()),
        )
    });
    let all: String = each.collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("<h3>By group</h3><div class=\"pair\">{all}</div>"),
    }
}

fn ignored(measure: &Told) -> String {
    let each: Vec<String> = measure
        .ignored
        .iter()
        .map(|(name, times)| format!("{} ({})", escaped(name), count(*times)))
        .collect();
    match each.is_empty() {
        true => String::new(),
        false => format!(
            "<p class=\"dim\">Found and not counted, for the data never name them: {}.</p>",
            each.join(", ")
        ),
    }
}

fn times(report: &Report) -> String {
    let latency = &report.run.latency;
    let rows: String = [
        ("latency, median", latency.p50),
        ("latency, 90 of 100", latency.p90),
        ("latency, 99 of 100", latency.p99),
        ("latency, longest", latency.most),
        ("processor time of the host, mean", latency.cpu),
        ("of that inside guests, mean", latency.guest),
        ("models at work by the clock, mean", latency.inference),
        ("waiting, mean", latency.queue),
    ]
    .iter()
    .map(|(name, ms)| format!("<tr><td>{name}</td><td class=\"n\">{ms:.2}</td></tr>"))
    .collect();
    format!(
        "<section><h2>Time</h2><p class=\"dim\">{:.1} s, {} samples at once, on {} ({} cores, {} GiB, {}).</p><table><thead><tr><th>a sample</th><th class=\"n\">ms</th></tr></thead><tbody>{rows}</tbody></table></section>\n",
        report.run.seconds,
        report.run.jobs,
        escaped(&report.run.machine.processor),
        report.run.machine.cores,
        report.run.machine.memory_mib / 1024,
        escaped(&report.run.machine.system)
    )
}

fn provenance(report: &Report) -> String {
    let measured = &report.measured;
    let mut rows = String::new();
    let mut row = |name: &str, what: &str, digest: &str| {
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            escaped(name),
            escaped(what),
            escaped(digest)
        ));
    };
    row(
        "what was measured",
        "the part `measured` of report.json",
        &report.digest,
    );
    row("data", &report.run.file, &measured.data.digest);
    row(
        "samples that ran",
        "with their attached files",
        &measured.data.contents,
    );
    row("manifest", &measured.fleet, &measured.manifest);
    let programs = &report.run.programs;
    let mut file = |name: &str, program: &Program| row(name, &program.file, &program.digest);
    file("the host's program", &programs.host);
    let inference = &programs.inference;
    let library = format!("{} {}", inference.name, inference.version);
    for one in &inference.files {
        file(&library, one);
    }
    if inference.embedded {
        row(&library, "part of the host's program", "");
    }
    for stage in &measured.stages {
        let plugin = format!("{} {}", stage.plugin.name, stage.plugin.version);
        row(
            &format!("{}: plugin", stage.name),
            &plugin,
            &stage.plugin.digest,
        );
        row(&format!("{}: config", stage.name), "", &stage.config);
        for (role, model) in &stage.models {
            let name = format!(
                "{} {}, {} on {}",
                model.name, model.version, model.backend, model.device
            );
            row(&format!("{}: {role}", stage.name), &name, &model.digest);
        }
    }
    format!(
        "<section><h2>What this is of</h2><div class=\"scroll\"><table><tbody>{rows}</tbody></table></div><p class=\"dim\">{}, begun {}; seed {}, {} resamples, {} bins, recall at a precision of {}. The same data, fleet, settings and seed give the same digest of what was measured.</p></section>\n",
        escaped(&measured.tool),
        escaped(&report.run.began),
        measured.settings.seed,
        count(u64::from(measured.settings.resamples)),
        measured.settings.bins,
        percent(measured.settings.precision)
    )
}

#[cfg(test)]
mod tests;
