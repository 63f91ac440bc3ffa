//! How well the rules for structured personal data find what `presidio_synth` marks, and what a call costs.
//!
//! ```sh
//! cargo run --release -p comply --example spans -- FOLDER [--dev]    # FOLDER has presidio_synth/synth_dataset_v2.json
//! cargo run --release -p comply --example spans -- --pace            # p50 and p99 of a call that flags nothing
//! ```
//!
//! The set has no splits: a fifth of the sentences, by digest, is dev, and may be looked at; the rest is the test part. A mark is found
//! where a flag of its kind shares at least half of the bytes of both; `exact` counts those that agree to the byte. Intervals are 95 %
//! bootstrap intervals over sentences.

#![allow(
    clippy::print_stdout,
    reason = "a command-line tool speaks to its terminal"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use comply::{Config, Rules, STAGE, collect, screen};
use fleetwright_sdk::harness::{Harness, json};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Kinds of marks that have a form of their own, and the rules that look for them.
const KINDS: &[(&str, &str)] = &[
    ("CREDIT_CARD", "pan.luhn"),
    ("IBAN_CODE", "iban.mod97"),
    ("US_SSN", "id.us-ssn"),
    ("US_DRIVER_LICENSE", "id.us-driving-licence"),
    ("EMAIL_ADDRESS", "email.address"),
    ("PHONE_NUMBER", "phone.number"),
    ("IP_ADDRESS", "net.ip"),
    ("DOMAIN_NAME", "net.url"),
];
const ROUNDS: usize = 2000;

/// What was counted in one sentence for one kind: marks, flags, marks found, flags that are right, marks found to the byte.
type Count = [u32; 5];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--pace") {
        return pace();
    }
    let folder = arguments
        .first()
        .ok_or("which folder has presidio_synth? See the head of this file")?;
    let dev = arguments.iter().any(|argument| argument == "--dev");
    let text =
        std::fs::read_to_string(Path::new(folder).join("presidio_synth/synth_dataset_v2.json"))?;
    let rows: Vec<Value> = serde_json::from_str(&text)?;
    let config = Config::default();
    let rules = Rules::chosen(&config)?;
    let mut counts: Vec<BTreeMap<&str, Count>> = Vec::new();
    for row in &rows {
        let text = row["full_text"]
            .as_str()
            .ok_or("a row without `full_text`")?;
        if is_dev(text) == dev {
            counts.push(count(text, &row["spans"], &rules, dev));
        }
    }
    println!(
        "{} sentences of the {} part",
        counts.len(),
        if dev { "dev" } else { "test" }
    );
    println!("| kind | marks | recall | precision | exact |\n|---|---|---|---|---|");
    for (kind, _) in KINDS {
        report(
            kind,
            &counts
                .iter()
                .map(|row| row.get(kind).copied().unwrap_or_default())
                .collect::<Vec<_>>(),
        );
    }
    report(
        "all",
        &counts
            .iter()
            .map(|row| {
                row.values()
                    .fold(Count::default(), |sum, one| add(sum, *one))
            })
            .collect::<Vec<_>>(),
    );
    Ok(())
}

/// Whether a sentence is of the part that may be looked at: a fifth of them. 256 is 1 modulo 5: the sum of the bytes decides.
fn is_dev(text: &str) -> bool {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| u32::from(*byte))
        .sum::<u32>()
        % 5
        == 0
}

