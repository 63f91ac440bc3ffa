//! Fuzzing on the stable toolchain: the targets of `host/fuzz`, compiled with the fuzzer's counters and run one at a time.
//!
//! What cargo-fuzz does on nightly, less the address sanitizer, which stable Rust does not offer: of the host's two `unsafe` blocks
//! the target `component` goes through one, with code that it has compiled itself. Counters, overflow checks and debug assertions are in those packages that have a profile of their own in
//! `host/fuzz/Cargo.toml`: cargo hands this program each call of rustc, which adds the flags where they belong. So the other
//! dependencies are those of every build. What a run finds is kept in `target/fuzz`; `--keep` takes what of it reaches new code
//! into the repository's corpus, within its bounds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::step::step;
use crate::workspace::Workspace;

/// Processor time that a target gets unless it is told otherwise, and how often it is looked at.
const SECONDS: u64 = 300;
const LOOK: Duration = Duration::from_millis(500);
/// Linux counts processor time in hundredths of a second for everyone who reads it.
const TICKS: u64 = 100;
/// Files of one target's corpus, at most.
const FILES: usize = 300;
/// Bytes of one target's corpus, at most: all of them together stay below 1.5 MiB.
const BYTES: u64 = 160 << 10;
/// An input that takes longer is a finding.
const SLOW: &str = "1";
const HUNG: &str = "20";
/// Names the packages whose calls of rustc are given [`COUNTERS`].
pub(crate) const COUNTED: &str = "FLEETWRIGHT_FUZZ_COUNTED";
const COUNTERS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// What the command line asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    target: String,
    seconds: u64,
    keep: bool,
}

impl Options {
    /// Reads `TARGET [SECONDS] [--keep]`.
    pub(crate) fn parse(words: &[String]) -> Result<Options> {
        let (flags, words): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| word.starts_with('-'));
        if let Some(flag) = flags.iter().find(|flag| flag.as_str() != "--keep") {
            bail!("`cargo xtask fuzz` takes no `{flag}`. It takes `--keep`");
        }
        let [target, rest @ ..] = words.as_slice() else {
            bail!("`cargo xtask fuzz` needs a target, or `all`: host/fuzz/README.md lists them");
        };
        let seconds = match rest {
            [] => SECONDS,
            [seconds] => seconds
                .parse()
                .with_context(|| format!("`{seconds}` is no number of seconds"))?,
            [_, other, ..] => bail!("`{other}` is one word too many: give one target, or `all`"),
        };
        Ok(Options {
            target: (*target).clone(),
            seconds,
            keep: !flags.is_empty(),
        })
    }
}

/// Builds the targets and runs what was asked for, one after the other.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let fuzz = Fuzz::build(workspace)?;
    let known = targets(&fuzz.sources)?;
    let wanted: Vec<&String> = known
        .iter()
        .filter(|name| options.target == "all" || **name == options.target)
        .collect();
    if wanted.is_empty() {
        bail!(
            "no target is named `{}`. There are: {}",
            options.target,
            known.join(", ")
        );
    }
    for target in wanted {
        let again = format!("cargo xtask fuzz {target} {}", options.seconds);
        step(target, &again, || fuzz.search(target, options.seconds))?;
        if options.keep {
            step("keep", &format!("{again} --keep"), || fuzz.keep(target))?;
        }
    }
    Ok(())
}

