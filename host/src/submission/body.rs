//! Takes a body off a connection, within bounds of size and of time.
//!
//! The size is held whether or not the client declares one: a chunked body is counted as it comes.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, EXPECT};
use tokio::time::timeout;

use super::{Bounds, Refusal};

/// How long, and how far, a refused body is read on so that the client gets to read why.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 64 << 20;

/// Takes the whole body.
///
/// # Errors
/// The body is empty, too large, too slow, or ends early.
pub async fn collect<B>(headers: &HeaderMap, body: &mut B, bounds: Bounds) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let too_large = Refusal::TooLarge { limit: bounds.body };
    let declared = declared_length(headers);
    if declared.is_some_and(|length| length > bounds.body) {
        return Err(too_large);
    }
    let mut whole = BytesMut::with_capacity(
        declared
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0)
            .min(1 << 20),
    );
    loop {
        let frame = timeout(bounds.idle, body.frame())
            .await
            .map_err(|_| Refusal::TooSlow {
                waited: bounds.idle,
            })?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| Refusal::Interrupted {
            detail: error.to_string(),
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if (whole.len() as u64).saturating_add(data.len() as u64) > bounds.body {
            return Err(too_large);
        }
        whole.extend_from_slice(&data);
    }
    if whole.is_empty() {
        return Err(Refusal::EmptyBody);
    }
    Ok(whole.freeze())
}

/// Reads on for a moment after a refusal. A connection that is closed on a client that is still sending is reset, and
/// the client sees the reset instead of the answer.
pub async fn discard<B>(headers: &HeaderMap, body: &mut B)
where
    B: Body<Data = Bytes> + Unpin,
{
    // Such a client waits to be told to send. Reading would tell it.
    if headers.contains_key(EXPECT) || Pin::new(&*body).is_end_stream() {
        return;
    }
    let mut left = DISCARD_BYTES;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Out of time is as good as read: the answer is given either way.
    timeout(DISCARD_TIME, reading).await.unwrap_or_default();
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
