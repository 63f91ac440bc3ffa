//! Plugins on trial: canaries that take a share and are judged, shadows that are only compared.

use fleetwright_tests::host::{json_submission, subject};
use fleetwright_tests::versions::{put, replace, version};
use fleetwright_tests::{Host, Layout, command, until};
use serde_json::Value;

use crate::assertions::{outcome, stage_failed};

fn host(trial: &str) -> Host {
    host_of(trial, &[1, 2])
}

fn host_of(trial: &str, numbers: &[u32]) -> Host {
    let text = format!(
        "schema = 1\nname = \"trial\"\n\n[[stage]]\nname = \"first\"\nplugin = \"versioned@1.0.70001\"\nreads = [\"subject\"]\nconfig = {{ word = \"own\" }}\n{trial}"
    );
    let layout = Layout::new(&text, &[]).unwrap();
    for number in numbers {
        put(&layout, *number, &format!("v{number}.wasm")).unwrap();
    }
    Host::start(layout, &[]).unwrap()
}

fn control(host: &Host) -> Value {
    host.get("/readyz?verbose").unwrap().json().unwrap()["control"].clone()
}

/// Submits numbered subjects; gives how many the other version answered, and how many failed.
fn submit(host: &Host, count: usize) -> (usize, usize) {
    submit_numbers(host, 0..count)
}

fn submit_numbers(host: &Host, numbers: std::ops::Range<usize>) -> (usize, usize) {
    let (mut other, mut failed) = (0, 0);
    for number in numbers {
        let response = host.submit(&subject(&format!("number {number}"))).unwrap();
        if response.status != 200 {
            failed += 1;
            continue;
        }
        let outcome = outcome(&response, "completed");
        let stage = &outcome["stages"]["first"];
        assert_eq!(
            stage["answer"]["version"], stage["plugin"]["version"],
            "the answer names what gave it"
        );
        other += usize::from(stage["answer"]["version"] == version(2));
    }
    (other, failed)
}

#[test]
fn a_canary_takes_its_share_and_is_promoted_by_itself() {
    let canary = |terms: &str| {
        format!("[stage.canary]\nplugin = \"versioned@1.0.70002\"\nweight = 0.5\n{terms}\n")
    };
    let (patient, hasty) = (
        canary("min_requests = 1000000"),
        // Over before there are calls of the stage to compare with: the machine's mood decides nothing.
        canary("min_requests = 4\npromote_after = \"0s\""),
    );
    let host = host(&patient);
    let (other, failed) = submit(&host, 30);
    assert!(
        (4..=26).contains(&other) && failed == 0,
        "{other} of 30, {failed} failed"
    );
    let text = std::fs::read_to_string(host.layout().manifest()).unwrap();
    let text = text.replace(&patient, &hasty);
    replace(&host.layout().manifest(), text.as_bytes()).unwrap();
    until("the other terms", || {
        Ok((control(&host)["generation"] == 2).then_some(()))
    })
    .unwrap();
    until("the promotion", || {
        submit(&host, 1);
        Ok(control(&host)["verdicts"][0]["promoted"].as_bool())
    })
    .unwrap();
    until("the next generation", || {
        Ok((control(&host)["generation"] == 3).then_some(()))
    })
    .unwrap();
    assert_eq!(submit(&host, 10), (10, 0), "all of them");
    assert!(
        host.log().contains("canary decided")
            && host.log().contains("0 errors in")
            && host.log().contains("p99 is not compared"),
        "{}",
        host.log()
    );

    // It holds over a restart, as long as the manifest asks for the same trial.
    let host = Host::start(host.stop().unwrap(), &[]).unwrap();
    assert_eq!(submit(&host, 10), (10, 0));
    assert_eq!(control(&host)["generation"], 3);
}