/// The names of all targets.
fn targets(sources: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(sources.join("fuzz_targets"))
        .with_context(|| format!("`{}` has no targets", sources.display()))?;
    let names = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        Some(path.file_stem()?.to_string_lossy().into_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// The built targets, and where everything of them lies.
struct Fuzz {
    root: PathBuf,
    sources: PathBuf,
    /// Finds, and inputs that broke something.
    work: PathBuf,
    programs: PathBuf,
}

impl Fuzz {
    fn build(workspace: &Workspace) -> Result<Fuzz> {
        let sources = workspace.root.join("host/fuzz");
        let work = workspace.target.join("fuzz");
        let manifest = sources.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("`{}` cannot be read", manifest.display()))?;
        let this = std::env::current_exe().context("this program's own path is not known")?;
        // The versions are the workspace's; what it has none of is added.
        let lock = [
            workspace.root.join("Cargo.lock"),
            sources.join("Cargo.lock"),
        ];
        let [from, to] = &lock;
        fs::copy(from, to).with_context(|| format!("`{}` cannot be written", to.display()))?;
        let mut cargo = process::cargo(workspace, &["build", "--release", "--bins"]);
        cargo
            .arg("--manifest-path")
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&workspace.target)
            .env("RUSTC_WRAPPER", this)
            .env(COUNTED, counted(&text)?.join(","));
        step("fuzz targets", "cargo xtask fuzz", || {
            process::run(&mut cargo)
        })?;
        Ok(Fuzz {
            root: workspace.root.clone(),
            programs: workspace.target.join("release"),
            sources,
            work,
        })
    }

    /// Runs a target on what is kept and what earlier runs found; what is new goes to the latter.
    fn search(&self, target: &str, seconds: u64) -> Result<()> {
        let mut command = self.program(target);
        command
            .arg(made(self.work.join("corpus").join(target))?)
            .arg(self.corpus(target)?)
            .args(["-print_final_stats=1", "-max_len=16384"]);
        for_processor_time(&mut command, seconds)
    }

    /// Takes into the corpus what reaches code that nothing in it reaches, as long as there is room.
    fn keep(&self, target: &str) -> Result<()> {
        let corpus = self.corpus(target)?;
        let mut command = self.program(target);
        command
            // By the code that is reached, not by how often.
            .args(["-merge=1", "-use_counters=0", "-max_len=16384"])
            .arg(&corpus)
            .arg(made(self.work.join("corpus").join(target))?);
        process::run(&mut command)?;
        let (files, bytes) = thin(&corpus)?;
        eprintln!("   {files} files, {bytes} bytes are kept");
        Ok(())
    }

    fn program(&self, target: &str) -> Command {
        let mut command = Command::new(self.programs.join(format!("fuzz-{target}")));
        let mut prefix = self.work.join("broken").join(target).into_os_string();
        prefix.push("-");
        let mut artifacts = std::ffi::OsString::from("-artifact_prefix=");
        artifacts.push(prefix);
        command
            .current_dir(&self.root)
            .arg(artifacts)
            .arg(format!("-report_slow_units={SLOW}"))
            .arg(format!("-timeout={HUNG}"))
            .arg("-rss_limit_mb=4096");
        command
    }

    fn corpus(&self, target: &str) -> Result<PathBuf> {
        made(self.work.join("broken"))?;
        made(self.sources.join("corpus").join(target))
    }
}

/// Runs a fuzzer until it has used `seconds` of processor time, however many others the machine serves meanwhile, and asks it
/// to end then. By itself it ends where it has found something.
fn for_processor_time(command: &mut Command, seconds: u64) -> Result<()> {
    let shown = process::shown(command);
    eprintln!("   $ {shown}");
    let mut fuzzer = command
        .spawn()
        .with_context(|| format!("`{shown}` did not start"))?;
    let mut asked = false;
    let status = loop {
        if let Some(status) = fuzzer.try_wait()? {
            break status;
        }
        if !asked && processor_time(&fuzzer)? >= seconds * TICKS {
            let process = rustix::process::Pid::from_child(&fuzzer);
            rustix::process::kill_process(process, rustix::process::Signal::USR1)?;
            asked = true;
        }
        std::thread::sleep(LOOK);
    };
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// In [`TICKS`] of a second, of all of its threads. A process that nobody has waited for is still told of.
fn processor_time(process: &Child) -> Result<u64> {
    let path = format!("/proc/{}/stat", process.id());
    let stat = fs::read_to_string(&path)
        .with_context(|| format!("`{path}` says what the fuzzer has used; run it on Linux"))?;
    // The program's name may hold anything; what follows it does not.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let used = ticks(11).zip(ticks(12));
    let (user, system) = used.with_context(|| format!("`{path}` has no times: {stat}"))?;
    Ok(user + system)
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder)
        .with_context(|| format!("`{}` cannot be made", folder.display()))?;
    Ok(folder)
}

