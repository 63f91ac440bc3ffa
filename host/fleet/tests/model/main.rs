//! The controller against a model: random sequences of edits, drops, removals, golden cases, rollbacks, stops, kills and
//! restarts, of canaries that err, prove themselves and are decided on, and of shadows, with submissions on the way; after
//! each step everything that can be seen of the host is what the model says.
//!
//! The model is made by hand (`reference`), and a step that makes no sense where it comes is left out: so a sequence that
//! fails is shortened by proptest alone. Real files, real components, one process; `host` drives it.
//! Bounds: 24 sequences of at most 20 steps; `FLEETWRIGHT_MODEL_CASES` and `FLEETWRIGHT_MODEL_STEPS` raise them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod disk;
mod found;
mod host;
mod reference;
mod swaps;
mod watched;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use host::{Host, PLAIN, voices};
use reference::{
    Asked, Canary, Component, Disk, Edit, Fault, File, Golden, Killed, Shadow, Wanted, World,
};

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Something changes, and is looked at where a host runs.
    Edit(Edit),
    /// Something changes; a rollback comes before anybody has looked, and holds.
    EditUnseen(Edit, Option<u64>),
    Look,
    /// Submissions come, so many.
    Ask(Asked, u8),
    Rollback(Option<u64>),
    Stop,
    /// Something changes, and the host is killed while it takes it up.
    Kill(Edit, Killed),
    Start {
        strict: bool,
        locked: bool,
    },
}

