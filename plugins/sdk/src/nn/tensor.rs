//! Tensors: row-major, little-endian, at most 2³²−1 bytes, no dimension 0.
//!
//! A [`Tensor`] lives on the host's side; an [`Array`] is its data in the stage's memory. Making the one from a slice
//! and reading it back each copy once, over the boundary.

use std::fmt;
use std::ops::Deref;

use super::Error;
use crate::host::RawTensor;

/// In [`Array::shaped`]: any size of that dimension.
pub const ANY: usize = 0;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// The upper half of an IEEE single.
    Bf16,
    /// Unsigned 8 bits.
    U8,
    /// Signed 32 bits.
    I32,
    /// Signed 64 bits.
    I64,
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bf16 => "bf16",
            Self::U8 => "u8",
            Self::I32 => "i32",
            Self::I64 => "i64",
        })
    }
}

/// An element that a stage can write and read: `f32`, `f64`, `u8`, `i32` or `i64`.
pub trait Element: bytemuck::Pod {
    /// Its type on the host's side.
    const TYPE: ElementType;
}

impl Element for f32 {
    const TYPE: ElementType = ElementType::F32;
}
impl Element for f64 {
    const TYPE: ElementType = ElementType::F64;
}
impl Element for u8 {
    const TYPE: ElementType = ElementType::U8;
}
impl Element for i32 {
    const TYPE: ElementType = ElementType::I32;
}
impl Element for i64 {
    const TYPE: ElementType = ElementType::I64;
}

/// A tensor that the host holds for the stage. It counts against the stage's `tensors` limit until it is dropped.
pub struct Tensor(RawTensor);

impl Tensor {
    /// A tensor of `dims` with `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Shape`] where there are no dimensions, one is 0 or beyond `u32`, or their product is not `data.len()`.
    pub fn new<T: Element>(dims: &[usize], data: &[T]) -> Result<Self, Error> {
        let wrong = || Error::Shape {
            dims: dims.to_vec(),
            elements: data.len(),
        };
        let product = dims
            .iter()
            .try_fold(1usize, |product, dim| product.checked_mul(*dim));
        if dims.is_empty() || data.is_empty() || product != Some(data.len()) {
            return Err(wrong());
        }
        let sizes = dims
            .iter()
            .map(|dim| u32::try_from(*dim))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong())?;
        Ok(Self(RawTensor::new(
            &sizes,
            T::TYPE,
            bytemuck::cast_slice(data),
        )))
    }

    /// A tensor of the bytes of a text. The host takes an empty one only as an answer, which the harness may need.
    ///
    /// # Errors
    /// [`Error::Shape`] where the text is longer than `u32` says.
    pub fn text(text: &str) -> Result<Self, Error> {
        let wrong = |_| Error::Shape {
            dims: vec![text.len()],
            elements: text.len(),
        };
        let length = u32::try_from(text.len()).map_err(wrong)?;
        Ok(Self(RawTensor::new(&[length], u8::TYPE, text.as_bytes())))
    }

    /// The size of each dimension.
    #[must_use]
    pub fn dims(&self) -> Vec<usize> {
        self.0
            .dims()
            .into_iter()
            .map(|dim| usize::try_from(dim).unwrap_or(usize::MAX))
            .collect()
    }

    /// The type of the elements.
    #[must_use]
    pub fn ty(&self) -> ElementType {
        self.0.ty()
    }

    /// Copies the data out. `name` is what an error calls the tensor.
    fn read<T: Element>(&self, name: &str) -> Result<Array<T>, Error> {
        let (dims, ty) = (self.dims(), self.ty());
        let unexpected = |wanted: String| Error::Unexpected {
            name: name.to_owned(),
            found: format!("{ty} {dims:?}"),
            wanted,
        };
        if ty != T::TYPE {
            return Err(unexpected(T::TYPE.to_string()));
        }
        let data = Data::new(self.0.data())
            .ok_or_else(|| unexpected("a whole number of elements".to_owned()))?;
        let product = dims
            .iter()
            .try_fold(1usize, |product, dim| product.checked_mul(*dim));
        if product != Some(data.as_slice().len()) {
            return Err(unexpected(format!(
                "{} elements, as its data has",
                data.as_slice().len()
            )));
        }
        Ok(Array {
            name: name.to_owned(),
            dims,
            data,
        })
    }
}

/// Tensors by name: what a model gave, or in the harness what it is given.
#[derive(Default)]
pub struct Tensors(Vec<(String, Tensor)>);

impl Tensors {
    /// The names, in the model's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Copies the tensor `name` of `f32` into the stage's memory.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Unexpected`] where it is of another type.
    pub fn f32(&self, name: &str) -> Result<Array<f32>, Error> {
        self.read(name)
    }

    /// Copies the tensor `name` of `i64` into the stage's memory.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Unexpected`] where it is of another type.
    pub fn i64(&self, name: &str) -> Result<Array<i64>, Error> {
        self.read(name)
    }

    /// Copies the tensor `name` into the stage's memory.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Unexpected`] where it is of another type than `T`.
    pub fn read<T: Element>(&self, name: &str) -> Result<Array<T>, Error> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.ok_or_else(|| self.missing(name))?.1.read(name)
    }

    /// Takes the tensor `name` out, to pass it on: its data stays with the host.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn take(&mut self, name: &str) -> Result<Tensor, Error> {
        let place = self.0.iter().position(|(given, _)| given == name);
        Ok(self
            .0
            .swap_remove(place.ok_or_else(|| self.missing(name))?)
            .1)
    }

    fn missing(&self, name: &str) -> Error {
        Error::Missing {
            name: name.to_owned(),
            given: self.names().map(str::to_owned).collect(),
        }
    }

    pub(crate) fn from_raw(raw: Vec<(String, RawTensor)>) -> Self {
        raw.into_iter()
            .map(|(name, tensor)| (name, Tensor(tensor)))
            .collect()
    }

    pub(crate) fn into_raw(self) -> Vec<(String, RawTensor)> {
        self.0
            .into_iter()
            .map(|(name, tensor)| (name, tensor.0))
            .collect()
    }
}

