//! Changes under load: what is edited, dropped in or taken away serves next, whole or not at all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fleetwright_tests::host::subject;
use fleetwright_tests::versions::{component, put, replace, unseen, version};
use fleetwright_tests::{Ended, Guest, Host, Layout, command, digest, until};
use serde_json::Value;

use crate::assertions::{outcome, still_works};

mod disk;
mod restart;

/// Two stages of one plugin, the second of which is shown what the first said: a mix of generations would be seen.
fn manifest(plugin: &str, word: &str, more: &str) -> String {
    format!(
        r#"schema = 1
name = "swapped"

[[stage]]
name   = "first"
plugin = "{plugin}"
reads  = ["subject"]
config = {{ word = "{word}" }}
{more}

[[stage]]
name   = "second"
plugin = "{plugin}"
reads  = ["subject", "first"]
config = {{ word = "{word}" }}
"#
    )
}

fn layout(plugin: &str, numbers: &[u32]) -> Layout {
    let layout = Layout::new(&manifest(plugin, "one", ""), &[]).unwrap();
    for number in numbers {
        put(&layout, *number, &format!("v{number}.wasm")).unwrap();
    }
    layout
}

fn edit(layout: &Layout, text: &str) {
    replace(&layout.manifest(), text.as_bytes()).unwrap();
}

/// What both stages said, once it is checked that one generation said both.
fn said(outcome: &Value) -> (String, String) {
    let answer = |stage: &str, member: &str| {
        outcome["stages"][stage]["answer"][member]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        answer("second", "version"),
        answer("second", "first"),
        "{outcome}"
    );
    assert_eq!(
        answer("first", "word"),
        answer("second", "word"),
        "{outcome}"
    );
    (answer("first", "version"), answer("first", "word"))
}

fn ask(host: &Host) -> (String, String) {
    said(&outcome(
        &host.submit(&subject("hello")).unwrap(),
        "completed",
    ))
}

/// Waits until a version with a word answers.
fn serves(host: &Host, number: u32, word: &str) {
    let wanted = (version(number), word.to_owned());
    until(&format!("{wanted:?}\n{}", host.log()), || {
        Ok((ask(host) == wanted).then_some(()))
    })
    .unwrap();
}

fn control(host: &Host) -> Value {
    host.get("/readyz?verbose").unwrap().json().unwrap()["control"].clone()
}

/// Waits until a change is refused, and gives the reason.
fn refused(host: &Host) -> String {
    until(&format!("a refusal\n{}", host.log()), || {
        Ok(control(host)["refused"]["text"].as_str().map(str::to_owned))
    })
    .unwrap()
}

#[test]
fn a_bad_change_is_refused_with_its_reason_and_the_next_good_one_serves() {
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    edit(host.layout(), &manifest("versioned@2", "two", ""));
    let why = refused(&host);
    assert!(
        why.contains("no component in") && why.contains("1.0.70001"),
        "{why}"
    );
    assert_eq!(ask(&host), (version(1), "one".into()));
    assert_eq!(host.get("/readyz").unwrap().status, 200);
    assert!(host.log().contains("change refused"), "{}", host.log());

    edit(host.layout(), &manifest("versioned@1", "three", ""));
    serves(&host, 1, "three");
    assert!(control(&host)["refused"].is_null());

    // A file that is no component, in place of the one that serves.
    replace(
        &host.layout().plugins().join("v1.wasm"),
        b"\0asm not really",
    )
    .unwrap();
    let why = refused(&host);
    assert!(why.contains("cannot be loaded"), "{why}");
    assert_eq!(ask(&host), (version(1), "three".into()));
    put(host.layout(), 2, "v1.wasm").unwrap();
    serves(&host, 2, "three");
    still_works(&host, &subject("after"));
}

