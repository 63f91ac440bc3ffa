//! PNG without interlacing: its five kinds of colour at all depths, transparency over white.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use super::{Picture, brightness, pixels};
use crate::document::Problem;

const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
/// How many chunks are looked at.
const CHUNKS: usize = 65_536;

/// What a PNG's head says.
struct Head {
    width: usize,
    height: usize,
    depth: usize,
    colour: Colour,
}

/// The five kinds of colour.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Grey,
    True,
    Indexed,
    GreyAlpha,
    TrueAlpha,
}

impl Colour {
    fn channels(self) -> usize {
        match self {
            Colour::Grey | Colour::Indexed => 1,
            Colour::GreyAlpha => 2,
            Colour::True => 3,
            Colour::TrueAlpha => 4,
        }
    }
}

/// How rows of samples lie in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    /// Bytes of a row, without the one that names its filter.
    pub(crate) stride: usize,
    /// Bytes from a sample to the same one of the pixel before, at least 1.
    pub(crate) step: usize,
    /// How many rows.
    pub(crate) count: usize,
}

/// Decodes a PNG.
///
/// # Errors
/// [`Problem::TooLarge`] by its head alone; [`Problem::Damaged`]; [`Problem::Unsupported`] for one that is interlaced.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, Problem> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(Problem::Damaged)?;
    let (kind, body) = chunk(&mut rest).ok_or(Problem::Damaged)?;
    let head = Some(body)
        .filter(|_| kind == *b"IHDR")
        .and_then(head)
        .ok_or(Problem::Damaged)??;
    let (mut palette, mut opacity, mut data) = (&[][..], &[][..], Vec::new());
    for _ in 0..CHUNKS {
        match chunk(&mut rest) {
            Some((kind, body)) if kind == *b"PLTE" => palette = body,
            Some((kind, body)) if kind == *b"tRNS" => opacity = body,
            Some((kind, body)) if kind == *b"IDAT" => data.extend_from_slice(body),
            Some((kind, _)) if kind == *b"IEND" => break,
            Some(_) => {}
            None => break, // cut off: what is there may still hold the picture
        }
    }
    let bits = head.depth * head.colour.channels();
    let rows = Rows {
        stride: (head.width * bits).div_ceil(8),
        step: (bits / 8).max(1),
        count: head.height,
    };
    let most = rows.count * (rows.stride + 1);
    let filtered = match decompress_to_vec_zlib_with_limit(&data, most) {
        Ok(filtered) => filtered,
        Err(failed) if failed.status == TINFLStatus::HasMoreOutput => failed.output,
        Err(_) => return Err(Problem::Damaged),
    };
    let samples = unfilter(&filtered, rows).ok_or(Problem::Damaged)?;
    let mut grey = Vec::with_capacity(head.width * head.height);
    for row in samples.chunks_exact(rows.stride) {
        grey.extend((0..head.width).map(|x| pixel(&head, row, x, palette, opacity)));
    }
    Picture::of(head.width, head.height, grey)
}

/// The next chunk's kind and body.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<([u8; 4], &'a [u8])> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let (kind, tail) = tail.split_first_chunk::<4>()?;
    let (body, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = tail.get(4..).unwrap_or_default();
    Some((*kind, body))
}

fn head(body: &[u8]) -> Option<Result<Head, Problem>> {
    let (width, tail) = body.split_first_chunk::<4>()?;
    let (height, tail) = tail.split_first_chunk::<4>()?;
    let [depth, colour, compression, filter, interlace] = *tail.first_chunk::<5>()?;
    let (width, height) = (
        u32::from_be_bytes(*width) as usize,
        u32::from_be_bytes(*height) as usize,
    );
    let colour = match colour {
        0 => Colour::Grey,
        2 => Colour::True,
        3 => Colour::Indexed,
        4 => Colour::GreyAlpha,
        6 => Colour::TrueAlpha,
        _ => return None,
    };
    let fits = match colour {
        Colour::Grey => matches!(depth, 1 | 2 | 4 | 8 | 16),
        Colour::Indexed => matches!(depth, 1 | 2 | 4 | 8),
        _ => matches!(depth, 8 | 16),
    };
    if !fits || compression != 0 || filter != 0 {
        return None;
    }
    if let Err(problem) = pixels(width, height) {
        return Some(Err(problem));
    }
    if interlace != 0 {
        return Some(Err(Problem::Unsupported));
    }
    Some(Ok(Head {
        width,
        height,
        depth: usize::from(depth),
        colour,
    }))
}

