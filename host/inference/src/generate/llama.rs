//! llama.cpp, through `llama-cpp-2`: one model, one context, and a chooser of tokens for each sequence.
//!
//! The context has a stream of its own for each sequence, each with room for the card's `context`: attention looks at its own
//! sequence and no other. A template is copied between streams whole and cut there. Threads are OpenMP's, as in
//! llama.cpp's server; they wait for one another at each barrier, which costs most of the speed where something else has a core
//! (`host/benches/README.md` has figures).
//!
//! Tokens are chosen as llama.cpp's own programs do: without the grammar first, and only where that gives what the grammar
//! forbids, again among all that it allows, since holding a whole vocabulary to a grammar costs more than a step.
//!
//! Defaults: the processor alone; files are mapped, so that several models of one file share its pages. Bounds: as the card says.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::OnceLock;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

use super::engine::{Engine, Open, Part, Token};
use super::options::Sampling;
use crate::backend::LoadError;
use crate::card::Card;

/// What identities say.
pub(super) const NAME: &str = "llama.cpp (llama-cpp-2 0.1.160)";
/// Tokens that llama.cpp computes at once, of those of a step.
const AT_ONCE: u32 = 512;

/// Opens a model of llama.cpp.
pub(super) struct Llama {
    card: Card,
    threads: usize,
    sequences: usize,
}

impl Llama {
    pub(super) fn of(card: &Card, threads: usize, sequences: usize) -> Llama {
        Llama {
            card: card.clone(),
            threads,
            sequences,
        }
    }

    fn refused(&self, file: &Path, reason: impl std::fmt::Display) -> LoadError {
        LoadError::Graph {
            model: format!("{}@{}", self.card.name(), self.card.version()),
            backend: NAME.to_owned(),
            file: file.to_path_buf(),
            reason: reason.to_string(),
        }
    }

    fn parameters(&self) -> Result<LlamaContextParams, LoadError> {
        let generation = self.card.generation().cloned().unwrap_or_default();
        let refused = |error| self.refused(&self.card.weights(), error);
        let number = |value: usize| u32::try_from(value).map_err(refused);
        let sequences = number(self.sequences)?;
        let threads = i32::try_from(self.threads).map_err(refused)?;
        let room = generation.context.saturating_mul(sequences);
        Ok(LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(room))
            .with_n_batch(room)
            .with_n_ubatch(AT_ONCE.min(room))
            .with_n_seq_max(sequences)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_kv_unified(false)
            .with_no_perf(true))
    }
}

/// llama.cpp is set up once in the life of a process.
fn backend() -> Result<&'static LlamaBackend, String> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    let backend = BACKEND.get_or_init(|| {
        let mut backend = LlamaBackend::init().map_err(|error| error.to_string())?;
        // It writes pages about every file that it opens.
        backend.void_logs();
        Ok(backend)
    });
    backend.as_ref().map_err(Clone::clone)
}

impl Open for Llama {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn with(&self, serve: &mut dyn FnMut(&mut dyn Engine)) -> Result<(), LoadError> {
        // Every time, so that a model that is loaded anew is the one that was loaded first.
        self.card.verify_files()?;
        let backend = backend().map_err(|reason| self.refused(&self.card.weights(), reason))?;
        let parameters = LlamaModelParams::default().with_n_gpu_layers(0);
        let weights = self.card.weights();
        let model = LlamaModel::load_from_file(backend, &weights, &parameters);
        let mut model = model.map_err(|error| self.refused(&weights, error))?;
        let adapter = self.card.adapter_file().map(|file| {
            let adapter = model.lora_adapter_init(&file);
            adapter.map_err(|error| self.refused(&file, error))
        });
        let adapter = adapter.transpose()?;
        let context = model.new_context(backend, self.parameters()?);
        let mut context = context.map_err(|error| self.refused(&weights, error))?;
        if let Some(mut adapter) = adapter {
            let set = context.lora_adapter_set(&mut adapter, 1.0);
            set.map_err(|error| self.refused(&weights, error))?;
        }
        let mut running = Running::new(&model, context, self.sequences);
        let warmed = running.warm_up();
        warmed.map_err(|error| self.refused(&weights, error))?;
        serve(&mut running);
        Ok(())
    }
}

/// An opened model.
struct Running<'a> {
    model: &'a LlamaModel,
    context: LlamaContext<'a>,
    batch: LlamaBatch<'a>,
    choosers: Vec<Option<Chooser>>,
    /// Of each part of the last step: its slot, and where its logits lie.
    parts: Vec<(usize, i32)>,
}

/// Chooses the tokens of one sequence.
struct Chooser {
    chain: LlamaSampler,
    grammar: Option<LlamaSampler>,
}

impl<'a> Running<'a> {
    fn new(model: &'a LlamaModel, context: LlamaContext<'a>, sequences: usize) -> Running<'a> {
        let most = usize::try_from(context.n_batch()).unwrap_or(usize::MAX);
        let mut choosers = Vec::new();
        choosers.resize_with(sequences, || None);
        Running {
            batch: LlamaBatch::new(most, 1),
            parts: Vec::new(),
            model,
            context,
            choosers,
        }
    }

    /// A first step, so that what the library makes at a first step is made before anybody waits for it.
    fn warm_up(&mut self) -> Result<(), String> {
        let tokens = self.tokens("warm-up", false, true);
        let part = Part {
            slot: 0,
            at: 0,
            tokens,
            chooses: true,
        };
        self.step(&[part])?;
        self.keep(0, 0)
    }
}

