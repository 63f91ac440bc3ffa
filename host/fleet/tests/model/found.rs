//! Sequences that once went wrong, each by its name.

use crate::reference::{Asked, Canary, Component, Edit, Fault, File, Golden, Killed, Wanted};
use crate::{Step, run};

const fn whole(number: u8) -> File {
    File::Whole(Component {
        number,
        twin: false,
    })
}

const UP: Step = Step::Start {
    strict: false,
    locked: false,
};

#[test]
fn an_order_to_look_is_answered_when_new_components_serve() {
    run(&[
        Step::Edit(Edit::Drop(1, whole(2))),
        Step::Edit(Edit::Drop(0, File::Garbage)),
        Step::Edit(Edit::Drop(1, whole(3))),
    ]);
}

#[test]
fn a_rollback_holds_against_a_component_that_nobody_had_seen_yet() {
    run(&[
        Step::Edit(Edit::Word(1)),
        Step::EditUnseen(Edit::Drop(1, whole(2)), None),
        Step::Look,
        Step::Stop,
        UP,
        Step::Edit(Edit::Comment(1)),
    ]);
}

#[test]
fn a_host_that_started_on_a_broken_manifest_is_not_stale_once_it_is_mended() {
    run(&[
        Step::Stop,
        Step::Edit(Edit::Break(Fault::Syntax)),
        UP,
        Step::Edit(Edit::Mend),
    ]);
}

#[test]
fn the_lock_is_what_serves_though_the_host_was_killed_before_it_wrote_it() {
    run(&[
        Step::Kill(Edit::Drop(1, whole(2)), Killed::BeforeLock),
        Step::Edit(Edit::Want(Wanted::Absent)),
        UP,
    ]);
}

#[test]
fn a_start_stays_refused_until_all_that_stands_on_disk_was_looked_at() {
    run(&[
        Step::Edit(Edit::Golden(Some(Golden::Number(2)))),
        Step::Stop,
        UP,
        Step::Edit(Edit::Drop(0, whole(3))),
    ]);
}

#[test]
fn a_component_that_is_being_replaced_serves_on_but_in_no_new_fleet() {
    run(&[
        Step::Stop,
        Step::Edit(Edit::Golden(Some(Golden::Number(2)))),
        Step::Edit(Edit::Want(Wanted::Exact(1))),
        UP,
        Step::Edit(Edit::Drop(0, whole(2))),
    ]);
}

/// Version 2 on trial beside version 1; what errs is rolled back at its second error, what does not is promoted at its third call.
fn trial(errs: bool) -> [Step; 2] {
    let canary = Canary {
        number: 2,
        errs,
        promotes: true,
    };
    [
        Step::Edit(Edit::Drop(1, whole(2))),
        Step::Edit(Edit::Canary(Some(canary))),
    ]
}

const fn chosen(bad: bool) -> Step {
    Step::Ask(Asked { chosen: true, bad }, 4)
}

fn after(trial: [Step; 2], steps: &[Step]) {
    // The stage itself stays what it is, though a newer file is there.
    let exact = Step::Edit(Edit::Want(Wanted::Exact(1)));
    run(&[&[exact], &trial[..], steps].concat());
}

#[test]
fn what_a_verdict_put_aside_is_still_there_when_the_next_start_needs_the_record() {
    for errs in [true, false] {
        let broken = [
            chosen(errs),
            Step::Stop,
            Step::Edit(Edit::Break(Fault::Syntax)),
            UP,
        ];
        after(trial(errs), &broken);
    }
}

#[test]
fn the_lock_allows_all_that_the_manifest_asks_for_after_a_verdict_too() {
    for errs in [true, false] {
        let locked = Step::Start {
            strict: true,
            locked: true,
        };
        after(trial(errs), &[chosen(errs), Step::Stop, locked]);
    }
}

#[test]
fn a_rollback_goes_back_behind_a_promotion_and_forward_again() {
    let steps = [
        chosen(false),
        Step::Rollback(None),
        chosen(false),
        Step::Rollback(Some(4)),
        chosen(true),
        Step::Stop,
        UP,
    ];
    after(trial(false), &steps);
}

#[test]
fn a_rollback_resumes_no_trial_that_was_decided() {
    let steps = [
        chosen(true),
        Step::Rollback(Some(3)),
        chosen(true),
        Step::Look,
    ];
    after(trial(true), &steps);
}

#[test]
fn a_decision_leaves_what_was_refused_refused() {
    let steps = [
        Step::Edit(Edit::Break(Fault::Config)),
        chosen(true),
        Step::Edit(Edit::Mend),
    ];
    after(trial(true), &steps);
}

#[test]
fn a_trial_goes_on_over_a_change_that_leaves_it_the_same() {
    let once = Step::Ask(
        Asked {
            chosen: true,
            bad: true,
        },
        1,
    );
    after(
        trial(true),
        &[once, Step::Edit(Edit::Memory(32)), once, chosen(true)],
    );
}
