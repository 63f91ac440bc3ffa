//! Where a fleet's parts lie: as the command line says, or beside the manifest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, TypedValueParser as _};
use fleetwright_fleet::CompileBounds;

use crate::onnxruntime::LibraryChoice;
use crate::units;

/// Where the fleet's parts lie.
#[derive(Debug, Clone, Args)]
pub struct FleetArgs {
    /// The manifest.
    #[arg(
        long,
        global = true,
        env = "FLEETWRIGHT_FLEET",
        default_value = "fleet.toml",
        value_name = "FILE"
    )]
    pub fleet: PathBuf,
    /// Where the host keeps what it makes: compiled components, pulled files. Default: `.fleetwright` beside the manifest.
    #[arg(long, global = true, env = "FLEETWRIGHT_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Where the plugins' .wasm files lie. Default: `plugins` beside the manifest.
    #[arg(long, global = true, env = "FLEETWRIGHT_PLUGINS", value_name = "DIR")]
    pub plugins: Option<PathBuf>,
    /// Where the models' cards lie. Default: `models` beside the manifest.
    #[arg(long, global = true, env = "FLEETWRIGHT_MODELS", value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// The onnxruntime library: a file, or a build, `cpu`, `cuda` or `webgpu`, as `models pull` fetches it. Default: `cpu`
    /// where it was pulled; without it rten, which is built in, infers.
    #[arg(
        long,
        global = true,
        env = "FLEETWRIGHT_ONNXRUNTIME",
        value_name = "FILE|BUILD",
        value_parser = NonEmptyStringValueParser::new().map(|text| LibraryChoice::from(&*text))
    )]
    pub onnxruntime: Option<LibraryChoice>,
    /// Use what `fleet.lock` names and nothing else.
    #[arg(long, global = true, env = "FLEETWRIGHT_LOCKED")]
    pub locked: bool,
    /// The memory that compiling one component may take.
    #[arg(long, global = true, env = "FLEETWRIGHT_COMPILE_MEMORY", default_value = "1GiB", value_name = "SIZE", value_parser = units::size)]
    pub compile_memory: u64,
    /// The processor time that compiling one component may take, in whole seconds; by the clock it has twice as long.
    #[arg(long, global = true, env = "FLEETWRIGHT_COMPILE_TIME", default_value = "60s", value_name = "TIME", value_parser = units::duration)]
    pub compile_time: Duration,
}

/// Where the fleet's parts lie, all of it settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The manifest.
    pub manifest: PathBuf,
    /// The plugins' .wasm files.
    pub plugins: PathBuf,
    /// The models' cards.
    pub models: PathBuf,
    /// What the host makes.
    pub state: PathBuf,
    /// The library that was asked for, if one was.
    pub onnxruntime: Option<LibraryChoice>,
    /// Whether the lock restrains.
    pub locked: bool,
    /// What compiling one component may take.
    pub bounds: CompileBounds,
}

impl FleetArgs {
    /// Fills in what lies beside the manifest.
    #[must_use]
    pub fn places(&self) -> Places {
        let beside = self.fleet.parent().unwrap_or(Path::new(""));
        let or_beside = |given: &Option<PathBuf>, name: &str| {
            given.clone().unwrap_or_else(|| beside.join(name))
        };
        Places {
            manifest: self.fleet.clone(),
            plugins: or_beside(&self.plugins, "plugins"),
            models: or_beside(&self.models, "models"),
            state: or_beside(&self.state, ".fleetwright"),
            onnxruntime: self.onnxruntime.clone(),
            locked: self.locked,
            bounds: CompileBounds {
                memory: self.compile_memory,
                cpu: self.compile_time,
                wall: self.compile_time.saturating_mul(2),
                ..CompileBounds::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Verb};

    #[test]
    fn paths_lie_beside_the_manifest_unless_given() {
        let cli = Cli::parse_from([
            "fleetwright",
            "check",
            "--fleet",
            "/srv/inbox/fleet.toml",
            "--models",
            "/models",
        ]);
        let Verb::Check(check) = cli.verb else {
            panic!("another verb")
        };
        let places = check.fleet.places();
        assert_eq!(places.plugins, Path::new("/srv/inbox/plugins"));
        assert_eq!(places.state, Path::new("/srv/inbox/.fleetwright"));
        assert_eq!(places.models, Path::new("/models"));
    }
}
