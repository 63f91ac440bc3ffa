//! Shapes: what is known before a run, with which the library goes on to fuse what stands behind our operators, and what is seen in one.

use ort::operator::ShapeInferenceContext;
use ort::value::{Shape, SymbolicDimensions, TensorElementType, ValueType};

/// A dimension: its size, or -1, and its name where it has one.
pub(super) type Known = (i64, String);

/// The dimensions of an input; `None` where not even their number is known.
pub(super) fn input(of: &ShapeInferenceContext, place: usize) -> Option<Vec<Known>> {
    match of.inputs().into_iter().nth(place)? {
        ValueType::Tensor {
            shape,
            dimension_symbols,
            ..
        } => {
            let dims = shape.iter().copied();
            let dims: Vec<Known> = dims.zip(dimension_symbols.iter().cloned()).collect();
            (!dims.is_empty()).then_some(dims)
        }
        _ => None,
    }
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
pub(super) fn fixed(size: usize) -> Known {
    (i64::try_from(size).unwrap_or(-1), String::new())
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
