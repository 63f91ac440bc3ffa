//! Golden files: each `tests/ui/NAME.toml` is refused with exactly what stands in `NAME.err`.
//!
//! `FLEETWRIGHT_BLESS=1 cargo test -p fleetwright-manifest --test ui` writes the `.err` files anew: read the difference
//! before you commit it. Manifests that are wrong by their size are made here, see [`by_size`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_manifest::{Diagnostics, Source, codes, parse};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

/// The manifests, or the expectations, in a stable order.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Manifests that are wrong by their size.
fn by_size() -> Vec<(&'static str, String)> {
    let stages = |count: usize| {
        let stage = |i| format!("\n[[stage]]\nname   = \"stage-{i}\"\nplugin = \"classify@1\"\n");
        let all: String = (1..=count).map(stage).collect();
        format!("schema = 1\nname = \"inbox\"\n{all}")
    };
    let long = format!("schema = 1\nname = \"inbox\"\n#{}\n", "-".repeat(1 << 20));
    vec![("too-large", long), ("too-many-stages", stages(258))]
}

/// Every case: its name and its source, as shown.
fn cases() -> Vec<(String, Source)> {
    let mut cases: Vec<(String, Source)> = files("toml")
        .iter()
        .map(|path| {
            let name = stem(path);
            let text = fs::read_to_string(path).unwrap();
            (name.clone(), Source::new(format!("{name}.toml"), text))
        })
        .collect();
    for (name, text) in by_size() {
        cases.push((name.to_owned(), Source::new(format!("{name}.toml"), text)));
    }
    cases
}

fn refused(source: &Source) -> Diagnostics {
    match parse(source) {
        Ok(_) => panic!("{} was accepted", source.name),
        Err(found) => found,
    }
}

fn ten_mistakes() -> (Source, Diagnostics) {
    let (_, source) = cases()
        .into_iter()
        .find(|(name, _)| name == "ten-mistakes")
        .unwrap();
    let found = refused(&source);
    (source, found)
}

#[test]
fn each_manifest_is_refused_as_its_golden_file_says() {
    let bless = std::env::var_os("FLEETWRIGHT_BLESS").is_some();
    let mut differing = Vec::new();
    for (name, source) in cases() {
        let rendered = refused(&source).render(&source, false);
        let golden = folder().join(format!("{name}.err"));
        if bless {
            fs::write(&golden, &rendered).unwrap();
        } else if fs::read_to_string(&golden).ok().as_deref() != Some(rendered.as_str()) {
            differing.push(format!("── {name}\n{rendered}"));
        }
    }
    assert!(
        differing.is_empty(),
        "{} golden files are missing or differ; run with FLEETWRIGHT_BLESS=1 and read the difference\n{}",
        differing.len(),
        differing.join("\n")
    );
}

#[test]
fn no_golden_file_is_left_without_its_manifest() {
    let manifests: BTreeSet<String> = cases().into_iter().map(|(name, _)| name).collect();
    let golden: BTreeSet<String> = files("err").iter().map(|path| stem(path)).collect();
    assert_eq!(golden, manifests);
}

/// `NAME.toml` shows the code `NAME`, and only that; a further case of a code is named `NAME--case.toml`.
#[test]
fn every_code_has_a_golden_file_of_its_own() {
    let cases = cases();
    for code in codes::ALL {
        assert!(
            cases.iter().any(|(name, _)| name == code.as_str()),
            "no tests/ui/{code}.toml for the code `{code}`"
        );
    }
    for (name, source) in cases.iter().filter(|(name, _)| name != "ten-mistakes") {
        let code = name.split("--").next().unwrap();
        let found = refused(source);
        assert!(found.iter().any(|d| d.code.as_str() == code), "{name}");
        let others: Vec<&str> = found
            .iter()
            .map(|d| d.code.as_str())
            .filter(|c| *c != code)
            .collect();
        let empty_file = name == "missing-key--empty-file" && others == ["no-stages"];
        assert!(
            others.is_empty() || empty_file,
            "{name} also shows {others:?}"
        );
    }
}

#[test]
fn ten_mistakes_are_ten_diagnostics() {
    let (_, found) = ten_mistakes();
    assert_eq!(found.len(), 10);
    let codes: BTreeSet<&str> = found.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes.len(), 10, "ten different ones: {codes:?}");
}

#[test]
fn every_diagnostic_has_a_way_out_and_a_place() {
    for (name, source) in cases() {
        let found = refused(&source);
        for diagnostic in &found {
            let code = diagnostic.code;
            assert!(diagnostic.hint.is_some(), "{code} in {name}");
            assert!(diagnostic.span.end <= source.text.len());
            assert!(!diagnostic.message.ends_with('.'), "{}", diagnostic.message);
        }
        for line in found.render(&source, false).lines() {
            assert!(line.chars().count() <= 180, "{name}: {line}");
        }
    }
}

#[test]
fn programs_get_the_same_as_people() {
    let (source, found) = ten_mistakes();
    let json = found.to_json(&source);
    let first = &json.as_array().unwrap()[0];
    assert_eq!(json.as_array().unwrap().len(), 10);
    assert_eq!(first["file"], "ten-mistakes.toml");
    assert_eq!((&first["line"], &first["column"]), (&3.into(), &10.into()));
    assert_eq!(first["code"], "bad-name");
    assert_eq!(first["hint"], "write `customer-inbox`");
}

/// A file must not be able to write to the terminal of whoever checks it.
#[test]
fn what_a_file_says_is_shown_without_its_control_characters() {
    let name = "\\u001b[31m\\u202e";
    let text = format!(
        "schema = 1\nname = \"inbox\"\n\
         [[stage]]\nname = \"{name}\"\nplugin = \"a@1\"\nneeds = [\"b\"]\n\
         [[stage]]\nname = \"b\"\nplugin = \"{name}\"\nreads = [\"{name}\"]\nwhen = \"{name}\"\n"
    );
    let source = Source::new("fleet.toml", text);
    let found = refused(&source);
    let shown = found.render(&source, false) + &found.to_json(&source).to_string();
    let harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!shown.contains(harmful), "{shown:?}");
    assert!(found.len() >= 4, "{shown}");
}
