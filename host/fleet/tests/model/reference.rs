//! What must serve, said without files, threads or components: the reference against which the controller is held.
//!
//! The rules, from the documents and from nothing else: what stands on disk serves where it is sound; where it is not,
//! what served last serves on, also over a restart; a rollback holds until something on disk changes; every number of a
//! generation is given once. A canary takes what asks for it until it is decided on; a decision holds wherever the same trial
//! is asked for, but for an order to go back behind a promotion. What a shadow does changes nothing.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use crate::disk::{
    Canary, Component, Disk, Edit, Fault, File, Golden, Manifest, Shadow, Wanted,
};

/// Generations that the history keeps.
const KEPT: usize = 50;

/// `min_requests` of every canary.
pub(crate) const LEAST: u64 = 3;
/// `max_error_rate` of every canary.
pub(crate) const MOST: f64 = 0.4;

/// What a submission asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whether it carries the canary's header.
    pub(crate) chosen: bool,
    /// Whether a canary that errs fails on it.
    pub(crate) bad: bool,
}

/// What a stage says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Voice {
    pub(crate) number: u8,
    pub(crate) word: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    Stage(u8),
    Canary,
}

/// Which trial: the same two plugins with the same configs, on the same terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Trial {
    stage: Component,
    word: u8,
    canary: Component,
    terms: Canary,
}

/// How a trial stood in a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Decided { promoted: bool },
}

/// What one generation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fleet {
    pub(crate) manifest: Manifest,
    pub(crate) component: Component,
    pub(crate) canary: Option<Component>,
    pub(crate) shadow: Option<Component>,
}

/// A generation as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) fleet: Fleet,
    trial: Option<(Trial, Standing)>,
}

/// What the next start begins with.
#[derive(Clone, Debug)]
struct Pointer {
    generation: u64,
    held: Option<Disk>,
    /// Whether the canary of a trial was promoted.
    pub(crate) verdicts: BTreeMap<Trial, bool>,
}

/// A host that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) generation: u64,
    pub(crate) fleet: Fleet,
    /// The trial under way: its calls, and those that failed.
    trial: Option<(Trial, u64, u64)>,
    /// What is decided, as it serves.
    pub(crate) verdicts: BTreeMap<Trial, bool>,
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
    pub(crate) records: BTreeMap<u64, Recorded>,
    pub(crate) lock: Option<BTreeSet<Component>>,
    pointer: Pointer,
    pub(crate) running: Option<Running>,
}

/// What became of a submission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// What both stages said; nothing where the first failed.
    pub(crate) said: Option<[Voice; 2]>,
    /// The trial that it brought to its end, and whether the canary proved itself.
    pub(crate) due: Option<(Trial, bool)>,
}

/// What became of an operation: the generation that serves, or a refusal.
pub(crate) type Came = Result<u64, ()>;

/// What runs in a place of the graph, and all that makes it another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arm {
    pub(crate) first: bool,
    pub(crate) component: Component,
    pub(crate) config: Config,
    pub(crate) memory: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Config {
    Stage(u8),
    Canary { errs: bool },
    Shadow { broken: bool },
}

impl Fleet {
    /// Every component that the manifest comes to, put aside or not.
    pub(crate) fn components(&self) -> BTreeSet<Component> {
        let beside = self.canary.into_iter().chain(self.shadow);
        beside.chain([self.component]).collect()
    }

    fn trial(&self) -> Option<Trial> {
        Some(Trial {
            stage: self.component,
            word: self.manifest.word,
            canary: self.canary?,
            terms: self.manifest.canary?,
        })
    }

    fn standing(&self, verdicts: &BTreeMap<Trial, bool>) -> Option<(Trial, Standing)> {
        let trial = self.trial()?;
        let decided = verdicts.get(&trial);
        let standing = decided.map_or(Standing::Open, |promoted| Standing::Decided {
            promoted: *promoted,
        });
        Some((trial, standing))
    }

