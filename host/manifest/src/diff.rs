//! What differs between two manifests, in words.
//!
//! Purpose: what `fleetwright plan`, the log and the history say of a change. Pure: two manifests in, sentences out;
//! whether a component or a model must be loaded anew is not decided here but by digest. Values of `config` are shown.
//! Bounds: [`MAX_DETAILS`] sentences a place, then how many more; a value is cut at about 60 characters.

use crate::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

mod model;
mod stage;
mod words;

/// Sentences of one place; what is beyond is counted.
pub const MAX_DETAILS: usize = 32;

/// One place in which two manifests differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Whether it came, went, or is another.
    pub kind: Kind,
    /// One sentence for each thing that differs, such as `limits.memory: 64MiB → 128MiB`; of what was added or removed,
    /// what it is. Never empty for [`Kind::Changed`].
    pub details: Vec<String>,
}

/// Where two manifests differ. As JSON: `"place": "stage", "name": "classify"`; a fleet has no name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "place", content = "name", rename_all = "kebab-case")]
pub enum Place {
    /// What belongs to no stage and no model: name, fields, the order of stages.
    Fleet,
    /// The model of this name.
    Model(String),
    /// The stage of this name.
    Stage(String),
}

/// How two manifests differ in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Only the new manifest has it.
    Added,
    /// Only the old manifest has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

/// Names every place in which two manifests differ: the fleet, models, and stages in the new manifest's order, then the
/// models and stages that are gone. Empty where both mean the same; comments, spans and the order of `needs`, `reads`
/// and `wasi` mean nothing.
#[must_use]
pub fn diff(old: &Manifest, new: &Manifest) -> Vec<Difference> {
    let mut found = Vec::new();
    found.extend(changed(Place::Fleet, fleet(old, new)));
    for (name, now) in &new.models {
        let place = Place::Model(name.clone());
        found.extend(match old.models.get(name) {
            Some(was) => changed(place, model::changes(was, now)),
            None => Some(Difference::new(place, Kind::Added, model::about(now))),
        });
    }
    for now in &new.stages {
        let place = Place::Stage(now.name.clone());
        found.extend(match old.stage(&now.name) {
            Some(was) => changed(place, stage::changes(was, now)),
            None => Some(Difference::new(place, Kind::Added, stage::about(now))),
        });
    }
    let gone = old
        .models
        .iter()
        .filter(|(name, _)| !new.models.contains_key(*name));
    found.extend(gone.map(|(name, was)| {
        Difference::new(Place::Model(name.clone()), Kind::Removed, model::about(was))
    }));
    let gone = old
        .stages
        .iter()
        .filter(|was| new.stage(&was.name).is_none());
    found.extend(gone.map(|was| {
        Difference::new(
            Place::Stage(was.name.clone()),
            Kind::Removed,
            stage::about(was),
        )
    }));
    found
}

fn changed(place: Place, details: Vec<String>) -> Option<Difference> {
    (!details.is_empty()).then(|| Difference::new(place, Kind::Changed, details))
}

/// What differs beside models and stages.
fn fleet(old: &Manifest, new: &Manifest) -> Vec<String> {
    let mut details = Vec::new();
    words::change(&mut details, "name", &old.name, &new.name);
    let (was, now) = (set(&old.fields), set(&new.fields));
    words::sets(&mut details, "fields", &was, &now);
    if was == now {
        words::change(
            &mut details,
            "order of fields",
            &old.fields.join(", "),
            &new.fields.join(", "),
        );
    }
    let threads = |manifest: &Manifest| match manifest.threads {
        Some(threads) => threads.to_string(),
        None => "as the cores say".to_owned(),
    };
    words::change(
        &mut details,
        "inference.threads",
        &threads(old),
        &threads(new),
    );
    if same_needs(old, new) {
        let (was, now) = (order(old, new), order(new, old));
        words::change(&mut details, "order of stages", &was, &now);
    }
    details
}

fn set(names: &[String]) -> BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}

/// Whether no stage that both have waits for others than before: otherwise the order follows from that.
fn same_needs(old: &Manifest, new: &Manifest) -> bool {
    let mut both = new
        .stages
        .iter()
        .filter_map(|now| Some((old.stage(&now.name)?, now)));
    both.all(|(was, now)| set(&was.needs) == set(&now.needs))
}

/// The stages of a manifest that the other has too, in order.
fn order(of: &Manifest, other: &Manifest) -> String {
    let both = of
        .stages
        .iter()
        .filter(|stage| other.stage(&stage.name).is_some());
    let names: Vec<&str> = both.map(|stage| stage.name.as_str()).collect();
    names.join(", ")
}

impl Difference {
    fn new(place: Place, kind: Kind, mut details: Vec<String>) -> Self {
        if details.len() > MAX_DETAILS {
            let more = details.len() - (MAX_DETAILS - 1);
            details.truncate(MAX_DETAILS - 1);
            details.push(format!("and {more} more"));
        }
        for detail in &mut details {
            crate::diagnostic::make_plain(detail);
        }
        Self {
            place,
            kind,
            details,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("fleet"),
            Self::Model(name) => write!(f, "model {name}"),
            Self::Stage(name) => write!(f, "stage {name}"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        })
    }
}

/// One line: `stage classify changed: plugin: classify@1 → classify@2; limits.memory: 64MiB → 128MiB`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.kind)?;
        for (index, detail) in self.details.iter().enumerate() {
            write!(f, "{}{detail}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}
