//! One broken rule each: a stage, what its manifest entry says, and how a submission to it must end. All in one host, beside
//! well-behaved stages that go on answering.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fleetwright_tests::host::subject;
use fleetwright_tests::{Guest, Host, Layout, until};
use serde_json::Value;

use crate::assertions::{stage_failed, still_works};

/// How often each rule is broken.
const TIMES: u32 = 5;
/// What the host may hold more after something was done many times than after it was done once.
pub(crate) const MORE_BYTES: f64 = 32.0 * 1024.0 * 1024.0;
/// What it may hold more after one rule was broken four times more, with neighbours at work.
const KEPT_BYTES: f64 = 12.0 * 1024.0 * 1024.0;
/// The stages that do as they should.
pub(crate) const NEIGHBOURS: [&str; 3] = ["echo", "infer", "infer-again"];

/// One rule that is broken: the stage's name and the submission's subject, what its manifest entry says beside, and how it
/// must end.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    case: &'static str,
    plugin: &'static str,
    config: &'static str,
    limits: &'static str,
    pub(crate) reason: &'static str,
    limit: Option<&'static str>,
    detail: &'static str,
}

/// `case` of the guest `hostile` fails for `reason`, with `detail` in its message.
pub(crate) const fn case(case: &'static str, reason: &'static str, detail: &'static str) -> Case {
    Case {
        name: case,
        case,
        plugin: "hostile",
        config: "",
        limits: "",
        reason,
        limit: None,
        detail,
    }
}

/// The same of a guest of `tests/guests/wat`, which breaks one rule alone.
pub(crate) const fn written(
    plugin: &'static str,
    reason: &'static str,
    detail: &'static str,
) -> Case {
    Case {
        plugin,
        ..case(plugin, reason, detail)
    }
}

impl Case {
    pub(crate) const fn named(self, name: &'static str) -> Case {
        Case { name, ..self }
    }

    pub(crate) const fn config(self, config: &'static str) -> Case {
        Case { config, ..self }
    }

    /// What stands in the stage's `limits`.
    pub(crate) const fn limits(self, limits: &'static str) -> Case {
        Case { limits, ..self }
    }

    /// The limit that ends it, as the metric names it.
    pub(crate) const fn by(self, limit: &'static str) -> Case {
        Case {
            limit: Some(limit),
            ..self
        }
    }

    pub(crate) fn stage(&self) -> String {
        let Case {
            name,
            case,
            plugin,
            config,
            limits,
            ..
        } = self;
        let mut stage = format!(
            "\n[[stage]]\nname = \"{name}\"\nplugin = \"{plugin}@1\"\nneeds = []\nwhen = 'submission.subject == \"{name}\"'\n\
             limits = {{ {limits} }}\n"
        );
        if *plugin == "hostile" {
            let model = name.strip_prefix("model-").unwrap_or("stub");
            stage += &format!(
                "models = {{ model = \"{model}\" }}\nconfig = {{ case = \"{case}\"{config} }}\n"
            );
        }
        stage
    }
}

/// Whose code the guests run in: what is optimised, or what is compiled in little time. No rule is another in either.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    Optimised,
    Quick,
}

impl Code {
    fn flags(self) -> [&'static str; 2] {
        match self {
            Code::Optimised => ["--quick-code", "off"],
            Code::Quick => ["--quick-code", "only"],
        }
    }
}

/// A fleet with one stage for each case, and the well-behaved ones.
pub(crate) fn host(cases: &[Case], code: Code) -> Host {
    let mut text = "schema = 1\nname = \"hostile\"\n\n[defaults.limits]\ndeadline = \"200s\"\n\n[models.stub]\nuse = \"stub@1\"\n\n\
                    [models.failing]\nuse = \"failing@1\"\n\n[models.panicking]\nuse = \"panicking@1\"\n"
        .to_owned();
    let good = [
        case("echo", "", ""),
        case("infer", "", ""),
        case("infer-again", "", "").config(", size = 50"),
    ];
    text.extend(good.iter().chain(cases).map(Case::stage));
    let layout = Layout::new(&text, &["hostile"]).unwrap();
    let written: BTreeSet<_> = cases.iter().map(|case| case.plugin).collect();
    for name in written.into_iter().filter(|name| *name != "hostile") {
        let component = Guest::named(name).unwrap().component().unwrap();
        layout.put_plugin(name, &component).unwrap();
    }
    let [flag, code] = code.flags();
    Host::start(layout, &["--deadline", "400s", flag, code]).unwrap()
}

