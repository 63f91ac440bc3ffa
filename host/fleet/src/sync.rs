//! What [`crate::settle`] and [`crate::serving`] share between threads: the tests put others in their place, which try every
//! order of events.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use arc_swap::ArcSwap;
