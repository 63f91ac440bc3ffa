//! A file of the plugins directory, whatever it is: a component that says what it is, or a reason that fits a line.
//!
//! Compiled in this process: what a compiler may take is bounded by the child that hosts use, and tried in `compile`.

use std::sync::LazyLock;

use fleetwright_runtime::{
    CompileBounds, Compiler, Inspection, LoadError, QuickCode, Runtime, RuntimeOptions, digest,
    inspect,
};

use super::{MESSAGE, block_on};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Runtime::new(&RuntimeOptions {
        cache: None,
        instances: 4,
        compiler: Compiler::InProcess,
        bounds: CompileBounds::default(),
        quick: QuickCode::Off,
    })
    .unwrap()
});

/// Bytes that a description may have, and what the host leaves for the frame of a record.
const DESCRIPTION: usize = (256 + 64) << 10;

pub fn run(bytes: &[u8]) {
    drop(inspected(bytes));
}

/// What is said of a file, held to its promises.
pub fn inspected(bytes: &[u8]) -> Result<Inspection, LoadError> {
    let found = block_on(inspect(&RUNTIME, bytes));
    match &found {
        Ok(found) => {
            assert_eq!((found.bytes, &found.digest), (bytes.len(), &digest(bytes)));
            let described = &found.description;
            let names = described.roles.iter().map(|role| &role.name);
            for name in names.chain([&described.name]) {
                assert!(is_name(name), "{name:?}");
            }
            assert!(described.summary.len() <= DESCRIPTION);
            for schema in [&described.config_schema, &described.answer_schema] {
                assert!(schema.is_object() || schema.is_boolean());
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(
                !said.is_empty() && said.len() <= MESSAGE,
                "{} bytes: {error:.200}",
                said.len()
            );
        }
    }
    found
}

fn is_name(name: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(known)
}
