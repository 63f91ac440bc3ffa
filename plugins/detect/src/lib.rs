//! Detectors with checksums, shared by the plugins that read what customers write.
//!
//! Each detector is a plain function from text to findings: it holds no state, compiles nothing at start (an instance
//! lives for one call) and never fails. A finding's [`Span`] counts bytes of the UTF-8 text, half open, and always
//! lies on character boundaries.
//!
//! Bounds: the cost is linear in the text; the caller bounds the text.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod card;
pub mod cvv;
pub mod email;
pub mod iban;
pub mod ip;
pub mod phone;
pub mod phrase;
mod scan;
pub mod url;

pub use scan::{Scan, Span};
