//! Edits a manifest as a person would: one value changes, every comment and space stays.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, value};

/// Why a manifest is not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file cannot be read or written.
    #[error("cannot use `{}`: {source}; name another manifest with `--fleet`", file.display())]
    File {
        /// The manifest.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is no TOML.
    #[error("the manifest is no TOML ({detail}): `fleetwright check` shows where")]
    Syntax {
        /// What is wrong.
        detail: String,
    },
    /// There is no such stage.
    #[error("the manifest has no stage `{stage}`; it has {}", known.join(", "))]
    NoStage {
        /// The stage that was asked for.
        stage: String,
        /// Those that there are.
        known: Vec<String>,
    },
}

/// Reads a manifest.
///
/// # Errors
/// [`EditError::File`].
pub fn read(file: &Path) -> Result<String, EditError> {
    std::fs::read_to_string(file).map_err(|source| EditError::File {
        file: file.to_owned(),
        source,
    })
}

/// Puts a text in a manifest's place in one step. A manifest that is a link stays one.
///
/// # Errors
/// [`EditError::File`].
pub fn write(file: &Path, text: &str) -> Result<(), EditError> {
    let failed = |source: std::io::Error| EditError::File {
        file: file.to_owned(),
        source,
    };
    let real = file.canonicalize().map_err(failed)?;
    let dir = real.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new()
        .prefix(".fleetwright-")
        .tempfile_in(dir)
        .map_err(failed)?;
    let mode = std::fs::metadata(&real).map_err(failed)?.permissions();
    new.write_all(text.as_bytes())
        .and_then(|()| new.as_file().set_permissions(mode))
        .and_then(|()| new.as_file().sync_data())
        .map_err(failed)?;
    new.persist(&real).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The manifest with another plugin for a stage.
///
/// # Errors
/// The text is no TOML, or has no such stage.
pub fn with_plugin(text: &str, stage: &str, plugin: &str) -> Result<String, EditError> {
    let mut document: DocumentMut =
        text.parse()
            .map_err(|error: toml_edit::TomlError| EditError::Syntax {
                detail: error.message().to_owned(),
            })?;
    let named = |table: &toml_edit::Table| {
        let name = table.get("name").and_then(|name| name.as_str());
        name.unwrap_or_default().to_owned()
    };
    let stages = document
        .get_mut("stage")
        .and_then(|stages| stages.as_array_of_tables_mut());
    let mut known = Vec::new();
    let mut found = false;
    for table in stages.into_iter().flat_map(|stages| stages.iter_mut()) {
        if named(table) != stage {
            known.push(format!("`{}`", named(table)));
            continue;
        }
        let mut new = value(plugin);
        // The comment behind the old value, and the spaces before it, stay.
        if let (Some(old), Some(new)) = (
            table.get("plugin").and_then(|old| old.as_value()),
            new.as_value_mut(),
        ) {
            new.decor_mut().clone_from(old.decor());
        }
        table.insert("plugin", new);
        // A pin of the component that goes would refuse the one that comes.
        table.remove("digest");
        found = true;
    }
    match found {
        true => Ok(document.to_string()),
        false => Err(EditError::NoStage {
            stage: stage.to_owned(),
            known,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a fleet\nschema = 1\n\n[[stage]]\nname   = \"classify\"\nplugin = \"classify@1\"   # the newest\ndigest = \"sha256:00\"\n\n[[stage]]\nname = \"route\"\nplugin = \"route@1\"\n";

    #[test]
    fn one_value_changes_and_comments_stay() {
        let edited = with_plugin(TEXT, "classify", "classify@1.1.0").unwrap();
        let expected = TEXT
            .replace("\"classify@1\"", "\"classify@1.1.0\"")
            .replace("digest = \"sha256:00\"\n", "");
        assert_eq!(edited, expected);
    }

    #[test]
    fn a_stage_that_is_not_there_is_told_with_those_that_are() {
        let error = with_plugin(TEXT, "clasify", "classify@2")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`clasify`") && error.contains("`classify`, `route`"),
            "{error}"
        );
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_through_its_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("fleet.toml"));
        std::fs::write(&real, "old").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real.toml", &link).unwrap();
        write(&link, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(
            std::fs::metadata(&real).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