#[test]
fn a_canary_that_errs_is_rolled_back_within_its_bound() {
    let host = host(
        "[stage.canary]\nplugin = \"versioned@1.0.70002\"\nweight = 0.5\nconfig = { fail_percent = 40 }\nmin_requests = 50\nmax_error_rate = 0.05\nmax_p99_ratio = 100\n",
    );
    let (mut failed, mut number) = (0, 0);
    let verdict = until("the rollback", || {
        failed += submit_numbers(&host, number..number + 1).1;
        number += 1;
        let verdict = control(&host)["verdicts"][0].clone();
        Ok(verdict.is_object().then_some(verdict))
    })
    .unwrap();
    assert_eq!(verdict["promoted"], false);
    // One client: each error is known before the next call, so that the one which passes the bound is the last.
    let reason = verdict["reason"].as_str().unwrap();
    let calls = reason.split("errors in ").nth(1).unwrap();
    let calls: u32 = calls.split(' ').next().unwrap().parse().unwrap();
    assert!(calls <= 50, "of the canary: {reason}");
    assert!(
        reason.starts_with(&format!("{failed} errors in")) && reason.contains("max_error_rate"),
        "{reason}"
    );
    assert!(host.log().contains(reason), "{}", host.log());
    until("the next generation", || {
        Ok((control(&host)["generation"] == 2).then_some(()))
    })
    .unwrap();
    // 5 % of 50 calls are 2.5: the third error ends it; a submission more may have gone to the canary before its end served.
    assert!((3..=4).contains(&failed), "{failed}");
    assert_eq!(submit(&host, 100), (0, 0));
    let rolled_back = host
        .metric(
            "fleetwright_canary_decisions_total",
            &[("outcome", "rolled-back")],
        )
        .unwrap();
    assert_eq!(rolled_back, Some(1.0));
    let mut words: Vec<std::ffi::OsString> = vec!["history".into()];
    words.extend(host.layout().flags());
    let told = command(words, "").unwrap();
    assert!(told.stdout.contains("rolled back"), "{told}");
}

#[test]
fn a_canary_that_is_slow_is_rolled_back() {
    let host = host(
        "[stage.canary]\nplugin = \"versioned@1.0.70002\"\nweight = 0.5\nconfig = { turns = 300000000 }\nmin_requests = 20\nmax_p99_ratio = 2.0\n",
    );
    until("the rollback", || {
        submit(&host, 20);
        Ok(control(&host)["verdicts"][0]["reason"]
            .as_str()
            .map(str::to_owned))
    })
    .map(|reason| assert!(reason.contains("max_p99_ratio"), "{reason}"))
    .unwrap();
}

/// Each verdict is served as a change of the record of the one before: what the first put aside is still known then.
#[test]
fn two_canaries_are_decided_on_one_after_the_other() {
    let canary = |number: u32, fails: u32| {
        format!(
            "[stage.canary]\nplugin = \"versioned@{}\"\nheader = \"x-canary\"\nmin_requests = 3\nmax_error_rate = 0.4\n\
             max_p99_ratio = 100\npromote_after = \"0s\"\nconfig = {{ fail_percent = {fails} }}\n",
            version(number)
        )
    };
    let second = format!(
        "[[stage]]\nname = \"second\"\nplugin = \"versioned@1.0.70001\"\nneeds = []\nreads = [\"subject\"]\non_error = \"continue\"\n{}",
        canary(3, 100)
    );
    let text = canary(2, 0) + &second;
    let host = host_of(&text, &[1, 2, 3]);
    let request = json_submission(&subject("chosen")).header("x-canary", "1");
    let decided = || {
        let status = control(&host);
        let verdicts = status["verdicts"].as_array().cloned().unwrap_or_default();
        let generation = status["generation"].as_u64();
        (verdicts.len(), generation)
    };
    until("both verdicts, each with its generation", || {
        outcome(&host.ask(&request).unwrap(), "completed");
        Ok((decided() == (2, Some(3))).then_some(()))
    })
    .unwrap();
    let outcome = outcome(&host.ask(&request).unwrap(), "completed");
    let said = |stage: &str| outcome["stages"][stage]["answer"]["version"].clone();
    let by_clock = control(&host)["verdicts"]
        .to_string()
        .contains("max_p99_ratio");
    assert!(said("first") == version(2) || by_clock, "{outcome:#}");
    assert_eq!(said("second"), version(1), "{outcome:#}");
}

