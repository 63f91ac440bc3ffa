//! The thread that owns a generative model: it lets calls in, steps, and lets them go.
//!
//! One turn: calls that wait are taken into free slots, in the order of [`Policy`]; those that nobody wants any more, or whose time
//! is over, leave; all the others take one step together, on threads that are held for that step alone. What goes wrong in a step
//! ends the calls that were in it. After a panic the model is opened anew; where that fails the thread ends, and its callers get
//! [`InferError::WorkerGone`].
//!
//! Bounds: `sequences` calls at once; a call ends with [`InferError::Overrun`] when it has taken the model's `run`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::ask::{Finish, Usage, outputs};
use super::engine::{Engine, Open};
use super::slots::{Placed, Slots};
use super::text::Text;
use crate::backend::LoadError;
use crate::card::Card;
use crate::device::Place;
use crate::events::{Died, Generated, Meters, ModelLabels, Overran, Panicked, Stepped};
use crate::ledger::Ledger;
use crate::model::{InferError, Inference};
use crate::policy::Policy;
use crate::queue::{Entry, Queue};
use crate::threads::Threads;
use crate::worker::{Closes, Report, Started, named, own_thread, panic_message};

/// What the thread is given.
pub(crate) struct Post {
    pub(crate) card: Card,
    pub(crate) labels: ModelLabels,
    pub(crate) queue: Arc<Queue>,
    /// How long one answer may take, once it has begun.
    pub(crate) run: Duration,
    /// Answers at once.
    pub(crate) sequences: usize,
    /// Tokens of a prompt and its answer together.
    pub(crate) context: usize,
    /// Tokens that a step takes in at most.
    pub(crate) budget: usize,
    /// The threads that all models compute on, and how many a step takes of them.
    pub(crate) threads: (Threads, usize),
}

/// Starts the thread and waits until it has opened the model.
///
/// # Errors
/// [`LoadError`] of `open`, or where no thread could be started.
pub(crate) fn start(post: Post, open: Arc<dyn Open>) -> Result<Started, LoadError> {
    let card = post.card.clone();
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| LoadError::Worker {
        model: named(&card),
        reason: error.to_string(),
    })?;
    own_thread(&card, move |report| {
        let _closes = Closes(post.queue.clone());
        Desk::new(post, runtime).attend(&*open, report);
    })
}

/// An answer under way.
struct Running {
    entry: Entry,
    pieces: Option<mpsc::Sender<String>>,
    text: Text,
    begun: Instant,
    /// When it ends with what there is.
    until: Option<Instant>,
    /// The most tokens of the answer.
    most: usize,
    prompt: usize,
    reused: usize,
    tokens: usize,
}

struct Desk {
    post: Post,
    runtime: Runtime,
    policy: Policy,
    ledger: Ledger,
    slots: Slots,
    /// What runs in each slot.
    running: Vec<Option<Running>>,
    meters: Meters,
}

impl Desk {
    fn new(post: Post, runtime: Runtime) -> Desk {
        let (sequences, context) = (post.sequences, post.context as u64);
        let policy = Policy::new(sequences, Some(context), Duration::ZERO, Place::Cpu);
        let mut running = Vec::new();
        running.resize_with(sequences, || None);
        Desk {
            meters: Meters::of(&post.labels),
            policy: policy.without_merging(),
            ledger: Ledger::default(),
            slots: Slots::new(sequences),
            running,
            runtime,
            post,
        }
    }

    /// Opens the engine, tells `report`, and serves until nobody can ask; opens it anew after a panic.
    fn attend(&mut self, open: &dyn Open, report: Report) {
        let mut report = Some(report);
        loop {
            let opened = catch_unwind(AssertUnwindSafe(|| {
                open.with(&mut |engine| {
                    if let Some(report) = report.take() {
                        drop(report.send(Ok(Started {
                            backend: open.name(),
                            place: Place::Cpu,
                            why: "llama.cpp is built for it alone".to_owned(),
                            workers: 1,
                        })));
                    }
                    self.serve(engine);
                })
            }));
            match (opened, report.take()) {
                (Ok(Ok(())), _) => return,
                (Ok(Err(error)), Some(report)) => return drop(report.send(Err(error))),
                (Ok(Err(error)), None) => return self.died(&error),
                (Err(panic), Some(report)) => {
                    let reason = format!(
                        "the backend panicked while loading: {}",
                        panic_message(&*panic)
                    );
                    let model = named(&self.post.card);
                    return drop(report.send(Err(LoadError::Worker { model, reason })));
                }
                (Err(panic), None) => self.panicked(&panic_message(&*panic)),
            }
        }
    }

    fn died(&self, error: &LoadError) {
        Died {
            labels: &self.post.labels,
            reason: &error.to_string(),
        }
        .emit();
    }

    /// All that ran has no answer, and what the slots held is gone.
    fn panicked(&mut self, message: &str) {
        Panicked {
            labels: &self.post.labels,
            message,
        }
        .emit();
        let error = InferError::Backend(format!("the backend panicked: {message}"));
        for running in self.running.iter_mut().filter_map(Option::take) {
            running.entry.answer(Err(error.clone()));
        }
        self.slots.clear();
    }

