//! Shapes: what is known before a run, with which the library goes on to fuse what stands behind our operators, and what is seen in one.

use std::sync::atomic::{AtomicU64, Ordering};

use ort::operator::ShapeInferenceContext;
use ort::value::{Shape, SymbolicDimensions, TensorElementType, ValueType};

use super::DOMAIN;

/// A dimension: its size, or -1, and its name where it has one.
pub(super) type Known = (i64, String);

/// How many dimensions have been named here.
static NAMED: AtomicU64 = AtomicU64::new(0);

/// The dimensions of an input; `None` where not even their number is known.
pub(super) fn input(of: &ShapeInferenceContext, place: usize) -> Option<Vec<Known>> {
    match of.inputs().into_iter().nth(place)? {
        ValueType::Tensor {
            shape,
            dimension_symbols,
            ..
        } => {
            let dims = shape.iter().copied();
            let dims: Vec<Known> = dims
                .zip(dimension_symbols.iter().cloned())
                .map(named)
                .collect();
            (!dims.is_empty()).then_some(dims)
        }
        _ => None,
    }
}

/// An unknown dimension without a name gets one of its own: the library takes -1 for the very size, and warns in each run that another one was seen.
fn named((size, name): Known) -> Known {
    match size < 0 && name.is_empty() {
        true => unknown(),
        false => (size, name),
    }
}

/// A dimension that is not known, and not said to be as large as another.
pub(super) fn unknown() -> Known {
    let number = NAMED.fetch_add(1, Ordering::Relaxed);
    (-1, format!("{DOMAIN}.{number}"))
}

/// Tells the library the dimensions of an output.
pub(super) fn tell(
    of: &mut ShapeInferenceContext,
    place: usize,
    ty: TensorElementType,
    dims: Vec<Known>,
) -> ort::Result<()> {
    let (sizes, names): (Vec<i64>, Vec<String>) = dims.into_iter().unzip();
    let told = ValueType::Tensor {
        ty,
        shape: Shape::new(sizes),
        dimension_symbols: SymbolicDimensions::new(names),
    };
    of.set_output(place, &told)
}

/// A dimension that is known.
pub(super) fn fixed(size: i64) -> Known {
    (size, String::new())
}

/// The dimensions in a run, where there are so many.
pub(super) fn sizes<const N: usize>(shape: &[i64]) -> ort::Result<[usize; N]> {
    let sizes = shape.iter().map(|size| usize::try_from(*size).ok());
    let sizes = sizes.collect::<Option<Vec<_>>>();
    sizes
        .and_then(|sizes| sizes.try_into().ok())
        .ok_or_else(|| ort::Error::new(format!("a tensor of other than {N} dimensions")))
}

/// How many numbers a token has: at least one.
pub(super) fn width(shape: &[i64]) -> ort::Result<usize> {
    let last = shape.last().and_then(|last| usize::try_from(*last).ok());
    last.filter(|last| *last > 0)
        .ok_or_else(|| ort::Error::new("a tensor without numbers in its last dimension"))
}
