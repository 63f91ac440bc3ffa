//! From `fleet.toml` to a snapshot: each step yields a new type, and nothing half-valid travels.
//!
//! Text → `Manifest` (every diagnostic of the text) → resolved plugins and cards (every diagnostic of what stands on disk)
//! → loaded models and stages → [`Snapshot`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetwright_inference::{Backends, Card, Catalog, LoadOptions, Model};
use fleetwright_manifest::{self as manifest, Diagnostic, Diagnostics, Manifest, ModelUse, Source};
use fleetwright_runtime::{
    CompileBounds, Compiler, LoadError, ModelBinding, Runtime, RuntimeOptions, Stage, StageGrants,
    digest,
};

use crate::loader::resolve::Resolved;
use crate::outcome::{FleetUsed, PluginUsed};
use crate::plugins::{Loaded, Shelf, ShelfError};
use crate::report::Report;
use crate::snapshot::{Node, Snapshot};

mod codes;
mod convert;
mod resolve;

/// Where a fleet's parts stand.
#[derive(Clone, Debug)]
pub struct Options {
    /// The manifest, by default `fleet.toml`.
    pub manifest: PathBuf,
    /// The directory of components, by default `plugins` beside the manifest.
    pub plugins: PathBuf,
    /// The directory of models, by default `models` beside the manifest.
    pub models: PathBuf,
    /// The host's own state: precompiled components, pulled libraries.
    pub state: PathBuf,
    /// The onnxruntime library; without one the embedded backend runs ONNX models.
    pub onnxruntime: Option<PathBuf>,
    /// Where components are compiled.
    pub compiler: Compiler,
    /// What compiling one of them may take.
    pub bounds: CompileBounds,
}

