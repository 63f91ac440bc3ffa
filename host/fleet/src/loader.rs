//! From `fleet.toml` to what can be served: each step yields a new type, and nothing half-valid travels.
//!
//! Text → `Manifest` (every diagnostic of the text) → resolved plugins and cards (every diagnostic of what stands on disk)
//! → loaded models and stages → [`Candidate`], which has passed its golden cases. What the fleet that serves already has
//! in the same form is taken over, not loaded again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetwright_inference::{Backends, Card, Catalog, LoadOptions, Model, Share, default_threads};
use fleetwright_manifest::{self as manifest, Canary, Diagnostic, Diagnostics, Manifest, Source};
use fleetwright_runtime::{
    CompileBounds, Compiler, LoadError, QuickCode, Runtime, RuntimeOptions, digest,
};
use tokio::sync::mpsc;

use crate::canary::Decision;
use crate::golden;
use crate::history::{HistoryError, Standing, Verdict};
use crate::lock::{LockError, Pins};
use crate::outcome::FleetUsed;
use crate::report::Report;
use crate::retire::Retired;
use crate::shelf::{Shelf, ShelfError};
use crate::snapshot::{Arm, ArmKey, LoadedModel, ModelKey, Node, Snapshot, shared_by};
use crate::stamp::has_young;
use arms::Arms;
use resolve::{Resolved, ResolvedStage, Stock};

mod arms;
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
    /// The host's own state: precompiled components, pulled libraries, what was served.
    pub state: PathBuf,
    /// The onnxruntime library; without one the embedded backend runs ONNX models.
    pub onnxruntime: Option<PathBuf>,
    /// Serve what `fleet.lock` names and nothing else. Default: no.
    pub locked: bool,
    /// Where components are compiled.
    pub compiler: Compiler,
    /// What compiling one of them may take.
    pub bounds: CompileBounds,
    /// Which of them serve in quick code first. Only a fleet that is served takes over their optimised code.
    pub quick: QuickCode,
}

/// Why a fleet, or a change of it, is not served.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The manifest, or what it names, is refused.
    #[error("the manifest is refused:\n{0}")]
    Refused(Report),
    /// The manifest cannot be read.
    #[error("cannot read the manifest `{}`: {error}; name another with `--fleet`", path.display())]
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
    /// The lock is asked for and cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What was served cannot be read or written.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Files that the manifest may need are still being written or compiled: once they are, it is looked at again.
    #[error("files are still being written or compiled")]
    Unsettled,
    /// A task was cancelled: the process is ending.
    #[error("loading was interrupted")]
    Interrupted,
}

/// What outlives generations: the engine and the inference library.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) options: Options,
    pub(crate) runtime: Runtime,
    backends: Arc<Backends>,
    /// Whether models run calls of several callers together.
    merge: bool,
    /// The time that each stage has, in place of its own.
    deadline: Option<Duration>,
}

/// What is proposed to be served.
pub(crate) struct Proposal<'a> {
    pub(crate) source: Source,
    pub(crate) shelf: &'a Shelf,
    /// What alone may be used, where that is settled.
    pub(crate) pins: Option<&'a Pins>,
    /// What was decided on canaries before.
    pub(crate) verdicts: &'a [Verdict],
    /// Whether golden cases are run: an earlier generation has passed them.
    pub(crate) golden: bool,
    /// Where canaries say what they came to.
    pub(crate) decisions: &'a mpsc::Sender<Decision>,
}

/// A fleet that can be served.
pub(crate) struct Candidate {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) source: Source,
    /// Digest of the manifest's text.
    pub(crate) digest: String,
    pub(crate) pins: Pins,
    pub(crate) nodes: Vec<Node>,
    /// How each trial stands that the manifest asks for.
    pub(crate) trials: BTreeMap<String, Standing>,
    models: Vec<LoadedModel>,
    backends: Arc<Backends>,
    /// Components that were loaded for it, by digest.
    pub(crate) components: BTreeMap<String, Vec<u8>>,
    /// Whether it needs a component that its file holds no longer.
    pub(crate) leans_back: bool,
}

impl Candidate {
    /// The snapshot that serves as a generation; from now on, all models compute on its threads.
    pub(crate) fn into_snapshot(self, generation: u64) -> Snapshot {
        self.backends.set_threads(self.manifest.threads);
        let shared = shared_by(&self.nodes);
        Snapshot {
            used: FleetUsed {
                name: self.manifest.name.clone(),
                generation,
                manifest: self.digest,
            },
            manifest: self.manifest,
            pins: self.pins,
            nodes: self.nodes,
            models: self.models,
            shared,
            _retired: Retired::of(generation),
        }
    }

