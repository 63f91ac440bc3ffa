//! `fleetwright doctor`: what this machine has and lacks, one line each, with the command that mends it.
//!
//! It ends badly where something is missing that the host needs to serve, or a card here needs, whether or not the fleet names it. What is only
//! useful (a toolchain to build plugins, the faster library) is told and does no harm.

mod gpus;

use std::path::Path;
use std::process::Command;

use fleetwright_inference::{Backends, CardError, Place};
use serde_json::json;

use gpus::Gpus;

use super::models::{cards_state, library_state};
use super::{Ending, VerbError};
use crate::cli::{self, Places};
use crate::onnxruntime::{self, Build, LibraryChoice, Pinned};
use crate::terminal::Terminal;
use crate::units::bytes_for_people;

/// One line: what was looked at, how it stands, and how to mend it.
struct Line {
    what: &'static str,
    state: State,
    detail: String,
    mend: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    /// Missing, and the host serves without it.
    Wanting,
    /// Missing, and the host does not serve without it.
    Missing,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Well => "ok",
            State::Wanting => "optional",
            State::Missing => "missing",
        }
    }
}

impl Line {
    fn well(what: &'static str, detail: impl Into<String>) -> Line {
        Line {
            what,
            state: State::Well,
            detail: detail.into(),
            mend: None,
        }
    }

    fn lacking(
        what: &'static str,
        state: State,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) -> Line {
        Line {
            what,
            state,
            detail: detail.into(),
            mend: Some(mend.into()),
        }
    }
}

/// Looks at everything.
///
/// # Errors
/// Standard output is closed.
pub async fn doctor(arguments: &cli::Doctor, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let mut lines = vec![
        compiler(),
        target(),
        python(),
        state(&places.state),
        library(&places),
        generative(),
        cards(&places),
    ];
    let gpus = Gpus::here();
    lines.extend(gpus.as_ref().map(described));
    lines.extend(devices(&places, gpus.is_some()));
    lines.push(fleet(&places).await);
    lines.push(cores());
    lines.extend(memory());
    let well = lines.iter().all(|line| line.state != State::Missing);
    if terminal.json() {
        let checks: Vec<_> = lines.iter().map(|line| json!({"what": line.what, "state": line.state.word(), "detail": line.detail, "mend": line.mend})).collect();
        terminal.value(&json!({"ok": well, "checks": checks}))?;
    } else {
        terminal.text(&rendered(&lines))?;
    }
    Ok(if well { Ending::Well } else { Ending::Badly })
}

fn rendered(lines: &[Line]) -> String {
    let one = |line: &Line| {
        let mend = line
            .mend
            .as_ref()
            .map(|mend| format!("{:<23}mend it: {mend}\n", ""))
            .unwrap_or_default();
        format!(
            "{:<9} {:<12} {}\n{mend}",
            line.state.word(),
            line.what,
            line.detail
                .trim_end()
                .replace('\n', "\n                       ")
        )
    };
    lines.iter().map(one).collect()
}

fn compiler() -> Line {
    match said("rustc", &["--version"]) {
        Some(version) => Line::well("rustc", version),
        None => Line::lacking(
            "rustc",
            State::Wanting,
            "not on PATH; needed to build plugins",
            "install Rust from https://rustup.rs",
        ),
    }
}

fn target() -> Line {
    let target = fleetwright_toolchain::TARGET;
    let installed = said("rustc", &["--print", "target-libdir", "--target", target])
        .is_some_and(|folder| Path::new(&folder).is_dir());
    if installed {
        return Line::well("wasm target", format!("{target} is installed"));
    }
    let detail = format!(
        "{target} is not installed; `fleetwright plugin build` fetches or makes it when it is needed"
    );
    Line::lacking(
        "wasm target",
        State::Wanting,
        detail,
        format!("rustup target add {target}"),
    )
}

fn python() -> Line {
    match said("python3", &["-m", "pip", "--version"]) {
        Some(version) => Line::well(
            "python3 pip",
            version
                .split(" from ")
                .next()
                .unwrap_or_default()
                .to_owned(),
        ),
        None => Line::lacking(
            "python3 pip",
            State::Wanting,
            "not there; needed by `models pull`",
            "apt install python3 python3-pip",
        ),
    }
}

fn state(folder: &Path) -> Line {
    let shown = folder.display();
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::NamedTempFile::new_in(folder).map(drop));
    match written {
        Ok(()) => Line::well("state", format!("`{shown}` can be written")),
        Err(error) => Line::lacking(
            "state",
            State::Missing,
            format!("`{shown}` cannot be written: {error}"),
            format!("chown -R \"$USER\" {shown}, or name another folder with --state"),
        ),
    }
}