/// Why a fleet does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The manifest, or what it names, is refused.
    #[error("the manifest is refused:\n{0}")]
    Refused(Report),
    /// The manifest cannot be read.
    #[error("cannot read the manifest `{path}`: {error}; name another with `--fleet`")]
    Manifest {
        /// The manifest's path.
        path: PathBuf,
        /// The operating system's reason.
        error: String,
    },
    /// The plugins directory cannot be read.
    #[error(transparent)]
    Plugins(#[from] ShelfError),
    /// The models directory cannot be read, or a card in it is not valid.
    #[error(transparent)]
    Models(#[from] fleetwright_inference::CardError),
    /// The inference library cannot be used.
    #[error(transparent)]
    Backend(#[from] fleetwright_inference::BackendError),
    /// The sandbox cannot be set up.
    #[error(transparent)]
    Runtime(#[from] LoadError),
    /// A task of the start was cancelled: the process is ending.
    #[error("loading was interrupted")]
    Interrupted,
}

/// Reads, checks and loads everything that the manifest names.
pub(crate) async fn load(options: &Options, generation: u64) -> Result<Snapshot, StartError> {
    let source = read(&options.manifest)?;
    let manifest = match manifest::parse(&source) {
        Ok(manifest) => manifest,
        Err(diagnostics) => return Err(StartError::Refused(Report::new(source, diagnostics))),
    };
    let runtime = Runtime::new(&RuntimeOptions {
        cache: Some(options.state.join("components")),
        compiler: options.compiler.clone(),
        bounds: options.bounds.clone(),
        ..RuntimeOptions::default()
    })?;
    let shelf = Shelf::read(&runtime, &options.plugins).await?;
    for (path, reason) in &shelf.broken {
        tracing::warn!(path = %path.display(), reason, "a component cannot be loaded; no stage can use it");
    }
    let catalog = Catalog::scan(&options.models)?.with_pulled(&options.state.join("models"));
    let mut findings = Vec::new();
    let Some(resolved) = resolve::resolve(&manifest, &shelf, &catalog, &mut findings) else {
        return Err(refused(source, findings));
    };
    let backends = Arc::new(Backends::detect(options.onnxruntime.as_deref())?);
    let models = load_models(&manifest, &resolved, &backends, &mut findings).await?;
    let nodes = make_nodes(&manifest, &resolved, &models, &runtime, &mut findings).await;
    if !findings.is_empty() {
        return Err(refused(source, findings));
    }
    let used = FleetUsed {
        name: manifest.name.clone(),
        generation,
        manifest: digest(source.text.as_bytes()),
    };
    Ok(Snapshot {
        used,
        fields: manifest.fields.clone(),
        nodes,
    })
}

fn read(path: &Path) -> Result<Source, StartError> {
    let failed = |error: String| StartError::Manifest {
        path: path.to_owned(),
        error,
    };
    let bytes = fs::read(path).map_err(|e| failed(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        failed(format!(
            "not UTF-8 from byte {}",
            e.utf8_error().valid_up_to()
        ))
    })?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

fn refused(source: Source, findings: Vec<Diagnostic>) -> StartError {
    let diagnostics = Diagnostics::new(findings, 0, &source);
    StartError::Refused(Report::new(source, diagnostics))
}

/// Models by their key in the manifest. Each is loaded on a thread of its own: loading reads files and optimises graphs.
async fn load_models(
    manifest: &Manifest,
    resolved: &Resolved<'_>,
    backends: &Arc<Backends>,
    findings: &mut Vec<Diagnostic>,
) -> Result<BTreeMap<String, Model>, StartError> {
    let mut models = BTreeMap::new();
    for (key, card) in &resolved.cards {
        let Some(wanted) = manifest.models.get(key) else {
            continue;
        };
        let (card, backends, load) = ((*card).clone(), backends.clone(), load_options(wanted));
        let loading = tokio::task::spawn_blocking(move || Model::load(&card, &backends, load));
        match loading.await.map_err(|_| StartError::Interrupted)? {
            Ok(model) => {
                models.insert(key.clone(), model);
            }
            Err(error) => findings.push(codes::model_refused(wanted, key, &error)),
        }
    }
    Ok(models)
}

fn load_options(wanted: &ModelUse) -> LoadOptions {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    LoadOptions {
        device: convert::device(wanted.device),
        max_batch: wanted.batch.max,
        delay: wanted.batch.delay,
        // All models together leave one core to the guests and the host.
        threads: cores.saturating_sub(1).max(1),
        ..LoadOptions::default()
    }
}

async fn make_nodes(
    manifest: &Manifest,
    resolved: &Resolved<'_>,
    models: &BTreeMap<String, Model>,
    runtime: &Runtime,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Node> {
    let mut loaded = Loaded::new();
    let mut nodes = Vec::with_capacity(manifest.stages.len());
    for (stage, picked) in manifest.stages.iter().zip(&resolved.plugins) {
        let grants = convert::grants(&stage.wasi);
        let key = (picked.digest().to_owned(), grants.clone());
        let plugin = match loaded.get(&key) {
            Some(plugin) => plugin.clone(),
            None => match picked.load(runtime, &grants).await {
                Ok(plugin) => loaded.entry(key).or_insert(plugin).clone(),
                Err(error) => {
                    findings.push(codes::plugin_refused(stage, picked.path(), &error));
                    continue;
                }
            },
        };
        let granted = granted(stage, models);
        let identities = granted
            .models
            .iter()
            .map(|(role, bound)| (role.clone(), bound.model.identity().clone()))
            .collect();
        let description = plugin.description();
        let used = PluginUsed {
            name: description.name.clone(),
            version: description.version.to_string(),
            digest: plugin.digest().to_owned(),
        };
        match Stage::new(
            runtime,
            &stage.name,
            plugin,
            granted,
            convert::limits(&stage.limits),
        ) {
            Ok(made) => nodes.push(Node {
                stage: made,
                needs: stage
                    .needs
                    .iter()
                    .filter_map(|need| manifest.stages.iter().position(|s| s.name == *need))
                    .collect(),
                when: stage.when.clone(),
                reads: stage.reads.clone(),
                on_error: stage.on_error,
                plugin: used,
                models: identities,
            }),
            Err(error) => findings.push(codes::limit_refused(stage, &error)),
        }
    }
    nodes
}

fn granted(stage: &manifest::Stage, models: &BTreeMap<String, Model>) -> StageGrants {
    let bound = stage.models.iter().filter_map(|(role, key)| {
        let model = models.get(key)?.clone();
        let card = model.card().to_guest_json().into();
        Some((role.clone(), ModelBinding { model, card }))
    });
    StageGrants {
        models: bound.collect(),
        config: serde_json::Value::Object(stage.config.clone()).to_string(),
    }
}

/// The card that a model's entry resolves to, where the catalog has one.
fn find_card<'c>(catalog: &'c Catalog, wanted: &ModelUse) -> Option<&'c Card> {
    catalog.resolve(&wanted.reference.name, &wanted.reference.version)
}
