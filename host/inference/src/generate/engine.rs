//! What generates tokens, as the scheduler sees it: one trait, synchronous, owned by one thread.

use super::options::Sampling;
use crate::backend::LoadError;

/// A token's number in the model's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) i32);

/// Tokens of one sequence in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Which sequence.
    pub(crate) slot: usize,
    /// The place of the first of them in the sequence.
    pub(crate) at: usize,
    pub(crate) tokens: Vec<Token>,
    /// Whether a token is chosen after the last of them.
    pub(crate) chooses: bool,
}

/// A loaded model with room for several sequences. Errors are what the library said, in words.
pub(crate) trait Engine {
    /// The tokens of a text. `markers`: whether the model's markers mean something in it; `first`: whether a sequence begins
    /// with it.
    fn tokens(&self, text: &str, markers: bool, first: bool) -> Vec<Token>;

    /// The bytes of a token; none of a marker.
    fn piece(&self, token: Token) -> Vec<u8>;

    /// Whether a token ends an answer.
    fn ends(&self, token: Token) -> bool;

    /// Prepares to choose the tokens of the sequence in `slot`.
    ///
    /// # Errors
    /// The grammar cannot be read: the caller's fault.
    fn begin(&mut self, slot: usize, sampling: &Sampling) -> Result<(), String>;

    /// Forgets all of what `slot` holds but its first `tokens`.
    ///
    /// # Errors
    /// The library cannot.
    fn keep(&mut self, slot: usize, tokens: usize) -> Result<(), String>;

    /// Makes `to` hold what `from` holds, and nothing else.
    ///
    /// # Errors
    /// The library cannot.
    fn copy(&mut self, from: usize, to: usize) -> Result<(), String>;

    /// Takes in the tokens of `parts`, all at once.
    ///
    /// # Errors
    /// The library failed; no part of it counts.
    fn step(&mut self, parts: &[Part]) -> Result<(), String>;

    /// Chooses the next token of the `part`-th of the last step.
    ///
    /// # Errors
    /// The library gives none.
    fn choose(&mut self, part: usize) -> Result<Token, String>;

    /// Lets go of what [`Engine::begin`] made.
    fn end(&mut self, slot: usize);
}

/// Opens an engine, on the thread that is to own it; again after a panic.
pub(crate) trait Open: Send + Sync {
    /// The library and its version.
    fn name(&self) -> String;

    /// Opens the engine and lends it to `serve`, until that returns.
    ///
    /// # Errors
    /// [`LoadError`], where it was not opened.
    fn with(&self, serve: &mut dyn FnMut(&mut dyn Engine)) -> Result<(), LoadError>;
}
