//! The host with llama.cpp: its tools, its build, its model, its tests.
//!
//! Nothing else of the repository needs any of this. cmake and libclang are taken where they are, else from pip, at pinned versions,
//! into `target/generative-tools`. llama.cpp is compiled for this machine's processor (`processor`) unless `CMAKE_C_FLAGS` says otherwise:
//! without its vector instructions it is several times slower. The build lies beside the ordinary one; what changes with it is
//! `target/release/fleetwright`, until the next build without the feature.

mod processor;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::step;
use crate::workspace::Workspace;
use crate::{guests, lint, process, setup, test};

/// What the host and its tests are built with, besides.
const FEATURES: [&str; 2] = ["--features", "fleetwright/llama,fleetwright-tests/llama"];
/// What pip gives where the machine has neither.
const TOOLS: [&str; 2] = ["cmake==4.4.5", "libclang==18.1.1"];
/// What the names of all tests of generative models contain.
const TESTS: &str = "generat";
/// What measures, in `tests/peers`.
const BENCH: &str = "tests/peers/generative.py";

/// Builds, pulls, and tests; with the word `bench`, measures instead.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    let bench = match words {
        [] => false,
        [word, ..] if word == "bench" => true,
        [word, ..] => {
            bail!("`cargo xtask generative` takes no `{word}`. Run it alone, or with `bench`")
        }
    };
    let tools = step("tools", "cargo xtask generative", || Tools::find(workspace))?;
    guests::plugins(workspace)?;
    step("build", "cargo xtask generative", || {
        let mut cargo = process::cargo(workspace, &test::BUILD);
        process::run(tools.tell(cargo.args(FEATURES)))
    })?;
    setup::models(workspace, &setup::executable(workspace)?)?;
    if bench {
        return measure(workspace, words.get(1..).unwrap_or_default());
    }
    step("clippy", "cargo xtask generative", || {
        let mut cargo = process::cargo(workspace, &lint::CLIPPY);
        cargo.args(FEATURES).args(lint::DENY);
        process::run(tools.tell(&mut cargo))
    })?;
    eprintln!("== tests");
    let mut runner = test::runner(workspace, &[TESTS.to_owned()], &FEATURES);
    process::run(tools.tell(&mut runner))
        .map_err(|error| error.context("tests failed, which `cargo xtask generative` runs again"))
}

fn measure(workspace: &Workspace, words: &[String]) -> Result<()> {
    step("bench", "cargo xtask generative bench", || {
        let mut python = Command::new("python3");
        python.current_dir(&workspace.root).arg(BENCH).args(words);
        process::run(&mut python)
    })
}

/// Where the tools are that llama.cpp is built with.
struct Tools {
    variables: Vec<(&'static str, String)>,
}

impl Tools {
    fn find(workspace: &Workspace) -> Result<Tools> {
        setup::tools()?;
        process::needs("c++", "llama.cpp is built with it")?;
        let has_cmake = process::needs("cmake", "").is_ok();
        let has_libclang = std::env::var_os("LIBCLANG_PATH").is_some() || libclang().is_some();
        let mut variables = Vec::new();
        let folder = workspace.target.join("generative-tools");
        if !(has_cmake && has_libclang) {
            install(&folder)?;
            if !has_cmake {
                variables.push(("CMAKE", text(&folder.join("bin/cmake"))?));
            }
            if !has_libclang {
                variables.push(("LIBCLANG_PATH", text(&packaged(&folder)?)?));
                // It comes without the compiler's own headers; those of the C compiler do as well.
                variables.push(("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{}", headers()?)));
            }
        }
        let native = processor::flags(&folder)?;
        for flags in ["CMAKE_C_FLAGS", "CMAKE_CXX_FLAGS"] {
            if std::env::var_os(flags).is_none() {
                variables.push((flags, native.clone()));
            }
        }
        // llama.cpp's crate builds anew where a variable of this prefix changes, not where those above do. It means nothing else.
        variables.push(("GGML_BUILT_WITH", native));
        Ok(Tools { variables })
    }

    fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let variables = self.variables.iter();
        command.envs(variables.map(|(name, value)| (*name, value.as_str())))
    }
}

/// A libclang where bindgen looks for it.
fn libclang() -> Option<PathBuf> {
    let here = |folder: &Path| -> Option<PathBuf> {
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let is_it = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                name.starts_with("libclang.so") || name.starts_with("libclang-1")
            })
        };
        entries.map(|entry| entry.path()).find(is_it)
    };
    let versions = std::fs::read_dir("/usr/lib").into_iter().flatten();
    let versions = versions.filter_map(Result::ok).map(|entry| entry.path());
    let folders = versions.flat_map(|folder| [folder.join("lib"), folder]);
    let others = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    folders.chain(others).find_map(|folder| here(&folder))
}

/// Makes a virtual environment with both tools, once.
fn install(folder: &Path) -> Result<()> {
    if packaged(folder).is_ok() && folder.join("bin/cmake").is_file() {
        return Ok(());
    }
    let python = std::env::var("FLEETWRIGHT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    process::needs(
        &python,
        "cmake and libclang come through its pip where they are absent",
    )?;
    process::run(Command::new(&python).args(["-m", "venv"]).arg(folder))?;
    let pip = [
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ];
    process::run(
        Command::new(folder.join("bin/python"))
            .args(pip)
            .args(TOOLS),
    )
}

/// The folder of libclang in a virtual environment.
fn packaged(folder: &Path) -> Result<PathBuf> {
    let versions = std::fs::read_dir(folder.join("lib")).context("no packages of pip")?;
    let folders = versions.filter_map(Result::ok).map(|entry| {
        let packages = entry.path().join("site-packages");
        packages.join("clang/native")
    });
    let mut folders = folders.filter(|folder| folder.join("libclang.so").is_file());
    folders.next().context("pip gave no libclang")
}

/// The folder of the C compiler's own headers.
fn headers() -> Result<String> {
    let output = Command::new("cc").arg("-print-file-name=include").output();
    let output = output.context("`cc` does not say where its headers are")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.with_context(|| format!("`{}` is not UTF-8", path.display()))
}
