//! A fleet in a folder of its own: `fleet.toml`, `plugins/` and a state, whose compiled components and pulled files tests
//! share; beside models.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::places;

/// A fleet's folder; removed when dropped.
#[derive(Debug)]
pub struct Layout {
    folder: TempDir,
    models: PathBuf,
    state: PathBuf,
    /// The fleet lies elsewhere, with its plugins.
    shipped: bool,
}

impl Layout {
    /// A fleet of the manifest `text` and the components of `guests`, with the stub models of `tests/models`.
    ///
    /// # Errors
    /// A guest is not built, or the folder cannot be written.
    pub fn new(text: &str, guests: &[&str]) -> Result<Layout> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let layout = Layout {
            models: places::stub_models(),
            state: own_state(&folder, &places::state()?)?,
            folder,
            shipped: false,
        };
        fs::create_dir(layout.plugins()).context("no folder for plugins")?;
        layout.write("fleet.toml", text.as_bytes())?;
        for guest in guests {
            let file = layout.plugins().join(format!("{guest}.wasm"));
            fs::copy(places::guest(guest)?, file)
                .with_context(|| format!("cannot copy guest `{guest}`"))?;
        }
        Ok(layout)
    }

    /// A fleet of `tests/fleets/NAME.toml`.
    ///
    /// # Errors
    /// As [`Layout::new`], or the manifest is not there.
    pub fn named(name: &str, guests: &[&str]) -> Result<Layout> {
        let file = places::root().join(format!("tests/fleets/{name}.toml"));
        let text = fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        Layout::new(&text, guests)
    }

    /// A fleet of the manifest `text` with shipped `plugins` and the models of the repository, pulled ones among them.
    ///
    /// # Errors
    /// A plugin is not built, or the folder cannot be written.
    pub fn with_shipped(text: &str, plugins: &[&str]) -> Result<Layout> {
        let layout = Layout::new(text, &[])?;
        for plugin in plugins {
            let component = fs::read(places::plugin(plugin)?)
                .with_context(|| format!("cannot read plugin `{plugin}`"))?;
            layout.put_plugin(plugin, &component)?;
        }
        fs::remove_dir_all(&layout.state).context("cannot remove a state")?;
        Ok(Layout {
            models: places::root().join("models"),
            state: own_state(&layout.folder, &places::root().join(".fleetwright"))?,
            ..layout
        })
    }

    /// The shipped fleet where it lies, with the state that a user's commands share.
    ///
    /// # Errors
    /// A plugin is not built.
    pub fn shipped() -> Result<Layout> {
        for plugin in ["classify", "route", "extract", "summarize", "comply"] {
            places::plugin(plugin)?;
        }
        let folder = tempfile::tempdir().context("no temporary folder")?;
        Ok(Layout {
            models: places::root().join("models"),
            state: own_state(&folder, &places::root().join(".fleetwright"))?,
            folder,
            shipped: true,
        })
    }

    /// The same fleet, with models from another folder.
    #[must_use]
    pub fn with_models(self, models: &Path) -> Layout {
        Layout {
            models: models.to_path_buf(),
            ..self
        }
    }

    /// Writes a file into the fleet's folder; gives its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(path)
    }

    /// Puts a component, or what passes for one, into the folder of plugins.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put_plugin(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        self.write(&format!("plugins/{name}.wasm"), bytes)
    }

    /// The fleet's own folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.base().join("fleet.toml")
    }

    /// The folder of plugins.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.base().join("plugins")
    }

    /// The host's state.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The flags that tell the host where everything lies.
    #[must_use]
    pub fn flags(&self) -> Vec<OsString> {
        let places = [
            ("--fleet", self.manifest()),
            ("--plugins", self.plugins()),
            ("--models", self.models.clone()),
            ("--state", self.state.clone()),
        ];
        places
            .into_iter()
            .flat_map(|(flag, path)| [flag.into(), path.into()])
            .collect()
    }

    fn base(&self) -> PathBuf {
        if self.shipped {
            places::root()
        } else {
            self.folder.path().to_path_buf()
        }
    }
}

/// A state of this fleet's own, with what may be shared of another: all but what was served.
fn own_state(folder: &TempDir, shared: &Path) -> Result<PathBuf> {
    let own = folder.path().join("state");
    fs::create_dir(&own).context("no folder for the state")?;
    let cache = shared.join("components");
    fs::create_dir_all(&cache).with_context(|| format!("cannot make `{}`", cache.display()))?;
    for entry in fs::read_dir(shared).context("cannot read the shared state")? {
        let entry = entry.context("cannot read the shared state")?;
        if entry.file_name() != "fleets" {
            std::os::unix::fs::symlink(entry.path(), own.join(entry.file_name()))
                .context("no link to the shared state")?;
        }
    }
    Ok(own)
}
