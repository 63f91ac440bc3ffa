//! The bytes of tensors as a library's elements, and what a library computed as bytes, without a copy.
//!
//! A tensor's bytes are lent as they lie wherever they lie as the element type needs, which an allocator grants all but
//! always; else they are copied. What a library computed is not copied: its memory is kept for as long as the bytes are.

use std::borrow::Cow;
use std::marker::PhantomData;

use bytemuck::Pod;
use bytes::Bytes;

const _: () = assert!(
    cfg!(target_endian = "little"),
    "tensors are little-endian and are lent to libraries as they lie"
);

/// The elements of `data`.
pub(super) fn elements<T: Pod>(data: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(data) {
        Ok(elements) => Cow::Borrowed(elements),
        Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(data)),
    }
}

/// The bytes of what `owner` holds.
pub(super) fn kept<T, O>(owner: O) -> Bytes
where
    T: Pod + Send,
    O: AsRef<[T]> + Send + 'static,
{
    Bytes::from_owner(Kept(owner, PhantomData::<T>))
}

struct Kept<O, T>(O, PhantomData<T>);

impl<O: AsRef<[T]>, T: Pod> AsRef<[u8]> for Kept<O, T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(self.0.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_lent_where_they_lie_well_and_copied_where_not() {
        let words = [1i64, -2, 3];
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        assert!(matches!(elements::<i64>(bytes), Cow::Borrowed([1, -2, 3])));
        // Of eight neighbouring places, seven are odd.
        for shift in 1..8 {
            let shifted = [&vec![0; shift][..], bytes].concat();
            assert_eq!(&*elements::<i64>(&shifted[shift..]), [1, -2, 3]);
        }
    }

    #[test]
    fn what_was_computed_stays_where_it_is() {
        let computed = vec![1.5f32, -2.0];
        let place = computed.as_ptr().cast::<u8>();
        let bytes = kept::<f32, _>(computed);
        assert_eq!(bytes.as_ptr(), place);
        assert_eq!(bytes[..4], 1.5f32.to_le_bytes());
    }
}