#[test]
fn a_candidate_that_fails_its_golden_cases_never_answers() {
    let layout = layout("versioned@1", &[1]);
    let cases = layout.plugins().join("versioned.tests");
    std::fs::create_dir(&cases).unwrap();
    let case = r#"{"about": "an old version", "fields": {"subject": "hi"}, "expect": {"answer": {"/version": {"contains": "70001"}, "/subject": "hi"}}}"#;
    std::fs::write(cases.join("version.json"), case).unwrap();
    let host = Host::start(layout, &[]).unwrap();
    put(host.layout(), 2, "newer.wasm").unwrap();
    let why = refused(&host);
    assert!(
        why.contains("golden cases") && why.contains("an old version: `/version` is \"1.0.70002\""),
        "{why}"
    );
    assert_eq!(ask(&host).0, version(1));
    let counted = host
        .metric(
            "fleetwright_stage_success_total",
            &[("version", &version(2))],
        )
        .unwrap();
    assert_eq!(counted, None, "no request was answered by it");

    std::fs::write(cases.join("version.json"), case.replace("70001", "70002")).unwrap();
    serves(&host, 2, "one");
}

#[test]
fn a_candidate_without_cases_that_traps_never_answers() {
    let text = |case: &str| {
        format!(
            "schema = 1\nname = \"traps\"\n[models.stub]\nuse = \"stub@1\"\n\n[[stage]]\nname = \"one\"\nplugin = \"hostile@1\"\n\
             models = {{ model = \"stub\" }}\nreads = [\"subject\"]\nconfig = {{ case = \"{case}\" }}\n"
        )
    };
    let host = Host::start(Layout::new(&text("echo"), &["hostile"]).unwrap(), &[]).unwrap();
    let answers = || outcome(&host.submit(&subject("hello")).unwrap(), "completed");
    answers();
    edit(host.layout(), &text("trap"));
    let why = refused(&host);
    assert!(
        why.contains("traps at a call with nothing to read") && why.contains("unreachable"),
        "{why}"
    );
    let generation = answers()["fleet"]["generation"].clone();
    assert_eq!(generation, 1, "what served serves on");
    // A first fleet takes nobody's place: it starts, and its stage fails by itself.
    let first = Host::start(Layout::new(&text("trap"), &["hostile"]).unwrap(), &[]).unwrap();
    assert_eq!(first.submit(&subject("hello")).unwrap().status, 500);
}

#[test]
fn a_model_that_cannot_run_is_refused_before_it_answers() {
    let text = |model: &str| {
        format!(
            "schema = 1\nname = \"warmed\"\n[models.one]\nuse = \"{model}@1\"\n\n\
             [[stage]]\nname = \"only\"\nplugin = \"hostile@1\"\nmodels = {{ model = \"one\" }}\nconfig = {{ case = \"infer\" }}\n"
        )
    };
    let layout = Layout::new(&text("stub"), &["hostile"]).unwrap();
    let host = Host::start(layout, &[]).unwrap();
    edit(host.layout(), &text("unable"));
    let why = refused(&host);
    assert!(
        why.contains("model `unable@1.0.0`: its first run, on ones as `input` of `[1, 4]`, failed: the stub's card says that it fails"),
        "{why}"
    );
    let served = outcome(&host.submit(&subject("hello")).unwrap(), "completed");
    assert_eq!(served["stages"]["only"]["models"]["model"]["name"], "stub");
    assert_eq!(control(&host)["generation"], 1);
}

#[test]
fn only_what_changed_is_made_anew() {
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    let text = manifest("versioned@1", "one", "limits = { memory = \"32MiB\" }");
    edit(host.layout(), &text);
    until("the change", || {
        Ok((control(&host)["generation"] == 2).then_some(()))
    })
    .unwrap();
    let log = host.log();
    let line = log
        .lines()
        .find(|line| line.contains("generation serves"))
        .unwrap();
    assert!(
        line.contains("first") && line.contains("limits.memory") && !line.contains("second"),
        "{line}"
    );
    // A comment alone is another manifest, and changes no stage.
    edit(host.layout(), &format!("# seen\n{text}"));
    until("the comment", || {
        Ok((control(&host)["generation"] == 3).then_some(()))
    })
    .unwrap();
    // The same bytes once more are no change.
    edit(host.layout(), &format!("# seen\n{text}"));
    let applied = verb(&host, &["swap", "first", "versioned@1"]);
    assert!(applied.code == Some(0), "{applied:?}");
    assert_eq!(control(&host)["generation"], 3);
}

