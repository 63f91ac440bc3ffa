//! Components that break one rule each: a typed error for their own submission, and nothing for anyone else's.

use fleetwright_tests::host::subject;

use crate::assertions::{outcome, stage_failed, still_works};
use crate::hostile_case::{
    Case, Code, MORE_BYTES, case, each_harms_itself_alone, grown_over, host, nothing_lives, written,
};

/// Every limit of a stage, passed.
const LIMITS: &[Case] = &[
    case("spin", "cpu", "limits.cpu")
        .by("cpu")
        .limits("cpu = \"60ms\""),
    case("spin", "deadline", "deadline passed")
        .named("spin-long")
        .by("deadline")
        .limits("cpu = \"600s\", deadline = \"150ms\""),
    case("bomb", "memory", "limits.memory")
        .by("memory")
        .limits("memory = \"16MiB\", cpu = \"600s\""),
    case("recurse", "trap", "trap").limits("cpu = \"600s\""),
    case("trap", "trap", "unreachable"),
    case("flood-output", "output", "limits.output")
        .by("output")
        .config(", size = 1000000"),
    case("flood-output", "output", "limits.output")
        .named("flood-output-at-once")
        .by("output")
        .config(", size = 8000000")
        .limits("tensors = \"1MiB\""),
    case("flood-reason", "output", "limits.output")
        .by("output")
        .config(", size = 1000000"),
    case("tensors", "tensors", "limits.tensors")
        .by("tensors")
        .config(", size = 16777216")
        .limits("tensors = \"8MiB\""),
    case("dims-bomb", "tensors", "limits.tensors")
        .by("tensors")
        .config(", size = 64")
        .limits("tensors = \"8MiB\", cpu = \"600s\""),
    case(
        "error-bomb",
        "inference",
        "no model is granted for role `xxx",
    )
    .config(", size = 100")
    .limits("cpu = \"600s\""),
    case("tensors-many", "tensors", "handles")
        .by("handles")
        .config(", size = 100000")
        .limits("cpu = \"600s\""),
    case("thief-contexts", "tensors", "handles")
        .by("handles")
        .config(", size = 100000")
        .limits("cpu = \"600s\""),
    case("thief-bytes", "tensors", "limits.tensors")
        .named("thief-bytes-many")
        .by("tensors")
        .config(", size = 33554432")
        .limits("tensors = \"8MiB\""),
    case("text", "tensors", "limits.tensors")
        .named("text-flood")
        .by("tensors")
        .config(", size = 16777216")
        .limits("tensors = \"8MiB\""),
    case("infer-again", "computes", "10 `compute` calls")
        .named("compute-flood")
        .by("computes")
        .config(", size = 1000000")
        .limits("computes = 10"),
];

/// What no compiler writes: memory taken by many ways, the host called without end, handles that are none.
const WRITTEN: &[Case] = &[
    written("spin", "cpu", "limits.cpu")
        .named("written-spin")
        .by("cpu")
        .limits("cpu = \"40ms\""),
    written("log-spin", "cpu", "limits.cpu")
        .by("cpu")
        .limits("cpu = \"40ms\""),
    written("config-spin", "cpu", "limits.cpu")
        .by("cpu")
        .limits("cpu = \"40ms\""),
    written("role-spin", "cpu", "limits.cpu")
        .by("cpu")
        .limits("cpu = \"40ms\""),
    written("grow", "memory", "limits.memory")
        .by("memory")
        .limits("memory = \"16MiB\""),
    written("memories", "memory", "limits.memory")
        .by("memory")
        .limits("memory = \"16MiB\""),
    written("tables", "memory", "limits.memory")
        .by("memory")
        .limits("memory = \"1MiB\""),
    written("long-table", "memory", "entries").by("table"),
    written("recurse", "trap", "stack")
        .named("written-recurse")
        .by("stack"),
    written("dropped-tensor", "trap", "unknown handle index"),
    written("dropped-twice", "trap", "unknown handle index"),
    written("forged-handle", "trap", "unknown handle index"),
    written("mistaken-handle", "trap", "handle"),
    written("list-beyond", "trap", "out of bounds"),
    written("list-of-lists", "tensors", "one call of the host").by("tensors"),
    written("bad-utf8", "trap", "utf-8"),
    written("answer-beyond", "trap", "out of bounds"),
    written("bad-variant", "trap", "discriminant"),
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
    case("text", "inference", "NotFound").config(", role = \"other\""),
    case("text", "inference", "is not generative").named("text-of-none"),
    case("infer", "inference", "RuntimeError").named("model-failing"),
    case("infer", "inference", "RuntimeError").named("model-panicking"),
];

