//! Guests written by hand, for what no compiler would write: core WebAssembly text, made into components.
//!
//! A case is a file of `tests/guests/wat`; its frame is `stage.wat` there. [`Guest`] says the rest: what the component
//! tells of itself, and which world it claims to be of.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::places;

const FRAME: &str = include_str!("../guests/wat/stage.wat");
/// Where the description stands in the guest's memory, and its texts.
const DESCRIPTION: usize = 256;
const TEXTS: usize = 4096;
const PAGE: usize = 65_536;

/// A guest: its case and what it says of itself.
#[derive(Clone, Debug)]
pub struct Guest {
    case: String,
    /// The name that it claims.
    pub name: String,
    /// The version that it claims.
    pub version: String,
    /// Its sentence for a person.
    pub summary: String,
    /// The roles that it declares.
    pub roles: Vec<String>,
    /// The schema of its config.
    pub config_schema: String,
    /// The schema of its answers.
    pub answer_schema: String,
    /// The version of the world that it was made for.
    pub world: String,
}

impl Guest {
    /// The guest of `tests/guests/wat/NAME.wat`.
    ///
    /// # Errors
    /// There is no such file.
    pub fn named(name: &str) -> Result<Guest> {
        let path = places::root().join(format!("tests/guests/wat/{name}.wat"));
        let case =
            fs::read_to_string(&path).with_context(|| format!("no case `{}`", path.display()))?;
        Ok(Guest {
            case,
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Breaks one rule.".to_owned(),
            roles: Vec::new(),
            config_schema: r#"{"type":"object"}"#.to_owned(),
            answer_schema: r#"{"type":"object"}"#.to_owned(),
            world: "1.0.0".to_owned(),
        })
    }

    /// The same guest with many functions of some length besides, which nobody calls: what takes long to compile.
    #[must_use]
    pub fn with_functions(mut self, count: usize, length: usize) -> Guest {
        for function in 0..count {
            let _ = write!(
                self.case,
                "\n(func (param i64 i64) (result i64) (local i64 i64 i64 i64)"
            );
            for step in 0..length {
                let (from, to, constant) =
                    (step % 6, (step * 7 + function) % 6, step * 31 + function);
                let _ = write!(
                    self.case,
                    " (local.set {to} (i64.add (i64.mul (local.get {from}) (i64.const {constant})) (i64.xor (local.get {to}) (i64.rotl (local.get {from}) (local.get 1)))))"
                );
            }
            self.case.push_str(" (local.get 0))");
        }
        self
    }

    /// The same guest with functions whose every jump leads to every label, with other locals each: some kilobytes that take as
    /// long to compile as half a megabyte of ordinary ones.
    #[must_use]
    pub fn with_tangles(mut self, count: usize) -> Guest {
        const LABELS: usize = 40;
        const LOCALS: usize = 20;
        let labels: String = (0..LABELS).map(|label| format!(" {label}")).collect();
        for function in 0..count {
            let _ = write!(
                self.case,
                "\n(func (param i32) (result i32) (local{}){}",
                " i32".repeat(LOCALS),
                " (block".repeat(LABELS)
            );
            for jump in 0..LABELS {
                for local in 1..=LOCALS {
                    let from = (local * 7 + jump) % LOCALS + 1;
                    let constant = jump * 31 + function;
                    let _ = write!(
                        self.case,
                        " (local.set {local} (i32.add (local.get {from}) (i32.const {constant})))"
                    );
                }
                let _ = write!(
                    self.case,
                    " (if (local.get 1) (then (br_table{labels} (local.get 2))))"
                );
            }
            let _ = write!(self.case, "{} (local.get 3))", ")".repeat(LABELS));
        }
        self
    }

    /// The component.
    ///
    /// # Errors
    /// The case is no WebAssembly text, or does not fit the world.
    pub fn component(&self) -> Result<Vec<u8>> {
        let text = self.text()?;
        let mut module = wat::parse_str(&text).with_context(|| format!("`{}`", self.name))?;
        let (resolve, world) = self.world()?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        ComponentEncoder::default()
            .validate(true)
            .module(&module)?
            .encode()
    }

