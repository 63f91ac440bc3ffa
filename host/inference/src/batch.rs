//! Several requests as one run, and its outputs as several answers.
//!
//! [`merge`] joins requests along the batch axis and pads the length axis with the card's values; [`split`]
//! gives each request its own rows, cut to its own length. [`rows`] and [`join`] do the reverse for a request
//! with more rows than a run may have. [`check`] holds a run's outputs to the card before any of that.

use bytes::BytesMut;

use crate::card::{BatchAxes, Card, Dim};
use crate::request::{Request, Shape};
use crate::tensor::{Dims, NamedTensor, Tensor};

/// One run's inputs for several requests that are equal in every axis but batch and length.
///
/// # Errors
/// Where the merged tensor would be larger than a tensor may be.
pub(crate) fn merge(
    card: &Card,
    axes: &BatchAxes,
    requests: &[&Request],
) -> Result<Request, String> {
    let mut shape = requests
        .first()
        .map(|request| request.shape.clone())
        .unwrap_or_default();
    shape.rows = requests.iter().map(|request| request.shape.rows).sum();
    shape.length = requests
        .iter()
        .map(|request| request.shape.length)
        .max()
        .unwrap_or(1);
    let mut inputs = Vec::with_capacity(card.inputs().len());
    for (index, (name, port)) in card.inputs().iter().enumerate() {
        let length = axes.length.as_deref().and_then(|axis| port.position(axis));
        let parts = requests
            .iter()
            .filter_map(|request| request.inputs.get(index))
            .map(|(_, tensor)| tensor);
        let mut dims = requests
            .first()
            .and_then(|r| r.inputs.get(index))
            .map(|(_, t)| t.dims().to_vec())
            .unwrap_or_default();
        set(&mut dims, 0, shape.rows);
        set(&mut dims, length.unwrap_or(usize::MAX), shape.length);
        let bytes: usize = dims.iter().map(|d| *d as usize).product::<usize>() * port.ty.size();
        let mut data = BytesMut::with_capacity(bytes);
        for part in parts {
            match length {
                Some(axis) => pad_into(&mut data, part, axis, shape.length, &port.pad),
                None => data.extend_from_slice(part.data()),
            }
        }
        let tensor =
            Tensor::new(dims, port.ty, data.freeze()).map_err(|error| error.to_string())?;
        inputs.push((name.clone(), tensor));
    }
    Ok(Request { inputs, shape })
}

/// The answers of `requests` in the outputs of their merged run, in their order.
///
/// # Errors
/// Where an output has fewer rows than the requests, which [`check`] rules out.
pub(crate) fn split(
    card: &Card,
    axes: &BatchAxes,
    requests: &[&Request],
    outputs: &[NamedTensor],
) -> Result<Vec<Vec<NamedTensor>>, String> {
    let mut first = 0;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        let mut answer = Vec::with_capacity(outputs.len());
        for (name, tensor) in outputs {
            let own = rows(tensor, first, request.shape.rows)?;
            let length = card
                .outputs()
                .get(name)
                .and_then(|port| port.position(axes.length.as_deref()?));
            let cut = match length {
                Some(axis) => cut(&own, axis, request.shape.length)?,
                None => own,
            };
            answer.push((name.clone(), cut));
        }
        first += request.shape.rows;
        answers.push(answer);
    }
    Ok(answers)
}

/// `count` rows of `tensor` from `first`. Shares its data.
///
/// # Errors
/// Where `tensor` has no such rows.
pub(crate) fn rows(tensor: &Tensor, first: u32, count: u32) -> Result<Tensor, String> {
    let total = tensor.dims().first().copied().unwrap_or(1);
    if u64::from(first) + u64::from(count) > u64::from(total) {
        return Err(format!(
            "rows `{first}` to `{}` are asked of `{}`",
            u64::from(first) + u64::from(count),
            Dims(tensor.dims())
        ));
    }
    let row = tensor.data().len() / total.max(1) as usize;
    let data = tensor
        .data()
        .slice(first as usize * row..(first as usize + count as usize) * row);
    let mut dims = tensor.dims().to_vec();
    set(&mut dims, 0, count);
    Tensor::new(dims, tensor.ty(), data).map_err(|error| error.to_string())
}

