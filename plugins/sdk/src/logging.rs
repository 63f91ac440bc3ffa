//! Log lines of a stage. The host adds stage, plugin version and submission; it bounds length and number.
//!
//! Never write what a submission says: logs outlive it.
//!
//! ```
//! use fleetwright_sdk::logging;
//!
//! logging::info("no attachment");
//! logging::warn(format_args!("{} of {} pages have no text layer", 2, 3));
//! ```

use std::fmt::Display;

use crate::host;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Detail for the plugin's author.
    Debug,
    /// What an operator may want to know.
    Info,
    /// Something unexpected that did not change the answer.
    Warn,
    /// Something that did.
    Error,
}

/// Writes a line of detail for the plugin's author.
pub fn debug(message: impl Display) {
    host::log(Level::Debug, &message.to_string());
}

/// Writes a line that an operator may want to know.
pub fn info(message: impl Display) {
    host::log(Level::Info, &message.to_string());
}

/// Writes a line on something unexpected that did not change the answer.
pub fn warn(message: impl Display) {
    host::log(Level::Warn, &message.to_string());
}

/// Writes a line on something unexpected that changed the answer.
pub fn error(message: impl Display) {
    host::log(Level::Error, &message.to_string());
}
