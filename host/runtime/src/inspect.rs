//! What a component imports and exports, read from its type: nothing of it is run but `describe`.

use std::collections::BTreeSet;

use serde::Serialize;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::Runtime;
use crate::error::LoadError;
use crate::plugin::Description;
use crate::wasi::Grant;

/// What `plugin inspect` shows of a component.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// `sha256:` and the digest of the component's bytes.
    pub digest: String,
    /// The component's size in bytes.
    pub bytes: usize,
    /// Names of its imports.
    pub imports: Vec<String>,
    /// Names of its exports.
    pub exports: Vec<String>,
    /// What the plugin says of itself.
    pub description: Description,
}

/// Inspects a component: every import that some grant could give is granted, so that it can be asked what it is.
///
/// # Errors
/// [`LoadError`] where the bytes are no component of the world `stage`.
pub async fn inspect(runtime: &Runtime, bytes: &[u8]) -> Result<Inspection, LoadError> {
    let plugin = runtime
        .load(bytes, &BTreeSet::from([Grant::Clocks, Grant::Random]))
        .await?;
    let ty = plugin.component.component_type();
    Ok(Inspection {
        digest: plugin.digest().to_owned(),
        bytes: bytes.len(),
        imports: ty
            .imports(plugin.component.engine())
            .map(|(name, _)| name.to_owned())
            .collect(),
        exports: ty
            .exports(plugin.component.engine())
            .map(|(name, _)| name.to_owned())
            .collect(),
        description: plugin.description().clone(),
    })
}

/// Refuses a component that imports what the world lacks or the manifest does not grant, by name and with the way out.
pub(crate) fn check_imports(
    engine: &Engine,
    component: &Component,
    grants: &BTreeSet<Grant>,
) -> Result<(), LoadError> {
    for (import, _) in component.component_type().imports(engine) {
        if import.starts_with("wasi:nn/") || import.starts_with("fleetwright:stage/") {
            continue;
        }
        match Grant::for_import(import) {
            Some(grant) if grants.contains(&grant) => {}
            Some(grant) => {
                return Err(LoadError::NotGranted {
                    import: import.to_owned(),
                    grant: grant.name(),
                });
            }
            None => {
                return Err(LoadError::ForeignImport {
                    import: import.to_owned(),
                });
            }
        }
    }
    Ok(())
}
