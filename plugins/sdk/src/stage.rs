//! A stage: its description, its typed request and answer, and the step from the host's JSON to both.
//!
//! The host passes fields and config as JSON objects. [`Handler`] reads them into the types that the plugin's function
//! names; a member that does not fit is a [`Failure`] that names its path. Nothing is kept between calls.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{host, nn};

/// A plugin as this crate sees it: what [`stage!`](crate::stage!) makes of a file of functions.
pub struct Stage {
    /// What the plugin says of itself.
    pub description: Description,
    /// Handles one submission.
    pub handle: fn(RawRequest) -> Result<RawAnswer, Failure>,
}

/// What a plugin says of itself, read once when the host loads it.
pub struct Description {
    /// The name that a manifest writes before the `@`: `[a-z][a-z0-9-]*`, at most 64 bytes.
    pub name: &'static str,
    /// The version, as semantic versioning 2.0.0 writes it.
    pub version: &'static str,
    /// One sentence for a person.
    pub summary: &'static str,
    /// The models that the plugin needs.
    pub roles: &'static [Role],
    /// JSON Schema (draft 2020-12) of the stage's config.
    pub config_schema: &'static str,
    /// JSON Schema (draft 2020-12) of an answer's fields.
    pub answer_schema: &'static str,
}

/// A model that a plugin needs, under the name that its code passes to [`Model::open`](nn::Model::open).
pub struct Role {
    /// The role: `[a-z][a-z0-9-]*`, at most 64 bytes; with `?` after it where the plugin also works without the model, which
    /// [`nn::is_bound`] tells.
    pub name: &'static str,
    /// What the plugin needs of the model, for a person.
    pub purpose: &'static str,
}

/// The part of a submission that the manifest's `reads` grants to the stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<F> {
    /// The granted fields, and the granted earlier stages' answers under their names. A field that the submission
    /// lacks is absent: give it `#[serde(default)]`, or an `Option`.
    pub fields: F,
    /// The attachments, where `attachments` is granted; otherwise empty.
    pub attachments: Vec<Attachment>,
}

/// A file that came with the submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file's name as the sender gave it: a label, never a path to be trusted.
    pub name: String,
    /// The media type as the sender declared it, in lower case and without parameters.
    pub media_type: String,
    /// The file's bytes, undecoded.
    pub bytes: Vec<u8>,
}

/// A stage's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<A> {
    /// What serializes to a JSON object that matches the plugin's answer schema.
    pub fields: A,
    /// How sure the stage is of its answer, from 0 to 1; `None` where the stage makes no estimate.
    pub confidence: Option<f64>,
    /// What becomes of the submission.
    pub disposition: Disposition,
}

impl<A> Answer<A> {
    /// An answer without a confidence, after which the submission goes on.
    pub fn new(fields: A) -> Self {
        Self {
            fields,
            confidence: None,
            disposition: Disposition::Continue,
        }
    }

    /// Sets how sure the stage is of its answer. Beyond 0 to 1 (or NaN) the call ends in [`Failure::Internal`].
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = Some(confidence);
        self
    }

    /// Holds the submission for a person, for the reason given.
    #[must_use]
    pub fn hold(mut self, reason: impl Into<String>) -> Self {
        self.disposition = Disposition::Hold(reason.into());
        self
    }
}

/// What becomes of the submission after this stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// The submission goes on.
    #[default]
    Continue,
    /// The submission is held for a person, for the reason given.
    Hold(String),
}

/// Why a stage could not answer. Each case carries a sentence that names the value and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The granted fields or attachments cannot be worked on.
    #[error("invalid input: {0}")]
    InvalidInput(String),
    /// The config says something that its schema cannot refuse but the plugin cannot do.
    #[error("invalid config: {0}")]
    InvalidConfig(String),
    /// Inference failed, or a model gave something that the plugin cannot read.
    #[error("inference: {0}")]
    Inference(String),
    /// The plugin is at fault.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<nn::Error> for Failure {
    fn from(error: nn::Error) -> Self {
        Self::Inference(error.to_string())
    }
}

/// A request as the host passes it.
#[derive(Clone, Debug, Default)]
pub struct RawRequest {
    /// A JSON object.
    pub fields: String,
    /// The attachments, where they are granted.
    pub attachments: Vec<Attachment>,
}

/// An answer as the host takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct RawAnswer {
    /// A JSON object.
    pub fields: String,
    /// From 0 to 1, where the stage makes an estimate.
    pub confidence: Option<f64>,
    /// What becomes of the submission.
    pub disposition: Disposition,
}

