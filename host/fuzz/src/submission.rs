//! A body as it comes over HTTP, by whatever media type: a draft within its bounds, or a refusal that is a sentence.

use std::time::Duration;

use bytes::Bytes;
use fleetwright::problem::Problem;
use fleetwright::submission::{self, ATTACHMENTS, Bounds, Draft, Refusal};
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::{MESSAGE, block_on};

const BOUNDS: Bounds = Bounds {
    body: 1 << 20,
    idle: Duration::from_secs(60),
};
/// A byte of an old character set is up to three of UTF-8, and HTML becomes text with breaks between.
const GROWTH: usize = 16;

/// Reads a body as the router does, and holds the draft or the refusal to its promises.
pub fn read(content_type: &[u8], body: &[u8]) {
    let Ok(content_type) = HeaderValue::from_bytes(content_type) else {
        return;
    };
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
    let accepted = ["subject", "body", "from", "to", "date", "messages", "extra"];
    let accepted = accepted.map(str::to_owned);
    let mut full = Full::new(Bytes::copy_from_slice(body));
    match block_on(submission::read(&headers, &mut full, BOUNDS, &accepted)) {
        Ok(draft) => is_within_bounds(&draft, &accepted, body.len()),
        Err(refusal) => is_a_sentence(refusal),
    }
}

fn is_within_bounds(draft: &Draft, accepted: &[String], body: usize) {
    assert!(!draft.fields.is_empty() || !draft.attachments.is_empty());
    assert!(draft.attachments.len() <= ATTACHMENTS);
    let mut bytes = 0;
    for (name, value) in &draft.fields {
        assert!(accepted.contains(name), "`{name}` is no field");
        let is_free = name == "extra";
        let is_thread = name == "messages" && value.is_array();
        assert!(is_free || is_thread || value.is_string(), "`{name}`");
        bytes += value.as_str().map_or(0, str::len);
    }
    for file in &draft.attachments {
        let kind = &file.media_type;
        assert_eq!(*kind, kind.to_ascii_lowercase());
        bytes += file.bytes.len() + file.name.len();
    }
    let most = body * GROWTH + MESSAGE;
    assert!(bytes <= most, "{bytes} bytes of a body of {body}");
}

fn is_a_sentence(refusal: Refusal) {
    let said = refusal.to_string();
    assert!(
        !said.is_empty() && said.len() <= MESSAGE,
        "{} bytes",
        said.len()
    );
    // The client gets it as problem details: each kind has its own.
    drop(Problem::from(refusal));
}
