//! A record of what was served, from a state directory that somebody may have written to.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use fleetwright_fleet::{Record, folder, records};
use tempfile::TempDir;

use super::MESSAGE;

static STATE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

pub fn run(bytes: &[u8]) {
    let manifest = Path::new("/fleet.toml");
    let dir = folder(STATE.path(), manifest);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("7.json"), bytes).unwrap();
    let found = records(STATE.path(), manifest).unwrap();
    let [found] = found.as_slice() else {
        panic!("one file, {} records", found.len());
    };
    match found {
        Ok(record) => {
            let written = serde_json::to_vec(record).unwrap();
            let read: Record = serde_json::from_slice(&written).unwrap();
            assert_eq!(read, *record);
            assert!(!record.cause.to_string().is_empty());
        }
        Err(error) => {
            let said = error.to_string();
            assert!(
                said.contains('7') && said.len() <= MESSAGE,
                "{} bytes",
                said.len()
            );
        }
    }
}
