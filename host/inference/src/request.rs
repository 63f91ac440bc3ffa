//! A request that holds to its model's card: names, types, dimensions, limits.

use std::collections::BTreeMap;

use crate::card::{Card, Dim, Port};
use crate::model::InferError;
use crate::tensor::{Dims, NamedTensor, Tensor};

/// The inputs of one call, in the card's order, with the length of every free axis.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) inputs: Vec<NamedTensor>,
    pub(crate) shape: Shape,
}

/// The lengths of a request's free axes: all that decides with which others it may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Along the batch axis; 1 for a model without one.
    pub(crate) rows: u32,
    /// Along the length axis; 1 for a model without one.
    pub(crate) length: u32,
    /// Along every other free axis, by name. Only requests equal in these may be merged.
    pub(crate) others: BTreeMap<String, u32>,
}

impl Shape {
    /// What it asks for, padding not counted: rows × length.
    pub(crate) fn places(&self) -> u64 {
        u64::from(self.rows).saturating_mul(u64::from(self.length))
    }

    /// The length of `axis`, where an input has it.
    pub(crate) fn axis(&self, card: &Card, axis: &str) -> Option<u32> {
        match card.batch() {
            Some(batch) if batch.axis == axis => Some(self.rows),
            Some(batch) if batch.length.as_deref() == Some(axis) => Some(self.length),
            _ => self.others.get(axis).copied(),
        }
    }
}

impl Request {
    /// Holds `inputs` to `card`.
    ///
    /// # Errors
    /// [`InferError::InvalidInput`] or [`InferError::TooLarge`], naming both sides.
    pub(crate) fn check(card: &Card, inputs: Vec<NamedTensor>) -> Result<Request, InferError> {
        let mut given = by_name(card, inputs)?;
        let mut axes: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
        let mut ordered = Vec::with_capacity(given.len());
        for (name, port) in card.inputs() {
            let (given_name, tensor) = given.remove_entry(name).ok_or_else(|| {
                invalid(
                    card,
                    format!(
                        "needs input `{name}`, which was not given; give `{}` of `{}`",
                        port.ty,
                        port.show_dims()
                    ),
                )
            })?;
            check_tensor(card, name, port, &tensor)?;
            for (dim, size) in port.dims.iter().zip(tensor.dims()) {
                let Dim::Free(axis) = dim else { continue };
                match axes.get(axis.as_str()) {
                    Some((other, first)) if other != size => {
                        return Err(invalid(
                            card,
                            format!(
                                "has one axis `{axis}`, and input `{first}` makes it `{other}` where input `{name}` makes it `{size}`"
                            ),
                        ));
                    }
                    Some(_) => {}
                    None => drop(axes.insert(axis, (*size, name))),
                }
            }
            ordered.push((given_name, tensor));
        }
        check_limits(card, &axes)?;
        Ok(Request {
            inputs: ordered,
            shape: shape(card, &axes),
        })
    }
}

fn invalid(card: &Card, message: String) -> InferError {
    InferError::InvalidInput(format!(
        "model `{}@{}` {message}",
        card.name(),
        card.version()
    ))
}

fn by_name(card: &Card, inputs: Vec<NamedTensor>) -> Result<BTreeMap<String, Tensor>, InferError> {
    let mut given = BTreeMap::new();
    for (name, tensor) in inputs {
        if !card.inputs().contains_key(&name) {
            let taken: Vec<String> = card
                .inputs()
                .keys()
                .map(|name| format!("`{name}`"))
                .collect();
            return Err(invalid(
                card,
                format!(
                    "takes {}, and input `{}` was given",
                    taken.join(", "),
                    shorten(&name)
                ),
            ));
        }
        if given.contains_key(&name) {
            return Err(invalid(
                card,
                format!("takes input `{name}` once, and it was given twice"),
            ));
        }
        given.insert(name, tensor);
    }
    Ok(given)
}

/// A guest chooses this text, and it ends up in messages and logs.
fn shorten(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn check_tensor(card: &Card, name: &str, port: &Port, tensor: &Tensor) -> Result<(), InferError> {
    if tensor.ty() != port.ty {
        return Err(invalid(
            card,
            format!(
                "takes input `{name}` as `{}`, and it was given as `{}`",
                port.ty,
                tensor.ty()
            ),
        ));
    }
    let agrees = |(dim, size): (&Dim, &u32)| match dim {
        Dim::Fixed(fixed) => fixed == size,
        Dim::Free(_) => true,
    };
    if tensor.dims().len() != port.dims.len() || !port.dims.iter().zip(tensor.dims()).all(agrees) {
        return Err(invalid(
            card,
            format!(
                "takes input `{name}` as `{}`, and it was given as `{}`",
                port.show_dims(),
                Dims(tensor.dims())
            ),
        ));
    }
    Ok(())
}

fn check_limits(card: &Card, axes: &BTreeMap<&str, (u32, &str)>) -> Result<(), InferError> {
    for (axis, max) in card.limits() {
        if let Some((length, name)) = axes.get(axis.as_str())
            && length > max
        {
            return Err(InferError::TooLarge(format!(
                "model `{}@{}` takes at most `{max}` along axis `{axis}`, and input `{name}` has `{length}`; cut or split it",
                card.name(),
                card.version()
            )));
        }
    }
    Ok(())
}

fn shape(card: &Card, axes: &BTreeMap<&str, (u32, &str)>) -> Shape {
    let mut shape = Shape {
        rows: 1,
        length: 1,
        others: BTreeMap::new(),
    };
    for (axis, (length, _)) in axes {
        match card.batch() {
            Some(batch) if batch.axis == *axis => shape.rows = *length,
            Some(batch) if batch.length.as_deref() == Some(axis) => shape.length = *length,
            _ => drop(shape.others.insert((*axis).to_owned(), *length)),
        }
    }
    shape
}
