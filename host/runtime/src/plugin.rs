//! A plugin: a component that was compiled, linked against its grants and asked what it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::bindings::exports::fleetwright::stage::description as wit;
use crate::bindings::{Stage as Bindings, StagePre};
use crate::call::run_metered;
use crate::engine::Runtime;
use crate::error::{CallErrorKind, LoadError, classify};
use crate::inspect::check_imports;
use crate::limits::Limits;
use crate::quick::Tier;
use crate::state::{CallState, StageGrants};
use crate::wasi::{self, Grant};

/// `describe` only returns constants.
const DESCRIBE_DEADLINE: Duration = Duration::from_secs(5);
const MAX_NAME_BYTES: usize = 64;
/// Bytes of a whole description: names, sentences and two schemas.
const MAX_DESCRIPTION_BYTES: u64 = 256 << 10;
/// As much fuel as an engine can count.
pub(crate) const MAX_FUEL: u64 = i64::MAX as u64;
/// What a guest may hand over beside what is counted: names and the rest of a record.
const FUEL_MARGIN: u64 = 64 << 10;

/// A component that is ready to be made stages of. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) component: Component,
    pub(crate) pre: StagePre<CallState>,
    tier: Tier,
    digest: Arc<str>,
    description: Arc<Description>,
}

/// What a plugin says of itself, checked.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// The plugin's name.
    pub name: String,
    /// The plugin's version.
    pub version: semver::Version,
    /// One sentence for a person.
    pub summary: String,
    /// The models that it needs.
    pub roles: Vec<Role>,
    /// JSON Schema of the stage's `config`.
    pub config_schema: Value,
    /// JSON Schema of an answer's fields.
    pub answer_schema: Value,
}

/// A model that a plugin needs.
#[derive(Clone, Debug, Serialize)]
pub struct Role {
    /// The name that the manifest binds.
    pub name: String,
    /// What the plugin needs of the model.
    pub purpose: String,
    /// Whether the plugin also works without it: the manifest may leave it unbound.
    pub optional: bool,
}

impl Plugin {
    /// What the plugin says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// `sha256:` and the digest of the component's bytes.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How its code was compiled.
    pub fn tier(&self) -> Tier {
        self.tier
    }
}

impl Runtime {
    /// Compiles (or takes from the cache), links and describes a component. One component is compiled at a time; the others
    /// wait. Dropping the future ends the compilation.
    ///
    /// # Errors
    /// [`LoadError`] says which of these steps refused it, and why.
    pub async fn load(&self, bytes: &[u8], grants: &BTreeSet<Grant>) -> Result<Plugin, LoadError> {
        let loaded = self.load_any(bytes, grants).await;
        loaded.map_err(LoadError::in_few_words)
    }

    async fn load_any(&self, bytes: &[u8], grants: &BTreeSet<Grant>) -> Result<Plugin, LoadError> {
        let (component, digest) = self.compiled(bytes).await?;
        self.of(&component)?.plugin(component, digest, grants).await
    }

    /// Links and describes a component of this runtime's own engine.
    pub(crate) async fn plugin(
        &self,
        component: Component,
        digest: String,
        grants: &BTreeSet<Grant>,
    ) -> Result<Plugin, LoadError> {
        check_imports(&self.engine, &component, grants)?;
        let pre = self.link(&component, grants)?;
        let description = self.describe(&pre).await?;
        Ok(Plugin {
            component,
            pre,
            tier: self.tier(),
            digest: digest.into(),
            description: Arc::new(description),
        })
    }