impl<N: Into<String>> FromIterator<(N, Tensor)> for Tensors {
    fn from_iter<I: IntoIterator<Item = (N, Tensor)>>(tensors: I) -> Self {
        Self(
            tensors
                .into_iter()
                .map(|(name, tensor)| (name.into(), tensor))
                .collect(),
        )
    }
}

/// A tensor's data in the stage's memory, row-major; it reads as a slice of all elements.
pub struct Array<T> {
    name: String,
    dims: Vec<usize>,
    data: Data<T>,
}

impl<T: Element> Array<T> {
    /// The size of each dimension.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The same array, once its dimensions are `wanted`, where [`ANY`] allows every size.
    ///
    /// # Errors
    /// [`Error::Unexpected`], with both shapes.
    pub fn shaped(self, wanted: &[usize]) -> Result<Self, Error> {
        let fits = |(found, wanted): (&usize, &usize)| *wanted == ANY || found == wanted;
        if self.dims.len() == wanted.len() && self.dims.iter().zip(wanted).all(fits) {
            return Ok(self);
        }
        let sizes: Vec<_> = wanted
            .iter()
            .map(|dim| {
                if *dim == ANY {
                    "any".to_owned()
                } else {
                    dim.to_string()
                }
            })
            .collect();
        Err(Error::Unexpected {
            name: self.name,
            found: format!("{} {:?}", T::TYPE, self.dims),
            wanted: format!("{} [{}]", T::TYPE, sizes.join(", ")),
        })
    }

    /// The rows along the last axis: of `[batch, tokens, 384]`, `batch × tokens` slices of 384.
    pub fn rows(&self) -> impl Iterator<Item = &[T]> {
        self.data
            .as_slice()
            .chunks_exact(self.dims.last().copied().unwrap_or(1).max(1))
    }

    /// The row `index` along the last axis.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<&[T]> {
        self.rows().nth(index)
    }
}

impl<T: Element> Deref for Array<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.data.as_slice()
    }
}

/// The bytes as the host gave them where they are aligned for `T`, as an allocator's are; else a copy that is.
enum Data<T> {
    Bytes(Vec<u8>),
    Elements(Vec<T>),
}

impl<T: Element> Data<T> {
    /// `None` where the bytes are no whole number of elements.
    fn new(bytes: Vec<u8>) -> Option<Self> {
        if !bytes.len().is_multiple_of(size_of::<T>()) {
            return None;
        }
        Some(match bytemuck::try_cast_slice::<u8, T>(&bytes) {
            Ok(_) => Self::Bytes(bytes),
            Err(_) => Self::Elements(bytemuck::pod_collect_to_vec(&bytes)),
        })
    }

    fn as_slice(&self) -> &[T] {
        match self {
            // `new` has seen that this cast holds, and the bytes have not moved since.
            Self::Bytes(bytes) => bytemuck::try_cast_slice(bytes).unwrap_or_default(),
            Self::Elements(elements) => elements,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_keeps_its_shape_and_data() {
        let tensors: Tensors = [(
            "a",
            Tensor::new(&[2, 3], &[0f32, 1., 2., 3., 4., 5.]).unwrap(),
        )]
        .into_iter()
        .collect();
        let array = tensors.f32("a").unwrap().shaped(&[ANY, 3]).unwrap();
        assert_eq!(array.dims(), [2, 3]);
        assert_eq!(array.row(1), Some([3f32, 4., 5.].as_slice()));
        assert_eq!(array.row(2), None);
        assert_eq!(array.len(), 6);
    }

    #[test]
    fn dimensions_and_data_must_agree() {
        for dims in [&[][..], &[0], &[2, 0], &[3], &[usize::MAX, 2], &[2, 2]] {
            let error = Tensor::new(dims, &[1i64, 2]).err().unwrap();
            assert_eq!(
                error,
                Error::Shape {
                    dims: dims.to_vec(),
                    elements: 2
                }
            );
        }
        assert!(Tensor::new(&[0], &[0f32; 0]).is_err());
    }

    #[test]
    fn what_is_not_there_or_not_of_that_form_is_named() {
        let mut tensors: Tensors = [("a", Tensor::new(&[2], &[1i64, 2]).unwrap())]
            .into_iter()
            .collect();
        assert_eq!(
            tensors.f32("a").err().unwrap().to_string(),
            "tensor `a` is i64 [2], not f32: bind a model whose card says f32"
        );
        assert_eq!(
            tensors
                .i64("a")
                .unwrap()
                .shaped(&[ANY, 384])
                .err()
                .unwrap()
                .to_string(),
            "tensor `a` is i64 [2], not i64 [any, 384]: bind a model whose card says i64 [any, 384]"
        );
        assert!(matches!(
            tensors.take("b").err(),
            Some(Error::Missing { .. })
        ));
        assert_eq!(tensors.take("a").unwrap().dims(), [2]);
        assert!(
            matches!(tensors.i64("a").err(), Some(Error::Missing { given, .. }) if given.is_empty())
        );
    }

    #[test]
    fn unaligned_bytes_are_copied_and_broken_ones_refused() {
        let data = Data::<i64>::new(vec![1, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(data.as_slice(), [1]);
        assert!(Data::<i64>::new(vec![0; 9]).is_none());
    }
}