    /// The same with nothing on trial, in the place of a stage or beside it.
    pub(crate) fn without_trials(mut self) -> Self {
        for node in &mut self.nodes {
            node.canary = None;
            node.shadow = None;
        }
        self
    }

    /// Whether it is what serves already, to the letter.
    pub(crate) fn is(&self, serving: &Snapshot) -> bool {
        let trials = |nodes: &[Node]| -> Vec<Option<String>> {
            let trial = |node: &Node| Some(node.canary.as_ref()?.trial.id.clone());
            nodes.iter().map(trial).collect()
        };
        self.digest == serving.used.manifest
            && self.pins == serving.pins
            && trials(&self.nodes) == trials(&serving.nodes)
            && self
                .nodes
                .iter()
                .zip(&serving.nodes)
                .all(|(new, old)| new.arm.key == old.arm.key)
    }
}

impl Workshop {
    /// Sets up engine and library.
    pub(crate) fn open(options: &Options) -> Result<Workshop, ChangeError> {
        let runtime = Runtime::new(&RuntimeOptions {
            cache: Some(options.state.join("components")),
            compiler: options.compiler.clone(),
            bounds: options.bounds.clone(),
            quick: options.quick,
            ..RuntimeOptions::default()
        })?;
        Ok(Workshop {
            options: options.clone(),
            runtime,
            backends: Arc::new(Backends::detect(options.onnxruntime.as_deref())?),
            merge: true,
            deadline: None,
        })
    }

    /// The same, for answers that do not depend on who else asks, to the last digit; and, with a deadline in place of the
    /// stages' own, not on how busy the machine is either.
    pub(crate) fn evaluating(self, deadline: Option<Duration>) -> Workshop {
        Workshop {
            merge: false,
            deadline,
            ..self
        }
    }

    /// The manifest with the deadline that holds here.
    fn in_time(&self, mut manifest: Manifest) -> Manifest {
        if let Some(deadline) = self.deadline {
            for stage in &mut manifest.stages {
                stage.limits.deadline = deadline;
            }
        }
        manifest
    }

    /// Every file of the plugins directory, described.
    pub(crate) async fn shelf(&self, dir: &Path) -> Result<Shelf, ShelfError> {
        let mut shelf = Shelf::new(dir);
        for file in shelf.look()? {
            shelf.put(file.describe(&self.runtime).await);
        }
        Ok(shelf)
    }

    /// The manifest as it stands on disk.
    pub(crate) async fn source(&self) -> Result<Source, ChangeError> {
        let path = self.options.manifest.clone();
        let reading = tokio::task::spawn_blocking(move || read(&path));
        reading.await.map_err(|_| ChangeError::Interrupted)?
    }

    /// Every card, as it stands on disk.
    pub(crate) async fn catalog(&self) -> Result<Catalog, ChangeError> {
        let (models, pulled) = (
            self.options.models.clone(),
            self.options.state.join("models"),
        );
        let scanning = tokio::task::spawn_blocking(move || Catalog::scan(&models));
        let catalog = scanning.await.map_err(|_| ChangeError::Interrupted)??;
        Ok(catalog.with_pulled(&pulled))
    }

    /// Reads, checks and loads everything that the manifest names, taking over what already serves.
    pub(crate) async fn prepare(
        &self,
        proposal: Proposal<'_>,
        serving: Option<&Snapshot>,
    ) -> Result<Candidate, ChangeError> {
        let source = proposal.source.clone();
        let manifest = match manifest::parse(&source) {
            Ok(manifest) => Arc::new(self.in_time(manifest)),
            Err(diagnostics) => return Err(ChangeError::Refused(Report::new(source, diagnostics))),
        };
        let catalog = match manifest.models.is_empty() {
            true => Catalog::default(),
            false => self.catalog().await?,
        };
        let stock = Stock {
            shelf: proposal.shelf,
            catalog: &catalog,
            pins: proposal.pins,
        };
        let mut findings = Vec::new();
        let Some(resolved) = resolve::resolve(&manifest, stock, &mut findings) else {
            let growing = || self.has_growing_cards(&manifest, &catalog);
            return Err(match proposal.shelf.is_unsettled() || growing() {
                true => ChangeError::Unsettled,
                false => refused(source, findings),
            });
        };
        let leans_back = resolved.leans_back();
        let models = self
            .models(&manifest, &resolved, serving, &mut findings)
            .await?;
        let mut arms = Arms::new(&self.runtime, &models, serving);
        let (nodes, trials) = nodes(&manifest, resolved, &mut arms, &proposal, &mut findings).await;
        if findings.is_empty() && proposal.golden {
            let replaces = serving.is_some();
            self.judge(&manifest, &nodes, &arms, replaces, &mut findings)
                .await;
        }
        if !findings.is_empty() {
            return Err(refused(source, findings));
        }
        let (components, pins) = arms.into_parts();
        Ok(Candidate {
            digest: digest(source.text.as_bytes()),
            pins,
            components,
            trials,
            leans_back,
            models: models.into_values().collect(),
            backends: self.backends.clone(),
            manifest,
            source,
            nodes,
        })
    }