    fn link(
        &self,
        component: &Component,
        grants: &BTreeSet<Grant>,
    ) -> Result<StagePre<CallState>, LoadError> {
        let mut linker = Linker::new(&self.engine);
        Bindings::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)
            .and_then(|()| wasi::link(&mut linker, grants))
            .map_err(|e| LoadError::Engine(format!("{e:#}")))?;
        let pre = linker
            .instantiate_pre(component)
            .map_err(|e| LoadError::World(format!("{e:#}")))?;
        StagePre::new(pre).map_err(|e| LoadError::World(format!("{e:#}")))
    }

    async fn describe(&self, pre: &StagePre<CallState>) -> Result<Description, LoadError> {
        let limits = Limits {
            tensors: 0,
            output: MAX_DESCRIPTION_BYTES,
            fuel: self.counts_fuel().then_some(MAX_FUEL),
            ..Limits::default()
        };
        let deadline = Instant::now() + DESCRIBE_DEADLINE;
        let grants = Arc::new(StageGrants {
            config: "{}".into(),
            ..StageGrants::default()
        });
        let state = CallState::new("describe".into(), "".into(), grants, &limits, deadline);
        let mut store = new_store(&self.engine, state, &limits);
        let (pre, awake) = (pre.clone(), self.awake());
        let call = async move {
            let call = async {
                let stage = pre.instantiate_async(&mut store).await?;
                let description = stage.fleetwright_stage_description();
                description.call_describe(&mut store).await
            };
            let described = awake.during(call).await;
            described.map_err(|error| classify(&error, store.data()))
        };
        let described = run_metered(call, limits.cpu, deadline)
            .await
            .map_err(|stopped| LoadError::Describe(stopped.describe(&limits)))?;
        let described = described.map_err(|failure| match failure.kind {
            CallErrorKind::Output => LoadError::Description(format!(
                "it has more than {} bytes; say less",
                MAX_DESCRIPTION_BYTES + FUEL_MARGIN
            )),
            _ => LoadError::Describe(failure.detail),
        })?;
        Description::check(described).map_err(LoadError::Description)
    }
}

/// A store for one call, with its limits in force.
pub(crate) fn new_store(
    engine: &wasmtime::Engine,
    state: CallState,
    limits: &Limits,
) -> Store<CallState> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    // What the guest may hand over in one call.
    let bytes = limits
        .tensors
        .max(limits.output)
        .saturating_add(FUEL_MARGIN);
    store.set_hostcall_fuel(usize::try_from(bytes).unwrap_or(usize::MAX));
    if let Some(fuel) = limits.fuel {
        // Fails where the engine counts none; `Stage::new` has refused that.
        store.set_fuel(fuel).unwrap_or_default();
    }
    store
}

impl Description {
    fn check(described: wit::Plugin) -> Result<Self, String> {
        check_name("name", &described.name)?;
        let version = semver::Version::parse(&described.version).map_err(|e| {
            format!(
                "version `{}` is no semantic version: {e}",
                shown(&described.version)
            )
        })?;
        let mut roles: Vec<Role> = Vec::with_capacity(described.roles.len());
        for role in described.roles {
            let name = role.name.strip_suffix('?').unwrap_or(&role.name);
            check_name("role", name)?;
            if roles.iter().any(|known| known.name == name) {
                return Err(format!("role `{name}` stands twice"));
            }
            roles.push(Role {
                name: name.to_owned(),
                purpose: role.purpose,
                optional: role.name.ends_with('?'),
            });
        }
        Ok(Description {
            config_schema: schema("config-schema", &described.config_schema)?,
            answer_schema: schema("answer-schema", &described.answer_schema)?,
            name: described.name,
            version,
            summary: described.summary,
            roles,
        })
    }
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match first && rest && name.len() <= MAX_NAME_BYTES {
        true => Ok(()),
        false => Err(format!(
            "{what} `{}` is not `[a-z][a-z0-9-]*` of at most {MAX_NAME_BYTES} bytes",
            shown(name)
        )),
    }
}

/// A component's own words, in a sentence of the host's: without control characters, and cut where they are long.
fn shown(text: &str) -> String {
    let cut = text.floor_char_boundary(2 * MAX_NAME_BYTES);
    let (shown, rest) = text.split_at(cut);
    let more = if rest.is_empty() { "" } else { "…" };
    format!("{}{more}", shown.escape_debug())
}

fn schema(what: &str, text: &str) -> Result<Value, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|e| format!("`{what}` is no JSON: {e}"))?;
    match value {
        Value::Object(_) | Value::Bool(_) => Ok(value),
        _ => Err(format!("`{what}` is no JSON Schema: an object is expected")),
    }
}
