//! What stands on disk in the model, and how it changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::bytes;
use crate::reference::{Arm, Config, Fleet, Running, Trial};

/// A component of the guest `versioned`: its number, and which of the two builds that both claim it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Component {
    pub(crate) number: u8,
    pub(crate) twin: bool,
}

/// What a file of the plugins directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    Whole(Component),
    /// The first half of a component.
    Truncated(Component),
    Garbage,
    Empty,
}

/// Which versions the manifest asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Any of 1.x.
    Range,
    /// This one.
    Exact(u8),
    /// One that nobody ever drops in.
    Absent,
}

/// What is wrong with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Syntax,
    /// A member of `config` that the plugin's schema refuses.
    Config,
    NotUtf8,
    Gone,
}

/// The manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) wanted: Wanted,
    pub(crate) word: u8,
    pub(crate) comment: u8,
    /// MiB that the first stage may use.
    pub(crate) memory: u8,
    /// Of the first stage, by header.
    pub(crate) canary: Option<Canary>,
    /// Of the first stage.
    pub(crate) shadow: Option<Shadow>,
    pub(crate) fault: Option<Fault>,
}

/// A canary as the manifest asks for it. It is rolled back at its second error among its first [`LEAST`] calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Canary {
    /// The one version that it may be.
    pub(crate) number: u8,
    /// Whether it fails on what is [`Asked::bad`].
    pub(crate) errs: bool,
    /// Whether it is promoted after [`LEAST`] calls, or never.
    pub(crate) promotes: bool,
}

/// A shadow as the manifest asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shadow {
    pub(crate) number: u8,
    /// Whether it fails, whatever it is shown.
    pub(crate) broken: bool,
}

/// A golden case beside the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Golden {
    /// The version must be this one.
    Number(u8),
    /// The word must be this one.
    Word(u8),
    /// No case at all, though its name says so.
    Malformed,
}

/// Everything that a fleet is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    pub(crate) manifest: Manifest,
    pub(crate) files: BTreeMap<u8, File>,
    pub(crate) golden: Option<Golden>,
}

/// One change of what stands on disk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Want(Wanted),
    Word(u8),
    Comment(u8),
    Memory(u8),
    Break(Fault),
    /// Takes a fault away.
    Mend,
    Drop(u8, File),
    Remove(u8),
    Golden(Option<Golden>),
    Canary(Option<Canary>),
    Shadow(Option<Shadow>),
}

impl Disk {
    /// The first disk of every world: version 1, any version wanted.
    pub(crate) fn first() -> Disk {
        let one = Component {
            number: 1,
            twin: false,
        };
        Disk {
            manifest: Manifest {
                wanted: Wanted::Range,
                word: 0,
                comment: 0,
                memory: 64,
                canary: None,
                shadow: None,
                fault: None,
            },
            files: [(0, File::Whole(one))].into(),
            golden: None,
        }
    }

    pub(crate) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Want(wanted) => self.manifest.wanted = wanted,
            Edit::Word(word) => self.manifest.word = word,
            Edit::Comment(comment) => self.manifest.comment = comment,
            Edit::Memory(memory) => self.manifest.memory = memory,
            Edit::Break(fault) => self.manifest.fault = Some(fault),
            Edit::Mend => self.manifest.fault = None,
            Edit::Drop(place, file) => {
                self.files.insert(place, file);
            }
            Edit::Remove(place) => {
                self.files.remove(&place);
            }
            Edit::Golden(golden) => self.golden = golden,
            Edit::Canary(canary) => self.manifest.canary = canary,
            Edit::Shadow(shadow) => self.manifest.shadow = shadow,
        }
    }

    /// What it comes to, where it is sound.
    pub(crate) fn resolve(
        &self,
        allowed: Option<&BTreeSet<Component>>,
        serving: Option<&Running>,
        verdicts: &BTreeMap<Trial, bool>,
    ) -> Option<Fleet> {
        let manifest = self.manifest;
        if manifest.fault.is_some() {
            return None;
        }
        let exact = |number| self.newest(Wanted::Exact(number), allowed);
        let canary = manifest.canary.map(|canary| exact(canary.number));
        let shadow = manifest.shadow.map(|shadow| exact(shadow.number));
        let fleet = Fleet {
            manifest,
            component: self.newest(manifest.wanted, allowed)?,
            canary: if let Some(found) = canary {
                Some(found?)
            } else {
                None
            },
            shadow: if let Some(found) = shadow {
                Some(found?)
            } else {
                None
            },
        };
        let known = serving.map(|running| running.fleet.arms(&running.verdicts));
        let arms = fleet.arms(verdicts);
        let mut new = arms
            .iter()
            .filter(|arm| known.as_ref().is_none_or(|known| !known.contains(arm)));
        new.all(|arm| self.passes(*arm)).then_some(fleet)
    }

    /// The newest component that fits and is allowed; none where two builds both claim to be it.
    fn newest(&self, wanted: Wanted, allowed: Option<&BTreeSet<Component>>) -> Option<Component> {
        let fits = |component: &Component| {
            let version = match wanted {
                Wanted::Range => true,
                Wanted::Exact(number) => number == component.number,
                Wanted::Absent => false,
            };
            version && allowed.is_none_or(|allowed| allowed.contains(component))
        };
        let fitting = self.files.values().filter_map(|file| match file {
            File::Whole(component) => Some(*component),
            _ => None,
        });
        let fitting: Vec<Component> = fitting.filter(fits).collect();
        let component = *fitting.iter().max_by_key(|component| component.number)?;
        let twin = |other: &Component| other.number == component.number && *other != component;
        (!fitting.iter().any(twin)).then_some(component)
    }

    fn passes(&self, arm: Arm) -> bool {
        let Arm {
            component, config, ..
        } = arm;
        match (self.golden, config) {
            (None, _) => true,
            (Some(Golden::Malformed), _) | (_, Config::Shadow { broken: true }) => false,
            (Some(Golden::Number(number)), _) => number == component.number,
            (Some(Golden::Word(word)), Config::Stage(said)) => word == said,
            (Some(Golden::Word(_)), _) => false,
        }
    }

    /// Whether a rollback against `before` still holds. Golden cases are no part of a fleet; files are what they hold: half a
    /// component says nothing of its version, so the halves of two are one.
    pub(crate) fn stands_as(&self, before: &Disk) -> bool {
        let sorted = |disk: &Disk| {
            let mut files: Vec<Vec<u8>> = disk.files.values().map(|file| bytes(*file)).collect();
            files.sort();
            files
        };
        self.manifest == before.manifest && sorted(self) == sorted(before)
    }
}
