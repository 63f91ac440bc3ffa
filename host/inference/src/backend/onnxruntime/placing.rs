//! Where a session runs: on what is declared, or, for `auto`, on the first accelerator that can.
//!
//! A library falls back to the processor in silence where an accelerator cannot be had; here that is an error.

use std::path::Path;

use ort::ep;
use ort::ep::ExecutionProvider;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::TensorRef;

use super::fused::{Fused, PLAIN_VARIABLE, fused};
use super::{
    DECLARED, Library, LoadError, NAME, Opened, Pinned, SessionBackend, Setting, graph_file,
    lacking,
};
use crate::backend::DeviceState;
use crate::card::Card;
use crate::device::{Accelerator, Device, Place};
use crate::events::LibraryWarned;

/// A graph of one product of matrices, `x` of `[rows, 4]`, by `tests/models/make.py`: what an accelerator must be able to do.
const PROBE: &[u8] = include_bytes!("probe.onnx");

impl Library {
    /// Loads the graph of `card` that is for where `setting` says.
    pub(in crate::backend) fn open_model(
        &self,
        card: &Card,
        setting: Setting,
    ) -> Result<Opened, LoadError> {
        let place = match setting.device {
            Device::Auto => return self.choose(card, setting),
            Device::Cpu => Place::Cpu,
            Device::Cuda(number) => Place::Cuda(number),
            Device::WebGpu => Place::WebGpu,
        };
        match place.accelerator() {
            Some(kind) if !has(kind) => Err(lacking(setting.device, kind, &self.named())),
            _ => self.open_at(card, setting, place, DECLARED.to_owned()),
        }
    }

    /// The first accelerator that computes and that the card has a graph for, else the processor: of a graph that is made for
    /// processors, an accelerator computes a part at best, and the library has the rest computed here.
    fn choose(&self, card: &Card, setting: Setting) -> Result<Opened, LoadError> {
        let mut reasons = Vec::new();
        for DeviceState { place, state } in self.devices() {
            if let Err(reason) = state {
                // Of the library and not of this model: it is logged once, when it is found.
                reasons.push(format!("{place} does not compute: {reason}"));
                continue;
            }
            let own = place.accelerator().and_then(|kind| card.graph_for(kind));
            if own.is_none() {
                reasons.push(format!("the card has no graph for {place}"));
                continue;
            }
            let why = format!(
                "`auto`: the card has a graph for it, and {} computes there",
                self.named()
            );
            match self.open_at(card, setting, *place, why) {
                Ok(opened) => return Ok(opened),
                Err(error) => {
                    warn(&format!("{error}; device `auto` goes on without it"));
                    reasons.push(error.to_string());
                }
            }
        }
        let why = match reasons.is_empty() {
            true => format!("`auto`: {} has no other", self.named()),
            false => format!("`auto`: {}", reasons.join("; ")),
        };
        self.open_at(card, setting, Place::Cpu, why)
    }

    /// The accelerators that the library was built for, each with how a small graph ended there: run once, then known.
    pub(in crate::backend) fn devices(&self) -> &[DeviceState] {
        self.devices.get_or_init(|| {
            let each = accelerators().map(|place| {
                let state = self.probe(place).map_err(|error| last_words(&error));
                if let Err(reason) = &state {
                    warn(&format!("{place} does not compute: {reason}"));
                }
                DeviceState { place, state }
            });
            each.collect()
        })
    }

    fn probe(&self, place: Place) -> Result<(), ort::Error> {
        let setting = Setting {
            threads: 1,
            ..Setting::default()
        };
        let mut session = self.builder(setting, place)?.commit_from_memory(PROBE)?;
        let input = TensorRef::from_array_view(([1_i64, 4], &[0.5_f32, -0.5, 1.0, 2.0][..]))?;
        session.run(ort::inputs!["x" => input])?;
        Ok(())
    }

    fn open_at(
        &self,
        card: &Card,
        setting: Setting,
        place: Place,
        why: String,
    ) -> Result<Opened, LoadError> {
        let refused = |reason: String| LoadError::Device {
            device: place.to_string(),
            reason,
        };
        if let Some(kind) = place.accelerator() {
            card.verify_files_for(kind)?;
        }
        if place == Place::WebGpu && setting.memory.is_some() {
            return Err(refused(
                "its memory cannot be bounded; take `device_memory` away, or declare another device"
                    .to_owned(),
            ));
        }
        let failed =
            |error: ort::Error| LoadError::graph(card, NAME, graph_file(card, place), error);
        let session = self.session(card, setting, place).map_err(failed);
        let session = match (session, place) {
            (Err(error), Place::Cuda(_) | Place::WebGpu) => {
                return Err(refused(format!(
                    "{error}; `fleetwright doctor` shows what it lacks, or declare `cpu`"
                )));
            }
            (session, _) => session?,
        };
        let (pinned, why) = match Pinned::beside(&session, place) {
            Ok(None) => (None, why),
            Ok(Some(pinned)) => (Some(pinned), format!("{why}; through pinned memory")),
            // Slower, and on the device declared all the same.
            Err(error) => {
                let without = format!("without pinned memory: {}", last_words(&error));
                warn(&format!("{place} computes {without}"));
                (None, format!("{why}; {without}"))
            }
        };
        let opened = Opened {
            backend: Box::new(SessionBackend::new(card, session, pinned).map_err(failed)?),
            name: self.named(),
            place,
            why,
        };
        opened.proved(card)
    }

