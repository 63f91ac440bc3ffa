//! The manifest as written: every value read and checked by itself, nothing resolved.
//!
//! Purpose: the step between TOML and meaning. A value that cannot be read is reported and left out; what remains says
//! whether it is complete, so that the next step does not report what only follows. Bounds: [`MAX_STAGES`].

use crate::amount::{duration, size};
use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::keys::{BATCH, DEFAULTS, INFERENCE, MODEL, ROOT, SUBMISSION};
use crate::limits::RawLimits;
use crate::manifest::{Batch, DeviceChoice, Effort, ModelSpans};
use crate::raw_stage::{RawStage, digest};
use crate::reference::{NAME_RULE, as_name, is_name};
use crate::suggest::shown;
use crate::text::{document, within_bounds};
use crate::walk::{At, Entry, Strings, Table, kind};
use crate::{Diagnostic, Reference, Span};
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// The most stages of a fleet.
pub const MAX_STAGES: usize = 256;
/// What a model may be given of a CUDA device's memory.
const DEVICE_MEMORY: RangeInclusive<u64> = 16 << 20..=1 << 40;
/// The schema that this release reads.
const SCHEMA: usize = 1;

/// The manifest as written.
#[derive(Debug)]
pub(crate) struct RawManifest {
    pub(crate) name: Option<String>,
    /// The declared fields; `None` where the section is absent.
    pub(crate) fields: Option<Strings>,
    pub(crate) defaults: RawLimits,
    /// Threads that all models together compute on.
    pub(crate) threads: Option<usize>,
    pub(crate) models: Vec<RawModel>,
    /// Whether `models` is all that the user declared.
    pub(crate) models_complete: bool,
    pub(crate) stages: Vec<RawStage>,
}

/// A model as written. The name is known even where the rest is not.
#[derive(Debug)]
pub(crate) struct RawModel {
    pub(crate) name: At<String>,
    pub(crate) reference: Option<At<Reference>>,
    pub(crate) digest: Option<String>,
    pub(crate) adapter: Option<String>,
    pub(crate) device: DeviceChoice,
    pub(crate) device_memory: Option<u64>,
    pub(crate) batch: Batch,
    pub(crate) effort: Effort,
    pub(crate) spans: ModelSpans,
}

/// Reads the text; `None` where nothing of it can be used.
pub(crate) fn read(text: &str, findings: &mut Findings) -> Option<RawManifest> {
    if !within_bounds(text, findings) {
        return None;
    }
    let document = document(text, findings);
    if !schema(document.get_ref(), findings) {
        return None;
    }
    let start = Span::new(0, 0);
    let root = Table::new(
        document.get_ref(),
        start,
        &ROOT,
        "the manifest".to_owned(),
        findings,
    );
    root.required("schema", findings);
    let (models, models_complete) = models(&root, findings);
    Some(RawManifest {
        name: root
            .required_string("name", findings)
            .and_then(|name| checked_name(&name, "fleet", findings)),
        fields: root
            .table("submission", &SUBMISSION, findings)
            .and_then(|submission| submission.strings("fields", findings)),
        defaults: root
            .table("defaults", &DEFAULTS, findings)
            .map(|defaults| RawLimits::read(&defaults, findings).0)
            .unwrap_or_default(),
        threads: root
            .table("inference", &INFERENCE, findings)
            .and_then(|inference| threads(&inference, findings)),
        models,
        models_complete,
        stages: stages(text, &root, findings),
    })
}

/// Whether the file is of the schema that this release reads. A file of another schema is not read further: what its
/// keys mean is unknown. A file that does not say is read as the current one.
fn schema(root: &DeTable<'_>, findings: &mut Findings) -> bool {
    let Some((_, value)) = root.iter().find(|(key, _)| key.get_ref() == "schema") else {
        return true;
    };
    let span = Span::from(value.span());
    match value.get_ref() {
        DeValue::Integer(integer) => {
            if usize::from_str_radix(integer.as_str(), integer.radix()) == Ok(SCHEMA) {
                return true;
            }
            let message = format!(
                "`schema` is `{}`; this release reads {SCHEMA}",
                shown(&integer.to_string())
            );
            findings.report(
                Diagnostic::new(codes::UNSUPPORTED_SCHEMA, span, message)
                    .label("a schema of another release")
                    .hint(format!(
                        "write `schema = {SCHEMA}`, or use the release of Fleetwright that this file was written for"
                    )),
            );
            false
        }
        other => {
            let given = kind(other);
            findings.report(
                Diagnostic::new(
                    codes::WRONG_TYPE,
                    span,
                    format!("`schema` takes an integer, not {given}"),
                )
                .label(format!("this is {given}"))
                .hint(format!("write `schema = {SCHEMA}`")),
            );
            true
        }
    }
}