/// Each case fails as it should while others submit, and nobody else notices; what it took comes back.
pub(crate) fn each_harms_itself_alone(cases: &[Case], code: Code) {
    let host = host(cases, code);
    runs(&host, code);
    let done = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    let grown = thread::scope(|scope| {
        for name in NEIGHBOURS {
            let (host, done, answered) = (&host, &done, &answered);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    still_works(host, &subject(name));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let checked = thread::Builder::new().spawn_scoped(scope, || break_rules(&host, cases));
        let result = checked.unwrap().join();
        let before = answered.load(Ordering::Relaxed);
        let more = until("answers after all that", || {
            Ok((answered.load(Ordering::Relaxed) > before + 3).then_some(()))
        });
        done.store(true, Ordering::Relaxed);
        let grown = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        more.unwrap();
        grown
    });
    host.wait_for_in_flight(0).unwrap();
    assert!(grown < MORE_BYTES, "the host holds {grown} bytes more");
    nothing_lives(&host);
    cases.iter().for_each(|case| is_counted(&host, case));
    for name in NEIGHBOURS {
        for metric in [
            "fleetwright_stage_failure_total",
            "fleetwright_stage_limit_total",
        ] {
            assert_eq!(
                host.metric(metric, &[("stage", name)]).unwrap(),
                None,
                "{name}"
            );
        }
    }
}

/// Every stage runs the code that is to be tried.
fn runs(host: &Host, code: Code) {
    let fleet = host.get("/v1/fleet").unwrap().json().unwrap();
    let wanted = match code {
        Code::Optimised => "optimised",
        Code::Quick => "quick",
    };
    for stage in fleet["stages"].as_array().unwrap() {
        assert_eq!(stage["code"], wanted, "{stage}");
    }
}

/// Breaks each rule [`TIMES`]; gives what the host holds more after the last time than after the first. What each rule alone took
/// comes back: with one that kept a fifth of a bomb's 16 MiB, the host would not come down to what it held before.
fn break_rules(host: &Host, cases: &[Case]) -> f64 {
    cases.iter().for_each(|case| fails_as_it_should(host, case));
    let begun = resident(host);
    for case in cases {
        let before = resident(host);
        (1..TIMES).for_each(|_| fails_as_it_should(host, case));
        until(&format!("the end of what {} took", case.name), || {
            Ok((resident(host) < before + KEPT_BYTES).then_some(()))
        })
        .unwrap();
    }
    resident(host) - begun
}

fn resident(host: &Host) -> f64 {
    let held = host.metric("process_resident_memory_bytes", &[]);
    held.unwrap().unwrap()
}

/// Does something so many times; gives what the host holds more after the last time than after the first.
pub(crate) fn grown_over(host: &Host, times: u32, something: impl Fn()) -> f64 {
    something();
    let before = resident(host);
    (1..times).for_each(|_| something());
    resident(host) - before
}

/// No instance of any stage is left.
pub(crate) fn nothing_lives(host: &Host) {
    until("the end of all instances", || {
        let alive = host.metric("fleetwright_instances", &[])?;
        Ok((alive == Some(0.0)).then_some(()))
    })
    .unwrap();
}

fn is_counted(host: &Host, case: &Case) {
    let labels = [("stage", case.name), ("reason", case.reason)];
    assert_eq!(
        host.metric("fleetwright_stage_failure_total", &labels)
            .unwrap(),
        Some(f64::from(TIMES)),
        "{}",
        case.name
    );
    if let Some(limit) = case.limit {
        let labels = [("stage", case.name), ("limit", limit)];
        assert_eq!(
            host.metric("fleetwright_stage_limit_total", &labels)
                .unwrap(),
            Some(f64::from(TIMES)),
            "{}: {limit}",
            case.name
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