fn library(places: &Places) -> Line {
    const WHAT: &str = "inference";
    let pull = format!(
        "fleetwright models pull{}",
        onnxruntime::build(places).option()
    );
    let pinned = match onnxruntime::pinned(places) {
        Ok(pinned) => pinned,
        Err(error) => {
            return Line::lacking(
                WHAT,
                State::Missing,
                error.to_string(),
                "git checkout -- models/onnxruntime.toml",
            );
        }
    };
    if let (None | Some(LibraryChoice::Build(_)), Pinned::Library(library)) =
        (&places.onnxruntime, &pinned)
        && let Err(error) = library_state(library)
    {
        return Line::lacking(WHAT, State::Missing, error.to_string(), pull);
    }
    let path = match onnxruntime::file(places) {
        Ok(path) => path,
        Err(error) => return Line::lacking(WHAT, State::Missing, error.to_string(), pull),
    };
    match (Backends::detect(path.as_deref()), path) {
        (Err(error), _) => Line::lacking(WHAT, State::Missing, error.to_string(), pull),
        (Ok(backends), Some(_)) => Line::well(WHAT, backends.describe().to_string()),
        (Ok(backends), None) => Line::lacking(
            WHAT,
            State::Wanting,
            format!("{}; onnxruntime is faster", backends.describe()),
            pull,
        ),
    }
}

/// Whether this build runs generative models.
fn generative() -> Line {
    const WHAT: &str = "generative";
    if let Some(writer) = fleetwright_inference::writer() {
        return Line::well(WHAT, format!("{writer} is built in"));
    }
    Line::lacking(
        WHAT,
        State::Wanting,
        "this build has no llama.cpp, which cards of format `gguf` need",
        "cargo xtask generative",
    )
}

/// The GPUs of this machine, and whether their driver is new enough.
fn described(gpus: &Gpus) -> Line {
    const WHAT: &str = "gpu";
    if gpus.is_old() {
        let mend = gpu_libraries(Place::Cuda(0));
        Line::lacking(WHAT, State::Wanting, gpus.describe(), mend)
    } else {
        Line::well(WHAT, gpus.describe())
    }
}

/// What the library that serves computes on, each tried; and a GPU that it does not know how to use.
fn devices(places: &Places, gpu: bool) -> Vec<Line> {
    const WHAT: &str = "device";
    let library = onnxruntime::file(places).ok().flatten();
    // That it cannot be loaded stands in the line before.
    let Some(backends) = library.and_then(|file| Backends::detect(Some(&file)).ok()) else {
        return unused_gpu(gpu).into_iter().collect();
    };
    let devices = backends.devices();
    let unused = if devices.is_empty() {
        unused_gpu(gpu)
    } else {
        None
    };
    let lines = devices.iter().map(|device| match &device.state {
        Ok(()) => Line::well(WHAT, format!("{} computes", device.place)),
        Err(reason) => Line::lacking(
            WHAT,
            State::Wanting,
            format!("{} does not compute: {reason}", device.place),
            gpu_libraries(device.place),
        ),
    });
    lines.chain(unused).collect()
}

/// What a GPU takes beside the library.
fn gpu_libraries(place: Place) -> &'static str {
    match place {
        Place::Cuda(_) => {
            "install NVIDIA's driver, 580 or later, and show the GPU to this process (containers: `--gpus all`)"
        }
        Place::WebGpu | Place::Cpu => {
            "install the GPU vendor's Vulkan driver (AMD's and Intel's: apt install libvulkan1 mesa-vulkan-drivers)"
        }
    }
}

/// A GPU of NVIDIA's that this process sees, where no library here uses it.
fn unused_gpu(gpu: bool) -> Option<Line> {
    gpu.then(|| {
        Line::lacking(
            "device",
            State::Wanting,
            "a GPU of NVIDIA's is here, and the library computes on cpu alone",
            format!(
                "fleetwright models pull{0}, and give every command{0}",
                Build::Cuda.option()
            ),
        )
    })
}

fn cards(places: &Places) -> Line {
    match cards_state(places) {
        Ok(count) => Line::well(
            "models",
            format!("{count} cards, every file with the digest of its card"),
        ),
        Err(error) => Line::lacking("models", State::Missing, error.to_string(), mend_of(&error)),
    }
}

/// What mends a card's file: of one that is missing its own way, for some are pulled and some are made.
fn mend_of(error: &CardError) -> String {
    match error {
        CardError::Missing { hint, .. } => hint.clone(),
        _ => "git checkout -- models, then fleetwright models pull".to_owned(),
    }
}

async fn fleet(places: &Places) -> Line {
    const WHAT: &str = "fleet";
    let checked = match onnxruntime::options(places) {
        Ok(options) => fleetwright_fleet::check(&options)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match checked {
        Ok(summary) => Line::well(
            WHAT,
            format!(
                "`{}` starts, {} stages; all its models together compute on {} threads at most",
                summary.name,
                summary.stages.len(),
                summary.threads
            ),
        ),
        Err(error) => Line::lacking(
            WHAT,
            State::Missing,
            error,
            "correct what is named above; `cargo xtask demo` builds the shipped plugins",
        ),
    }
}

fn cores() -> Line {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    Line::well("cores", count.to_string())
}

/// Linux tells; elsewhere there is no line.
fn memory() -> Option<Line> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    let detail = format!("{} available", bytes_for_people(kilobytes << 10));
    if kilobytes < 512 << 10 {
        return Some(Line::lacking(
            "memory",
            State::Wanting,
            detail,
            "free some: the shipped fleet takes up to 400 MiB",
        ));
    }
    Some(Line::well("memory", detail))
}

/// The first line that a command prints, where it succeeds.
fn said(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().to_owned())
}
