//! The report against a baseline.

use fleetwright_fleet::evaluation::{Compared, Comparison, Times, Verdict};

use super::super::said;
use super::text::{count, short_digest};
use super::words;
use crate::picture::escaped;

/// All of it.
pub(super) fn drawn(compared: &Compared) -> String {
    let mut text = format!(
        "<section><h2>Against the baseline</h2><p>{} figures of all cases are better and {} worse beyond noise. The baseline is {}: <code>{}</code></p>",
        compared.better,
        compared.worse,
        said::of_what(compared),
        short_digest(&compared.baseline)
    );
    for sentence in said::uncompared(compared) {
        text.push_str(&format!("<p class=\"note\">{}</p>", escaped(&sentence)));
    }
    for measure in &compared.measures {
        text.push_str(&change(measure));
    }
    if let Some(times) = &compared.times {
        text.push_str(&drawn_times(times));
    }
    text.push_str("</section>\n");
    text
}

fn change(measure: &Comparison) -> String {
    let mut rows = String::new();
    for one in &measure.changes {
        if one.figure.of.is_some() && one.verdict == Verdict::Same {
            continue;
        }
        let (class, verdict) = match one.verdict {
            Verdict::Better => ("good", "better"),
            Verdict::Worse => ("bad", "worse"),
            Verdict::Same => ("dim", "within noise"),
        };
        let of = one.figure.of.as_deref().unwrap_or("all");
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{:.4}</td><td class=\"n\">{:.4}</td><td class=\"n\">{:+.4} … {:+.4}</td><td class=\"{class}\">{verdict}</td></tr>",
            escaped(&words(&one.figure.name)),
            escaped(of),
            one.before,
            one.after,
            one.low,
            one.high
        ));
    }
    let how = match measure.paired {
        true => "compared case by case",
        false => "compared by their intervals",
    };
    format!(
        "<h3>{}</h3><p class=\"dim\">{} samples are the same in both: {how}. Of single classes only what changed beyond noise is shown; of so many, one in twenty does so by chance.</p><div class=\"scroll\"><table><thead><tr><th>figure</th><th>of</th><th class=\"n\">before</th><th class=\"n\">now</th><th class=\"n\">difference, 95 %</th><th></th></tr></thead><tbody>{rows}</tbody></table></div>",
        escaped(&measure.name),
        count(measure.matched as u64)
    )
}

fn drawn_times(times: &Times) -> String {
    let (before, after) = (&times.before, &times.after);
    let rows: String = [
        ("latency, median", before.p50, after.p50),
        ("latency, 99 of 100", before.p99, after.p99),
        ("processor time of the host, mean", before.cpu, after.cpu),
    ]
    .iter()
    .map(|(name, before, after)| {
        format!("<tr><td>{name}</td><td class=\"n\">{before:.2}</td><td class=\"n\">{after:.2}</td></tr>")
    })
    .collect();
    format!(
        "<h3>Times of a sample, ms</h3><p class=\"dim\">{}.</p><table><thead><tr><th></th><th class=\"n\">before</th><th class=\"n\">now</th></tr></thead><tbody>{rows}</tbody></table>",
        escaped(&said::conditions(times))
    )
}
