//! Generative models: text that is made token by token, for several callers at once.
//!
//! A call is an [`Ask`]: a prompt and options. It waits in its model's queue like any other; the one thread that owns the
//! model ([`worker`]) takes it into a free slot ([`slots`]), and every step computes one token of each answer under way and a
//! piece of each prompt. A call ends when its text ends, at its limit of tokens or time, at its deadline, or when nobody waits for
//! it any more; its slot is free in the next step. Everything but the library itself compiles and is tested without it.
//!
//! Default: a build without the feature `llama` knows cards of format `gguf` and refuses to load them. Bounds: those of the card's
//! `[generation]`, of [`options`], and of the queue.

mod ask;
mod engine;
#[cfg(feature = "llama")]
mod llama;
mod load;
mod options;
mod slots;
mod stream;
mod text;
mod worker;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use ask::Ask;
pub(crate) use engine::Open;
pub(crate) use load::opener;
pub use stream::Generation;
pub(crate) use worker::{Post, start};

/// What writes text in this build, with its version; `None` where it was built without.
pub fn writer() -> Option<&'static str> {
    #[cfg(feature = "llama")]
    let writer = Some(llama::NAME);
    #[cfg(not(feature = "llama"))]
    let writer = None;
    writer
}

/// A call on its way to the thread that answers it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    /// Where the text goes as it comes.
    pub(crate) pieces: Option<tokio::sync::mpsc::Sender<String>>,
}