fn count(text: &str, spans: &Value, rules: &Rules, show: bool) -> BTreeMap<&'static str, Count> {
    let fields = Map::from_iter([("body".to_owned(), Value::from(text))]);
    let flags = screen(&collect(&fields, &[]), rules, None);
    let byte = |place: u64| {
        text.char_indices()
            .nth(place as usize)
            .map_or(text.len(), |(at, _)| at)
    };
    let mut counts = BTreeMap::new();
    for (kind, rule) in KINDS {
        let marks: Vec<(usize, usize)> = spans
            .as_array()
            .into_iter()
            .flatten()
            .filter(|span| span["entity_type"] == *kind)
            .filter_map(|span| {
                Some((
                    byte(span["start_position"].as_u64()?),
                    byte(span["end_position"].as_u64()?),
                ))
            })
            .collect();
        let found: Vec<(usize, usize)> = flags
            .iter()
            .filter(|flag| flag.rule == *rule)
            .map(|flag| (flag.start, flag.end))
            .collect();
        let hit = |mark: &(usize, usize)| found.iter().any(|flag| agree(*mark, *flag));
        let right = |flag: &(usize, usize)| marks.iter().any(|mark| agree(*mark, *flag));
        if show {
            let missed = marks
                .iter()
                .filter(|mark| !hit(mark))
                .map(|mark| ("missed", mark));
            for (what, (start, end)) in missed.chain(
                found
                    .iter()
                    .filter(|flag| !right(flag))
                    .map(|flag| ("wrong", flag)),
            ) {
                println!(
                    "{kind} {what}: {:?} in {text:?}",
                    text.get(*start..*end).unwrap_or_default()
                );
            }
        }
        let sum = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let one = [
            sum(marks.len()),
            sum(found.len()),
            sum(marks.iter().filter(|mark| hit(mark)).count()),
            sum(found.iter().filter(|flag| right(flag)).count()),
            sum(marks.iter().filter(|mark| found.contains(mark)).count()),
        ];
        counts.insert(*kind, one);
    }
    counts
}

/// Whether two ranges share at least half of the bytes of each.
fn agree(one: (usize, usize), other: (usize, usize)) -> bool {
    let shared = one.1.min(other.1).saturating_sub(one.0.max(other.0));
    2 * shared >= one.1 - one.0 && 2 * shared >= other.1 - other.0 && shared > 0
}

fn add(sum: Count, one: Count) -> Count {
    let mut made = sum;
    made.iter_mut()
        .zip(one)
        .for_each(|(total, part)| *total += part);
    made
}

fn report(kind: &str, rows: &[Count]) {
    let total = rows.iter().copied().fold(Count::default(), add);
    let measure = |[marks, flags, found, right, exact]: Count| {
        let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
        [
            share(found, marks),
            share(right, flags),
            share(exact, marks),
        ]
    };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draws: Vec<[f64; 3]> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let mut sum = Count::default();
        for _ in 0..rows.len() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let place = (random % rows.len() as u64) as usize;
            sum = add(sum, rows.get(place).copied().unwrap_or_default());
        }
        draws.push(measure(sum));
    }
    let interval = |place: usize| {
        let mut values: Vec<f64> = draws
            .iter()
            .filter_map(|draw| draw.get(place).copied())
            .collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            values
                .get((share * (values.len() - 1) as f64).round() as usize)
                .copied()
                .unwrap_or_default()
        };
        format!("{:.3}–{:.3}", at(0.025), at(0.975))
    };
    let [recall, precision, exact] = measure(total);
    let [marks, flags, ..] = total;
    println!(
        "| {kind} | {marks} | {recall:.3} ({}) | {precision:.3} ({}), {flags} flags | {exact:.3} |",
        interval(0),
        interval(1)
    );
}

/// A call without the model's rules, on a letter of everyday length in which nothing is found.
fn pace() -> Result<(), Box<dyn Error>> {
    let body = "Hello, I ordered two lamps on your site last week and only one of them has come. The box was open at one side, so that I \
                fear that the other one fell out on its way. Could you please look where it is, or send another? I am at home in the \
                mornings. Thank you for your help, it is much appreciated. The order was made under my name. "
        .repeat(2);
    let mut times = Vec::new();
    for _ in 0..2000 {
        let fields = json!({ "subject": "A lamp is missing", "body": body, "summarize": { "summary": "One of two lamps is missing." } });
        let packs = json!({ "rules": { "legal.action": "off", "dsr.request": "off", "advice.regulated": "off", "abuse.language": "off",
            "fraud.payment": "off" } });
        let harness = Harness::new(&STAGE).config(packs).fields(fields);
        let began = Instant::now();
        let run = harness.run();
        times.push(began.elapsed());
        let answer = run.result.map_err(|e| e.to_string())?;
        if answer.fields.get("flags") != Some(&json!([])) {
            return Err("something was flagged".into());
        }
    }
    times.sort();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{} bytes, all rules but the model's: p50 {:?}, p99 {:?}",
        body.len(),
        at(50),
        at(99)
    );
    Ok(())
}