    /// The core module: the frame with the case in it.
    fn text(&self) -> Result<String> {
        let (imports, mut rest): (Vec<&str>, Vec<&str>) = self
            .case
            .lines()
            .partition(|line| line.starts_with("(import "));
        for name in ["$handle", "$describe"] {
            if !self.case.contains(&format!("(func {name}")) {
                rest.push(match name {
                    "$handle" => "(func $handle)",
                    _ => "(func $describe)",
                });
            }
        }
        let (data, end) = self.data()?;
        let pages = end.div_ceil(PAGE) + 1;
        Ok(FRAME
            .replace(";; imports", &imports.join("\n"))
            .replace(";; pages", &pages.to_string())
            .replace(";; heap", &end.to_string())
            .replace(";; data", &data)
            .replace(";; case", &rest.join("\n"))
            .replace("@1.0.0", &format!("@{}", self.world)))
    }

    /// The description as it stands in memory, and where its texts end.
    fn data(&self) -> Result<(String, usize)> {
        let mut texts = Vec::new();
        let mut record = Vec::new();
        let put =
            |texts: &mut Vec<u8>, record: &mut Vec<u8>, bytes: &[u8], count: usize| -> Result<()> {
                record.extend(u32::try_from(TEXTS + texts.len())?.to_le_bytes());
                record.extend(u32::try_from(count)?.to_le_bytes());
                texts.extend(bytes);
                // What follows may be a list of records, which are aligned.
                texts.resize(texts.len().next_multiple_of(8), 0);
                Ok(())
            };
        for text in [&self.name, &self.version, &self.summary] {
            put(&mut texts, &mut record, text.as_bytes(), text.len())?;
        }
        let mut roles = Vec::new();
        for role in &self.roles {
            for text in [role, &self.summary] {
                put(&mut texts, &mut roles, text.as_bytes(), text.len())?;
            }
        }
        put(&mut texts, &mut record, &roles, self.roles.len())?;
        for text in [&self.config_schema, &self.answer_schema] {
            put(&mut texts, &mut record, text.as_bytes(), text.len())?;
        }
        let mut data = String::new();
        for (at, bytes) in [(DESCRIPTION, &record), (TEXTS, &texts)] {
            write!(data, "(data (i32.const {at}) \"")?;
            for byte in bytes {
                write!(data, "\\{byte:02x}")?;
            }
            data.push_str("\")\n");
        }
        Ok((data, TEXTS + texts.len()))
    }

    /// The world that it claims: the repository's own, under another version where the guest says so.
    fn world(&self) -> Result<(Resolve, wit_parser::WorldId)> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let wit = places::root().join("wit");
        copy(&wit, folder.path(), &|text| {
            text.replace(
                "package fleetwright:stage@1.0.0",
                &format!("package fleetwright:stage@{}", self.world),
            )
        })?;
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(folder.path())?;
        let world = resolve.select_world(&[package], Some("stage"))?;
        Ok((resolve, world))
    }
}

fn copy(from: &Path, to: &Path, change: &dyn Fn(String) -> String) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read `{}`", from.display()))? {
        let path = entry?.path();
        let to = to.join(path.file_name().context("a file has a name")?);
        if path.is_dir() {
            fs::create_dir_all(&to)?;
            copy(&path, &to, change)?;
        } else if path.extension().is_some_and(|extension| extension == "wit") {
            fs::write(&to, change(fs::read_to_string(&path)?))?;
        }
    }
    Ok(())
}

/// The bytes of some WebAssembly text, of a module or a component.
///
/// # Errors
/// The text is none.
pub fn parse(text: &str) -> Result<Vec<u8>> {
    wat::parse_str(text).context("no WebAssembly text")
}
