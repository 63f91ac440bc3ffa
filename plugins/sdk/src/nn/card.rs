//! The card of a bound model, as far as a stage may know it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Error, Prompt};
use crate::host;

/// What a stage knows of the model that is bound to a role.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ModelCard {
    /// The role that the card was asked for.
    #[serde(skip)]
    role: String,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The tensors that it takes, by name.
    #[serde(default)]
    pub inputs: BTreeMap<String, Port>,
    /// The tensors that it gives, by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, Port>,
    /// The bounds that the card sets.
    #[serde(default)]
    pub limits: Limits,
    /// How it is asked, where it is generative.
    #[serde(default)]
    pub generation: Option<Generation>,
}

/// How a generative model is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Generation {
    /// Tokens of a prompt and its answer together.
    pub context: u32,
    /// The most tokens of an answer.
    pub tokens: u32,
    /// How it was taught to tell who speaks.
    #[serde(default)]
    pub chat: Option<Chat>,
}

/// What stands before and after each part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Chat {
    /// Before and after what the model is told of its work.
    pub system: [String; 2],
    /// Before and after what it is asked.
    pub user: [String; 2],
    /// Before its answer.
    pub answer: String,
}

/// A tensor that a model takes or gives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Port {
    /// The element type, for example `f32`.
    #[serde(rename = "type")]
    pub ty: String,
    /// The dimensions: a number is fixed, a string names a free axis.
    pub dims: Vec<serde_json::Value>,
    /// The class names along the last axis, where the model gives classes.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// The bounds that a card sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Limits {
    /// The greatest length of the length axis, special tokens included.
    #[serde(default)]
    pub tokens: Option<usize>,
}

/// The card of the model that the manifest binds to `role`.
///
/// # Errors
/// [`Error::Card`] where the role is not bound, or the card is not readable.
pub fn card(role: &str) -> Result<ModelCard, Error> {
    let error = |reason: String| Error::Card {
        role: role.to_owned(),
        reason,
    };
    let json = host::card(role)
        .ok_or_else(|| error("is absent: bind the role in the stage's `models`".to_owned()))?;
    let card = serde_json::from_str::<ModelCard>(&json);
    let card = card.map_err(|e| {
        error(format!(
            "is not readable: {e}; build plugin and host from one release"
        ))
    })?;
    Ok(ModelCard {
        role: role.to_owned(),
        ..card
    })
}

/// Whether the manifest binds a model to `role`: for roles that the plugin's description marks as optional.
#[must_use]
pub fn is_bound(role: &str) -> bool {
    host::card(role).is_some()
}

impl ModelCard {
    /// The class names along the last axis of an output.
    ///
    /// # Errors
    /// [`Error::Card`] where the model has no such output, or the card gives it no labels.
    pub fn labels(&self, output: &str) -> Result<&[String], Error> {
        match self.outputs.get(output) {
            Some(port) if !port.labels.is_empty() => Ok(&port.labels),
            Some(_) => Err(self.lacks(format!(
                "gives output `{output}` no labels: add `labels` there"
            ))),
            None => {
                let given: Vec<_> = self.outputs.keys().collect();
                Err(self.lacks(format!(
                    "has no output `{output}` among {given:?}: bind a model that has it"
                )))
            }
        }
    }

    /// A prompt in the words that the model was taught: what it is told of its work, what it is asked, and where it answers. For
    /// a model that was taught none, one after the other with a line between.
    #[must_use]
    pub fn chat(&self, system: &str, asked: &Prompt) -> Prompt {
        let generation = self.generation.as_ref();
        let Some(chat) = generation.and_then(|generation| generation.chat.as_ref()) else {
            let told = match system {
                "" => Prompt::new(),
                system => Prompt::new().template(system).template("\n\n"),
            };
            return told.then(asked);
        };
        let [before, after] = &chat.system;
        let told = match system {
            "" => Prompt::new(),
            system => Prompt::new()
                .template(before)
                .template(system)
                .template(after),
        };
        let [before, after] = &chat.user;
        let asking = told.template(before).then(asked).template(after);
        asking.template(&chat.answer)
    }

    /// The greatest number of tokens, special tokens included, or `otherwise` where the card sets none.
    #[must_use]
    pub fn tokens_or(&self, otherwise: usize) -> usize {
        self.limits.tokens.unwrap_or(otherwise)
    }

    fn lacks(&self, reason: String) -> Error {
        Error::Card {
            role: self.role.clone(),
            reason,
        }
    }
}
