//! `fleetwright plugin`: build a crate into a component, and tell what a component is.

use std::path::{Path, PathBuf};

use fleetwright_fleet::{Compiler, Inspection, Runtime, RuntimeOptions, inspect};
use fleetwright_toolchain::{BuildRequest, Built, Toolchain};
use serde_json::json;

use super::{Ending, VerbError};
use crate::cli::{self, PluginVerb};
use crate::terminal::{Progress, Terminal};
use crate::units::bytes_for_people;

/// Does what is asked of a plugin.
///
/// # Errors
/// The crate does not build, or the file is no component of a stage.
pub async fn plugin(arguments: &cli::Plugin, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    match &arguments.verb {
        PluginVerb::Build { dir, out } => build(dir.clone(), out.clone(), terminal).await,
        PluginVerb::Inspect { file } => show(file, terminal).await,
    }
}

async fn build(dir: PathBuf, out: PathBuf, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let building = tokio::task::spawn_blocking(move || -> Result<Vec<Built>, VerbError> {
        let progress = Progress::standard();
        let toolchain = Toolchain::find_or_make(&|line: &str| progress.step(line))?;
        progress.end();
        let profile = profile(&dir);
        let request = BuildRequest {
            profile,
            ..BuildRequest::package(dir, out)
        };
        Ok(toolchain.build(&request)?)
    });
    let built = building
        .await
        .map_err(|_| VerbError::Lost { what: "building" })??;
    for component in built {
        if terminal.json() {
            terminal.value(&json!({"package": component.package, "path": component.path, "bytes": component.bytes, "changed": component.changed}))?;
        } else {
            let unchanged = if component.changed { "" } else { ", unchanged" };
            terminal.text(&format!(
                "{} ({}{unchanged})\n",
                component.path.display(),
                bytes_for_people(component.bytes)
            ))?;
        }
    }
    Ok(Ending::Well)
}

/// cargo's profile: `guest`, made for small components, where the crate or a folder above it declares one.
fn profile(dir: &Path) -> String {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let declares = |folder: &Path| {
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|text| text.lines().any(|line| line.trim() == "[profile.guest]"))
    };
    let name = if dir.ancestors().any(declares) {
        "guest"
    } else {
        "release"
    };
    name.to_owned()
}

async fn show(file: &Path, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let bytes = std::fs::read(file).map_err(|source| VerbError::Component {
        file: file.to_path_buf(),
        source,
    })?;
    // What the parser adds below its first line are bytes, for its own authors.
    let refused = |detail: String| VerbError::Inspect {
        file: file.to_path_buf(),
        detail: detail
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end_matches(" - expected=[")
            .to_owned(),
    };
    let runtime = Runtime::new(&RuntimeOptions {
        instances: 1,
        compiler: Compiler::child_of_this_program(),
        ..RuntimeOptions::default()
    })
    .map_err(|error| refused(error.to_string()))?;
    let inspection = inspect(&runtime, &bytes)
        .await
        .map_err(|error| refused(error.to_string()))?;
    if terminal.json() {
        terminal.value(&json!(inspection))?;
    } else {
        terminal.text(&rendered(&inspection))?;
    }
    Ok(Ending::Well)
}

fn rendered(inspection: &Inspection) -> String {
    let description = &inspection.description;
    let mut text = format!(
        "{}@{}  {}\n",
        description.name, description.version, description.summary
    );
    let size = u64::try_from(inspection.bytes).unwrap_or(u64::MAX);
    text.push_str(&format!(
        "\ndigest   {}\nsize     {}\n",
        inspection.digest,
        bytes_for_people(size)
    ));
    text.push_str(&listed("imports", &inspection.imports));
    text.push_str(&listed("exports", &inspection.exports));
    let roles: Vec<_> = description
        .roles
        .iter()
        .map(|role| {
            let mark = if role.optional {
                " (may stay unbound)"
            } else {
                ""
            };
            format!("{}{mark}: {}", role.name, role.purpose)
        })
        .collect();
    text.push_str(&listed("roles", &roles));
    text.push_str(&format!(
        "\nconfig schema\n{:#}\n\nanswer schema\n{:#}\n",
        description.config_schema, description.answer_schema
    ));
    text
}

fn listed(title: &str, items: &[String]) -> String {
    if items.is_empty() {
        return format!("{title:<9}none\n");
    }
    items
        .iter()
        .enumerate()
        .map(|(index, item)| format!("{:<9}{item}\n", if index == 0 { title } else { "" }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_of_guests_is_taken_where_a_workspace_declares_it() {
        let folder = tempfile::tempdir().unwrap();
        let member = folder.path().join("plugins/one");
        std::fs::create_dir_all(&member).unwrap();
        assert_eq!(profile(&member), "release");
        std::fs::write(folder.path().join("Cargo.toml"), "[profile.guest]\n").unwrap();
        assert_eq!(profile(&member), "guest");
    }
}
