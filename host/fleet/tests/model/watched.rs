//! Changes however they are saved, at any pace, while earlier ones are still taken up: what serves in the end is what stands
//! on disk in the end, though nobody gives an order. The clock is no help: files are looked at when events come, or never.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use fleetwright_tests::until;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use crate::host::{Host, RUNTIME, ask, bytes, remove, text, word};
use crate::reference::{Component, Disk, Edit, Fault, File, Wanted};
use crate::{bound, edit};

/// How a file is saved.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Beside, then renamed over it.
    Renamed,
    /// Written over, in one go.
    Written,
    /// Truncated, then written in two pieces with so many milliseconds between.
    Pieces(u8),
    /// A link to a file elsewhere, exchanged.
    Linked,
    /// Removed, then made anew.
    Anew,
}

/// A change, how it is saved, and how many milliseconds nothing follows.
type Save = (Edit, Way, u8);

#[test]
fn whatever_is_saved_however_the_last_of_it_serves() {
    let regressions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/watched.txt");
    let mut runner = TestRunner::new(Config {
        cases: bound("FLEETWRIGHT_WATCHED_CASES", 12),
        max_shrink_iters: 40,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        source_file: Some(file!()),
        ..Config::default()
    });
    let ways = prop_oneof![
        Just(Way::Renamed),
        Just(Way::Written),
        (0..30u8).prop_map(Way::Pieces),
        Just(Way::Linked),
        Just(Way::Anew),
    ];
    let pause = prop_oneof![Just(0), 0..40u8];
    let saves = vec((edit(), ways, pause), 1..=10);
    let ran = runner.run(&saves, |saves| {
        run(&saves);
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

fn run(saves: &[Save]) {
    let mut disk = Disk::first();
    let mut host = Host::new(&disk);
    host.watch();
    for (number, (edit, way, pause)) in saves.iter().enumerate() {
        save(&host, &mut disk, *edit, *way, number);
        // The pace of whoever saves is what is tried here.
        std::thread::sleep(Duration::from_millis((*pause).into()));
    }
    let settled = |disk: &Disk| disk.resolve(None, None, &BTreeMap::new());
    if settled(&disk).is_none() {
        for (number, edit) in mended(&disk).into_iter().enumerate() {
            save(&host, &mut disk, edit, Way::Renamed, saves.len() + number);
        }
    }
    let wanted = settled(&disk).expect("it is mended");
    let fleet = host.fleet().clone();
    let said = || {
        let (version, said) = RUNTIME.block_on(ask(&fleet.current()));
        (version, said)
    };
    let expected = (
        fleetwright_tests::versions::version(wanted.component.number.into()),
        word(wanted.manifest.word),
    );
    let component = fleetwright_tests::digest(&bytes(File::Whole(wanted.component)));
    until(&format!("{wanted:?}"), || {
        let status = fleet.status();
        let settled = status.refused.is_none() && !status.unsettled;
        let text_serves =
            fleet.current().manifest_digest() == fleetwright_tests::digest(&text(&wanted.manifest));
        // A twin says what the other says: only its digest tells that it has been taken up.
        let pins = fleet.current().pins().clone();
        let taken = pins.plugins.iter().all(|pin| pin.digest == component);
        Ok((settled && text_serves && taken && said() == expected).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {:#?} {disk:#?}", fleet.status()));
    drop(fleet);
    host.stop();
}

/// What makes any disk sound.
fn mended(disk: &Disk) -> Vec<Edit> {
    let one = Component {
        number: 1,
        twin: false,
    };
    let mut edits = vec![Edit::Golden(None)];
    edits.extend(disk.files.keys().map(|place| Edit::Remove(*place)));
    edits.extend([
        Edit::Drop(0, File::Whole(one)),
        Edit::Want(Wanted::Range),
        Edit::Mend,
    ]);
    edits
}

fn save(host: &Host, disk: &mut Disk, edit: Edit, way: Way, number: usize) {
    disk.edit(edit);
    let (path, content) = match edit {
        Edit::Drop(place, file) => (host.file(place), bytes(file)),
        Edit::Remove(_) | Edit::Golden(_) => return host.edit(edit, disk),
        _ if disk.manifest.fault == Some(Fault::Gone) => return host.edit(edit, disk),
        _ => (host.manifest(), text(&disk.manifest)),
    };
    match way {
        Way::Renamed => rename(&path, |beside| fs::write(beside, &content).unwrap()),
        Way::Written => fs::write(&path, &content).unwrap(),
        Way::Pieces(pause) => {
            let (one, two) = content.split_at(content.len() / 2);
            let mut file = fs::File::create(&path).unwrap();
            file.write_all(one).unwrap();
            std::thread::sleep(Duration::from_millis(pause.into()));
            file.write_all(two).unwrap();
        }
        Way::Linked => {
            let target = host.elsewhere(&number.to_string());
            fs::write(&target, &content).unwrap();
            rename(&path, |beside| {
                std::os::unix::fs::symlink(&target, beside).unwrap()
            });
        }
        Way::Anew => {
            remove(&path);
            fs::write(&path, &content).unwrap();
        }
    }
}

fn rename(path: &Path, make: impl FnOnce(&Path)) {
    let beside = path.with_extension("new");
    remove(&beside);
    make(&beside);
    fs::rename(&beside, path).unwrap();
}
