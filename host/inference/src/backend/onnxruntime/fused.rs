//! Products of small integers in fewer steps: what the recipes write around each as a dozen plain operators is done in two of our own.
//!
//! A linear layer of the shipped models quantises each token by itself, multiplies integers, and makes fractions of the sums again
//! (`models/recipes/layers.py`); attention then parts the result by heads. For each of these steps the library reads and writes the
//! whole tensor, which takes longer than the products between them. Here the graph is rewritten before the library reads it: [`graph`] finds
//! the operators, and [`steps`] do what they did, number for number and in the same order, so that **an answer is the same to the bit**: also the sum with
//! what stands beside a product ([`residual`]), but no normalisation, whose sums each version of the library takes in an order of its own.
//! The file, its digest and what every other backend makes of it stay as they are.
//!
//! Default: on a processor, wherever a graph has these operators; nowhere where [`PLAIN_VARIABLE`] is set. A graph without them, one whose constants are inputs, too,
//! one that keeps its weights in a file of their own, one that holds further graphs, and what cannot be read, go to the library as they are.
//!
//! Bounds: the file is in memory once more while it is rewritten. A step computes on the thread that runs the session.

use std::path::Path;

use bytes::Bytes;
use ort::operator::OperatorDomain;

mod graph;
mod heads;
mod proto;
mod residual;
mod rows;
mod seen;
mod shapes;
mod steps;

/// Environment variable: set to anything, it has graphs computed as they are, to see what this module is worth, or whether it is to blame.
pub(super) const PLAIN_VARIABLE: &str = "FLEETWRIGHT_PLAIN_GRAPHS";

/// The domain of our operators in a rewritten graph.
const DOMAIN: &str = "fleetwright";

/// A graph that was rewritten, and the operators that it needs.
pub(super) struct Fused {
    pub(super) graph: Vec<u8>,
    pub(super) steps: OperatorDomain,
}

/// The graph in `file` with our steps; `None` where it stays as it is.
///
/// # Errors
/// What the library says of our operators.
pub(super) fn fused(file: &Path) -> Result<Option<Fused>, ort::Error> {
    // Whoever opens the file next tells what is wrong with it.
    let Ok(bytes) = std::fs::read(file) else {
        return Ok(None);
    };
    let Some(graph) = graph::rewritten(Bytes::from(bytes)) else {
        return Ok(None);
    };
    let steps = OperatorDomain::new(DOMAIN)?
        .add(steps::Quantise)?
        .add(steps::QuantiseHeads)?
        .add(steps::Restore)?
        .add(steps::RestoreHeads)?
        .add(residual::RestoreOnto)?;
    Ok(Some(Fused { graph, steps }))
}

#[cfg(test)]
mod tests;