    /// Models by their key in the manifest. Each is loaded on a thread of its own: loading reads files and optimises graphs.
    async fn models(
        &self,
        manifest: &Manifest,
        resolved: &Resolved<'_>,
        serving: Option<&Snapshot>,
        findings: &mut Vec<Diagnostic>,
    ) -> Result<BTreeMap<String, LoadedModel>, ChangeError> {
        let threads = threads_of(manifest);
        let mut models = BTreeMap::new();
        for (name, card) in &resolved.cards {
            let Some(wanted) = manifest.models.get(name) else {
                continue;
            };
            let key = ModelKey {
                digest: card.digest().to_owned(),
                adapter: wanted.adapter.clone(),
                device: wanted.device,
                device_memory: wanted.device_memory,
                batch: wanted.batch,
                effort: wanted.effort,
                share: Share::for_card(card, threads, wanted.effort.threads),
            };
            let known = serving
                .into_iter()
                .flat_map(|snapshot| &snapshot.models)
                .chain(models.values())
                .find(|loaded: &&LoadedModel| loaded.key == key && loaded.model.serves());
            if let Some(known) = known.cloned() {
                models.insert(name.clone(), known);
                continue;
            }
            let folder = self.folder_of(card);
            let (card, backends) = (card.clone(), self.backends.clone());
            let load = load_options(&key, self.merge);
            let loading = tokio::task::spawn_blocking(move || Model::load(&card, &backends, load));
            match loading.await.map_err(|_| ChangeError::Interrupted)? {
                Ok(model) => {
                    models.insert(name.clone(), LoadedModel { key, model });
                }
                // What copies its weights may not be done.
                Err(_) if has_young(&folder) => return Err(ChangeError::Unsettled),
                Err(error) => findings.push(codes::model_refused(wanted, name, &error)),
            }
        }
        Ok(models)
    }

    fn folder_of(&self, card: &Card) -> PathBuf {
        let version = card.version().to_string();
        self.options.models.join(card.name()).join(version)
    }

    /// Whether a card that the manifest may need cannot be used and has just been written to: it may be written to further.
    fn has_growing_cards(&self, manifest: &Manifest, catalog: &Catalog) -> bool {
        let needed = |name: &str| {
            let mut models = manifest.models.values();
            models.any(|model| model.reference.name == name)
        };
        let broken = catalog.broken().iter();
        broken
            .filter(|broken| needed(&broken.name))
            .any(|broken| has_young(&broken.folder))
    }

    /// Where the golden cases of an arm lie.
    pub(crate) fn cases(&self, arm: &Arm) -> Vec<PathBuf> {
        let Options {
            plugins, models, ..
        } = &self.options;
        let own = golden::beside_plugin(plugins, &arm.plugin.name);
        let beside = arm
            .models
            .values()
            .map(|model| golden::beside_model(models, &model.name, &model.version));
        std::iter::once(own).chain(beside).collect()
    }

    /// Runs the golden cases of every arm that is new. Where another fleet serves, one without cases must stand a call; a first
    /// one has nothing to lose by what it brings.
    async fn judge(
        &self,
        manifest: &Manifest,
        nodes: &[Node],
        arms: &Arms<'_>,
        replaces: bool,
        findings: &mut Vec<Diagnostic>,
    ) {
        for (node, stage) in nodes.iter().zip(&manifest.stages) {
            for arm in node.arms().filter(|arm| arms.is_new(arm)) {
                match golden::judge(&arm.stage, &node.reads, &self.cases(arm)).await {
                    Ok(0) if replaces => {
                        if let Err(detail) = golden::stands(&arm.stage).await {
                            let plugin = format!("{}@{}", arm.plugin.name, arm.plugin.version);
                            findings.push(codes::traps(stage, &plugin, &detail));
                        }
                    }
                    Ok(0) => {}
                    Ok(cases) => {
                        let (stage, plugin) = (node.name(), &arm.plugin);
                        tracing::info!(
                            stage,
                            plugin = plugin.name,
                            version = plugin.version,
                            cases,
                            "golden cases passed"
                        );
                    }
                    Err(failed) => {
                        let plugin = format!("{}@{}", arm.plugin.name, arm.plugin.version);
                        findings.push(codes::golden_failed(stage, &plugin, &failed));
                    }
                }
            }
        }
    }
}

