//! Inference with the models that the manifest binds to the plugin's roles.
//!
//! [`Model::open`] takes a role, [`Model::run`] named tensors, and gives named tensors back: [`Tensors::f32`] reads one
//! with its shape and type checked. Output data crosses into the stage only when it is read, and a tensor that is
//! taken and passed to the next model never does. A generative model is asked by [`Model::generate`], or piece by piece by
//! [`Model::stream`]. Every failure is an [`Error`], with wasi-nn's code where the host
//! refused; in a stage, `?` makes it a [`Failure::Inference`](crate::Failure::Inference).
//!
//! ```no_run
//! use fleetwright_sdk::nn::{self, ANY, Model, Tensor};
//!
//! fn probabilities(ids: &[i64], mask: &[i64]) -> Result<Vec<(String, f32)>, nn::Error> {
//!     let row = [1, ids.len()];
//!     let inputs = [("input_ids", Tensor::new(&row, ids)?), ("attention_mask", Tensor::new(&row, mask)?)];
//!     let mut encoded = Model::open("encoder")?.run(inputs)?;
//!     let scored = Model::open("heads")?.run([("embedding", encoded.take("embedding")?)])?;
//!     let scores = scored.f32("type")?.shaped(&[1, ANY])?;
//!     let card = nn::card("heads")?;
//!     Ok(card.labels("type")?.iter().cloned().zip(scores.iter().copied()).collect())
//! }
//! ```

mod card;
mod generate;
mod tensor;

use std::fmt;

use crate::host;

pub use card::{Chat, Generation, Limits, ModelCard, Port, card, is_bound};
pub use generate::{Finish, Generated, Options, Prompt, Text, Usage};
pub use tensor::{ANY, Array, Element, ElementType, Tensor, Tensors};

/// A model that the manifest binds to a role, ready to run.
pub struct Model {
    role: String,
    graph: host::Graph,
}

impl Model {
    /// Opens the model that the manifest binds to `role`.
    ///
    /// # Errors
    /// [`Error::Host`], with [`Code::NotFound`] or [`Code::Security`] for a role that the plugin's description does
    /// not list or the manifest does not bind.
    pub fn open(role: &str) -> Result<Self, Error> {
        let graph = host::Graph::open(role).map_err(|refusal| Error::host(role, refusal))?;
        Ok(Self {
            role: role.to_owned(),
            graph,
        })
    }

    /// Runs the model once on named inputs. The host may batch it with others' runs.
    ///
    /// # Errors
    /// [`Error::Host`] where the model does not take the inputs, the time is up, or the backend fails.
    pub fn run<N: Into<String>>(
        &self,
        inputs: impl IntoIterator<Item = (N, Tensor)>,
    ) -> Result<Tensors, Error> {
        let inputs = inputs
            .into_iter()
            .map(|(name, tensor)| (name.into(), tensor))
            .collect::<Tensors>();
        let outputs = self.graph.compute(inputs.into_raw());
        outputs
            .map(Tensors::from_raw)
            .map_err(|refusal| Error::host(&self.role, refusal))
    }
}

/// Why inference failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The host refused, with wasi-nn's code.
    #[error("model `{role}`: {code}: {message}")]
    Host {
        /// The role that was asked for.
        role: String,
        /// wasi-nn's code.
        code: Code,
        /// What the host said.
        message: String,
    },
    /// Dimensions and data disagree in a tensor that the stage makes.
    #[error(
        "a tensor of dimensions {dims:?} cannot hold {elements} elements: the product must match and no dimension be 0"
    )]
    Shape {
        /// The dimensions asked for.
        dims: Vec<usize>,
        /// The elements given.
        elements: usize,
    },
    /// A tensor that the stage wants is not there.
    #[error("no tensor `{name}` among {given:?}: name one of those, or bind a model that has it")]
    Missing {
        /// The name asked for.
        name: String,
        /// The names that are there.
        given: Vec<String>,
    },
    /// A tensor is there, but not of the type or shape that the stage wants.
    #[error("tensor `{name}` is {found}, not {wanted}: bind a model whose card says {wanted}")]
    Unexpected {
        /// The tensor.
        name: String,
        /// What it is, as `f32 [1, 384]`.
        found: String,
        /// What the stage wants.
        wanted: String,
    },
    /// A model's card lacks what the stage needs.
    #[error("the card of model `{role}` {reason}")]
    Card {
        /// The role.
        role: String,
        /// What is wrong, and the way out.
        reason: String,
    },
}

impl Error {
    fn host(role: &str, (code, message): host::Refusal) -> Self {
        Self::Host {
            role: role.to_owned(),
            code,
            message,
        }
    }

    /// wasi-nn's code, where the host refused.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Host { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// The error codes of wasi-nn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// An argument is not valid: a tensor's name, type or dimensions.
    InvalidArgument,
    /// The encoding is not valid.
    InvalidEncoding,
    /// The time is up.
    Timeout,
    /// The backend failed.
    RuntimeError,
    /// The host does not do that.
    UnsupportedOperation,
    /// A bound is exceeded.
    TooLarge,
    /// No model goes by that name.
    NotFound,
    /// The stage was not granted that.
    Security,
    /// The host does not say why.
    Unknown,
}

impl Code {
    /// The code as WIT writes it, for example `invalid-argument`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid-argument",
            Self::InvalidEncoding => "invalid-encoding",
            Self::Timeout => "timeout",
            Self::RuntimeError => "runtime-error",
            Self::UnsupportedOperation => "unsupported-operation",
            Self::TooLarge => "too-large",
            Self::NotFound => "not-found",
            Self::Security => "security",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
