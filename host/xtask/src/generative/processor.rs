//! What llama.cpp is compiled with for this machine's processor.
//!
//! By default all that the processor has; but a compiler that loses what AMX's tiles are configured to makes a program that ends by an
//! illegal instruction at the first prompt. So a small program tries it, at each level of optimisation, and tiles are left out where it
//! fails.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

const NATIVE: &str = "-march=native";
const WITHOUT_TILES: &str = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16";
/// What is tried.
const TRIED: &str = include_str!("amx.cpp");
const LEVELS: [&str; 3] = ["-O1", "-O2", "-O3"];

/// Flags for the C and the C++ compiler. `folder` is for the program that is tried.
///
/// # Errors
/// `c++` is not there, or does not compile.
pub(super) fn flags(folder: &Path) -> Result<String> {
    if cfg!(target_arch = "x86_64") && !tiles_work(folder)? {
        eprintln!(
            "   this c++ loses the configuration of AMX tiles: llama.cpp is built without them"
        );
        return Ok(format!("{NATIVE} {WITHOUT_TILES}"));
    }
    Ok(NATIVE.to_owned())
}

/// Whether a program that uses tiles ends well at each level.
fn tiles_work(folder: &Path) -> Result<bool> {
    std::fs::create_dir_all(folder)?;
    let (source, program) = (folder.join("amx.cpp"), folder.join("amx"));
    std::fs::write(&source, TRIED)?;
    for level in LEVELS {
        let mut compiler = Command::new("c++");
        compiler
            .args([level, NATIVE, "-o"])
            .arg(&program)
            .arg(&source);
        let output = compiler.output().context("`c++` cannot be run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(
            output.status.success(),
            "`c++` does not compile a program of its standard library: {said}"
        );
        let status = Command::new(&program).stderr(Stdio::null()).status();
        if !status
            .with_context(|| format!("`{}` cannot be run", program.display()))?
            .success()
        {
            return Ok(false);
        }
    }
    Ok(true)
}
