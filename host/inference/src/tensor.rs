//! Tensors: dimensions, an element type and bytes that agree with each other.
//!
//! A [`Tensor`] is immutable and cheap to clone (its data is shared). What is wrong with one is found
//! when it is made, so nothing after it need look again. Bounds: 1 to 8 dimensions, none of them zero
//! but that of an empty text, at most `u32::MAX` bytes. Data is row-major and little-endian, as wasi-nn passes it.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The greatest number of dimensions that a tensor may have.
pub const MAX_RANK: usize = 8;

/// A tensor with the name that it has in a model's signature.
pub type NamedTensor = (String, Tensor);

/// An immutable tensor whose dimensions, type and data agree.
#[derive(Clone, PartialEq, Eq)]
pub struct Tensor {
    dims: Vec<u32>,
    ty: ElementType,
    data: Bytes,
}

impl Tensor {
    /// Joins dimensions (outermost first), element type and row-major little-endian data.
    ///
    /// # Errors
    /// [`TensorError`] where they do not agree; nothing is truncated, padded or assumed.
    pub fn new(dims: Vec<u32>, ty: ElementType, data: Bytes) -> Result<Tensor, TensorError> {
        let needed = byte_length(&dims, ty)?;
        if usize::try_from(needed) != Ok(data.len()) {
            return Err(TensorError::Length {
                dims,
                ty,
                needed,
                given: data.len(),
            });
        }
        Ok(Tensor { dims, ty, data })
    }

    /// Makes a `u8` tensor of one dimension from a text. An empty text has the dimension 0, which no other tensor has.
    ///
    /// # Errors
    /// [`TensorError::TooLarge`].
    pub fn from_text(text: String) -> Result<Tensor, TensorError> {
        let (ty, data) = (ElementType::U8, Bytes::from(text));
        let length = u32::try_from(data.len()).map_err(|_| TensorError::TooLarge {
            dims: vec![u32::MAX],
            ty,
        })?;
        Ok(Tensor {
            dims: vec![length],
            ty,
            data,
        })
    }

    /// Makes an `f32` tensor from values.
    ///
    /// # Errors
    /// [`TensorError`] where the number of values does not fit `dims`.
    pub fn from_f32(dims: Vec<u32>, values: &[f32]) -> Result<Tensor, TensorError> {
        Tensor::new(
            dims,
            ElementType::F32,
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        )
    }

    /// Makes an `i64` tensor from values.
    ///
    /// # Errors
    /// [`TensorError`] where the number of values does not fit `dims`.
    pub fn from_i64(dims: Vec<u32>, values: &[i64]) -> Result<Tensor, TensorError> {
        Tensor::new(
            dims,
            ElementType::I64,
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        )
    }

    /// The dimensions, outermost first; none is zero but that of an empty text.
    pub fn dims(&self) -> &[u32] {
        &self.dims
    }

    /// The element type.
    pub fn ty(&self) -> ElementType {
        self.ty
    }

    /// The elements, row-major, little-endian.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The number of elements.
    pub fn elements(&self) -> usize {
        self.data.len() / self.ty.size()
    }

    /// The values of an `f32` tensor, row-major; `None` for any other type.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        (self.ty == ElementType::F32).then(|| {
            let (words, _) = self.data.as_chunks::<4>();
            words.iter().map(|w| f32::from_le_bytes(*w)).collect()
        })
    }

    /// The values of an `i64` tensor, row-major; `None` for any other type.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        (self.ty == ElementType::I64).then(|| {
            let (words, _) = self.data.as_chunks::<8>();
            words.iter().map(|w| i64::from_le_bytes(*w)).collect()
        })
    }
}

impl fmt::Debug for Tensor {
    // The elements are left out: they are a customer's text in another form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} {})", self.ty, Dims(&self.dims))
    }
}

/// The bytes that `dims` of `ty` take, where those dimensions are within the bounds of a tensor.
fn byte_length(dims: &[u32], ty: ElementType) -> Result<u32, TensorError> {
    if dims.is_empty() || dims.len() > MAX_RANK {
        return Err(TensorError::Rank { rank: dims.len() });
    }
    if let Some(axis) = dims.iter().position(|d| *d == 0) {
        return Err(TensorError::ZeroDimension {
            dims: dims.to_vec(),
            axis,
        });
    }
    // Eight 32-bit dimensions overflow even 128 bits, so the product is checked as well as its bound.
    dims.iter()
        .try_fold(ty.size() as u128, |bytes, d| {
            bytes.checked_mul(u128::from(*d))
        })
        .and_then(|bytes| u32::try_from(bytes).ok())
        .ok_or_else(|| TensorError::TooLarge {
            dims: dims.to_vec(),
            ty,
        })
}

/// What a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// IEEE 754 half precision.
    F16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// The upper half of a single-precision number.
    Bf16,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
}

impl ElementType {
    /// The bytes that one element takes.
    pub fn size(self) -> usize {
        match self {
            ElementType::U8 => 1,
            ElementType::F16 | ElementType::Bf16 => 2,
            ElementType::F32 | ElementType::I32 => 4,
            ElementType::F64 | ElementType::I64 => 8,
        }
    }

    /// The name used in cards and messages, such as `i64`.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::F16 => "f16",
            ElementType::F32 => "f32",
            ElementType::F64 => "f64",
            ElementType::Bf16 => "bf16",
            ElementType::U8 => "u8",
            ElementType::I32 => "i32",
            ElementType::I64 => "i64",
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Dimensions as messages show them: `[8, 32]`.
pub(crate) struct Dims<'a>(pub(crate) &'a [u32]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0).finish()
    }
}