    fn recorded(&self, verdicts: &BTreeMap<Trial, bool>) -> Recorded {
        Recorded {
            fleet: *self,
            trial: self.standing(verdicts),
        }
    }

    /// Everything that runs, as far as verdicts let it.
    pub(crate) fn arms(&self, verdicts: &BTreeMap<Trial, bool>) -> Vec<Arm> {
        let Manifest { word, memory, .. } = self.manifest;
        let of_first = |component, config| Arm {
            first: true,
            component,
            config,
            memory,
        };
        let stage = of_first(self.component, Config::Stage(word));
        let canary = self.trial().map(|trial| {
            let errs = trial.terms.errs;
            of_first(trial.canary, Config::Canary { errs })
        });
        let shadow = self
            .shadow
            .zip(self.manifest.shadow)
            .map(|(component, shadow)| {
                let broken = shadow.broken;
                of_first(component, Config::Shadow { broken })
            });
        let second = Arm {
            first: false,
            memory: 0,
            ..stage
        };
        let mut arms = match self.standing(verdicts).map(|(_, standing)| standing) {
            Some(Standing::Decided { promoted: true }) => Vec::from_iter(canary),
            Some(Standing::Open) => [stage].into_iter().chain(canary).collect(),
            _ => vec![stage],
        };
        arms.extend(shadow);
        arms.push(second);
        arms
    }
}

impl Running {
    /// What a stage says of itself, whatever is on trial beside it.
    pub(crate) fn stage(&self) -> Voice {
        Voice {
            number: self.fleet.component.number,
            word: Word::Stage(self.fleet.manifest.word),
        }
    }

