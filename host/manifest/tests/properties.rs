//! What holds for every text: no panic, every place within the text; and for every manifest: it means what was written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{Limits, Manifest, Source, Split, Stage, parse};
use proptest::prelude::*;
use std::collections::BTreeSet;

const SHIPPED: &str = include_str!("../../../fleet.toml");

/// Parses, renders, and holds every finding to its promises.
fn holds(text: &str) -> Result<(), TestCaseError> {
    let source = Source::new("fleet.toml", text);
    let Err(found) = parse(&source) else {
        return Ok(());
    };
    prop_assert!(!found.is_empty());
    for diagnostic in &found {
        let places = diagnostic
            .others
            .iter()
            .map(|(span, _)| *span)
            .chain([diagnostic.span]);
        for span in places {
            prop_assert!(span.start <= span.end && span.end <= text.len());
            prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        }
        prop_assert!(diagnostic.hint.is_some(), "{}", diagnostic.code);
    }
    let plain = found.render(&source, false);
    prop_assert!(
        !plain.contains('\u{1b}'),
        "no colour where none is asked for"
    );
    prop_assert!(found.render(&source, true).contains("error"));
    prop_assert_eq!(
        found.to_json(&source).as_array().map(Vec::len),
        Some(found.iter().count())
    );
    Ok(())
}

/// A piece of a manifest, or of something else.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,8}",
        "[\\[\\]{}=.,\"'#\\n a-z0-9]{0,12}",
        proptest::sample::select(vec![
            "[[stage]]\n",
            "[stage]\n",
            "[stage.config]\n",
            "[stage.canary]\n",
            "[stage.shadow]\n",
            "[stage.canary.config]\n",
            "canary = { ",
            "weight = ",
            "header = ",
            "sample = 0.5\n",
            "\"10%\"\n",
            "rate = \"1/s\"\n",
            "fuel = 1000\n",
            "[models.a]\n",
            "name = ",
            "plugin = ",
            "\"a@1\"\n",
            "needs = [\"a\"]\n",
            "when = '",
            "a.b == 1'\n",
            "reads = ",
            "limits = { memory = ",
            "\"\"\"",
            "'''",
            "config.a.b = 1\n",
            "schema = 1\n",
            "\r\n",
            "\u{feff}",
            "2026-01-31",
            "0x",
            "1e400",
            "-",
            "nan",
            "\\u12",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        holds(&text)?;
    }

    #[test]
    fn any_text_that_looks_like_a_manifest_is_answered(parts in prop::collection::vec(fragment(), 0..24)) {
        holds(&parts.concat())?;
    }

    #[test]
    fn any_change_of_a_valid_manifest_is_answered(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..24, fragment()), 1..4)
    ) {
        let mut text: Vec<char> = SHIPPED.chars().collect();
        for (at, length, with) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, with.chars());
        }
        holds(&text.into_iter().collect::<String>())?;
    }

    #[test]
    fn any_condition_is_answered(expression in "[-a-z0-9 .!=<>&|?:()\\[\\]{}\"+*/%,ü🙂]{0,60}") {
        holds(&format!("schema = 1\nname = \"a\"\n[[stage]]\nname = \"a\"\nplugin = \"a@1\"\nwhen = '''{expression}'''\n"))?;
    }
}

/// A stage as generated, to be compared with what was read.
#[derive(Debug, Clone)]
struct Written {
    needs: Option<BTreeSet<usize>>,
    reads: BTreeSet<&'static str>,
    memory: u64,
    deadline: u64,
    on_error: &'static str,
    number: i64,
    call: Call,
    canary: Option<Try>,
    shadow: Option<Try>,
}

