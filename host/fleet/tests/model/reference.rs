//! What must serve, said without files, threads or components: the reference against which the controller is held.
//!
//! The rules, from the documents and from nothing else: what stands on disk serves where it is sound; where it is not,
//! what served last serves on, also over a restart; a rollback holds until something on disk changes; every number of a
//! generation is given once.

use std::collections::BTreeMap;

/// Generations that the history keeps.
const KEPT: usize = 50;

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
    pub(crate) fault: Option<Fault>,
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
}

/// What one generation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fleet {
    pub(crate) manifest: Manifest,
    pub(crate) component: Component,
}

/// What the next start begins with.
#[derive(Clone, Debug)]
struct Pointer {
    generation: u64,
    held: Option<Disk>,
}

/// A host that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) generation: u64,
    pub(crate) fleet: Fleet,
    pub(crate) locked: bool,
    /// Whether what stands on disk was refused at the latest look.
    pub(crate) refused: bool,
    /// Whether it was refused at the start, and nothing of it was taken up since.
    pub(crate) stale: bool,
}

/// How far a host came with a change before it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Killed {
    /// Nothing but components is kept.
    BeforeRecord,
    /// The generation is recorded.
    BeforePointer,
    /// It is what the next start serves.
    BeforeLock,
    AfterAll,
}

/// The whole world, as it must be.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) disk: Disk,
    pub(crate) records: BTreeMap<u64, Fleet>,
    pub(crate) lock: Option<Component>,
    pointer: Pointer,
    pub(crate) running: Option<Running>,
}

/// What became of an operation: the generation that serves, or a refusal.
pub(crate) type Came = Result<u64, ()>;

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
        }
    }

    /// What it comes to, where it is sound.
    pub(crate) fn resolve(
        &self,
        allowed: Option<Component>,
        serving: Option<Fleet>,
    ) -> Option<Fleet> {
        let manifest = self.manifest;
        if manifest.fault.is_some() {
            return None;
        }
        let fits = |component: &Component| {
            let version = match manifest.wanted {
                Wanted::Range => true,
                Wanted::Exact(number) => number == component.number,
                Wanted::Absent => false,
            };
            version && allowed.is_none_or(|allowed| allowed == *component)
        };
        let fitting = self.files.values().filter_map(|file| match file {
            File::Whole(component) => Some(*component),
            _ => None,
        });
        let fitting: Vec<Component> = fitting.filter(fits).collect();
        let component = *fitting.iter().max_by_key(|component| component.number)?;
        let twin = |other: &Component| other.number == component.number && *other != component;
        if fitting.iter().any(twin) {
            return None;
        }
        let fleet = Fleet {
            manifest,
            component,
        };
        let tested = serving.is_none_or(|serving| fleet.has_a_new_stage(serving));
        (!tested || self.passes(fleet)).then_some(fleet)
    }

    fn passes(&self, fleet: Fleet) -> bool {
        match self.golden {
            None => true,
            Some(Golden::Number(number)) => number == fleet.component.number,
            Some(Golden::Word(word)) => word == fleet.manifest.word,
            Some(Golden::Malformed) => false,
        }
    }

    /// Whether a rollback against `before` still holds. Golden cases are no part of a fleet.
    fn stands_as(&self, before: &Disk) -> bool {
        let sorted = |disk: &Disk| {
            let mut files: Vec<String> = disk.files.values().map(|f| format!("{f:?}")).collect();
            files.sort();
            files
        };
        self.manifest == before.manifest && sorted(self) == sorted(before)
    }
}

impl Fleet {
    /// Whether a stage is not among those that serve: other stages are not tested again.
    fn has_a_new_stage(&self, serving: Fleet) -> bool {
        self.component != serving.component
            || self.manifest.word != serving.manifest.word
            || self.manifest.memory != serving.manifest.memory
    }
}

impl World {
    /// A world whose host has never run.
    pub(crate) fn new(disk: Disk) -> World {
        World {
            disk,
            records: BTreeMap::new(),
            lock: None,
            pointer: Pointer {
                generation: 0,
                held: None,
            },
            running: None,
        }
    }