async fn nodes(
    manifest: &Manifest,
    resolved: Resolved<'_>,
    arms: &mut Arms<'_>,
    proposal: &Proposal<'_>,
    findings: &mut Vec<Diagnostic>,
) -> (Vec<Node>, BTreeMap<String, Standing>) {
    let mut nodes = Vec::with_capacity(manifest.stages.len());
    let mut trials = BTreeMap::new();
    for (stage, resolved) in manifest.stages.iter().zip(resolved.stages) {
        let ResolvedStage {
            main,
            canary,
            shadow,
        } = resolved;
        let mut main = arms.make(&main, findings).await;
        let mut trial = None;
        if let Some((choice, terms)) = canary {
            let arm = arms.make(&choice, findings).await;
            if let (Some(own), Some(arm)) = (&main, arm) {
                let id = trial_of(own, &arm, terms);
                let standing = standing(&id, proposal.verdicts);
                trials.insert(id.clone(), standing);
                match standing {
                    Standing::Promoted => main = Some(arm),
                    Standing::RolledBack => {}
                    Standing::Open => {
                        trial = Some(arms.canary(arm, id, terms, proposal.decisions));
                    }
                }
            }
        }
        let mut beside = None;
        if let Some((choice, terms)) = shadow {
            let arm = arms.make_beside(&choice, findings).await;
            beside = arm.map(|arm| arms.shadow(arm, terms.sample));
        }
        nodes.extend(main.map(|arm| {
            Node {
                arm,
                canary: trial,
                shadow: beside,
                needs: stage
                    .needs
                    .iter()
                    .filter_map(|need| manifest.stages.iter().position(|s| s.name == *need))
                    .collect(),
                when: stage.when.clone(),
                reads: stage.reads.clone(),
                on_error: stage.on_error,
            }
        }));
    }
    (nodes, trials)
}

/// How a trial stands, after what was decided.
fn standing(trial: &str, verdicts: &[Verdict]) -> Standing {
    match verdicts.iter().find(|verdict| verdict.trial == trial) {
        Some(verdict) if verdict.promoted => Standing::Promoted,
        Some(_) => Standing::RolledBack,
        None => Standing::Open,
    }
}

/// Which trial this is: both sides, and the terms. Neither a comment nor a limit makes it another.
fn trial_of(stage: &Arm, canary: &Arm, terms: &Canary) -> String {
    let side = |arm: &Arm| {
        let ArmKey {
            plugin,
            models,
            config,
            ..
        } = &arm.key;
        let models: Vec<_> = models
            .iter()
            .map(|(role, key)| match &key.adapter {
                Some(adapter) => format!("{role}={}+{adapter}", key.digest),
                None => format!("{role}={}", key.digest),
            })
            .collect();
        format!("{plugin} {} {config}", models.join(" "))
    };
    let Canary {
        split,
        promote_after,
        max_error_rate,
        max_p99_ratio,
        min_requests,
        ..
    } = terms;
    let terms =
        format!("{split:?} {promote_after:?} {max_error_rate} {max_p99_ratio} {min_requests}");
    let name = stage.stage.name();
    digest(format!("{name}\n{}\n{}\n{terms}", side(stage), side(canary)).as_bytes())
}

pub(crate) fn read(path: &Path) -> Result<Source, ChangeError> {
    let failed = |error: String| ChangeError::Manifest {
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

fn refused(source: Source, findings: Vec<Diagnostic>) -> ChangeError {
    let diagnostics = Diagnostics::new(findings, 0, &source);
    ChangeError::Refused(Report::new(source, diagnostics))
}

/// Threads that all models of a fleet together compute on.
fn threads_of(manifest: &Manifest) -> usize {
    manifest.threads.unwrap_or_else(default_threads)
}

fn load_options(key: &ModelKey, merge: bool) -> LoadOptions {
    LoadOptions {
        device: convert::device(key.device),
        device_memory: key.device_memory,
        max_batch: key.batch.max,
        max_tokens: key.batch.tokens,
        delay: key.batch.delay,
        run: key.effort.run,
        merge,
        queue: key.effort.queue,
        share: Some(key.share),
    }
}