    /// A session over the graph of `card` that is for `place`.
    pub(super) fn session(
        &self,
        card: &Card,
        setting: Setting,
        place: Place,
    ) -> Result<Session, ort::Error> {
        let file = graph_file(card, place);
        if place == Place::Cpu && std::env::var_os(PLAIN_VARIABLE).is_none() {
            match self.fused_session(setting, &file) {
                Ok(Some(session)) => return Ok(session),
                Ok(None) => {}
                // Slower, and the same answers.
                Err(error) => warn(&format!(
                    "`{}` is computed as it is, in more steps: {}",
                    file.display(),
                    last_words(&error)
                )),
            }
        }
        self.builder(setting, place)?.commit_from_file(file)
    }

    /// The same in fewer steps; `None` where the graph has none that could be fewer.
    fn fused_session(&self, setting: Setting, file: &Path) -> Result<Option<Session>, ort::Error> {
        let Some(Fused { graph, steps }) = fused(file)? else {
            return Ok(None);
        };
        let builder = self.builder(setting, Place::Cpu)?;
        let mut builder = builder.with_operators(steps).map_err(forget)?;
        builder.commit_from_memory(&graph).map(Some)
    }

    /// `onnxruntime 1.32.0`
    fn named(&self) -> String {
        format!("{NAME} {}", self.version)
    }

    /// Loads what lies beside the library, as `models pull` puts it there; what does not is the system's to find.
    fn preload(&self) -> Result<(), ort::Error> {
        let folder = self.path.parent().unwrap_or(&self.path);
        let here = CUDA_LIBRARIES.map(|name| folder.join(name));
        for file in here.iter().filter(|file| file.is_file()) {
            ort::util::preload_dylib(file)
                .map_err(|error| ort::Error::new(format!("`{}`: {error}", file.display())))?;
        }
        Ok(())
    }

    pub(super) fn builder(
        &self,
        setting: Setting,
        place: Place,
    ) -> Result<SessionBuilder, ort::Error> {
        let builder = Session::builder(&self.environment)?
            .with_intra_threads(setting.threads)
            .map_err(forget)?
            .with_inter_threads(1)
            .map_err(forget)?
            .with_intra_op_spinning(false)
            .map_err(forget)?
            .with_inter_op_spinning(false)
            .map_err(forget)?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(forget)?
            // Its plan is made for one shape, and here lengths and rows change from run to run.
            .with_memory_pattern(false)
            .map_err(forget)?;
        let provider = match place {
            Place::Cpu => {
                return builder
                    .with_config_entry("optimization.disable_specified_optimizers", SLOWER_FUSIONS)
                    .map_err(forget);
            }
            Place::Cuda(number) => {
                self.preload()?;
                let each = setting.memory.map(|bytes| place.memory_each(bytes));
                cuda(number, each).build()
            }
            Place::WebGpu => ep::WebGPU::default().build(),
        };
        // Without this the library falls back to the CPU and says nothing.
        builder
            .with_execution_providers([provider.error_on_failure()])
            .map_err(forget)
    }
}

/// Fusions that lose on processors: of 30 tokens, the kernel of the first takes four times what a sum and a normalisation by themselves
/// take, and that of the second a little more than its two parts. `host/benches/README.md` has the figures.
const SLOWER_FUSIONS: &str = "SkipLayerNormFusion;BiasGeluFusion";

/// What CUDA's provider is linked to, each after what it needs itself.
const CUDA_LIBRARIES: [&str; 4] = [
    "libcudart.so.13",
    "libcublasLt.so.13",
    "libcublas.so.13",
    "libcurand.so.10",
];

/// A provider of the device `number`, whose memory grows by what is asked for where it is bounded: doubling would reach the
/// bound at half of it.
fn cuda(number: u32, memory: Option<u64>) -> ep::CUDA {
    let provider = ep::CUDA::default().with_device_id(i32::try_from(number).unwrap_or(i32::MAX));
    match memory {
        Some(bytes) => provider
            .with_memory_limit(usize::try_from(bytes).unwrap_or(usize::MAX))
            .with_arena_extend_strategy(ep::ArenaExtendStrategy::SameAsRequested),
        None => provider,
    }
}

fn warn(message: &str) {
    LibraryWarned {
        library: NAME,
        message,
    }
    .emit();
}

/// What the library says last, in one line: first come its source files and signatures of its functions.
fn last_words(error: &ort::Error) -> String {
    let text = error.to_string();
    let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
    let marks = [" was false. ", "] : 1 : FAIL : "];
    let words = marks.into_iter().find_map(after).unwrap_or(&text);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The error without the builder that it carries.
fn forget(error: ort::Error<SessionBuilder>) -> ort::Error {
    ort::Error::new_with_code(error.code(), error.message())
}

/// The first of each kind that the library was built for, in the order in which `auto` tries them.
fn accelerators() -> impl Iterator<Item = Place> {
    let places = [Place::Cuda(0), Place::WebGpu].into_iter();
    places.filter(|place| place.accelerator().is_some_and(has))
}

/// Whether the library was built for it. Whether there is a device, only a session tells.
fn has(accelerator: Accelerator) -> bool {
    let known = match accelerator {
        Accelerator::Cuda => ep::CUDA::is_available(),
        Accelerator::WebGpu => ep::WebGPU::is_available(),
    };
    known.unwrap_or(false)
}
