//! How the control plane stands: what is served since when, and what was refused.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::history::{Cause, Verdict};
use crate::improve::Unoptimised;

/// How the control plane stands.
#[derive(Clone, Debug, Serialize)]
pub struct FleetStatus {
    /// The generation that serves.
    pub generation: u64,
    /// Since when.
    pub since: Timestamp,
    /// What brought it about.
    pub cause: Cause,
    /// What was refused since then, where something was: what stands on disk is not what serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// Whether a change is being worked on: files are still written, or compiled.
    pub unsettled: bool,
    /// Whether the host started on a manifest that it had to refuse, and serves what it served last.
    pub stale: bool,
    /// After a rollback: it holds until something on disk changes.
    pub held: bool,
    /// What was decided on canaries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// Why the generation that serves would not survive a restart, where it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrecorded: Option<String>,
    /// Stages that stay in quick code, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unoptimised: Vec<Unoptimised>,
    /// How changes are noticed.
    pub watch: &'static str,
}

/// A change that was refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Why, for a person.
    pub text: String,
    /// Every diagnostic, for a program; empty where something else than the manifest is at fault.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub diagnostics: Value,
}
