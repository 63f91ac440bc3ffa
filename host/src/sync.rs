//! What [`crate::admission`] shares between threads: the tests put others in their place, which try every order of events.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use tokio::sync::Notify;
