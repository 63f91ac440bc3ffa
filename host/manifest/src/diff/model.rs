//! What differs between two uses of a model.

use std::time::Duration;

use super::words;
use crate::{Batch, Effort, ModelUse, Size, TimeSpan};

/// What differs, key by key.
pub(super) fn changes(old: &ModelUse, new: &ModelUse) -> Vec<String> {
    // Named one by one: a field that is added is compared, or this does not compile.
    let ModelUse {
        reference,
        digest,
        adapter,
        device,
        device_memory,
        batch: Batch { max, tokens, delay },
        effort: Effort {
            threads,
            run,
            queue,
        },
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
    let none = |adapter: Option<&str>| adapter.unwrap_or("none").to_owned();
    words::change(
        &mut details,
        "adapter",
        &none(old.adapter.as_deref()),
        &none(adapter.as_deref()),
    );
    words::change(
        &mut details,
        "device",
        &old.device.to_string(),
        &device.to_string(),
    );
    let bytes = |bytes: Option<u64>| {
        bytes.map_or("what there is".to_owned(), |bytes| Size(bytes).to_string())
    };
    let (was, now) = (bytes(old.device_memory), bytes(*device_memory));
    words::change(&mut details, "device_memory", &was, &now);
    let rows =
        |max: Option<usize>| max.map_or("as the card says".to_owned(), |max| max.to_string());
    words::change(&mut details, "batch.max", &rows(old.batch.max), &rows(*max));
    let places = |tokens: Option<u64>| {
        tokens.map_or("as suits the device".to_owned(), |tokens| {
            tokens.to_string()
        })
    };
    let (was, now) = (places(old.batch.tokens), places(*tokens));
    words::change(&mut details, "batch.tokens", &was, &now);
    let mut time = |what: &str, was: Duration, now: Duration| {
        let (was, now) = (TimeSpan(was).to_string(), TimeSpan(now).to_string());
        words::change(&mut details, what, &was, &now);
    };
    time("run", old.effort.run, *run);
    let wait = |delay: Option<Duration>| {
        delay.map_or("as suits the device".to_owned(), |delay| {
            TimeSpan(delay).to_string()
        })
    };
    words::change(
        &mut details,
        "batch.delay",
        &wait(old.batch.delay),
        &wait(*delay),
    );
    let all = |threads: Option<usize>| {
        threads.map_or("a quarter of all".to_owned(), |threads| threads.to_string())
    };
    let (was, now) = (all(old.effort.threads), all(*threads));
    words::change(&mut details, "threads", &was, &now);
    let (was, now) = (old.effort.queue.to_string(), queue.to_string());
    words::change(&mut details, "queue", &was, &now);
    details
}

/// What it is.
pub(super) fn about(model: &ModelUse) -> Vec<String> {
    vec![
        format!("use: {}", model.reference),
        format!("device: {}", model.device),
    ]
}