    fn next(&self) -> u64 {
        self.records.keys().last().map_or(1, |last| last + 1)
    }

    /// Starts the host.
    pub(crate) fn start(&mut self, strict: bool, locked: bool) -> Came {
        let last = self.records.get(&self.pointer.generation).copied();
        let held = self.pointer.held.as_ref();
        let holds = held.is_some_and(|held| self.disk.stands_as(held))
            // A manifest that cannot be read stands for nothing.
            && !matches!(self.disk.manifest.fault, Some(Fault::NotUtf8 | Fault::Gone));
        let allowed = locked.then_some(self.lock).flatten();
        let taken = match last {
            Some(last) if holds => Some(last),
            _ => self.disk.resolve(allowed, None),
        };
        let refused = taken.is_none();
        if refused && (strict || last.is_none()) {
            return Err(());
        }
        let fleet = taken.or(last).ok_or(())?;
        let generation = if Some(fleet) == last {
            self.pointer.generation
        } else {
            self.next()
        };
        self.records.insert(generation, fleet);
        self.pointer.generation = generation;
        if !holds && !refused {
            self.pointer.held = None;
        }
        if !locked {
            self.lock = Some(fleet.component);
        }
        self.running = Some(Running {
            generation,
            fleet,
            locked,
            refused,
            stale: refused,
        });
        Ok(generation)
    }

    /// Looks at what stands on disk.
    pub(crate) fn look(&mut self) -> Came {
        let Some(mut running) = self.running.clone() else {
            return Err(());
        };
        let unread = matches!(self.disk.manifest.fault, Some(Fault::NotUtf8 | Fault::Gone));
        let held = self.pointer.held.as_ref();
        if !unread && held.is_some_and(|held| self.disk.stands_as(held)) {
            running.refused = false;
            running.stale = false;
            let generation = running.generation;
            self.running = Some(running);
            return Ok(generation);
        }
        let allowed = running.locked.then_some(self.lock).flatten();
        let Some(fleet) = self.disk.resolve(allowed, Some(running.fleet)) else {
            running.refused = true;
            self.running = Some(running);
            return Err(());
        };
        self.pointer.held = None;
        if fleet == running.fleet {
            running.refused = false;
            running.stale = false;
            let generation = running.generation;
            self.running = Some(running);
            return Ok(generation);
        }
        Ok(self.swap(running, fleet))
    }

    /// Serves an earlier generation as a new one.
    pub(crate) fn rollback(&mut self, generation: Option<u64>) -> Came {
        let running = self.running.clone().ok_or(())?;
        let wanted = generation.unwrap_or(running.generation - 1);
        let fleet = *self.records.get(&wanted).ok_or(())?;
        self.pointer.held = Some(self.disk.clone());
        Ok(self.swap(running, fleet))
    }

    fn swap(&mut self, running: Running, fleet: Fleet) -> u64 {
        let generation = self.next();
        self.records.insert(generation, fleet);
        self.pointer.generation = generation;
        if !running.locked {
            self.lock = Some(fleet.component);
        }
        self.running = Some(Running {
            generation,
            fleet,
            locked: running.locked,
            refused: false,
            stale: false,
        });
        let excess = self.records.len().saturating_sub(KEPT);
        let oldest: Vec<u64> = self.records.keys().copied().take(excess).collect();
        for old in oldest.into_iter().filter(|old| *old != generation) {
            self.records.remove(&old);
        }
        generation
    }

    /// Stops the host.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Looks at what stands on disk and is killed on the way, where there is a way to go.
    pub(crate) fn look_and_die(&mut self, killed: Killed) {
        let before = self.clone();
        let _ = self.look();
        let generation = |world: &World| world.running.as_ref().map(|running| running.generation);
        if generation(self) != generation(&before) {
            if killed == Killed::BeforeRecord {
                self.records = before.records;
            }
            if matches!(killed, Killed::BeforeRecord | Killed::BeforePointer) {
                self.pointer = before.pointer;
            }
            if killed != Killed::AfterAll {
                self.lock = before.lock;
            }
        }
        self.stop();
    }
}
