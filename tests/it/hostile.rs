//! Components that break one rule each: a typed error for their own submission, and nothing for anyone else's.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fleetwright_tests::host::subject;
use fleetwright_tests::{Host, Layout, until};
use serde_json::Value;

use crate::assertions::{outcome, stage_failed, still_works};

/// One rule that is broken: the stage's name and the submission's subject, what its manifest entry says beside, and how it
/// must end.
struct Case {
    name: &'static str,
    case: &'static str,
    config: &'static str,
    limits: &'static str,
    reason: &'static str,
    detail: &'static str,
}

/// `case` fails for `reason`, with `detail` in its message.
const fn case(case: &'static str, reason: &'static str, detail: &'static str) -> Case {
    Case {
        name: case,
        case,
        config: "",
        limits: "",
        reason,
        detail,
    }
}

impl Case {
    const fn named(self, name: &'static str) -> Case {
        Case { name, ..self }
    }

    const fn config(self, config: &'static str) -> Case {
        Case { config, ..self }
    }

    const fn limits(self, limits: &'static str) -> Case {
        Case { limits, ..self }
    }

    fn stage(&self) -> String {
        let Case {
            name,
            case,
            config,
            limits,
            ..
        } = self;
        let model = if name.starts_with("model-") {
            name.trim_start_matches("model-")
        } else {
            "stub"
        };
        format!(
            "\n[[stage]]\nname = \"{name}\"\nplugin = \"hostile@1\"\nneeds = []\nwhen = 'submission.subject == \"{name}\"'\n\
             models = {{ model = \"{model}\" }}\nconfig = {{ case = \"{case}\"{config} }}\nlimits = {{ {limits} }}\n"
        )
    }
}

/// Every limit of a stage, passed.
const LIMITS: &[Case] = &[
    case("spin", "cpu", "limits.cpu").limits("cpu = \"60ms\""),
    case("spin", "deadline", "deadline passed")
        .named("spin-long")
        .limits("cpu = \"600s\", deadline = \"150ms\""),
    case("bomb", "memory", "limits.memory").limits("memory = \"16MiB\", cpu = \"600s\""),
    case("recurse", "trap", "trap").limits("cpu = \"600s\""),
    case("trap", "trap", "unreachable"),
    case("flood-output", "output", "limits.output").config(", size = 1000000"),
    case("flood-output", "output", "limits.output")
        .named("flood-output-at-once")
        .config(", size = 8000000")
        .limits("tensors = \"1MiB\""),
    case("flood-reason", "output", "limits.output").config(", size = 1000000"),
    case("tensors", "tensors", "limits.tensors")
        .config(", size = 16777216")
        .limits("tensors = \"8MiB\""),
    case("tensors-many", "tensors", "handles")
        .config(", size = 100000")
        .limits("cpu = \"600s\""),
    case("thief-contexts", "tensors", "handles")
        .config(", size = 100000")
        .limits("cpu = \"600s\""),
    case("thief-bytes", "tensors", "limits.tensors")
        .named("thief-bytes-many")
        .config(", size = 33554432")
        .limits("tensors = \"8MiB\""),
];

/// Models that were not granted, and tensors that are none.
const TENSORS: &[Case] = &[
    case("thief-role", "inference", "NotFound").config(", role = \"other\""),
    case("thief-role", "inference", "NotFound")
        .named("thief-key")
        .config(", role = \"stub\""),
    case("thief-role", "inference", "NotFound")
        .named("thief-empty")
        .config(", role = \"\""),
    case("thief-bytes", "inference", "Security").config(", size = 16"),
    case(
        "malformed-short",
        "inference",
        "takes `16` bytes, and the data has `15`",
    ),
    case(
        "malformed-long",
        "inference",
        "takes `16` bytes, and the data has `17`",
    ),
    case(
        "malformed-no-data",
        "inference",
        "takes `16` bytes, and the data has `0`",
    ),
    case("malformed-zero", "inference", "zero"),
    case("malformed-no-dimensions", "inference", "InvalidArgument"),
    case("malformed-rank", "inference", "InvalidArgument"),
    case("malformed-huge", "inference", "InvalidArgument"),
    case("malformed-overflow", "inference", "InvalidArgument"),
    case(
        "malformed-type",
        "inference",
        "as `f32`, and it was given as `u8`",
    ),
    case(
        "malformed-half",
        "inference",
        "as `f32`, and it was given as `bf16`",
    ),
    case("malformed-shape", "inference", "InvalidArgument"),
    case("malformed-missing", "inference", "needs input `input`"),
    case("malformed-name", "inference", "no-such-input"),
    case("malformed-twice", "inference", "twice"),
    case("malformed-extra", "inference", "no-such-input"),
    case("infer", "inference", "RuntimeError").named("model-failing"),
    case("infer", "inference", "RuntimeError").named("model-panicking"),
];

/// Answers that are none, and failures that a guest reports itself.
const ANSWERS: &[Case] = &[
    case("answer-text", "bad-answer", "no JSON"),
    case("answer-array", "bad-answer", "no JSON object"),
    case("answer-empty", "bad-answer", "no JSON"),
    case("answer-deep", "bad-answer", "recursion").config(", size = 5000"),
    case("confidence-high", "bad-answer", "1.5"),
    case("confidence-nan", "bad-answer", "NaN"),
    case("invalid-input", "invalid-input", "as told"),
    case("invalid-config", "invalid-config", "as told"),
    case("inference", "inference", "as told"),
    case("internal", "plugin", "as told"),
    case("no-such-case", "invalid-config", "unknown"),
    case("flood-failure", "plugin", "xxx").config(", size = 1000000"),
];