/// Why dimensions, type and data do not make a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TensorError {
    /// No dimension at all, or more than [`MAX_RANK`].
    #[error(
        "a tensor has 1 to {MAX_RANK} dimensions, and this one has `{rank}`; a scalar is `[1]`"
    )]
    Rank {
        /// How many dimensions were given.
        rank: usize,
    },
    /// A dimension is zero.
    #[error("dimension `{axis}` of `{}` is zero; every dimension is at least 1", Dims(.dims))]
    ZeroDimension {
        /// The dimensions given.
        dims: Vec<u32>,
        /// Which of them is zero, counted from 0.
        axis: usize,
    },
    /// The dimensions ask for more than `u32::MAX` bytes.
    #[error("`{ty}` of `{}` takes more than {} bytes, the most that a tensor may hold; split it", Dims(.dims), u32::MAX)]
    TooLarge {
        /// The dimensions given.
        dims: Vec<u32>,
        /// The element type given.
        ty: ElementType,
    },
    /// The data is shorter or longer than the dimensions say.
    #[error("`{ty}` of `{}` takes `{needed}` bytes, and the data has `{given}`", Dims(.dims))]
    Length {
        /// The dimensions given.
        dims: Vec<u32>,
        /// The element type given.
        ty: ElementType,
        /// Bytes that the dimensions ask for.
        needed: u32,
        /// Bytes that were given.
        given: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TYPES: [ElementType; 7] = [
        ElementType::F16,
        ElementType::F32,
        ElementType::F64,
        ElementType::Bf16,
        ElementType::U8,
        ElementType::I32,
        ElementType::I64,
    ];

    proptest! {
        /// Whatever is given, either an error comes back or all three parts agree; nothing panics.
        #[test]
        fn parts_agree_or_are_refused(
            dims in prop::collection::vec(prop_oneof![0u32..5, any::<u32>()], 0..11),
            ty in prop::sample::select(&TYPES[..]),
            length in 0usize..4096,
        ) {
            let product = dims.iter().try_fold(ty.size() as u128, |n, d| n.checked_mul(u128::from(*d)));
            match Tensor::new(dims.clone(), ty, Bytes::from(vec![0; length])) {
                Ok(tensor) => {
                    prop_assert_eq!(product, Some(length as u128));
                    prop_assert!(length > 0 && (1..=MAX_RANK).contains(&dims.len()));
                    prop_assert_eq!(tensor.elements() * ty.size(), length);
                }
                Err(TensorError::Rank { rank }) => prop_assert!(rank == 0 || rank > MAX_RANK),
                Err(TensorError::ZeroDimension { axis, .. }) => prop_assert_eq!(dims[axis], 0),
                Err(TensorError::TooLarge { .. }) => prop_assert!(product.is_none_or(|n| n > u128::from(u32::MAX))),
                Err(TensorError::Length { needed, given, .. }) => {
                    prop_assert_eq!(Some(u128::from(needed)), product);
                    prop_assert!(given == length && given != needed as usize);
                }
            }
        }

        /// Dimensions with the right number of bytes always make a tensor.
        #[test]
        fn right_length_is_accepted(dims in prop::collection::vec(1u32..4, 1..=MAX_RANK), ty in prop::sample::select(&TYPES[..])) {
            let bytes = dims.iter().product::<u32>() as usize * ty.size();
            let tensor = Tensor::new(dims.clone(), ty, Bytes::from(vec![7; bytes])).unwrap();
            prop_assert_eq!(tensor.dims(), &dims[..]);
        }
    }

    #[test]
    fn two_to_the_32_elements_are_refused() {
        let error = Tensor::new(vec![65536, 65536], ElementType::U8, Bytes::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`u8` of `[65536, 65536]` takes more than 4294967295 bytes, the most that a tensor may hold; split it"
        );
        let error = Tensor::new(vec![u32::MAX; 8], ElementType::I64, Bytes::new()).unwrap_err();
        assert!(matches!(error, TensorError::TooLarge { .. }));
    }

    #[test]
    fn messages_name_both_sides() {
        let short = Tensor::new(vec![2, 3], ElementType::F32, Bytes::from_static(&[0; 5]));
        assert_eq!(
            short.unwrap_err().to_string(),
            "`f32` of `[2, 3]` takes `24` bytes, and the data has `5`"
        );
        let zero = Tensor::new(vec![2, 0], ElementType::F32, Bytes::new());
        assert_eq!(
            zero.unwrap_err().to_string(),
            "dimension `1` of `[2, 0]` is zero; every dimension is at least 1"
        );
        let scalar = Tensor::new(vec![], ElementType::F32, Bytes::from_static(&[0; 4]));
        assert_eq!(
            scalar.unwrap_err().to_string(),
            "a tensor has 1 to 8 dimensions, and this one has `0`; a scalar is `[1]`"
        );
    }

    #[test]
    fn debug_does_not_show_elements() {
        let tensor = Tensor::from_i64(vec![1, 2], &[101, 102]).unwrap();
        assert_eq!(format!("{tensor:?}"), "Tensor(i64 [1, 2])");
        assert_eq!(tensor.to_i64(), Some(vec![101, 102]));
        assert_eq!(tensor.to_f32(), None);
    }
}