/// The name, or a finding with the name that was probably meant.
pub(crate) fn checked_name(name: &At<&str>, what: &str, findings: &mut Findings) -> Option<String> {
    if is_name(name.value) {
        return Some(name.value.to_owned());
    }
    findings.report(bad_name(name.value, name.span, what));
    None
}

/// The finding for a name that breaks the rule.
pub(crate) fn bad_name(name: &str, span: Span, what: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::BAD_NAME,
        span,
        format!("`{}` is not a name for a {what}", shown(name)),
    )
    .label("not a name")
    .note(format!("a name is {NAME_RULE}"));
    match as_name(name) {
        Some(name) => diagnostic.hint(format!("write `{name}`")),
        None => diagnostic.hint("write, for example, `front-desk`"),
    }
}

fn models(root: &Table<'_>, findings: &mut Findings) -> (Vec<RawModel>, bool) {
    let Some((entries, _)) = root.entries_of("models", findings) else {
        return (Vec::new(), root.entry("models").is_none());
    };
    let mut models = Vec::new();
    for (key, value) in entries {
        let name = At::new(key.get_ref().as_ref(), key.span().into());
        checked_name(&name, "model", findings);
        let name = At::new(name.value.to_owned(), name.span);
        let DeValue::Table(entries) = value.get_ref() else {
            findings.report(
                Diagnostic::new(
                    codes::WRONG_TYPE,
                    value.span().into(),
                    format!(
                        "`models.{}` takes a table, not {}",
                        shown(&name.value),
                        kind(value.get_ref())
                    ),
                )
                .label(format!("this is {}", kind(value.get_ref())))
                .hint(format!(
                    "write `{} = {{ use = \"minilm@1\" }}`",
                    shown(&name.value)
                )),
            );
            models.push(RawModel {
                spans: ModelSpans {
                    name: name.span,
                    ..ModelSpans::default()
                },
                name,
                reference: None,
                digest: None,
                adapter: None,
                device: DeviceChoice::Auto,
                device_memory: None,
                batch: Batch::default(),
                effort: Effort::default(),
            });
            continue;
        };
        let table = Table::new(
            entries,
            value.span().into(),
            &MODEL,
            format!("model `{}`", shown(&name.value)),
            findings,
        );
        models.push(model(name, &table, findings));
    }
    (models, true)
}

fn model(name: At<String>, table: &Table<'_>, findings: &mut Findings) -> RawModel {
    let reference = table
        .required_string("use", findings)
        .and_then(|text| reference(&text, "model", findings));
    let pin = table.string("digest", findings);
    let adapter = table.string("adapter", findings);
    let device = table.string("device", findings);
    let chosen = device
        .as_ref()
        .and_then(|text| read_device(text, findings))
        .unwrap_or_default();
    let batch = table.table("batch", &BATCH, findings);
    let spans = ModelSpans {
        name: name.span,
        reference: reference
            .as_ref()
            .map_or(table.span, |reference| reference.span),
        digest: pin.as_ref().map(|pin| pin.span),
        adapter: adapter.as_ref().map(|adapter| adapter.span),
        device: device.as_ref().map(|device| device.span),
        batch: batch.as_ref().map(|batch| batch.span),
    };
    RawModel {
        name,
        reference,
        digest: pin.and_then(|text| digest(&text, MODEL_DIGEST, findings)),
        adapter: adapter.and_then(|name| checked_name(&name, "model's adapter", findings)),
        device_memory: device_memory(table, chosen, findings),
        device: chosen,
        batch: batch
            .map(|batch| read_batch(&batch, findings))
            .unwrap_or_default(),
        effort: read_effort(table, findings),
        spans,
    }
}

/// The bound of a CUDA device's memory, which no other device has.
fn device_memory(table: &Table<'_>, device: DeviceChoice, findings: &mut Findings) -> Option<u64> {
    let bytes = size(table, "device_memory", DEVICE_MEMORY, findings)?;
    if let DeviceChoice::Cpu | DeviceChoice::WebGpu = device {
        let span = table.string("device_memory", findings)?.span;
        let message = format!("`device_memory` bounds a CUDA device, and `device` is `{device}`");
        findings.report(
            Diagnostic::new(codes::BAD_DEVICE, span, message)
                .label("never looked at")
                .hint("take `device_memory` away, or declare `cuda:0`"),
        );
    }
    Some(bytes)
}

/// What prints a card's digest.
const MODEL_DIGEST: &str = "`fleetwright models list --json` prints it";

