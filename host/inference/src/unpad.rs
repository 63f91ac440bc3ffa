//! A call whose rows are of unlike lengths, as calls of rows alike: what its guest padded is not computed.
//!
//! A guest that asks of several texts at once pads them to the longest. Places at a row's end at which every input holds its
//! padding are what the host itself would put there, and mean nothing by the card. [`divide`] leaves them out: it puts the rows,
//! by length, into as few parts as are worth a run of their own ([`RUN_ON_CPU`]). [`whole`] puts the parts' outputs where the
//! call's rows were, with zeros at the places that were left out.
//!
//! Bounds: calls of [`MOST_ROWS`] rows, [`MOST_PARTS`] parts; a call beyond either, and one of which nothing is saved, stays
//! whole. Default, for a model without a length axis: every call stays whole.

use bytes::BytesMut;

use crate::batch::{self, set};
use crate::card::{BatchAxes, Card};
use crate::policy::RUN_ON_CPU;
use crate::request::{Request, Shape};
use crate::tensor::{NamedTensor, Tensor};

/// The most rows of a call that is divided.
const MOST_ROWS: u32 = 64;
/// The most parts of a call: each takes a place in the model's queue.
const MOST_PARTS: usize = 8;

/// What a call is asked as.
#[derive(Debug)]
pub(crate) enum Divided {
    Whole(Request),
    /// The call's own shape, and its parts.
    Parts {
        shape: Shape,
        parts: Vec<Part>,
    },
}

/// Some rows of a call, cut to the longest of them.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) request: Request,
    /// Which rows of the call they are.
    pub(crate) rows: Vec<u32>,
}

/// Divides `request` where that saves more places than the further runs cost.
///
/// # Errors
/// Where a part would be no tensor, which a request that was held to its card rules out.
pub(crate) fn divide(card: &Card, request: Request) -> Result<Divided, String> {
    let axes = card.batch().filter(|axes| axes.length.is_some());
    let Some(axes) = axes.filter(|_| request.shape.rows <= MOST_ROWS) else {
        return Ok(Divided::Whole(request));
    };
    let lengths = lengths(card, axes, &request);
    let groups = groups(&lengths, request.shape.length);
    if groups.is_empty() {
        return Ok(Divided::Whole(request));
    }
    let parts = groups.into_iter().map(|rows| {
        let length = rows.iter().filter_map(|row| lengths.get(*row as usize));
        let length = length.copied().max().unwrap_or(1);
        let request = gather(card, axes, &request, &rows, length)?;
        Ok(Part { request, rows })
    });
    let parts = parts.collect::<Result<_, String>>()?;
    let shape = request.shape;
    Ok(Divided::Parts { shape, parts })
}

/// How long each row is, at least 1: up to the last place at which an input holds something else than padding.
fn lengths(card: &Card, axes: &BatchAxes, request: &Request) -> Vec<u32> {
    let mut lengths = vec![1; request.shape.rows as usize];
    for (port, (_, tensor)) in card.inputs().values().zip(&request.inputs) {
        let Some(axis) = axes.length.as_deref().and_then(|axis| port.position(axis)) else {
            continue;
        };
        let row = tensor.data().len() / lengths.len().max(1);
        for (length, data) in lengths.iter_mut().zip(tensor.data().chunks(row.max(1))) {
            // Axes that stand between batch and length repeat the row's places so many times.
            let times = product(tensor, 1..axis);
            for stretch in data.chunks((row / times.max(1)).max(1)) {
                let place = stretch.len() / request.shape.length.max(1) as usize;
                let own = stretch
                    .chunks(place.max(1))
                    .rposition(|place| !place.chunks(port.pad.len().max(1)).all(|e| e == port.pad));
                let own = own.map_or(1, |last| u32::try_from(last + 1).unwrap_or(u32::MAX));
                *length = own.max(*length);
            }
        }
    }
    lengths
}

/// The product of `tensor`'s dimensions in `places`; 1 of none.
fn product(tensor: &Tensor, places: std::ops::Range<usize>) -> usize {
    let dims = tensor.dims().get(places).unwrap_or_default();
    dims.iter().map(|size| *size as usize).product()
}