/// Limits of a call as generated.
#[derive(Debug, Clone)]
struct Call {
    log: u64,
    rate: Option<(u32, &'static str, u64)>,
    computes: u32,
    input: u64,
    depth: u32,
    attachments: u32,
    attachment_bytes: u64,
    fuel: Option<u64>,
}

/// A canary or a shadow as generated.
#[derive(Debug, Clone)]
struct Try {
    version: u32,
    /// Hundredths.
    percent: u32,
    as_percentage: bool,
    header: Option<String>,
    number: Option<i64>,
}

fn call() -> impl Strategy<Value = Call> {
    let period = proptest::sample::select(vec![("s", 1), ("m", 60), ("h", 3600)]);
    let rate = (1_u32..=1_000_000, period).prop_map(|(calls, (unit, per))| (calls, unit, per));
    (
        0_u64..=16 << 20,
        prop::option::of(rate),
        0_u32..=65_536,
        1_u64 << 10..=64 << 20,
        1_u32..=120,
        0_u32..=64,
        0_u64..=1 << 30,
        prop::option::of(1000..=i64::MAX.unsigned_abs()),
    )
        .prop_map(
            |(log, rate, computes, input, depth, attachments, attachment_bytes, fuel)| Call {
                log,
                rate,
                computes,
                input,
                depth,
                attachments,
                attachment_bytes,
                fuel,
            },
        )
}

fn candidate() -> impl Strategy<Value = Option<Try>> {
    let header = prop::option::of("[a-z0-9!#$%&'*+.^_`|~-]{1,64}");
    let parts = (
        1000_u32..2000,
        1_u32..=100,
        any::<bool>(),
        header,
        prop::option::of(any::<i64>()),
    );
    prop::option::of(
        parts.prop_map(|(version, percent, as_percentage, header, number)| Try {
            version,
            percent,
            as_percentage,
            header,
            number,
        }),
    )
}

fn written() -> impl Strategy<Value = Vec<Written>> {
    let stage = (
        prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..4)),
        prop::collection::btree_set(
            proptest::sample::select(vec!["subject", "body", "attachments"]),
            0..4,
        ),
        1_u64..64,
        1_u64..3600,
        proptest::sample::select(vec!["fail", "continue", "hold"]),
        (any::<i64>(), call(), candidate(), candidate()),
    );
    prop::collection::vec(stage, 1..12).prop_map(|stages| {
        let each = stages.into_iter().enumerate();
        each.map(
            |(
                index,
                (needs, reads, memory, deadline, on_error, (number, call, canary, shadow)),
            )| Written {
                // Only stages above, so that there is no cycle.
                needs: needs.map(|needs| {
                    needs
                        .into_iter()
                        .filter(|_| index > 0)
                        .map(|need| need.index(index.max(1)))
                        .collect()
                }),
                reads,
                memory,
                deadline,
                on_error,
                number,
                call,
                canary,
                shadow,
            },
        )
        .collect()
    })
}

fn text_of(stages: &[Written]) -> String {
    let mut text = "schema = 1\nname = \"generated\"\n".to_owned();
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    for (index, stage) in stages.iter().enumerate() {
        text += &format!("\n[[stage]]\nname = \"s{index}\"\nplugin = \"p{index}@{index}\"\n");
        if let Some(needs) = &stage.needs {
            text += &format!(
                "needs = {}\n",
                list(needs.iter().map(|need| format!("\"s{need}\"")).collect())
            );
        }
        text += &format!(
            "reads = {}\n",
            list(stage.reads.iter().map(|read| format!("'{read}'")).collect())
        );
        text += &format!(
            "limits = {{ memory = \"{}MiB\", deadline = \"{}s\", {} }}\n",
            stage.memory,
            stage.deadline,
            call_text(&stage.call)
        );
        text += &format!(
            "on_error = \"{}\"\nconfig.number = {}\n",
            stage.on_error, stage.number
        );
        text += &try_text("canary", "weight", stage.canary.as_ref());
        text += &try_text("shadow", "sample", stage.shadow.as_ref());
    }
    text
}

fn call_text(call: &Call) -> String {
    let mut text = format!(
        "log = \"{}B\", computes = {}, input = \"{}B\", depth = {}, attachments = {}, attachment_bytes = \"{}B\"",
        call.log, call.computes, call.input, call.depth, call.attachments, call.attachment_bytes
    );
    if let Some((calls, unit, _)) = call.rate {
        text += &format!(", rate = \"{calls}/{unit}\"");
    }
    if let Some(fuel) = call.fuel {
        text += &format!(", fuel = {fuel}");
    }
    text
}

fn try_text(table: &str, share: &str, tried: Option<&Try>) -> String {
    let Some(tried) = tried else {
        return String::new();
    };
    let mut text = format!("[stage.{table}]\nplugin = \"try@{}\"\n", tried.version);
    let header = tried.header.as_ref().filter(|_| table == "canary");
    text += &match (header, tried.as_percentage) {
        (Some(header), _) => format!("header = \"{header}\"\n"),
        (None, true) => format!("{share} = \"{}%\"\n", tried.percent),
        (None, false) => format!("{share} = {}\n", f64::from(tried.percent) / 100.0),
    };
    if let Some(number) = tried.number {
        text += &format!("[stage.{table}.config]\nnumber = {number}\n");
    }
    text
}