/// Answers that are none, and failures that a guest reports itself.
const ANSWERS: &[Case] = &[
    case("answer-text", "bad-answer", "no JSON"),
    case("answer-array", "bad-answer", "no JSON object"),
    case("answer-empty", "bad-answer", "no JSON"),
    case("answer-deep", "output", "limits.depth")
        .by("depth")
        .config(", size = 5000"),
    case("answer-raw", "bad-answer", "number out of range")
        .named("answer-number")
        .config(", text = '{\"a\":1e999}'"),
    case("answer-raw", "bad-answer", "trailing characters")
        .named("answer-trailing")
        .config(", text = '{\"a\":1}}'"),
    case("answer-raw", "bad-answer", "no JSON")
        .named("answer-surrogate")
        .config(r#", text = '{"a":"\ud800"}'"#),
    case("answer-digits", "bad-answer", "number out of range").config(", size = 60000"),
    case("confidence-high", "bad-answer", "1.5"),
    case("confidence-nan", "bad-answer", "NaN"),
    case("invalid-input", "invalid-input", "as told"),
    case("invalid-config", "invalid-config", "as told"),
    case("inference", "inference", "as told"),
    case("internal", "plugin", "as told"),
    case("no-such-case", "invalid-config", "unknown"),
    case("flood-failure", "plugin", "xxx").config(", size = 1000000"),
];

#[test]
fn a_limit_that_is_passed_ends_its_own_submission_alone() {
    each_harms_itself_alone(LIMITS, Code::Optimised);
}

#[test]
fn a_limit_that_is_passed_ends_its_own_submission_alone_in_quick_code() {
    each_harms_itself_alone(LIMITS, Code::Quick);
}

#[test]
fn what_no_compiler_writes_ends_its_own_submission_alone() {
    each_harms_itself_alone(WRITTEN, Code::Optimised);
}

#[test]
fn what_no_compiler_writes_ends_its_own_submission_alone_in_quick_code() {
    each_harms_itself_alone(WRITTEN, Code::Quick);
}

#[test]
fn a_model_not_granted_or_a_malformed_tensor_ends_its_own_submission_alone() {
    each_harms_itself_alone(TENSORS, Code::Optimised);
}

#[test]
fn a_model_not_granted_or_a_malformed_tensor_ends_its_own_submission_alone_in_quick_code() {
    each_harms_itself_alone(TENSORS, Code::Quick);
}

#[test]
fn an_answer_that_is_none_ends_its_own_submission_alone() {
    each_harms_itself_alone(ANSWERS, Code::Optimised);
}

#[test]
fn an_answer_that_is_none_ends_its_own_submission_alone_in_quick_code() {
    each_harms_itself_alone(ANSWERS, Code::Quick);
}

#[test]
fn a_flood_of_log_lines_is_cut_and_counted() {
    let cases = [
        case("flood-log", "", "")
            .config(", size = 5000")
            .limits("cpu = \"600s\""),
        case("flood-line", "", "").config(", size = 1000000"),
    ];
    let host = host(&cases, Code::Optimised);
    let lines = outcome(&host.submit(&subject("flood-log")).unwrap(), "completed");
    let id = lines["id"].as_str().unwrap();
    let log = host.log();
    let kept = log
        .lines()
        .filter(|line| line.contains("says=\"line ") && line.contains(id))
        .count();
    // 64 KiB, of which each line takes its own bytes and 128 more.
    assert!(
        (400..=512).contains(&kept),
        "{kept} lines of 5000 are kept: {log}"
    );
    let dropped = [
        (
            "fleetwright_stage_log_lines_dropped_total",
            vec![("stage", "flood-log")],
        ),
        (
            "fleetwright_stage_limit_total",
            vec![("stage", "flood-log"), ("limit", "log")],
        ),
    ];
    for (metric, labels) in dropped {
        let dropped = host.metric(metric, &labels).unwrap();
        assert_eq!(dropped, Some(5000.0 - kept as f64), "{metric}");
    }

    outcome(&host.submit(&subject("flood-line")).unwrap(), "completed");
    let log = host.log();
    let longest = log.lines().map(str::len).max().unwrap();
    assert!(longest < 5000, "a line of {longest} bytes is logged");
    assert!(log.contains("xxxxxxxx"));

    let grown = grown_over(&host, 5, || {
        for name in ["flood-log", "flood-line"] {
            outcome(&host.submit(&subject(name)).unwrap(), "completed");
        }
    });
    assert!(grown < MORE_BYTES, "the host holds {grown} bytes more");
    nothing_lives(&host);
}

#[test]
fn a_guests_words_forge_no_line_of_the_hosts_log() {
    let host = host(&[case("forge-line", "", "")], Code::Optimised);
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
    endless(Code::Optimised);
}

#[test]
fn a_flood_of_endless_submissions_leaves_the_others_their_turn_in_quick_code() {
    endless(Code::Quick);
}

fn endless(code: Code) {
    let spin = case("spin", "cpu", "")
        .limits("cpu = \"600s\", deadline = \"600s\", concurrency = 8, queue = 0");
    let host = host(&[spin], code);
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
    let labels = [("stage", "spin"), ("limit", "concurrency")];
    let counted = host.metric("fleetwright_stage_limit_total", &labels);
    assert_eq!(counted.unwrap(), Some(1.0));
    drop(spinning);
    host.wait_for_in_flight(0).unwrap();
    still_works(&host, &subject("echo"));
}

/// Whatever a guest asks for that it was not granted, it is told the same: nothing tells what the host has.
#[test]
fn a_refused_role_does_not_tell_what_exists() {
    // A model of the host, a key of the manifest, a role of nobody.
    let cases = [
        case("thief-role", "inference", "")
            .named("thief-model")
            .config(", role = \"panicking\""),
        case("thief-role", "inference", "")
            .named("thief-key")
            .config(", role = \"stub\""),
        case("thief-role", "inference", "")
            .named("thief-nobody")
            .config(", role = \"nobody\""),
    ];
    let host = host(&cases, Code::Optimised);
    let told = ["panicking", "stub", "nobody"]
        .iter()
        .zip(&cases)
        .map(|(role, case)| {
            let problem = stage_failed(
                &host.submit(&subject(case.name)).unwrap(),
                case.name,
                case.reason,
            );
            let detail = problem["detail"].as_str().unwrap();
            detail
                .replace(&format!("`{role}`"), "`ROLE`")
                .replace(case.name, "STAGE")
        });
    let told: Vec<String> = told.collect();
    assert!(told[0].contains("NotFound"), "{told:?}");
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}

/// Guests that never end, abandoned by their clients, leave no instance behind.
#[test]
fn a_guest_whose_client_has_gone_is_ended() {
    abandoned(Code::Optimised);
}

#[test]
fn a_guest_whose_client_has_gone_is_ended_in_quick_code() {
    abandoned(Code::Quick);
}

fn abandoned(code: Code) {
    let spin = case("spin", "", "").limits("cpu = \"600s\", deadline = \"600s\"");
    let host = host(&[spin], code);
    let spinning: Vec<_> = (0..4)
        .map(|_| {
            host.send(&fleetwright_tests::host::json_submission(&subject("spin")))
                .unwrap()
        })
        .collect();
    fleetwright_tests::until("four instances", || {
        Ok(
            (host.metric("fleetwright_instances", &[("stage", "spin")])? == Some(4.0))
                .then_some(()),
        )
    })
    .unwrap();
    drop(spinning);
    host.wait_for_in_flight(0).unwrap();
    nothing_lives(&host);
}
