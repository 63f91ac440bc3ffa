//! `.deny.toml`, as far as this check needs it; cargo-deny owns the format.

use anyhow::{Context, Result, bail};
use semver::VersionReq;
use serde::Deserialize;
use spdx::{LicenseReq, Licensee};

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Target triples whose dependencies are checked.
    pub(crate) platforms: Vec<String>,
    /// Licences that every package may have.
    pub(crate) licences: Vec<Licensee>,
    /// Licences that single packages may have beside those.
    pub(crate) exceptions: Vec<Exception>,
    /// Versions that do not count as duplicates.
    pub(crate) skips: Vec<Skip>,
    /// Registries that packages may come from.
    pub(crate) registries: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) name: String,
    pub(crate) licences: Vec<Licensee>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Skip {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: VersionReq,
}

#[derive(Deserialize)]
struct Raw {
    graph: RawGraph,
    licenses: RawLicences,
    bans: RawBans,
    sources: RawSources,
}

#[derive(Deserialize)]
struct RawGraph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct RawLicences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<RawException>,
}

#[derive(Deserialize)]
struct RawException {
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawBans {
    multiple_versions: String,
    #[serde(default)]
    skip: Vec<Skip>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawSources {
    allow_registry: Vec<String>,
}

impl Rules {
    /// Reads the text of `.deny.toml`.
    pub(crate) fn parse(text: &str) -> Result<Rules> {
        let raw: Raw = toml::from_str(text).context("`.deny.toml` cannot be read")?;
        if raw.bans.multiple_versions != "deny" {
            bail!(
                "`.deny.toml`: `bans.multiple-versions` is `{}`; this check knows `deny` alone",
                raw.bans.multiple_versions
            );
        }
        let exceptions = raw.licenses.exceptions.into_iter().map(|exception| {
            Ok(Exception {
                licences: licences(&exception.allow)?,
                name: exception.name,
            })
        });
        Ok(Rules {
            platforms: raw.graph.targets,
            licences: licences(&raw.licenses.allow)?,
            exceptions: exceptions.collect::<Result<_>>()?,
            skips: raw.bans.skip,
            registries: raw.sources.allow_registry,
        })
    }

    /// Whether `name` may have the licence that an expression requires.
    pub(crate) fn allow(&self, name: &str, required: &LicenseReq) -> bool {
        let own = self
            .exceptions
            .iter()
            .filter(|exception| exception.name == name)
            .flat_map(|exception| &exception.licences);
        self.licences
            .iter()
            .chain(own)
            .any(|licence| licence.satisfies(required))
    }
}

fn licences(names: &[String]) -> Result<Vec<Licensee>> {
    let read = |name: &String| {
        Licensee::parse(name).with_context(|| format!("`.deny.toml`: `{name}` is no SPDX licence"))
    };
    names.iter().map(read).collect()
}