/// Rows that run together, the longest first; nothing where the call had better stay whole, whose rows all count as `length` long.
///
/// The cheapest way to cut the rows, sorted by length, into stretches, each of which costs its longest row for every row, and a run.
fn groups(lengths: &[u32], length: u32) -> Vec<Vec<u32>> {
    let mut rows: Vec<(u32, u32)> = (0..).zip(lengths.iter().copied()).collect();
    rows.sort_by_key(|(row, length)| (std::cmp::Reverse(*length), *row));
    // For each number of first rows: the least that they cost, and where their last stretch begins.
    let mut best: Vec<(u64, usize)> = vec![(0, 0)];
    for end in 1..=rows.len() {
        let ways = rows.iter().zip(&best).enumerate();
        let ways = ways.take(end).map(|(begin, ((_, longest), (before, _)))| {
            let places = u64::from(*longest) * (end - begin) as u64;
            (before + places + RUN_ON_CPU, begin)
        });
        best.extend(ways.min());
    }
    let whole = u64::from(length) * lengths.len() as u64 + RUN_ON_CPU;
    let mut end = rows.len();
    let mut groups = Vec::new();
    if best.last().is_none_or(|(least, _)| *least >= whole) {
        return groups;
    }
    while let Some((_, begin)) = best.get(end).filter(|_| end > 0) {
        let group = rows.get(*begin..end).unwrap_or_default();
        groups.push(group.iter().map(|(row, _)| *row).collect());
        end = *begin;
    }
    // The longest first: where runs go side by side, what is left for the end is short.
    groups.reverse();
    if groups.len() > MOST_PARTS {
        groups.clear();
    }
    groups
}

/// `rows` of `request`, cut to `length`.
fn gather(
    card: &Card,
    axes: &BatchAxes,
    request: &Request,
    rows: &[u32],
    length: u32,
) -> Result<Request, String> {
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for (port, (name, tensor)) in card.inputs().values().zip(&request.inputs) {
        let axis = axes.length.as_deref().and_then(|axis| port.position(axis));
        let (mut data, mut dims) = (BytesMut::new(), tensor.dims().to_vec());
        for row in rows {
            let row = batch::rows(tensor, *row, 1)?;
            match axis {
                Some(axis) => data.extend_from_slice(batch::cut(&row, axis, length)?.data()),
                None => data.extend_from_slice(row.data()),
            }
        }
        set(&mut dims, 0, count);
        set(&mut dims, axis.unwrap_or(usize::MAX), length);
        let part = Tensor::new(dims, tensor.ty(), data.freeze()).map_err(|e| e.to_string())?;
        inputs.push((name.clone(), part));
    }
    let shape = Shape {
        rows: count,
        length,
        others: request.shape.others.clone(),
    };
    Ok(Request { inputs, shape })
}

/// The outputs of a call of `shape`, of the outputs of its parts, each with the rows that it was.
///
/// # Errors
/// Where a part lacks a row or an output, which a run's check rules out.
pub(crate) fn whole(
    card: &Card,
    shape: &Shape,
    parts: &[(Vec<u32>, Vec<NamedTensor>)],
) -> Result<Vec<NamedTensor>, String> {
    let mut outputs = Vec::with_capacity(card.outputs().len());
    for (index, (name, port)) in card.outputs().iter().enumerate() {
        let length = card.batch().and_then(|axes| axes.length.as_deref());
        let axis = length.and_then(|axis| port.position(axis));
        let zero = vec![0; port.ty.size()];
        let mut placed: Vec<Option<BytesMut>> = vec![None; shape.rows as usize];
        let mut dims = Vec::new();
        for (rows, outputs) in parts {
            let (_, tensor) = outputs.get(index).ok_or("an output is missing")?;
            dims = tensor.dims().to_vec();
            for (at, row) in (0..).zip(rows) {
                let (own, mut data) = (batch::rows(tensor, at, 1)?, BytesMut::new());
                match axis {
                    Some(axis) => batch::pad_into(&mut data, &own, axis, shape.length, &zero),
                    None => data.extend_from_slice(own.data()),
                }
                let place = placed.get_mut(*row as usize).ok_or("a row is of no call")?;
                *place = Some(data);
            }
        }
        set(&mut dims, 0, shape.rows);
        set(&mut dims, axis.unwrap_or(usize::MAX), shape.length);
        let rows: Option<Vec<BytesMut>> = placed.into_iter().collect();
        let data = rows.ok_or("a row has no answer")?.concat();
        let tensor = Tensor::new(dims, port.ty, data.into()).map_err(|e| e.to_string())?;
        outputs.push((name.clone(), tensor));
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests;