fn means_call(limits: &Limits, call: &Call) -> Result<(), TestCaseError> {
    let rate = limits.rate.map(|rate| (rate.calls, rate.per.as_secs()));
    prop_assert_eq!(rate, call.rate.map(|(calls, _, per)| (calls, per)));
    prop_assert_eq!((limits.log, limits.input), (call.log, call.input));
    prop_assert_eq!((limits.computes, limits.depth), (call.computes, call.depth));
    prop_assert_eq!(limits.attachments, call.attachments);
    prop_assert_eq!(limits.attachment_bytes, call.attachment_bytes);
    prop_assert_eq!(limits.fuel, call.fuel);
    Ok(())
}

fn means_candidates(stage: &Stage, written: &Written) -> Result<(), TestCaseError> {
    prop_assert_eq!(stage.canary.is_some(), written.canary.is_some());
    prop_assert_eq!(stage.shadow.is_some(), written.shadow.is_some());
    let number = |config: &serde_json::Map<_, serde_json::Value>| config["number"].as_i64();
    if let (Some(canary), Some(tried)) = (&stage.canary, &written.canary) {
        let split = match &tried.header {
            Some(header) => Split::Header(header.clone()),
            None => Split::Weight(f64::from(tried.percent) / 100.0),
        };
        prop_assert_eq!(&canary.split, &split);
        prop_assert_eq!(&canary.plugin.text, &format!("try@{}", tried.version));
        let config = tried.number.unwrap_or(written.number);
        prop_assert_eq!(number(canary.config_in(stage)), Some(config));
    }
    if let (Some(shadow), Some(tried)) = (&stage.shadow, &written.shadow) {
        prop_assert_eq!(shadow.sample, f64::from(tried.percent) / 100.0);
        let config = tried.number.unwrap_or(written.number);
        prop_assert_eq!(number(shadow.config_in(stage)), Some(config));
    }
    Ok(())
}

fn means(manifest: &Manifest, stages: &[Written]) -> Result<(), TestCaseError> {
    prop_assert_eq!(manifest.stages.len(), stages.len());
    let mut done = BTreeSet::new();
    for stage in &manifest.stages {
        let index: usize = stage.name[1..].parse().unwrap();
        let written = &stages[index];
        let above: BTreeSet<usize> = index.checked_sub(1).into_iter().collect();
        let needs = written.needs.as_ref().unwrap_or(&above);
        let needs: BTreeSet<String> = needs.iter().map(|need| format!("s{need}")).collect();
        prop_assert_eq!(stage.needs.iter().cloned().collect::<BTreeSet<_>>(), needs);
        prop_assert!(
            stage.needs.iter().all(|need| done.contains(need)),
            "after all that it needs"
        );
        prop_assert!(
            stage
                .reads
                .iter()
                .map(String::as_str)
                .eq(written.reads.iter().copied())
        );
        prop_assert_eq!(stage.limits.memory, written.memory << 20);
        prop_assert_eq!(stage.limits.deadline.as_secs(), written.deadline);
        prop_assert_eq!(stage.on_error.as_str(), written.on_error);
        prop_assert_eq!(stage.config["number"].as_i64(), Some(written.number));
        means_call(&stage.limits, &written.call)?;
        means_candidates(stage, written)?;
        done.insert(stage.name.clone());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_manifest_means_what_was_written(stages in written()) {
        let source = Source::new("fleet.toml", text_of(&stages));
        match parse(&source) {
            Ok(manifest) => means(&manifest, &stages)?,
            Err(found) => prop_assert!(false, "{}\n{}", source.text, found.render(&source, false)),
        }
    }
}

#[test]
fn hostile_texts_end() {
    let texts = [
        "[".repeat(1 << 20),
        "a.".repeat(1 << 19),
        format!("a = {}", "{a=".repeat(300_000)),
        "a = 1\n".repeat(150_000),
        format!("schema = 1\nx = \"{}\"", "y".repeat(1_000_000)),
        (0..70_000).map(|i| format!("k{i} = {i}\n")).collect(),
        format!("schema=1\nname=\"a\"\nstage=[{}]", "{},".repeat(100_000)),
        format!(
            "schema=1\nname=\"a\"\n{}",
            "[[stage]]\nname=\"a\"\n".repeat(40_000)
        ),
    ];
    for text in texts {
        let text = &text[..text.len().min(1 << 20)];
        let source = Source::new("fleet.toml", text);
        let found = parse(&source).unwrap_err();
        assert!(found.iter().count() <= fleetwright_manifest::MAX_DIAGNOSTICS);
        assert!(!found.render(&source, false).is_empty());
    }
}