/// A function that a stage can be made of: of a [`Request`], or of a [`Request`] and the stage's config.
///
/// `Shape` tells the two apart and is inferred. A function that takes no config never asks the host for one.
pub trait Handler<Shape> {
    /// Reads the request, calls the function and writes its answer.
    ///
    /// # Errors
    /// What the function gives, or the failure that names what does not fit its types.
    fn call(self, request: RawRequest) -> Result<RawAnswer, Failure>;
}

impl<H, F, A> Handler<(F, A)> for H
where
    H: FnOnce(Request<F>) -> Result<Answer<A>, Failure>,
    F: DeserializeOwned,
    A: Serialize,
{
    fn call(self, request: RawRequest) -> Result<RawAnswer, Failure> {
        write(self(read_request(request)?)?)
    }
}

impl<H, F, C, A> Handler<(F, C, A)> for H
where
    H: FnOnce(Request<F>, C) -> Result<Answer<A>, Failure>,
    F: DeserializeOwned,
    C: DeserializeOwned,
    A: Serialize,
{
    fn call(self, request: RawRequest) -> Result<RawAnswer, Failure> {
        let config = config()?;
        write(self(read_request(request)?, config)?)
    }
}

/// The stage's config, for a [`Stage`] that is written by hand.
///
/// # Errors
/// [`Failure::InvalidConfig`], with the path of the member that does not fit `C`.
pub fn config<C: DeserializeOwned>() -> Result<C, Failure> {
    read(&host::config()).map_err(|e| {
        Failure::InvalidConfig(format!(
            "the stage's `config` does not fit at {e}; see the plugin's config schema"
        ))
    })
}

fn read_request<F: DeserializeOwned>(request: RawRequest) -> Result<Request<F>, Failure> {
    let fields = read(&request.fields).map_err(|e| {
        Failure::InvalidInput(format!(
            "the granted fields do not fit at {e}; send the field in that form, or grant it in the stage's `reads`"
        ))
    })?;
    Ok(Request {
        fields,
        attachments: request.attachments,
    })
}

/// Reads JSON into a type; an error names the path of the member, then what is wrong with it.
fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    // Keeping the path costs as much as reading, so that it is kept only where something is wrong.
    if let Ok(value) = serde_json::from_str(json) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|e| format!("`{}`: {}", e.path(), e.inner()))
}

fn write<A: Serialize>(answer: Answer<A>) -> Result<RawAnswer, Failure> {
    if let Some(c) = answer.confidence
        && !(0.0..=1.0).contains(&c)
    {
        return Err(Failure::Internal(format!(
            "confidence `{c}` is not from 0 to 1: clamp it, or leave it out"
        )));
    }
    let fields = serde_json::to_string(&answer.fields)
        .map_err(|e| Failure::Internal(format!("the answer does not serialize to JSON: {e}")))?;
    if !fields.starts_with('{') {
        return Err(Failure::Internal(
            "the answer is not a JSON object: answer with a struct or a map".to_owned(),
        ));
    }
    Ok(RawAnswer {
        fields,
        confidence: answer.confidence,
        disposition: answer.disposition,
    })
}