/// A limit is not among the terms: the trial goes on, and the canary is held to the new limit from then on.
#[test]
fn a_change_of_limits_reaches_the_canary_and_ends_no_trial() {
    let canary = "[stage.canary]\nplugin = \"versioned@1.0.70002\"\nheader = \"x-canary\"\nmin_requests = 100\n";
    let host = host(canary);
    let chosen = || {
        let request = json_submission(&subject("chosen")).header("x-canary", "1");
        host.ask(&request).unwrap()
    };
    outcome(&chosen(), "completed");
    let text = std::fs::read_to_string(host.layout().manifest()).unwrap();
    let text = text.replace(
        "[stage.canary]",
        "limits = { output = \"40B\" }\n[stage.canary]",
    );
    replace(&host.layout().manifest(), text.as_bytes()).unwrap();
    until("the new limit", || {
        Ok((control(&host)["generation"] == 2).then_some(()))
    })
    .unwrap();
    let problem = stage_failed(&chosen(), "first", "output");
    let plugin = &problem["outcome"]["stages"]["first"]["plugin"];
    assert_eq!(plugin["version"], version(2), "{problem}");
    let fleet = host.get("/v1/fleet").unwrap().json().unwrap();
    let calls = &fleet["stages"][0]["canary"]["canary"];
    assert_eq!(
        (&calls["calls"], &calls["errors"]),
        (&2.into(), &1.into()),
        "{fleet:#}"
    );
}

#[test]
fn a_header_chooses_the_canary_and_nothing_else_does() {
    let host = host("[stage.canary]\nplugin = \"versioned@1.0.70002\"\nheader = \"x-canary\"\n");
    assert_eq!(submit(&host, 20), (0, 0));
    for (value, number) in [("1", 2), ("yes", 2), ("0", 1), ("off", 1)] {
        let request = json_submission(&subject("chosen")).header("x-canary", value);
        let outcome = outcome(&host.ask(&request).unwrap(), "completed");
        assert_eq!(
            outcome["stages"]["first"]["answer"]["version"],
            version(number),
            "{value}"
        );
    }
}

#[test]
fn a_shadow_answers_nobody_and_its_differences_are_kept() {
    let host =
        host("[stage.shadow]\nplugin = \"versioned@1.0.70002\"\nconfig = { word = \"shadow\" }\n");
    assert_eq!(submit(&host, 10), (0, 0));
    let read = || host.get("/v1/stages/first/shadow").unwrap().json().unwrap();
    let told = until("the shadow's answers", || {
        let told = read();
        let counts = &told["shadow"];
        let seen: u64 = ["same", "different", "left_out"]
            .iter()
            .filter_map(|name| counts[*name].as_u64())
            .sum();
        Ok((seen == 10).then_some(told))
    })
    .unwrap();
    assert!(told["shadow"]["different"].as_u64() > Some(0), "{told:#}");
    let members: Vec<&str> = told["differences"][0]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["at"].as_str().unwrap())
        .collect();
    assert_eq!(members, ["/version", "/word"], "{told:#}");
}

#[test]
fn a_shadow_that_fails_harms_nobody() {
    let host = host(
        "[stage.shadow]\nplugin = \"versioned@1.0.70002\"\nconfig = { broken = true }\nsample = 0.5\n",
    );
    assert_eq!(submit(&host, 10), (0, 0));
    until("the shadow's failures", || {
        let told = host.get("/v1/stages/first/shadow").unwrap().json().unwrap();
        let sum: u64 = ["different", "left_out"]
            .iter()
            .filter_map(|name| told["shadow"][*name].as_u64())
            .sum();
        Ok((sum == 5).then_some(()))
    })
    .unwrap();
}

/// A shadow is held against its stage; what a canary answered in the stage's place is nothing to compare with.
#[test]
fn a_shadow_is_not_held_against_a_canary() {
    let host = host(
        "[stage.canary]\nplugin = \"versioned@1.0.70002\"\nheader = \"x-canary\"\n\
         [stage.shadow]\nplugin = \"versioned@1.0.70001\"\nconfig = { word = \"own\", turns = 10 }\n",
    );
    let marked = json_submission(&subject("hello")).header("x-canary", "1");
    for _ in 0..5 {
        let outcome = outcome(&host.ask(&marked).unwrap(), "completed");
        assert_eq!(outcome["stages"]["first"]["answer"]["version"], version(2));
        submit(&host, 1);
    }
    until("the shadow's answers", || {
        let told = host.get("/v1/stages/first/shadow")?.json()?;
        let counts = &told["shadow"];
        assert_eq!(counts["different"], 0, "{told:#}");
        let seen = [&counts["same"], &counts["left_out"]];
        let seen: u64 = seen.into_iter().filter_map(Value::as_u64).sum();
        Ok((seen == 5).then_some(()))
    })
    .unwrap();
}
