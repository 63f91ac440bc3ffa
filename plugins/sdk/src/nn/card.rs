//! The card of a bound model, as far as a stage may know it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;
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