/// Removes finds, the largest first, until files and bytes are within their bounds. Seeds, which have names, stay.
fn thin(corpus: &Path) -> Result<(usize, u64)> {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(corpus)? {
        let entry = entry?;
        let size = entry.metadata()?.len();
        (files, bytes) = (files + 1, bytes + size);
        if is_find(&entry.file_name().to_string_lossy()) {
            found.push((size, entry.path()));
        }
    }
    found.sort();
    while files > FILES || bytes > BYTES {
        let Some((size, path)) = found.pop() else {
            bail!(
                "the seeds of `{}` alone have {bytes} bytes in {files} files: {BYTES} in {FILES} are kept at most",
                corpus.display()
            );
        };
        fs::remove_file(path)?;
        (files, bytes) = (files - 1, bytes - size);
    }
    Ok((files, bytes))
}

/// The fuzzer names what it finds by its SHA-1.
fn is_find(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The packages that have a profile of their own in the manifest `text`.
fn counted(text: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = text.parse().context("host/fuzz/Cargo.toml is no TOML")?;
    let profile = manifest.get("profile").and_then(|all| all.get("release"));
    let packages = profile.and_then(|profile| profile.get("package")?.as_table());
    let named = packages.into_iter().flat_map(toml::Table::keys);
    let named: Vec<String> = named.filter(|name| *name != "*").cloned().collect();
    if named.is_empty() {
        bail!(
            "host/fuzz/Cargo.toml names no package to count in: add `[profile.release.package.NAME]`"
        );
    }
    Ok(named)
}

/// Calls rustc as cargo asks for it, with counters where the package is one of `counted`.
pub(crate) fn rustc(words: &[String], counted: &str) -> Result<()> {
    let Some((rustc, words)) = words.split_first() else {
        bail!("cargo names no rustc");
    };
    let mut command = Command::new(rustc);
    command.args(words);
    let of_cargo = |name: &str| std::env::var(name).unwrap_or_default();
    let (package, part) = (of_cargo("CARGO_PKG_NAME"), of_cargo("CARGO_CRATE_NAME"));
    let builds = part.starts_with("build_script_");
    if !builds && counted.split(',').any(|name| name == package) {
        command.args(COUNTERS);
    }
    let status = command
        .status()
        .with_context(|| format!("`{rustc}` did not start"))?;
    if !status.success() {
        bail!("rustc failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        Options::parse(&words)
    }

    #[test]
    fn a_target_a_time_and_whether_to_keep_are_read() {
        let options = |seconds, keep| Options {
            target: "lock".into(),
            seconds,
            keep,
        };
        assert_eq!(parse(&["lock"]).unwrap(), options(SECONDS, false));
        assert_eq!(parse(&["lock", "20", "--keep"]).unwrap(), options(20, true));
        for (words, said) in [
            (&[][..], "needs a target"),
            (&["lock", "soon"], "no number of seconds"),
            (&["lock", "1", "2"], "one word too many"),
            (&["lock", "--jobs"], "takes no `--jobs`"),
        ] {
            let error = format!("{:#}", parse(words).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_processor_time_of_a_process_is_read_while_it_runs_and_after_its_end() {
        let mut busy = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        while processor_time(&busy).unwrap() < 3 {}
        busy.kill().unwrap();
        assert!(
            processor_time(&busy).unwrap() >= 3,
            "nobody has waited for it"
        );
        busy.wait().unwrap();
    }

    #[test]
    fn every_target_has_a_corpus_and_seeds_stay_where_finds_go() {
        let workspace = Workspace::here().unwrap();
        let sources = workspace.root.join("host/fuzz");
        let text = fs::read_to_string(sources.join("Cargo.toml")).unwrap();
        let counted = counted(&text).unwrap();
        assert!(counted.iter().any(|name| name == "fleetwright-manifest"));
        for target in targets(&sources).unwrap() {
            assert!(sources.join("corpus").join(&target).is_dir(), "{target}");
        }
        let corpus = tempfile::tempdir().unwrap();
        let (seed, find) = ("seed.toml", "0123456789abcdef0123456789abcdef01234567");
        fs::write(corpus.path().join(seed), vec![0; 1000]).unwrap();
        fs::write(corpus.path().join(find), vec![0; BYTES as usize]).unwrap();
        assert_eq!(thin(corpus.path()).unwrap(), (1, 1000));
        assert!(corpus.path().join(seed).is_file());
    }
}