impl Engine for Running<'_> {
    fn tokens(&self, text: &str, markers: bool, first: bool) -> Vec<Token> {
        let vocabulary = self.model.vocab();
        let tokens = vocabulary.tokenize(text.as_bytes(), first, markers);
        tokens.into_iter().map(|token| Token(token.0)).collect()
    }

    fn piece(&self, token: Token) -> Vec<u8> {
        let vocabulary = self.model.vocab();
        vocabulary.token_to_piece(LlamaToken(token.0), false, None)
    }

    fn ends(&self, token: Token) -> bool {
        self.model.vocab().is_eog(LlamaToken(token.0))
    }

    fn begin(&mut self, slot: usize, sampling: &Sampling) -> Result<(), String> {
        let chooser = Chooser::new(self.model, sampling)?;
        if let Some(place) = self.choosers.get_mut(slot) {
            *place = Some(chooser);
        }
        Ok(())
    }

    fn keep(&mut self, slot: usize, tokens: usize) -> Result<(), String> {
        let from = match tokens {
            0 => None,
            tokens => Some(u32::try_from(tokens).map_err(|error| error.to_string())?),
        };
        let slot = sequence(slot)?;
        let kept = self.context.kv_cache_seq_rm(slot, from, None);
        kept.map_err(|error| error.to_string())
    }

    fn copy(&mut self, from: usize, to: usize) -> Result<(), String> {
        let copied = self
            .context
            .kv_cache_seq_cp(sequence(from)?, sequence(to)?, None, None);
        copied.map_err(|error| error.to_string())
    }

    fn step(&mut self, parts: &[Part]) -> Result<(), String> {
        self.batch.clear();
        self.parts.clear();
        for part in parts {
            let slot = sequence(part.slot)?;
            let last = part.tokens.len().saturating_sub(1);
            for (place, token) in part.tokens.iter().enumerate() {
                let at = sequence(part.at + place)?;
                let added = self.batch.add(
                    LlamaToken(token.0),
                    at,
                    &[slot],
                    part.chooses && place == last,
                );
                added.map_err(|error| error.to_string())?;
            }
            self.parts.push((part.slot, self.batch.n_tokens() - 1));
        }
        let taken = self.context.decode(&mut self.batch);
        taken.map_err(|error| error.to_string())
    }

    fn choose(&mut self, part: usize) -> Result<Token, String> {
        let (slot, at) = *self.parts.get(part).ok_or("no such part of the step")?;
        let chooser = self.choosers.get_mut(slot).and_then(Option::as_mut);
        let chooser = chooser.ok_or("nothing was begun there")?;
        chooser.choose(&self.context, at)
    }

    fn end(&mut self, slot: usize) {
        if let Some(chooser) = self.choosers.get_mut(slot) {
            *chooser = None;
        }
    }
}

/// A number as llama.cpp takes it.
fn sequence(number: usize) -> Result<i32, String> {
    i32::try_from(number).map_err(|error| error.to_string())
}

impl Chooser {
    fn new(model: &LlamaModel, sampling: &Sampling) -> Result<Chooser, String> {
        let grammar = sampling.grammar.as_deref();
        let grammar = grammar.map(|grammar| LlamaSampler::grammar(model, grammar, "root"));
        let grammar = grammar.transpose().map_err(|error| error.to_string())?;
        let mut chain = Vec::new();
        if sampling.temperature > 0.0 {
            if sampling.top_k > 0 {
                let most = i32::try_from(sampling.top_k).unwrap_or(i32::MAX);
                chain.push(LlamaSampler::top_k(most));
            }
            if sampling.top_p < 1.0 {
                chain.push(LlamaSampler::top_p(sampling.top_p, 1));
            }
            chain.push(LlamaSampler::temp(sampling.temperature));
            chain.push(LlamaSampler::dist(sampling.seed));
        } else {
            chain.push(LlamaSampler::greedy());
        }
        Ok(Chooser {
            chain: LlamaSampler::chain(chain, true),
            grammar,
        })
    }

    fn choose(&mut self, context: &LlamaContext<'_>, at: i32) -> Result<Token, String> {
        let mut token = self.chain.sample(context, at);
        if let Some(grammar) = &mut self.grammar {
            if !allows(grammar, token) {
                let mut all = context.token_data_array_ith(at);
                grammar.apply(&mut all);
                self.chain.apply(&mut all);
                token = all
                    .selected_token()
                    .ok_or("the grammar allows no token here")?;
            }
            if !allows(grammar, token) {
                return Err("the grammar allows no token here".to_owned());
            }
            grammar.accept(token);
        }
        Ok(Token(token.0))
    }
}

fn allows(grammar: &mut LlamaSampler, token: LlamaToken) -> bool {
    let mut alone = LlamaTokenDataArray::new(vec![LlamaTokenData::new(token, 1.0, 0.0)], false);
    grammar.apply(&mut alone);
    let kept = alone.data.first();
    kept.is_some_and(|kept| kept.logit() != f32::NEG_INFINITY)
}
