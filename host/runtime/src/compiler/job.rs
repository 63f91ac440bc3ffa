//! What parent and child say to each other: a line of JSON each way, and bytes after it.
//!
//! To the child: [`Job`], then the component. From it: [`Reply`], then, if there is any, the machine code. The parent keeps
//! its end of the child's input open for as long as it wants the answer: when that closes, the child ends.

use std::io::{self, BufRead, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engine::Kind;

/// The longest line of either side.
const MAX_LINE: usize = 8 << 10;
/// The longest detail of a refusal, so that its line is not too long.
const MAX_DETAIL: usize = 2 << 10;

/// What the child is asked to do, and within which bounds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// The hash of the parent's engine; a child with another one refuses.
    pub(super) engine: String,
    /// What that engine compiles for.
    pub(super) kind: Kind,
    /// Bytes of private memory.
    pub(super) memory: u64,
    /// Seconds of processor time.
    pub(super) cpu: u64,
    /// Threads that compile.
    pub(super) threads: usize,
    /// Whether it runs only where nobody else wants the processor.
    pub(super) idle: bool,
    /// How much less than its parent's the child's priority is.
    pub(super) nice: i32,
    /// The component's length in bytes.
    pub(super) component: usize,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// So many bytes of machine code follow.
    Code(u64),
    /// Nothing follows.
    Refused(Refusal, String),
}

/// Why there is no machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Refusal {
    /// The bytes are no component that the engine accepts.
    Component,
    /// The engine got no more memory.
    Memory,
    /// The child's engine is not its parent's.
    Engine,
    /// The child could not give up what it must not have.
    Confinement,
}

impl Reply {
    pub(super) fn refused(reason: Refusal, detail: &str) -> Reply {
        let end = detail.floor_char_boundary(MAX_DETAIL);
        Reply::Refused(reason, detail.get(..end).unwrap_or_default().to_owned())
    }
}

/// A message as its line.
pub(super) fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads one message; what follows it stays unread.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    from.take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    parse(&line)
}

/// Reads a message's line; the longest one that is accepted is [`MAX_LINE`] bytes.
pub(super) fn parse<T: DeserializeOwned>(line: &[u8]) -> io::Result<T> {
    if line.last() != Some(&b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(line)?)
}

/// The longest line, in bytes, for a reader that takes it by itself.
pub(super) fn max_line() -> u64 {
    MAX_LINE as u64
}

/// Writes a message and what follows it.
pub(super) fn write(to: &mut impl Write, message: &impl Serialize, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&line(message)?)?;
    to.write_all(bytes)?;
    to.flush()
}
