//! Latency against load: a curve for each percentile of the open loop, and where the closed loop saturates.

use super::report::{Latency, Report, Step};
use crate::picture::{escaped, opened};

const LEFT: f64 = 62.0;
const TOP: f64 = 34.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;
/// For the names of the curves.
const RIGHT: f64 = 70.0;
const BOTTOM: f64 = 48.0;

/// Alone in a file, it brings its colours along; light and dark.
const STYLE: &str = "<style>\
svg { font: 12px system-ui, sans-serif; background: #fdfdfc; } text { fill: #1c2024; } .dim { fill: #5b646d; } \
.grid { stroke: #e3e7ea; } .limit { stroke: #5b646d; stroke-dasharray: 4 4; } polyline { fill: none; stroke-width: 2; } \
.c0 { stroke: #2266b8; } .c1 { stroke: #1d7a46; } .c2 { stroke: #c8571b; } .c3 { stroke: #b3261e; } \
circle { fill: #fdfdfc; stroke-width: 1.5; } \
@media (prefers-color-scheme: dark) { svg { background: #14171a; } text { fill: #e6e9ec; } .dim { fill: #98a2ab; } \
.grid { stroke: #2b3238; } .limit { stroke: #98a2ab; } circle { fill: #14171a; } \
.c0 { stroke: #6aa9ee; } .c1 { stroke: #63c78f; } .c2 { stroke: #f0935a; } .c3 { stroke: #f2867d; } }</style>";