    fn serve(&mut self, engine: &mut dyn Engine) {
        while self.admit(engine) {
            self.let_go(engine);
            if self.slots.busy() > 0 {
                self.step(engine);
            }
        }
    }

    /// Takes in what waits and has room; waits for it where nothing runs. Says whether there is anything to do, now or later.
    fn admit(&mut self, engine: &mut dyn Engine) -> bool {
        while self.slots.has_room() {
            match self.take() {
                Some(Some(entry)) => self.seat(engine, entry),
                Some(None) if self.slots.busy() > 0 => return true,
                Some(None) => {
                    let changed = self.post.queue.changed().notified();
                    self.runtime.block_on(changed);
                }
                None => return self.slots.busy() > 0,
            }
        }
        true
    }

    /// The next call, where one waits; nothing once nobody can ask and nothing waits.
    fn take(&mut self) -> Option<Option<Entry>> {
        let (policy, ledger) = (&self.policy, &mut self.ledger);
        let look = |waiting: &[Entry]| {
            let candidates: Vec<_> = waiting.iter().map(Entry::candidate).collect();
            let choice = policy.choose(ledger, &candidates);
            ((), choice.map(|choice| choice.picked).unwrap_or_default())
        };
        let ((), taken) = self.post.queue.look(look)?;
        let entry = taken.into_iter().next();
        if let Some(entry) = &entry {
            let places = entry.request.shape.places();
            self.ledger.charge(&entry.caller.stage, places);
        }
        Some(entry)
    }

    /// Gives a call a slot, or the reason why it cannot have one.
    fn seat(&mut self, engine: &mut dyn Engine, mut entry: Entry) {
        let Some(asked) = entry.asked.take() else {
            let message = "the call has no prompt".to_owned();
            return entry.answer(Err(InferError::Backend(message)));
        };
        let read = asked.ask.tokens(engine);
        if let Err(error) = self.check_length(read.tokens.len()) {
            return entry.answer(Err(error));
        }
        let Some(placed) = self.slots.place(&entry.caller.stage, &read) else {
            let error = self.post.queue.full();
            return entry.answer(Err(error));
        };
        let options = asked.ask.options;
        let prepared = prepare(engine, placed).map_err(InferError::Backend);
        let prepared = prepared.and_then(|()| {
            let begun = engine.begin(placed.slot, &options.sampling);
            begun.map_err(|error| {
                InferError::InvalidInput(format!(
                    "model `{}` takes `grammar` as GBNF with a rule `root`: {error}",
                    named(&self.post.card)
                ))
            })
        });
        if let Err(error) = prepared {
            entry.answer(Err(error));
            return self.leave(engine, placed.slot);
        }
        let begun = Instant::now();
        let room = self.post.context - read.tokens.len();
        let running = Running {
            entry,
            pieces: asked.pieces,
            text: Text::ending_at(options.stop),
            begun,
            until: options.time.map(|time| begun + time),
            most: room.min(options.tokens as usize),
            prompt: read.tokens.len(),
            reused: placed.reused,
            tokens: 0,
        };
        if let Some(place) = self.running.get_mut(placed.slot) {
            *place = Some(running);
        }
    }

    fn check_length(&self, tokens: usize) -> Result<(), InferError> {
        let (model, context) = (named(&self.post.card), self.post.context);
        match tokens {
            0 => Err(InferError::InvalidInput(format!(
                "model `{model}` takes a prompt of at least one token, and this one has none; write something"
            ))),
            tokens if tokens >= context => Err(InferError::TooLarge(format!(
                "model `{model}` has room for `{context}` tokens of prompt and answer together, and the prompt has `{tokens}`; cut it, or raise the card's `generation.context`"
            ))),
            _ => Ok(()),
        }
    }

    /// Frees the slots of calls that nobody wants, and ends those whose time is over.
    fn let_go(&mut self, engine: &mut dyn Engine) {
        let now = Instant::now();
        for slot in 0..self.running.len() {
            let Some(running) = self.running.get_mut(slot).and_then(Option::as_mut) else {
                continue;
            };
            if !running.entry.is_wanted() {
                self.abandon(engine, slot);
            } else if running.until.is_some_and(|until| until <= now) {
                self.finish(engine, slot, Finish::Time);
            } else if now >= running.begun + self.post.run {
                self.overran(engine, slot);
            }
        }
    }

    fn abandon(&mut self, engine: &mut dyn Engine, slot: usize) {
        if let Some(running) = self.running.get_mut(slot).and_then(Option::take) {
            self.tell(&running, "abandoned");
        }
        self.leave(engine, slot);
    }

    fn overran(&mut self, engine: &mut dyn Engine, slot: usize) {
        if let Some(running) = self.running.get_mut(slot).and_then(Option::take) {
            Overran {
                labels: &self.post.labels,
                entries: 1,
                took: running.begun.elapsed(),
                stopped: true,
            }
            .emit();
            self.tell(&running, "overrun");
            running.entry.answer(Err(InferError::Overrun {
                model: named(&self.post.card),
                limit: self.post.run,
            }));
        }
        self.leave(engine, slot);
    }

