//! What [`crate::settle`] shares between threads: the tests put others in their place, which try every order of events.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