/// What is drawn of each measurement: its name, and its value.
type Curve = (&'static str, fn(&Latency) -> Option<f64>);
const CURVES: [Curve; 4] = [
    ("p50", |latency| latency.p50),
    ("p95", |latency| latency.p95),
    ("p99", |latency| latency.p99),
    ("p99.9", |latency| latency.p99_9),
];

/// All of it.
pub(super) fn drawn(report: &Report) -> String {
    let field = Field::of(report);
    let title = format!("{}: latency against load", escaped(&report.name));
    let mut svg = opened(LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM, &title);
    svg.push_str(STYLE);
    svg.push_str(&format!("<text x=\"{LEFT}\" y=\"18\">{title}</text>"));
    svg.push_str(&field.axes());
    for step in report.steps.iter().filter(|step| step.clients.is_some()) {
        svg.push_str(&field.saturation(step));
    }
    let mut open: Vec<&Step> = report
        .steps
        .iter()
        .filter(|step| step.offered.is_some())
        .collect();
    open.sort_by(|a, b| {
        a.offered
            .unwrap_or(0.0)
            .total_cmp(&b.offered.unwrap_or(0.0))
    });
    for (number, (name, of)) in CURVES.iter().enumerate() {
        let points: Vec<_> = open
            .iter()
            .filter_map(|step| Some((step.offered?, of(&step.latency_ms)?)))
            .collect();
        svg.push_str(&field.curve(number, name, &points));
    }
    svg + "</svg>\n"
}

/// Requests a second across, from 0; milliseconds upwards, each line ten times the one below.
struct Field {
    most: f64,
    low: i32,
    high: i32,
}

impl Field {
    fn of(report: &Report) -> Field {
        let steps = report.steps.iter();
        let rates = steps.map(|step| step.offered.unwrap_or(step.rate));
        let all = report
            .steps
            .iter()
            .flat_map(|step| CURVES.map(|(_, of)| of(&step.latency_ms)));
        let shown: Vec<f64> = all.flatten().filter(|value| *value > 0.0).collect();
        let power = |value: f64, up: bool| {
            let power = value.log10();
            let whole = if up { power.ceil() } else { power.floor() };
            #[allow(
                clippy::cast_possible_truncation,
                reason = "latencies are up to an hour"
            )]
            let whole = whole.clamp(-3.0, 7.0) as i32;
            whole
        };
        let low = shown.iter().copied().fold(f64::INFINITY, f64::min);
        let high = shown.iter().copied().fold(0.0, f64::max);
        let (low, high) = match shown.is_empty() {
            true => (0, 1),
            false => (power(low, false), power(high, true)),
        };
        Field {
            most: rates.fold(0.0, f64::max).max(1e-9) * 1.05,
            low,
            high: high.max(low + 1),
        }
    }

    fn x(&self, rate: f64) -> f64 {
        LEFT + WIDTH * (rate / self.most).clamp(0.0, 1.0)
    }

    fn y(&self, millis: f64) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let share = (millis.max(1e-6).log10() - low) / (high - low);
        TOP + HEIGHT * (1.0 - share.clamp(0.0, 1.0))
    }

    fn axes(&self) -> String {
        let mut svg = String::new();
        for power in self.low..=self.high {
            let millis = 10_f64.powi(power);
            let y = self.y(millis);
            svg.push_str(&format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{millis} ms</text>",
                LEFT + WIDTH, LEFT - 8.0, y + 4.0
            ));
        }
        let step = tick(self.most);
        let mut rate = 0.0;
        while rate <= self.most {
            let x = self.x(rate);
            svg.push_str(&format!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/><text class=\"dim\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                TOP + HEIGHT, TOP + HEIGHT + 18.0, plain(rate)
            ));
            rate += step;
        }
        svg.push_str(&format!(
            "<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">requests a second</text>",
            LEFT + WIDTH / 2.0,
            TOP + HEIGHT + 38.0
        ));
        svg
    }

    fn saturation(&self, step: &Step) -> String {
        let x = self.x(step.rate);
        format!(
            "<line class=\"limit\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"><title>{} clients: {:.1} answers a second</title></line>",
            TOP + HEIGHT,
            step.clients.unwrap_or(0),
            step.rate
        )
    }

    fn curve(&self, number: usize, name: &str, points: &[(f64, f64)]) -> String {
        let Some((_, end)) = points.last() else {
            return String::new();
        };
        let path: Vec<String> = points
            .iter()
            .map(|(rate, millis)| format!("{:.1},{:.1}", self.x(*rate), self.y(*millis)))
            .collect();
        let mut svg = format!(
            "<polyline class=\"c{number}\" points=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            path.join(" "),
            LEFT + WIDTH + 8.0,
            self.y(*end) + 4.0
        );
        for (rate, millis) in points {
            svg.push_str(&format!(
                "<circle class=\"c{number}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"><title>{name} at {} a second: {millis:.2} ms</title></circle>",
                self.x(*rate), self.y(*millis), plain(*rate)
            ));
        }
        svg
    }
}

/// Between two numbers across: 1, 2 or 5 of some power of ten, four to ten of them.
fn tick(most: f64) -> f64 {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let fits = [5.0, 2.0]
        .into_iter()
        .find(|times| most / (times * power) >= 4.0);
    fits.unwrap_or(1.0) * power
}

fn plain(rate: f64) -> String {
    let text = format!("{rate:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_neither_few_nor_many() {
        for most in [0.3, 1.0, 7.0, 53.0, 99.0, 1000.0, 41_234.0] {
            let ticks = most / tick(most);
            assert!((4.0..=10.0).contains(&ticks), "{most}: {ticks}");
        }
        assert_eq!(plain(0.0), "0");
        assert_eq!(plain(20.0), "20");
        assert_eq!(plain(0.2), "0.2");
    }

    #[test]
    fn a_field_puts_tenfold_latencies_at_equal_distances() {
        let field = Field {
            most: 100.0,
            low: 0,
            high: 2,
        };
        assert!((field.y(1.0) - field.y(10.0) - HEIGHT / 2.0).abs() < 1e-9);
        assert!((field.x(50.0) - LEFT - WIDTH / 2.0).abs() < 1e-9);
        assert_eq!(field.y(1e9), TOP, "what lies beyond is drawn at the edge");
    }
}
