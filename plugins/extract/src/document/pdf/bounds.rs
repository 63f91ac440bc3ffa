//! What a PDF would grow to, before anything of it is decompressed for good.
//!
//! Every deflated stream but pictures, which are never decoded here, is inflated once into a window that is thrown
//! away, and the sizes are added up. Filters on filters, and long streams of the old compressions, are refused.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_IGNORE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Problem;

/// How many bytes all streams together may grow to.
const DECOMPRESSED: usize = 32 * 1024 * 1024;
/// How long a stream of the old compressions may be: they have no cheap way to count.
const OLD: usize = 64 * 1024;
/// The window of deflate, twice.
const WINDOW: usize = 64 * 1024;

/// Refuses a file whose streams grow beyond the bound.
pub(super) fn check(bytes: &[u8]) -> Result<(), Problem> {
    let mut left = DECOMPRESSED;
    let mut window = vec![0; WINDOW];
    for (dict, data) in streams(bytes) {
        if has(dict, b"/Image") && !has(dict, b"/ObjStm") && !has(dict, b"/XRef") {
            continue;
        }
        let old = [&b"/LZWDecode"[..], b"/RunLengthDecode"]
            .iter()
            .map(|name| count(dict, name))
            .sum::<usize>();
        let flate = count(dict, b"/FlateDecode");
        if old + flate > 1 || old > 0 && data.len() > OLD {
            return Err(Problem::Unsupported);
        }
        if flate > 0 {
            left = left
                .checked_sub(inflated(data, &mut window, left))
                .ok_or(Problem::TooLarge)?;
        }
    }
    Ok(())
}

/// Each stream with the 1,024 bytes before it, back to the last `obj`: near enough to its dictionary.
fn streams(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut position = 0;
    std::iter::from_fn(move || {
        loop {
            let at = position + find(bytes.get(position..)?, b"stream")?;
            position = at + 6;
            let before = bytes.get(at.saturating_sub(1024)..at)?;
            if before.ends_with(b"end") {
                continue;
            }
            let data = bytes.get(position..)?;
            let data = data
                .strip_prefix(b"\r\n")
                .or_else(|| data.strip_prefix(b"\n"))
                .unwrap_or(data);
            let start = before.windows(4).rposition(|w| w == b" obj").unwrap_or(0);
            return Some((before.get(start..)?, data));
        }
    })
}

/// How many bytes deflated data grow to; stops soon after `limit`.
fn inflated(data: &[u8], window: &mut [u8], limit: usize) -> usize {
    let mut state = Box::<DecompressorOxide>::default();
    let (mut input, mut place, mut total) = (data, 0, 0);
    let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_IGNORE_ADLER32;
    while total <= limit {
        let (status, read, written) = decompress(&mut state, input, window, place, flags);
        total += written;
        place = (place + written) % window.len();
        input = input.get(read..).unwrap_or_default();
        if status != TINFLStatus::HasMoreOutput {
            break;
        }
    }
    total
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    find(bytes, wanted).is_some()
}

fn count(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes
        .windows(wanted.len())
        .filter(|window| *window == wanted)
        .count()
}