    /// What is said to a submission: by the first stage, where it does not fail, and then by the second.
    pub(crate) fn says(&self, asked: Asked) -> Option<[Voice; 2]> {
        let stage = self.stage();
        let by_canary = match self.fleet.standing(&self.verdicts) {
            Some((trial, Standing::Open)) if asked.chosen => Some(trial),
            Some((trial, Standing::Decided { promoted: true })) => Some(trial),
            _ => None,
        };
        let Some(trial) = by_canary else {
            return Some([stage, stage]);
        };
        let canary = Voice {
            number: trial.canary.number,
            word: Word::Canary,
        };
        (!(trial.terms.errs && asked.bad)).then_some([canary, stage])
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
                verdicts: BTreeMap::new(),
            },
            running: None,
        }
    }

    fn next(&self) -> u64 {
        self.records.keys().last().map_or(1, |last| last + 1)
    }

    /// Starts the host.
    pub(crate) fn start(&mut self, strict: bool, locked: bool) -> Came {
        let last = self
            .records
            .get(&self.pointer.generation)
            .map(|last| last.fleet);
        let held = self.pointer.held.as_ref();
        let holds = held.is_some_and(|held| self.disk.stands_as(held))
            // A manifest that cannot be read stands for nothing.
            && !matches!(self.disk.manifest.fault, Some(Fault::NotUtf8 | Fault::Gone));
        let allowed = if locked { self.lock.as_ref() } else { None };
        let taken = match last {
            Some(last) if holds => Some(last),
            _ => self.disk.resolve(allowed, None, &self.pointer.verdicts),
        };
        let refused = taken.is_none();
        if refused && (strict || last.is_none()) {
            return Err(());
        }
        let fleet = taken.or(last).ok_or(())?;
        let generation = if Some(fleet) == last {
            self.pointer.generation
        } else {
            let recorded = fleet.recorded(&self.pointer.verdicts);
            let next = self.next();
            self.records.insert(next, recorded);
            next
        };
        self.pointer.generation = generation;
        if !holds && !refused {
            self.pointer.held = None;
        }
        if !locked {
            self.lock = Some(fleet.components());
        }
        self.running = Some(Running {
            generation,
            fleet,
            trial: self.begun(fleet, None),
            verdicts: self.pointer.verdicts.clone(),
            locked,
            refused,
            stale: refused,
        });
        Ok(generation)
    }

    /// The trial that a fleet is on, with the counts of the one before where it is the same.
    fn begun(&self, fleet: Fleet, before: Option<&Running>) -> Option<(Trial, u64, u64)> {
        let (trial, standing) = fleet.standing(&self.pointer.verdicts)?;
        let same = before.and_then(|before| before.trial);
        let same = same.filter(|(running, ..)| *running == trial);
        (standing == Standing::Open).then(|| same.unwrap_or((trial, 0, 0)))
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
        let allowed = if running.locked {
            self.lock.as_ref()
        } else {
            None
        };
        let resolved = self
            .disk
            .resolve(allowed, Some(&running), &self.pointer.verdicts);
        let Some(fleet) = resolved else {
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
        Ok(self.take_up(running, fleet))
    }

    /// Serves an earlier generation as a new one.
    pub(crate) fn rollback(&mut self, generation: Option<u64>) -> Came {
        let running = self.running.clone().ok_or(())?;
        let wanted = generation.unwrap_or(running.generation - 1);
        let Recorded { fleet, trial } = *self.records.get(&wanted).ok_or(())?;
        self.pointer.held = Some(self.disk.clone());
        if let Some((trial, standing)) = trial
            && let Some(promoted) = self.pointer.verdicts.get_mut(&trial)
        {
            // Back behind a promotion; no trial is resumed that was decided.
            *promoted = standing == Standing::Decided { promoted: true };
        }
        Ok(self.take_up(running, fleet))
    }

    /// Answers a submission; nothing where the clock would have a part in what comes of it: a percentile is compared once
    /// [`LEAST`] calls are there, and a trial that is not promoted by then would be at its mercy.
    pub(crate) fn ask(&mut self, asked: Asked) -> Option<Answered> {
        let running = self.running.as_mut()?;
        let said = running.says(asked);
        let none_due = Some(Answered { said, due: None });
        if !asked.chosen {
            return none_due;
        }
        let Some((trial, calls, errors)) = &mut running.trial else {
            return none_due;
        };
        if !trial.terms.promotes && *calls + 1 >= LEAST {
            return None;
        }
        *calls += 1;
        *errors += u64::from(said.is_none());
        let against = *errors as f64 / (*calls).max(LEAST) as f64 > MOST;
        let due = trial.terms.promotes && *calls >= LEAST;
        let decision = (*trial, !against);
        let due = (against || due).then_some(decision);
        Some(Answered { said, due })
    }

    /// A trial comes to its end. What stands on disk does not matter to it.
    pub(crate) fn decide(&mut self, trial: Trial, promoted: bool) -> u64 {
        self.pointer.verdicts.insert(trial, promoted);
        let running = self
            .running
            .clone()
            .expect("a trial is of a host that runs");
        let fleet = running.fleet;
        self.swap(running, fleet)
    }

    /// Whether each canary that was decided on was promoted, in no order.
    pub(crate) fn verdicts(&self) -> Vec<bool> {
        self.pointer.verdicts.values().copied().collect()
    }

    /// Swaps to something that was asked for: whatever was refused before is no matter any more.
    fn take_up(&mut self, running: Running, fleet: Fleet) -> u64 {
        let running = Running {
            refused: false,
            stale: false,
            ..running
        };
        self.swap(running, fleet)
    }

    fn swap(&mut self, running: Running, fleet: Fleet) -> u64 {
        let generation = self.next();
        let recorded = fleet.recorded(&self.pointer.verdicts);
        self.records.insert(generation, recorded);
        self.pointer.generation = generation;
        if !running.locked {
            self.lock = Some(fleet.components());
        }
        self.running = Some(Running {
            generation,
            fleet,
            trial: self.begun(fleet, Some(&running)),
            verdicts: self.pointer.verdicts.clone(),
            ..running
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
