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

/// The dimensions of what is computed of two tensors, number by number, where either is repeated along dimensions in which it has one.
pub(super) fn meet(one: Vec<Known>, other: Vec<Known>) -> Vec<Known> {
    let (mut long, short) = match one.len() < other.len() {
        true => (other, one),
        false => (one, other),
    };
    for (dim, other) in long.iter_mut().rev().zip(short.into_iter().rev()) {
        if *dim == other || other.0 == 1 || dim.0 > 1 {
            continue;
        }
        *dim = match dim.0 == 1 || other.0 > 1 {
            true => other,
            false => unknown(),
        };
    }
    long
}

/// The same in a run; `None` where they do not meet.
pub(super) fn met(one: &[i64], other: &[i64]) -> Option<Vec<i64>> {
    let (mut long, short) = match one.len() < other.len() {
        true => (other.to_vec(), one),
        false => (one.to_vec(), other),
    };
    for (dim, other) in long.iter_mut().rev().zip(short.iter().rev()) {
        match (*dim, *other) {
            (own, other) if own == other => {}
            (_, 1) => {}
            (1, other) => *dim = other,
            _ => return None,
        }
    }
    Some(long)
}

/// The numbers of a tensor of `shape`, repeated to fill one of the shape `all`, which it meets.
pub(super) fn repeated(numbers: &[f32], shape: &[i64], all: &[i64]) -> impl Iterator<Item = f32> {
    let size = |dim: &i64| usize::try_from(*dim).unwrap_or(0);
    let mut stride = 1;
    // The last dimension first: its size, and how far apart its numbers lie.
    let mut steps: Vec<(usize, usize)> = all.iter().rev().map(|dim| (size(dim), 0)).collect();
    for ((_, step), own) in steps.iter_mut().zip(shape.iter().rev().map(size)) {
        *step = if own == 1 { 0 } else { stride };
        stride *= own;
    }
    let many = all.iter().map(size).product();
    (0..many).map(move |place: usize| {
        let mut rest = place;
        let at = |(size, step): &(usize, usize)| {
            let at = rest % size * step;
            rest /= size;
            at
        };
        let place = steps.iter().map(at).sum::<usize>();
        numbers.get(place).copied().unwrap_or_default()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_repeated_where_a_dimension_is_one() {
        let numbers = [1.0, 2.0, 3.0];
        let of = |shape: &[i64], all: &[i64]| repeated(&numbers, shape, all).collect::<Vec<_>>();
        assert_eq!(of(&[3], &[2, 3]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        assert_eq!(of(&[3, 1], &[3, 2]), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(of(&[1, 3], &[1, 3]), numbers);
        assert_eq!(of(&[3, 1], &[2, 3, 1]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        assert_eq!(of(&[3], &[0, 3]), [0.0; 0]);
        for (one, other, all) in [
            (&[2, 3][..], &[3][..], Some(vec![2, 3])),
            (&[3], &[2, 1], Some(vec![2, 3])),
            (&[1, 0, 3], &[5, 1, 3], Some(vec![5, 0, 3])),
            (&[2, 3], &[3, 2], None),
        ] {
            assert_eq!(met(one, other), all, "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_is_known_of_either_is_known_of_both() {
        let named = |name: &str| (-1, name.to_owned());
        let told = meet(
            vec![named("batch"), named("tokens"), fixed(384)],
            vec![named("batch"), fixed(1), fixed(384)],
        );
        assert_eq!(told, [named("batch"), named("tokens"), fixed(384)]);
        let told = meet(
            vec![fixed(4)],
            vec![named("batch"), fixed(1), named("width")],
        );
        assert_eq!(told, [named("batch"), fixed(1), fixed(4)]);
        let told = meet(vec![fixed(1), named("one")], vec![fixed(7), named("other")]);
        let [first, (size, name)] = told.try_into().unwrap();
        assert_eq!((first, size), (fixed(7), -1));
        assert!(name.starts_with(DOMAIN), "{name}");
    }
}