#[test]
fn what_serves_is_what_the_model_says() {
    let regressions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/regressions.txt");
    let mut runner = TestRunner::new(Config {
        cases: bound("FLEETWRIGHT_MODEL_CASES", 24),
        max_shrink_iters: 400,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        source_file: Some(file!()),
        ..Config::default()
    });
    let steps = bound("FLEETWRIGHT_MODEL_STEPS", 20) as usize;
    let sequences = vec(step(), 1..=steps);
    let ran = runner.run(&sequences, |steps| {
        run(&steps);
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

/// A bound that the environment may set.
fn bound(name: &str, default: u32) -> u32 {
    let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}

/// Goes through a sequence with model and host side by side.
fn run(steps: &[Step]) {
    let mut world = World::new(Disk::first());
    let mut host = Host::new(&world.disk);
    assert_eq!(world.start(false, false), host.start(false, false));
    host.check(&world);
    for step in steps {
        take(*step, &mut world, &mut host);
        host.check(&world);
    }
    host.stop();
}

fn take(step: Step, world: &mut World, host: &mut Host) {
    let before = world.running.as_ref().map(|running| running.says(PLAIN));
    match (step, before) {
        (Step::Edit(edit), before) => {
            world.disk.edit(edit);
            host.edit(edit, &world.disk);
            if let Some(before) = before {
                let came = world.look();
                assert_eq!(host.look(world, before), came, "{world:#?}");
            }
        }
        (Step::EditUnseen(edit, generation), Some(before)) => {
            world.disk.edit(edit);
            host.edit(edit, &world.disk);
            let came = world.rollback(generation);
            assert_eq!(host.rollback(generation, world, before), came, "{world:#?}");
            // What nobody saw is seen now; where the rollback was carried out, it holds.
            let came = world.look();
            assert_eq!(host.look(world, before), came, "{world:#?}");
        }
        (Step::Look, Some(before)) => {
            let came = world.look();
            assert_eq!(host.look(world, before), came, "{world:#?}");
        }
        (Step::Ask(asked, times), Some(_)) => {
            (0..times).for_each(|_| ask(asked, world, host));
        }
        (Step::Rollback(generation), Some(before)) => {
            let came = world.rollback(generation);
            assert_eq!(host.rollback(generation, world, before), came, "{world:#?}");
        }
        (Step::Stop, Some(_)) => {
            world.stop();
            host.stop();
        }
        (Step::Kill(edit, killed), Some(_)) => {
            world.disk.edit(edit);
            host.edit(edit, &world.disk);
            world.look_and_die(killed);
            host.look_and_die(killed);
        }
        (Step::Start { strict, locked }, None) => {
            let came = world.start(strict, locked);
            assert_eq!(host.start(strict, locked), came, "{world:#?}");
        }
        // A host that is down does nothing, and one that is up is not started.
        _ => {}
    }
}

/// One submission, and the decision on a canary where that is due then.
fn ask(asked: Asked, world: &mut World, host: &Host) {
    let snapshot = host.fleet().current();
    let stage = world.running.as_ref().unwrap().stage();
    let Some(answered) = world.ask(asked) else {
        return;
    };
    assert_eq!(host.ask(asked), voices(answered.said), "{world:#?}");
    let Some((trial, proved)) = answered.due else {
        return;
    };
    let known = world.verdicts().len();
    let (promoted, reason) = host.decided(&snapshot, stage, known);
    // The clock has its say, too: a busy machine may have put the canary off.
    let by_clock = reason.contains("max_p99_ratio");
    assert!(promoted == proved || by_clock, "{reason} {world:#?}");
    let generation = world.decide(trial, promoted);
    assert_eq!(host.fleet().current().generation(), generation);
}

fn step() -> impl Strategy<Value = Step> {
    let generation = || {
        prop_oneof![
            2 => Just(None),
            3 => (1..12u64).prop_map(Some),
            1 => Just(Some(999)),
        ]
    };
    let killed = prop_oneof![
        Just(Killed::BeforeRecord),
        Just(Killed::BeforePointer),
        Just(Killed::BeforeLock),
        Just(Killed::AfterAll),
    ];
    let start = (prop::bool::weighted(0.15), prop::bool::weighted(0.25));
    let asked = (prop::bool::weighted(0.8), prop::bool::weighted(0.4));
    let asked = asked.prop_map(|(chosen, bad)| Asked { chosen, bad });
    prop_oneof![
        14 => edit().prop_map(Step::Edit),
        7 => beside().prop_map(Step::Edit),
        12 => (asked, 1..=4u8).prop_map(|(asked, times)| Step::Ask(asked, times)),
        2 => (edit(), generation()).prop_map(|(edit, to)| Step::EditUnseen(edit, to)),
        1 => Just(Step::Look),
        3 => generation().prop_map(Step::Rollback),
        2 => Just(Step::Stop),
        2 => (edit(), killed).prop_map(|(edit, killed)| Step::Kill(edit, killed)),
        8 => start.prop_map(|(strict, locked)| Step::Start { strict, locked }),
    ]
}

/// What runs beside the first stage.
fn beside() -> impl Strategy<Value = Edit> {
    let canary = (1..=4u8, prop::bool::ANY, prop::bool::ANY);
    let canary = canary.prop_map(|(number, errs, promotes)| Canary {
        number,
        errs,
        promotes,
    });
    let shadow = (1..=4u8, prop::bool::ANY);
    let shadow = shadow.prop_map(|(number, broken)| Shadow { number, broken });
    prop_oneof![
        5 => canary.prop_map(|canary| Edit::Canary(Some(canary))),
        1 => Just(Edit::Canary(None)),
        3 => shadow.prop_map(|shadow| Edit::Shadow(Some(shadow))),
        1 => Just(Edit::Shadow(None)),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let component = || {
        let build = prop::bool::weighted(0.2);
        (1..=4u8, build).prop_map(|(number, twin)| Component { number, twin })
    };
    let file = prop_oneof![
        8 => component().prop_map(File::Whole),
        1 => component().prop_map(File::Truncated),
        1 => Just(File::Garbage),
        1 => Just(File::Empty),
    ];
    let wanted = prop_oneof![
        3 => Just(Wanted::Range),
        3 => (1..=4u8).prop_map(Wanted::Exact),
        1 => Just(Wanted::Absent),
    ];
    let fault = prop_oneof![
        Just(Fault::Syntax),
        Just(Fault::Config),
        Just(Fault::NotUtf8),
        Just(Fault::Gone),
    ];
    let golden = prop_oneof![
        4 => Just(None),
        2 => (1..=4u8).prop_map(|number| Some(Golden::Number(number))),
        2 => (0..3u8).prop_map(|word| Some(Golden::Word(word))),
        1 => Just(Some(Golden::Malformed)),
    ];
    prop_oneof![
        3 => wanted.prop_map(Edit::Want),
        3 => (0..3u8).prop_map(Edit::Word),
        1 => (0..3u8).prop_map(Edit::Comment),
        1 => prop_oneof![Just(32u8), Just(64)].prop_map(Edit::Memory),
        2 => fault.prop_map(Edit::Break),
        3 => Just(Edit::Mend),
        8 => (0..3u8, file).prop_map(|(place, file)| Edit::Drop(place, file)),
        2 => (0..3u8).prop_map(Edit::Remove),
        2 => golden.prop_map(Edit::Golden),
    ]
}
