//! Sequences that once went wrong, each by its name.

use crate::reference::{Component, Edit, Fault, File, Golden, Killed, Wanted};
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