/// A verb that talks to a host.
fn verb(host: &Host, words: &[&str]) -> Ended {
    let mut all: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
    all.extend(host.layout().flags());
    command(all, "").unwrap()
}

#[test]
fn the_verbs_plan_swap_roll_back_and_tell() {
    let host = Host::start(layout("versioned@1.0.70001", &[1, 2]), &[]).unwrap();
    let candidate = host
        .layout()
        .write(
            "candidate.toml",
            manifest("versioned@1.0.70002", "one", "").as_bytes(),
        )
        .unwrap();
    let planned = verb(&host, &["plan", candidate.to_str().unwrap()]);
    assert!(
        planned.stdout.contains("first") && planned.stdout.contains("versioned@1.0.70002"),
        "{planned:?}"
    );
    assert_eq!(ask(&host).0, version(1), "a plan changes nothing");

    let swapped = verb(&host, &["swap", "first", "versioned@1.0.70002"]);
    assert!(
        swapped.code == Some(0) && swapped.stdout.contains("Generation 2 serves"),
        "{swapped:?}"
    );
    let outcome_of = |host: &Host| outcome(&host.submit(&subject("x")).unwrap(), "completed");
    assert_eq!(
        outcome_of(&host)["stages"]["first"]["answer"]["version"],
        version(2)
    );
    assert_eq!(
        outcome_of(&host)["stages"]["second"]["answer"]["version"],
        version(1)
    );
    assert!(
        std::fs::read_to_string(host.layout().manifest())
            .unwrap()
            .contains("1.0.70002")
    );

    let refused = verb(&host, &["swap", "first", "versioned@3"]);
    assert!(
        refused.code != Some(0) && refused.stderr.contains("versioned@3"),
        "{refused:?}"
    );
    assert!(
        !std::fs::read_to_string(host.layout().manifest())
            .unwrap()
            .contains("versioned@3"),
        "never written"
    );

    let back = verb(&host, &["rollback"]);
    assert!(back.code == Some(0), "{back:?}");
    assert_eq!(ask(&host).0, version(1));
    let unknown = verb(&host, &["rollback", "77"]);
    assert!(
        unknown.code != Some(0) && unknown.stderr.contains("generation 77 is not kept"),
        "{unknown:?}"
    );

    let shown = verb(&host, &["ps"]);
    assert!(
        shown.stdout.contains("Rolled back") && shown.stdout.contains("Generation 3"),
        "{shown:?}"
    );
    let told = verb(&host, &["history"]);
    assert!(
        told.stdout.contains("rollback to 1") && told.stdout.contains("start"),
        "{told:?}"
    );

    // It holds until something changes.
    edit(host.layout(), &manifest("versioned@1.0.70002", "four", ""));
    serves(&host, 2, "four");
}

#[test]
fn the_lock_records_and_where_asked_restrains() {
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    let lock = host.layout().folder().join("fleet.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    assert!(
        text.contains("name = \"versioned\"")
            && text.contains("version = \"1.0.70001\"")
            && text.contains("sha256:"),
        "{text}"
    );
    let layout = host.stop().unwrap();
    put(&layout, 2, "newer.wasm").unwrap();
    let host = Host::start(layout, &["--locked"]).unwrap();
    assert_eq!(ask(&host).0, version(1), "the newer one is not in the lock");
    std::fs::remove_file(host.layout().plugins().join("v1.wasm")).unwrap();
    let why = refused(&host);
    assert!(why.contains("lock"), "{why}");
    assert_eq!(ask(&host).0, version(1));
    let layout = host.stop().unwrap();
    let host = Host::start(layout, &[]).unwrap();
    assert_eq!(ask(&host).0, version(2));
    assert!(
        std::fs::read_to_string(&lock)
            .unwrap()
            .contains("1.0.70002")
    );
}

#[test]
fn two_hosts_do_not_share_a_history() {
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    let mut words: Vec<std::ffi::OsString> =
        vec!["serve".into(), "--listen".into(), "127.0.0.1:0".into()];
    words.extend(host.layout().flags());
    let second = command(words, "").unwrap();
    assert!(
        second.code != Some(0) && second.stderr.contains("another host serves this manifest"),
        "{second:?}"
    );
}