/// Outputs of consecutive rows, joined.
///
/// # Errors
/// Where the joined tensor would be larger than a tensor may be.
pub(crate) fn join(parts: &[Vec<NamedTensor>]) -> Result<Vec<NamedTensor>, String> {
    let Some(head) = parts.first() else {
        return Ok(Vec::new());
    };
    let mut joined = Vec::with_capacity(head.len());
    for (index, (name, first)) in head.iter().enumerate() {
        let tensors = || {
            parts
                .iter()
                .filter_map(|part| part.get(index))
                .map(|(_, tensor)| tensor)
        };
        let mut dims = first.dims().to_vec();
        set(
            &mut dims,
            0,
            tensors().filter_map(|tensor| tensor.dims().first()).sum(),
        );
        let bytes = tensors().map(|tensor| tensor.data().len()).sum();
        let mut data = BytesMut::with_capacity(bytes);
        tensors().for_each(|tensor| data.extend_from_slice(tensor.data()));
        let tensor =
            Tensor::new(dims, first.ty(), data.freeze()).map_err(|error| error.to_string())?;
        joined.push((name.clone(), tensor));
    }
    Ok(joined)
}

/// Holds the outputs of a run of `shape` to the card: names and order, types, dimensions.
///
/// # Errors
/// Both sides of what differs.
pub(crate) fn check(card: &Card, shape: &Shape, outputs: &[NamedTensor]) -> Result<(), String> {
    if !outputs
        .iter()
        .map(|(name, _)| name)
        .eq(card.outputs().keys())
    {
        let given: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
        let promised: Vec<&String> = card.outputs().keys().collect();
        return Err(format!(
            "the run gave outputs {given:?}, and the card says {promised:?}"
        ));
    }
    for ((name, tensor), port) in outputs.iter().zip(card.outputs().values()) {
        let agrees = |(dim, size): (&Dim, &u32)| match dim {
            Dim::Fixed(fixed) => fixed == size,
            Dim::Free(axis) => shape.axis(card, axis).is_none_or(|length| length == *size),
        };
        let equal_rank = tensor.dims().len() == port.dims.len();
        if tensor.ty() != port.ty || !equal_rank || !port.dims.iter().zip(tensor.dims()).all(agrees)
        {
            return Err(format!(
                "output `{name}` came as `{}` of `{}`, and the card says `{}` of `{}` with `{}` rows of length `{}`",
                tensor.ty(),
                Dims(tensor.dims()),
                port.ty,
                port.show_dims(),
                shape.rows,
                shape.length
            ));
        }
    }
    Ok(())
}

/// Appends `part`, each stretch along `axis` padded to `length` with the element `pad`.
pub(crate) fn pad_into(data: &mut BytesMut, part: &Tensor, axis: usize, length: u32, pad: &[u8]) {
    let (stretch, inner, own) = stretch(part, axis);
    let missing = length.saturating_sub(own) as usize * inner;
    let padding = pad.repeat(missing / pad.len().max(1));
    for piece in part.data().chunks(stretch.max(1)) {
        data.extend_from_slice(piece);
        data.extend_from_slice(&padding);
    }
}

/// `tensor` with the first `length` places along `axis`.
pub(crate) fn cut(tensor: &Tensor, axis: usize, length: u32) -> Result<Tensor, String> {
    let (stretch, inner, own) = stretch(tensor, axis);
    if own == length {
        return Ok(tensor.clone());
    }
    let kept = length as usize * inner;
    let mut data = BytesMut::with_capacity(tensor.data().len() / stretch.max(1) * kept);
    for piece in tensor.data().chunks(stretch.max(1)) {
        data.extend_from_slice(piece.get(..kept).unwrap_or(piece));
    }
    let mut dims = tensor.dims().to_vec();
    set(&mut dims, axis, length);
    Tensor::new(dims, tensor.ty(), data.freeze()).map_err(|error| error.to_string())
}

/// The bytes of one stretch along `axis`, those of one place in it, and the number of places.
fn stretch(tensor: &Tensor, axis: usize) -> (usize, usize, u32) {
    let own = tensor.dims().get(axis).copied().unwrap_or(1);
    let inner: usize = tensor
        .dims()
        .iter()
        .skip(axis + 1)
        .map(|d| *d as usize)
        .product::<usize>()
        * tensor.ty().size();
    (own as usize * inner, inner, own)
}

pub(crate) fn set(dims: &mut [u32], place: usize, size: u32) {
    if let Some(dim) = dims.get_mut(place) {
        *dim = size;
    }
}

#[cfg(test)]
mod tests;
