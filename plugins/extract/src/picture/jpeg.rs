//! JPEG, sequential and progressive.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Picture, pixels};
use crate::document::Problem;

/// Decodes a JPEG. What is cut off is grey.
///
/// # Errors
/// [`Problem::TooLarge`] by its head alone; [`Problem::Damaged`]; [`Problem::Unsupported`] for colours for print.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, Problem> {
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| Problem::Damaged)?;
    let (width, height) = decoder.dimensions().ok_or(Problem::Damaged)?;
    pixels(width, height)?;
    let cmyk = match decoder.input_colorspace() {
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => return Err(Problem::Unsupported),
        Some(_) => ColorSpace::Luma,
        None => return Err(Problem::Damaged),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(cmyk));
    let grey = decoder.decode().map_err(|_| Problem::Damaged)?;
    Picture::of(width, height, grey)
}