#[test]
fn swaps_under_load_lose_and_mix_nothing() {
    const CLIENTS: usize = 16;
    const SWAPS: u32 = 30;
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    let done = AtomicBool::new(false);
    let answered: u64 = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while !done.load(Ordering::Relaxed) {
                        ask(&host);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for swap in 0..SWAPS {
            let number = 2 + swap % 2;
            put(host.layout(), number, "v1.wasm").unwrap();
            let wanted = version(number);
            until("the swap", || Ok((ask(&host).0 == wanted).then_some(()))).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    });
    assert!(answered > 0);
    until("the old generations' end", || {
        Ok((host.metric("fleetwright_generations_live", &[])? == Some(1.0)).then_some(()))
    })
    .unwrap();
    for status in ["failed", "refused", "late", "shed", "cancelled"] {
        let counted = host
            .metric("fleetwright_http_submissions_total", &[("status", status)])
            .unwrap();
        assert_eq!(counted.unwrap_or(0.0), 0.0, "{status}");
    }
}

fn improvements(host: &Host, outcome: &str) -> Option<f64> {
    let labels = [("outcome", outcome)];
    host.metric("fleetwright_improvements_total", &labels)
        .unwrap()
}

#[test]
fn quick_code_serves_at_once_and_optimised_code_takes_over_as_the_same_generation() {
    let host = Host::start(layout("versioned@1", &[1]), &["--quick-code", "1B"]).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                ask(&host);
            }
        });
        let _end = Ends(&done);
        // What the first start left to do is done.
        optimised(&host);
        let before = improvements(&host, "taken-over").unwrap_or(0.0);
        let newer = unseen(&component(2).unwrap());
        replace(&host.layout().plugins().join("newer.wasm"), &newer).unwrap();
        serves(&host, 2, "one");
        let generation = control(&host)["generation"].clone();
        until(&format!("both stages\n{}", host.log()), || {
            Ok((improvements(&host, "taken-over") == Some(before + 2.0)).then_some(()))
        })
        .unwrap();
        optimised(&host);
        assert_eq!(ask(&host), (version(2), "one".into()));
        assert_eq!(control(&host)["generation"], generation);
        assert!(!asking.is_finished(), "whoever asked is answered still");
    });
    assert_eq!(improvements(&host, "stuck"), None);
}

/// Ends what runs beside a test, also where the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until no stage runs quick code.
fn optimised(host: &Host) {
    until(&format!("optimised code\n{}", host.log()), || {
        let fleet = host.get("/v1/fleet")?.json()?;
        let mut stages = fleet["stages"].as_array().unwrap().iter();
        Ok(stages
            .all(|stage| stage["code"] == "optimised")
            .then_some(()))
    })
    .unwrap();
}

#[test]
fn what_cannot_be_optimised_within_bounds_serves_in_quick_code_and_says_so() {
    let text = "schema = 1\nname = \"slow\"\n[[stage]]\nname = \"slow\"\nplugin = \"idle@1\"\n";
    let layout = Layout::new(text, &[]).unwrap();
    let slow = Guest::named("idle").unwrap().with_functions(1500, 400);
    let slow = unseen(&slow.component().unwrap());
    layout.put_plugin("slow", &slow).unwrap();
    // Quick code takes this one half a second and optimised code three, alone; the bound lies between them on a busy machine too.
    let host = Host::start(layout, &["--compile-time", "2s"]).unwrap();
    let reason = until(&format!("an end\n{}", host.log()), || {
        let reason = control(&host)["unoptimised"][0]["reason"].clone();
        Ok(reason.as_str().map(str::to_owned))
    })
    .unwrap();
    assert!(reason.contains("--compile-time"), "{reason}");
    assert_eq!(improvements(&host, "stuck"), Some(1.0));
    outcome(&host.submit(&subject("hello")).unwrap(), "completed");
    let ps = verb(&host, &["ps"]);
    assert!(
        ps.stdout.contains("stays in quick code") && ps.stdout.contains("in quick code"),
        "{ps}"
    );
}
