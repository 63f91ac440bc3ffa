//! Finding onnxruntime: whatever file is named, the answer is a library that works or an error with a way out.
//!
//! One test, in a program of its own: a process loads one such library in its life.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fleetwright_inference::{Backends, LIBRARY_VARIABLE};

const WAY_OUT: &str =
    "; run `fleetwright models pull`, or leave the path out to use the embedded backend";

fn refused(path: &Path) -> String {
    let message = Backends::detect(Some(path)).unwrap_err().to_string();
    let start = format!("`{}` cannot serve as onnxruntime: ", path.display());
    let reason = message
        .strip_prefix(&start)
        .and_then(|rest| rest.strip_suffix(WAY_OUT));
    reason.unwrap_or_else(|| panic!("{message}")).to_owned()
}

/// A library made of `code`; `None` where there is no C compiler.
fn compile(dir: &Path, name: &str, code: &str) -> Option<PathBuf> {
    let (source, library) = (
        dir.join(format!("{name}.c")),
        dir.join(format!("lib{name}.so")),
    );
    fs::write(&source, code).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source)
        .status();
    status
        .is_ok_and(|status| status.success())
        .then_some(library)
}

#[test]
fn a_library_works_or_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("libonnxruntime.so");
    assert_eq!(refused(&file), "No such file or directory (os error 2)");
    fs::write(&file, "not a library").unwrap();
    assert!(
        refused(&file).contains("failed to load from"),
        "{}",
        refused(&file)
    );
    assert!(
        refused(dir.path()).contains("failed to load from"),
        "{}",
        refused(dir.path())
    );

    let old = "static const char *v(void) { return \"1.15.1\"; }\nstatic void *g(unsigned n) { return 0; }\n\
               static struct { void *(*g)(unsigned); const char *(*v)(void); } base = { g, v };\nvoid *OrtGetApiBase(void) { return &base; }\n";
    let cases = [
        (
            "other",
            "int answer(void) { return 42; }\n",
            "does not export `OrtGetApiBase`",
        ),
        ("old", old, "expected version >= '1.24.x', but got '1.15.1'"),
        (
            "empty",
            "void *OrtGetApiBase(void) { return 0; }\n",
            "base.is_null()",
        ),
    ];
    for (name, code, expected) in cases {
        match compile(dir.path(), name, code) {
            Some(library) => assert!(
                refused(&library).contains(expected),
                "{}",
                refused(&library)
            ),
            None => eprintln!("`{name}` is not tested: there is no `cc`"),
        }
    }

    let Some(real) = std::env::var_os(LIBRARY_VARIABLE) else {
        eprintln!("a real library is not tested: `{LIBRARY_VARIABLE}` does not name one");
        return a_hollow_library(dir.path(), &old.replace("1.15.1", "1.99.0"));
    };
    assert_eq!(Backends::embedded().describe().name, "rten");
    let first = Backends::detect(None).unwrap().describe();
    assert!(first.version.starts_with("1."), "{first}");
    assert_eq!(
        Backends::detect(Some(Path::new(&real))).unwrap().describe(),
        first,
        "asking again is free"
    );
    let copy = dir.path().join("copy.so");
    fs::copy(&real, &copy).unwrap();
    let message = Backends::detect(Some(&copy)).unwrap_err().to_string();
    assert!(
        message.contains("is already loaded from") && message.ends_with("restart to change it"),
        "{message}"
    );
}

/// One that says that it is new enough, and has no interface of that version: it takes the only place.
fn a_hollow_library(dir: &Path, code: &str) {
    let (Some(hollow), Some(next)) = (compile(dir, "hollow", code), compile(dir, "next", code))
    else {
        return;
    };
    for _ in 0..2 {
        assert!(
            refused(&hollow).contains("Failed to initialize ORT API"),
            "{}",
            refused(&hollow)
        );
    }
    let message = Backends::detect(Some(&next)).unwrap_err().to_string();
    assert!(message.contains("is already loaded from"), "{message}");
}