/// Undoes the filters of rows, each of which begins with a byte that names its own.
pub(crate) fn unfilter(filtered: &[u8], rows: Rows) -> Option<Vec<u8>> {
    let mut samples = vec![0; rows.stride * rows.count];
    let mut before = vec![0; rows.stride];
    let lines = filtered.chunks_exact(rows.stride + 1);
    if lines.len() < rows.count {
        return None;
    }
    for (row, line) in samples.chunks_exact_mut(rows.stride).zip(lines) {
        let (filter, line) = line.split_first()?;
        for (place, byte) in line.iter().enumerate() {
            let back = |row: &[u8]| {
                place
                    .checked_sub(rows.step)
                    .and_then(|at| row.get(at))
                    .copied()
                    .unwrap_or(0)
            };
            let (left, up, corner) = (
                back(row),
                before.get(place).copied().unwrap_or(0),
                back(&before),
            );
            let guess = match filter {
                0 => 0,
                1 => left,
                2 => up,
                3 => ((u16::from(left) + u16::from(up)) / 2) as u8,
                4 => nearest(left, up, corner),
                _ => return None,
            };
            *row.get_mut(place)? = byte.wrapping_add(guess);
        }
        before.copy_from_slice(row);
    }
    Some(samples)
}

/// Which of three neighbours lies nearest to `left + up - corner`.
fn nearest(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let far = |neighbour: u8| (guess - i16::from(neighbour)).abs();
    if far(left) <= far(up) && far(left) <= far(corner) {
        left
    } else if far(up) <= far(corner) {
        up
    } else {
        corner
    }
}

fn pixel(head: &Head, row: &[u8], x: usize, palette: &[u8], opacity: &[u8]) -> u8 {
    let sample = |channel: usize| sample(row, x * head.colour.channels() + channel, head.depth);
    let level = |value: u8| match head.depth {
        1 => value * 255,
        2 => value * 85,
        4 => value * 17,
        _ => value,
    };
    let (grey, alpha) = match head.colour {
        Colour::Grey => (level(sample(0)), 255),
        Colour::GreyAlpha => (sample(0), sample(1)),
        Colour::True => (brightness(sample(0), sample(1), sample(2)), 255),
        Colour::TrueAlpha => (brightness(sample(0), sample(1), sample(2)), sample(3)),
        Colour::Indexed => {
            let index = usize::from(sample(0));
            let entry = palette
                .get(index * 3..)
                .and_then(|rest| rest.first_chunk::<3>());
            let [red, green, blue] = entry.copied().unwrap_or([0; 3]);
            (
                brightness(red, green, blue),
                opacity.get(index).copied().unwrap_or(255),
            )
        }
    };
    let (grey, alpha) = (u32::from(grey), u32::from(alpha));
    ((grey * alpha + 255 * (255 - alpha)) / 255) as u8
}

/// A sample of a row; of one of 16 bits the upper half.
pub(crate) fn sample(row: &[u8], place: usize, depth: usize) -> u8 {
    let byte = |at: usize| row.get(at).copied().unwrap_or(0);
    match depth {
        16 => byte(place * 2),
        8 => byte(place),
        _ => {
            let bit = place * depth;
            let shift = 8 - depth - bit % 8;
            (byte(bit / 8) >> shift) & ((1 << depth) - 1)
        }
    }
}
