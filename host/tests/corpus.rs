//! What fuzzing found worth keeping, once more: each file of `host/fuzz/corpus` through the function that it is fuzzed with.
//!
//! No fuzzer is needed for it. `cargo xtask fuzz` searches on from there; host/fuzz/README.md says what was searched so far.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

/// Bounds of what the repository keeps of one target.
const FILES: usize = 300;
const BYTES: usize = 300 << 10;

macro_rules! corpora {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), fuzz::$target::run);
        }
    )*};
}

corpora! { manifest json multipart mail tensor component description lock history }

fn replay(target: &str, run: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!((1..=FILES).contains(&paths.len()), "{} files", paths.len());
    let mut bytes = 0;
    for path in paths {
        let content = fs::read(&path).unwrap();
        bytes += content.len();
        let ran = std::panic::catch_unwind(|| run(&content));
        assert!(
            ran.is_ok(),
            "{} breaks a promise of `{target}`",
            path.display()
        );
    }
    assert!(bytes <= BYTES, "{bytes} bytes");
}
