//! NVIDIA's GPUs as Linux tells of them: their names, the driver, and the CUDA that the driver knows.
//!
//! `/proc/driver/nvidia` tells names and driver without any tool; `nvidia-smi`, where it is there, the version of CUDA.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the driver tells of itself.
const TOLD: &str = "/proc/driver/nvidia";
/// How long `nvidia-smi` may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The driver from which on the pinned library computes.
const LEAST: u32 = 580;

/// What is known of the GPUs that this process sees.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gpus {
    /// One for each, as their maker calls them.
    pub(super) names: Vec<String>,
    pub(super) driver: Option<String>,
    pub(super) cuda: Option<String>,
}

impl Gpus {
    /// Those of this machine; `None` where there are none, or nothing tells of them.
    pub(super) fn here() -> Option<Gpus> {
        let gpus = Gpus::told(Path::new(TOLD))?;
        let cuda = heading().as_deref().and_then(cuda);
        Some(Gpus { cuda, ..gpus })
    }

    /// Without CUDA's version.
    fn told(folder: &Path) -> Option<Gpus> {
        let entries = fs::read_dir(folder.join("gpus")).ok()?.flatten();
        let name = |information: String| {
            let line = information
                .lines()
                .find_map(|line| line.strip_prefix("Model:"));
            line.map(|name| name.trim().to_owned())
        };
        let names: Vec<String> = entries
            .map(|entry| {
                let text = fs::read_to_string(entry.path().join("information"));
                text.ok()
                    .and_then(name)
                    .unwrap_or_else(|| "a GPU without a name".to_owned())
            })
            .collect();
        let version = fs::read_to_string(folder.join("version")).ok();
        (!names.is_empty()).then(|| Gpus {
            names,
            driver: version.as_deref().and_then(driver),
            cuda: None,
        })
    }

    /// Whether the driver is too old for the pinned library; what does not say its version may be new enough.
    pub(super) fn is_old(&self) -> bool {
        let major = self
            .driver
            .as_deref()
            .and_then(|driver| driver.split('.').next());
        major
            .and_then(|major| major.parse().ok())
            .is_some_and(|major: u32| major < LEAST)
    }

    /// `2 of NVIDIA H200, driver 580.65.06, CUDA 13.0`.
    pub(super) fn describe(&self) -> String {
        let mut names: Vec<(&str, usize)> = Vec::new();
        for name in &self.names {
            match names.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += 1,
                None => names.push((name, 1)),
            }
        }
        let told = names.iter().map(|(name, count)| match count {
            1 => (*name).to_owned(),
            count => format!("{count} of {name}"),
        });
        let mut parts: Vec<String> = told.collect();
        parts.push(self.driver.as_ref().map_or_else(
            || "a driver that does not say its version".to_owned(),
            |driver| format!("driver {driver}"),
        ));
        parts.extend(self.cuda.as_ref().map(|cuda| format!("CUDA {cuda}")));
        parts.join(", ")
    }
}

/// The version in `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun …`.
fn driver(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find(|line| line.starts_with("NVRM version:"))?;
    let is_version =
        |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    line.split_whitespace().find(is_version).map(str::to_owned)
}

/// What `nvidia-smi` prints, where it is done in time: a driver that hangs holds it up without end.
fn heading() -> Option<String> {
    let mut child = Command::new("nvidia-smi")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + PATIENCE;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > end {
            // It is killed if it can be; whether it ends is the driver's matter.
            drop(child.kill());
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut text = String::new();
    // Some screens of text, which the pipe holds.
    child.stdout?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The version in the heading that `nvidia-smi` prints.
fn cuda(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("CUDA Version:")?;
    let version = rest.split_whitespace().next()?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(version: &str, models: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("version"), version).unwrap();
        for (place, model) in models.iter().enumerate() {
            let gpu = folder.path().join(format!("gpus/0000:0{place}:00.0"));
            fs::create_dir_all(&gpu).unwrap();
            let text = format!("Model: \t\t {model}\nIRQ:   \t\t 42\n");
            fs::write(gpu.join("information"), text).unwrap();
        }
        folder
    }

    const VERSION: &str = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:18:40 UTC 2025\nGCC version:  gcc version 12.3.0\n";

    #[test]
    fn names_and_driver_are_what_the_kernel_tells() {
        let folder = machine(VERSION, &["NVIDIA H200", "NVIDIA H200"]);
        let gpus = Gpus::told(folder.path()).unwrap();
        assert_eq!(gpus.describe(), "2 of NVIDIA H200, driver 580.65.06");
        assert!(!gpus.is_old());
        let cuda = Some("13.0".to_owned());
        assert_eq!(
            Gpus { cuda, ..gpus }.describe(),
            "2 of NVIDIA H200, driver 580.65.06, CUDA 13.0"
        );
    }

    #[test]
    fn an_old_driver_is_known_and_one_that_does_not_say_is_not_refused() {
        let old = machine(&VERSION.replace("580.65.06", "550.54.15"), &["NVIDIA L4"]);
        assert!(Gpus::told(old.path()).unwrap().is_old());
        let silent = machine("", &["NVIDIA L4"]);
        let gpus = Gpus::told(silent.path()).unwrap();
        assert!(!gpus.is_old());
        assert_eq!(
            gpus.describe(),
            "NVIDIA L4, a driver that does not say its version"
        );
        let none = machine(VERSION, &[]);
        assert_eq!(Gpus::told(none.path()), None);
    }

    #[test]
    fn cuda_stands_in_the_heading() {
        let heading =
            "| NVIDIA-SMI 580.65.06    Driver Version: 580.65.06    CUDA Version: 13.0     |\n";
        assert_eq!(cuda(heading).as_deref(), Some("13.0"));
        assert_eq!(cuda("CUDA Version: N/A"), None);
        assert_eq!(cuda("No devices were found"), None);
    }
}