/// Makes a plugin of a function: a `pub static STAGE` for the harness and, for wasm32, the component's exports.
///
/// `name`, `summary` and `handle` are required; the order is fixed. Without schemas, any object is accepted as config
/// and as answer. The version is the crate's (`CARGO_PKG_VERSION`) unless `version:` follows the name.
///
/// ```
/// use fleetwright_sdk::prelude::*;
///
/// stage! {
///     name: "length",
///     summary: "Says how long a request is.",
///     roles: {},
///     config_schema: r#"{"type":"object","properties":{"longest":{"type":"integer"}},"additionalProperties":false}"#,
///     answer_schema: r#"{"type":"object","required":["words"],"properties":{"words":{"type":"integer"}}}"#,
///     handle: length,
/// }
///
/// #[derive(Deserialize)]
/// struct Fields {
///     body: String,
/// }
///
/// #[derive(Deserialize)]
/// struct Config {
///     #[serde(default)]
///     longest: Option<usize>,
/// }
///
/// #[derive(Serialize)]
/// struct Length {
///     words: usize,
/// }
///
/// fn length(request: Request<Fields>, config: Config) -> Result<Answer<Length>, Failure> {
///     let words = request.fields.body.split_whitespace().count();
///     let answer = Answer::new(Length { words }).confidence(1.0);
///     Ok(match config.longest {
///         Some(longest) if words > longest => answer.hold(format!("{words} words, more than {longest}")),
///         _ => answer,
///     })
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! stage {
    (
        name: $name:expr,
        $(version: $version:expr,)?
        summary: $summary:expr,
        $(roles: { $($role:literal : $purpose:expr),* $(,)? },)?
        $(config_schema: $config:expr,)?
        $(answer_schema: $answer:expr,)?
        handle: $handle:expr $(,)?
    ) => {
        /// This plugin: what it says of itself, and the function that handles a submission.
        pub static STAGE: $crate::Stage = $crate::Stage {
            description: $crate::Description {
                name: $name,
                version: $crate::stage!(@or [$($version)?] [env!("CARGO_PKG_VERSION")]),
                summary: $summary,
                roles: &[$($($crate::Role { name: $role, purpose: $purpose },)*)?],
                config_schema: $crate::stage!(@or [$($config)?] [r#"{"type":"object"}"#]),
                answer_schema: $crate::stage!(@or [$($answer)?] [r#"{"type":"object"}"#]),
            },
            handle: |request| $crate::Handler::call($handle, request),
        };

        $crate::export!();
    };
    (@or [] [$default:expr]) => { $default };
    (@or [$value:expr] [$default:expr]) => { $value };
}

/// Exports a `static STAGE: Stage` that is written by hand; [`stage!`](crate::stage!) does so itself.
///
/// Natively there is nothing to export: the harness calls `STAGE`.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! export {
    () => {
        const _: () = {
            #[doc(hidden)]
            pub struct Component;

            impl $crate::bindings::exports::fleetwright::stage::description::Guest for Component {
                fn describe() -> $crate::bindings::exports::fleetwright::stage::description::Plugin
                {
                    $crate::exports::describe(&STAGE)
                }
            }

            impl $crate::bindings::exports::fleetwright::stage::handler::Guest for Component {
                fn handle(
                    request: $crate::bindings::exports::fleetwright::stage::handler::Request,
                ) -> Result<
                    $crate::bindings::exports::fleetwright::stage::handler::Answer,
                    $crate::bindings::exports::fleetwright::stage::handler::Failure,
                > {
                    $crate::exports::handle(&STAGE, request)
                }
            }

    $crate::bindings::export_stage!(Component with_types_in $crate::bindings);
        };
    };
}

/// Exports a `static STAGE: Stage` that is written by hand; [`stage!`](crate::stage!) does so itself.
///
/// Natively there is nothing to export: the harness calls `STAGE`.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! export {
    () => {};
}

#[doc(hidden)]
#[cfg(not(target_arch = "wasm32"))]
pub mod exports {}

#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub mod exports {
    //! From the generated types to this crate's, and back.

    use super::{Attachment, Disposition, Failure, RawRequest, Stage};
    use crate::bindings::exports::fleetwright::stage::{description as d, handler as h};

    pub fn describe(stage: &Stage) -> d::Plugin {
        let it = &stage.description;
        d::Plugin {
            name: it.name.to_owned(),
            version: it.version.to_owned(),
            summary: it.summary.to_owned(),
            roles: it
                .roles
                .iter()
                .map(|r| d::Role {
                    name: r.name.to_owned(),
                    purpose: r.purpose.to_owned(),
                })
                .collect(),
            config_schema: it.config_schema.to_owned(),
            answer_schema: it.answer_schema.to_owned(),
        }
    }

    pub fn handle(stage: &Stage, request: h::Request) -> Result<h::Answer, h::Failure> {
        let attachments = request.attachments.into_iter();
        let attachments = attachments.map(|a| Attachment {
            name: a.name,
            media_type: a.media_type,
            bytes: a.bytes,
        });
        let request = RawRequest {
            fields: request.fields,
            attachments: attachments.collect(),
        };
        match (stage.handle)(request) {
            Ok(answer) => Ok(h::Answer {
                fields: answer.fields,
                confidence: answer.confidence,
                disposition: match answer.disposition {
                    Disposition::Continue => h::Disposition::Continue,
                    Disposition::Hold(reason) => h::Disposition::Hold(reason),
                },
            }),
            Err(Failure::InvalidInput(text)) => Err(h::Failure::InvalidInput(text)),
            Err(Failure::InvalidConfig(text)) => Err(h::Failure::InvalidConfig(text)),
            Err(Failure::Inference(text)) => Err(h::Failure::Inference(text)),
            Err(Failure::Internal(text)) => Err(h::Failure::Internal(text)),
        }
    }
}
