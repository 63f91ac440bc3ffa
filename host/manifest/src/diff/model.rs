//! What differs between two uses of a model.

use super::words;
use crate::{Batch, ModelUse, TimeSpan};

/// What differs, key by key.
pub(super) fn changes(old: &ModelUse, new: &ModelUse) -> Vec<String> {
    // Named one by one: a field that is added is compared, or this does not compile.
    let ModelUse {
        reference,
        digest,
        device,
        batch: Batch { max, delay },
        spans: _,
    } = new;
    let mut details = Vec::new();
    words::change(&mut details, "use", &old.reference.text, &reference.text);
    words::digests(
        &mut details,
        "digest",
        old.digest.as_deref(),
        digest.as_deref(),
    );
    words::change(
        &mut details,
        "device",
        &old.device.to_string(),
        &device.to_string(),
    );
    let rows =
        |max: Option<usize>| max.map_or("as the card says".to_owned(), |max| max.to_string());
    words::change(&mut details, "batch.max", &rows(old.batch.max), &rows(*max));
    let (was, now) = (TimeSpan(old.batch.delay), TimeSpan(*delay));
    words::change(
        &mut details,
        "batch.delay",
        &was.to_string(),
        &now.to_string(),
    );
    details
}

/// What it is.
pub(super) fn about(model: &ModelUse) -> Vec<String> {
    vec![
        format!("use: {}", model.reference),
        format!("device: {}", model.device),
    ]
}