fn read_batch(table: &Table<'_>, findings: &mut Findings) -> Batch {
    let delay = duration(
        table,
        "delay",
        Duration::ZERO..=Duration::from_secs(1),
        findings,
    );
    Batch {
        max: table
            .integer("max", 1..=4096, findings)
            .map(|max| max.value),
        tokens: table
            .integer("tokens", 1..=1_048_576, findings)
            .map(|tokens| tokens.value),
        delay,
    }
}

fn read_effort(table: &Table<'_>, findings: &mut Findings) -> Effort {
    let run = Duration::from_millis(1)..=Duration::from_secs(3600);
    let none = Effort::default();
    Effort {
        threads: threads(table, findings),
        run: duration(table, "run", run, findings).unwrap_or(none.run),
        queue: table
            .integer("queue", 1..=65_536, findings)
            .map_or(none.queue, |queue| queue.value),
    }
}

fn threads(table: &Table<'_>, findings: &mut Findings) -> Option<usize> {
    let threads = table.integer("threads", 1..=1024, findings)?;
    Some(threads.value)
}

fn read_device(text: &At<&str>, findings: &mut Findings) -> Option<DeviceChoice> {
    let device = match text.value {
        "auto" => Some(DeviceChoice::Auto),
        "cpu" => Some(DeviceChoice::Cpu),
        "webgpu" => Some(DeviceChoice::WebGpu),
        other => other
            .strip_prefix("cuda:")
            .filter(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|index| index.parse().ok())
            .map(DeviceChoice::Cuda),
    };
    if device.is_none() {
        let hint = match text.value.to_ascii_lowercase().as_str() {
            "gpu" | "cuda" | "nvidia" => {
                "write `cuda:0` for the first NVIDIA GPU, `webgpu` for one of any vendor, or `auto` for a GPU where there is one"
            }
            _ => "write `auto`, `cpu`, `webgpu` or `cuda:0`, where 0 is the GPU's index",
        };
        findings.report(
            Diagnostic::new(
                codes::BAD_DEVICE,
                text.span,
                format!("`{}` is not a device", shown(text.value)),
            )
            .label("not a device")
            .hint(hint),
        );
    }
    device
}

/// Reads `name@version`.
pub(crate) fn reference(
    text: &At<&str>,
    what: &str,
    findings: &mut Findings,
) -> Option<At<Reference>> {
    match Reference::read(text.value) {
        Ok(reference) => Some(At::new(reference, text.span)),
        Err(unreadable) => {
            findings.report(
                Diagnostic::new(
                    codes::BAD_REFERENCE,
                    text.span,
                    format!(
                        "`{}` does not name a {what} and its version",
                        shown(text.value)
                    ),
                )
                .label(unreadable.label)
                .hint(unreadable.hint),
            );
            None
        }
    }
}

fn stages(text: &str, root: &Table<'_>, findings: &mut Findings) -> Vec<RawStage> {
    let Some(entry) = root.entry("stage") else {
        no_stages(root.span, findings);
        return Vec::new();
    };
    let DeValue::Array(items) = entry.value.get_ref() else {
        let diagnostic = root.wrong_type("stage", entry);
        findings.report(match entry.value.get_ref() {
            DeValue::Table(_) => diagnostic
                .hint("write `[[stage]]`, with two brackets on each side: stages are a list"),
            _ => diagnostic,
        });
        return Vec::new();
    };
    if items.is_empty() {
        no_stages(entry.value.span().into(), findings);
    }
    if let Some(first_beyond) = items.get(MAX_STAGES) {
        findings.report(too_many_stages(items.len(), first_beyond.span().into()));
        return Vec::new();
    }
    let mut stages = Vec::new();
    for item in items {
        let span = Span::from(item.span());
        match item.get_ref() {
            DeValue::Table(entries) => stages.push(RawStage::read(text, entries, span, findings)),
            _ => findings.report(root.wrong_type(
                "stage",
                Entry {
                    key: entry.key,
                    value: item,
                },
            )),
        }
    }
    stages
}

fn too_many_stages(count: usize, first_beyond: Span) -> Diagnostic {
    Diagnostic::new(
        codes::TOO_MANY_STAGES,
        first_beyond,
        format!("the fleet has {count} stages; at most {MAX_STAGES} are read"),
    )
    .label("the first beyond")
    .hint("divide the fleet in two, each with its own manifest and host")
}

fn no_stages(span: Span, findings: &mut Findings) {
    findings.report(
        Diagnostic::new(codes::NO_STAGES, span, "the fleet has no stage").hint(
            "add one: a line `[[stage]]`, then `name = \"classify\"` and `plugin = \"classify@1\"`",
        ),
    );
}
