//! The host of Fleetwright: command line, HTTP, wiring. The only crate that knows hyper.
//!
//! A request's path is one file a step: [`listener`] → [`router`] → [`admission`] → [`submission`] → the fleet → the
//! answer, or [`rescue`]. The command line's is [`cli`] → [`verbs`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod admission;
pub mod cli;
pub mod client;
pub mod control;
pub mod edit;
pub mod health;
pub mod input;
pub mod lines;
pub mod listener;
pub mod onnxruntime;
mod picture;
pub mod problem;
pub mod pull;
pub mod rescue;
pub mod router;
pub mod submission;
mod sync;
pub mod table;
pub mod telemetry;
pub mod terminal;
pub mod units;
pub mod verbs;