    /// One token of each answer, and a piece of each prompt.
    fn step(&mut self, engine: &mut dyn Engine) {
        let parts = self.slots.plan(self.post.budget);
        let (threads, wanted) = &self.post.threads;
        let held = self.runtime.block_on(threads.take(*wanted));
        let begun = Instant::now();
        if let Err(error) = engine.step(&parts) {
            return self.failed(engine, &error);
        }
        self.slots.advance(&parts);
        let rows = parts.len();
        for (place, part) in parts.iter().enumerate().filter(|(_, part)| part.chooses) {
            self.choose(engine, place, part.slot);
        }
        drop(held);
        Stepped {
            rows,
            compute: begun.elapsed(),
        }
        .emit(&self.meters);
    }

    /// A step failed: all that ran has no answer, and what the slots hold is not known.
    fn failed(&mut self, engine: &mut dyn Engine, error: &str) {
        for slot in 0..self.running.len() {
            if let Some(running) = self.running.get_mut(slot).and_then(Option::take) {
                self.tell(&running, "failed");
                let error = InferError::Backend(error.to_owned());
                running.entry.answer(Err(error));
                engine.end(slot);
            }
            // What cannot be forgotten is overwritten by the next prompt, or fails it.
            drop(engine.keep(slot, 0));
        }
        self.slots.clear();
    }

    /// Chooses the next token of the sequence in `slot`, and sees what becomes of it.
    fn choose(&mut self, engine: &mut dyn Engine, place: usize, slot: usize) {
        let Some(running) = self.running.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        let token = match engine.choose(place) {
            Ok(token) => token,
            Err(error) => {
                if let Some(running) = self.running.get_mut(slot).and_then(Option::take) {
                    self.tell(&running, "failed");
                    running.entry.answer(Err(InferError::Backend(error)));
                }
                return self.leave(engine, slot);
            }
        };
        if engine.ends(token) {
            return self.finish(engine, slot, Finish::End);
        }
        running.tokens += 1;
        let pushed = running.text.push(&engine.piece(token));
        running.show(pushed.fresh);
        if let Some(stop) = pushed.stopped {
            return self.finish(engine, slot, Finish::Stop(stop));
        }
        if running.tokens >= running.most {
            return self.finish(engine, slot, Finish::Length);
        }
        self.slots.go_on(slot, token);
    }

    fn finish(&mut self, engine: &mut dyn Engine, slot: usize, finish: Finish) {
        let batch = self.slots.busy();
        if let Some(mut running) = self.running.get_mut(slot).and_then(Option::take) {
            if !matches!(finish, Finish::Stop(_)) {
                let rest = running.text.finish();
                running.show(rest);
            }
            self.tell(&running, finish.name());
            running.answer(finish, batch);
        }
        self.leave(engine, slot);
    }

    fn tell(&mut self, running: &Running, finish: &'static str) {
        Generated {
            stage: &running.entry.caller.stage,
            finish,
            prompt: running.prompt as u64,
            reused: running.reused as u64,
            tokens: running.tokens as u64,
            queued: running.queued(),
            compute: running.begun.elapsed(),
        }
        .emit(&mut self.meters);
    }

    /// Frees a slot: it keeps its template, and forgets the rest.
    fn leave(&mut self, engine: &mut dyn Engine, slot: usize) {
        engine.end(slot);
        let kept = self.slots.free(slot);
        if engine.keep(slot, kept).is_err() {
            // Some architectures forget all or nothing.
            self.slots.forget(slot);
            drop(engine.keep(slot, 0));
        }
    }
}

/// Makes a slot hold what was found for it, and nothing else.
fn prepare(engine: &mut dyn Engine, placed: Placed) -> Result<(), String> {
    if let Some(from) = placed.copied {
        engine.copy(from, placed.slot)?;
    }
    engine.keep(placed.slot, placed.reused)
}

impl Running {
    /// Shows a piece to whoever reads along.
    fn show(&mut self, piece: String) {
        if let Some(pieces) = self.pieces.as_ref().filter(|_| !piece.is_empty()) {
            // There is room for as many as there can be; who is gone is seen before the next step.
            drop(pieces.try_send(piece));
        }
    }

    fn queued(&self) -> Duration {
        self.begun.saturating_duration_since(self.entry.queued_at)
    }

    fn answer(self, finish: Finish, batch: usize) {
        let (queue, compute) = (self.queued(), self.begun.elapsed());
        let usage = Usage {
            prompt: self.prompt,
            reused: self.reused,
            tokens: self.tokens,
            finish,
        };
        let outputs = outputs(self.text.into_given(), &usage);
        let answer = outputs.map(|outputs| Inference {
            outputs,
            queue,
            compute,
            batch,
        });
        // The answer first: who reads along asks for it when there are no more pieces.
        self.entry.answer(answer.map_err(InferError::Backend));
        drop(self.pieces);
    }
}