/// A fleet with one stage for each case, and the well-behaved ones.
fn host(cases: &[Case]) -> Host {
    let mut text = "schema = 1\nname = \"hostile\"\n\n[defaults.limits]\ndeadline = \"200s\"\n\n[models.stub]\nuse = \"stub@1\"\n\n\
                    [models.failing]\nuse = \"failing@1\"\n\n[models.panicking]\nuse = \"panicking@1\"\n"
        .to_owned();
    let good = [
        case("echo", "", ""),
        case("infer", "", ""),
        case("infer-again", "", "").config(", size = 50"),
    ];
    let stages = good.iter().chain(cases).map(Case::stage);
    text.extend(stages);
    Host::start(
        Layout::new(&text, &["hostile"]).unwrap(),
        &["--deadline", "400s"],
    )
    .unwrap()
}

/// Each case fails as it should while others submit, and nobody else notices.
fn each_harms_itself_alone(cases: &[Case]) {
    let host = host(cases);
    let done = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    thread::scope(|scope| {
        for name in ["echo", "infer", "infer-again"] {
            let (host, done, answered) = (&host, &done, &answered);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    still_works(host, &subject(name));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let checked = thread::Builder::new().spawn_scoped(scope, || {
            cases
                .iter()
                .for_each(|case| fails_as_it_should(&host, case))
        });
        let result = checked.unwrap().join();
        let before = answered.load(Ordering::Relaxed);
        let more = until("answers after all that", || {
            Ok((answered.load(Ordering::Relaxed) > before + 3).then_some(()))
        });
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
        more.unwrap();
    });
    host.wait_for_in_flight(0).unwrap();
    for case in cases {
        let labels = [("stage", case.name), ("reason", case.reason)];
        assert_eq!(
            host.metric("fleetwright_stage_failure_total", &labels)
                .unwrap(),
            Some(1.0),
            "{}",
            case.name
        );
    }
    for name in ["echo", "infer", "infer-again"] {
        assert_eq!(
            host.metric("fleetwright_stage_failure_total", &[("stage", name)])
                .unwrap(),
            None,
            "{name}"
        );
    }
}

fn fails_as_it_should(host: &Host, case: &Case) {
    let problem: Value = stage_failed(
        &host.submit(&subject(case.name)).unwrap(),
        case.name,
        case.reason,
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains(case.detail),
        "{}: `{}` is not in: {detail}",
        case.name,
        case.detail
    );
    assert!(
        detail.len() < 4096,
        "{}: the guest's words flood the answer: {} bytes",
        case.name,
        detail.len()
    );
}

#[test]
fn a_limit_that_is_passed_ends_its_own_submission_alone() {
    each_harms_itself_alone(LIMITS);
}

#[test]
fn a_model_not_granted_or_a_malformed_tensor_ends_its_own_submission_alone() {
    each_harms_itself_alone(TENSORS);
}

#[test]
fn an_answer_that_is_none_ends_its_own_submission_alone() {
    each_harms_itself_alone(ANSWERS);
}

#[test]
fn a_flood_of_log_lines_is_cut_and_counted() {
    let cases = [
        case("flood-log", "", "")
            .config(", size = 5000")
            .limits("cpu = \"600s\""),
        case("flood-line", "", "").config(", size = 1000000"),
    ];
    let host = host(&cases);
    let lines = outcome(&host.submit(&subject("flood-log")).unwrap(), "completed");
    let id = lines["id"].as_str().unwrap();
    let log = host.log();
    let kept = log
        .lines()
        .filter(|line| line.contains("says=\"line ") && line.contains(id))
        .count();
    assert!(
        (1..=100).contains(&kept),
        "{kept} lines of 5000 are kept: {log}"
    );
    let dropped = host
        .metric(
            "fleetwright_stage_log_lines_dropped_total",
            &[("stage", "flood-log")],
        )
        .unwrap();
    assert_eq!(dropped, Some(5000.0 - kept as f64));

    outcome(&host.submit(&subject("flood-line")).unwrap(), "completed");
    let log = host.log();
    let longest = log.lines().map(str::len).max().unwrap();
    assert!(longest < 5000, "a line of {longest} bytes is logged");
    assert!(log.contains("xxxxxxxx"));
}

#[test]
fn a_guests_words_forge_no_line_of_the_hosts_log() {
    let host = host(&[case("forge-line", "", "")]);
    outcome(&host.submit(&subject("forge-line")).unwrap(), "completed");
    let log = host.log();
    let line = log.lines().find(|line| line.contains("forged")).unwrap();
    assert!(
        line.contains("WARN") && line.contains("stage=\"forge-line\""),
        "{log}"
    );
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[test]
fn a_flood_of_endless_submissions_leaves_the_others_their_turn() {
    let host = host(&[case("spin", "cpu", "")
        .limits("cpu = \"600s\", deadline = \"600s\", concurrency = 8, queue = 0")]);
    let spinning: Vec<_> = (0..8)
        .map(|_| {
            host.send(&fleetwright_tests::host::json_submission(&subject("spin")))
                .unwrap()
        })
        .collect();
    host.wait_for_in_flight(8).unwrap();
    for _ in 0..5 {
        still_works(&host, &subject("infer"));
    }
    stage_failed(
        &host.submit(&subject("spin")).unwrap(),
        "spin",
        "overloaded",
    );
    drop(spinning);
    host.wait_for_in_flight(0).unwrap();
    still_works(&host, &subject("echo"));
}
