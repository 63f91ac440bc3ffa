use super::*;
use miniz_oxide::deflate::compress_to_vec_zlib;
use proptest::prelude::*;

/// A PNG of these filtered rows.
pub(crate) fn png_of(
    width: u32,
    height: u32,
    [depth, colour, interlace]: [u8; 3],
    rows: &[u8],
    palette: &[u8],
) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], body: &[u8]| {
        file.extend((body.len() as u32).to_be_bytes());
        file.extend(kind);
        file.extend(body);
        file.extend([0; 4]); // checksums are not read
    };
    let head = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[depth, colour, 0, 0, interlace],
    ]
    .concat();
    chunk(b"IHDR", &head);
    if !palette.is_empty() {
        chunk(b"PLTE", palette);
    }
    chunk(b"IDAT", &compress_to_vec_zlib(rows, 6));
    chunk(b"IEND", &[]);
    file
}

#[test]
fn each_kind_of_png_is_read() {
    let grey = png_of(3, 2, [8, 0, 0], &[0, 1, 2, 3, 2, 1, 1, 1], &[]);
    assert_eq!(
        png(&grey).unwrap().grey,
        [1, 2, 3, 2, 3, 4],
        "the second row goes on from the first"
    );
    let bits = png_of(10, 1, [1, 0, 0], &[0, 0b1010_1010, 0b1100_0000], &[]);
    assert_eq!(
        png(&bits).unwrap().grey,
        [255, 0, 255, 0, 255, 0, 255, 0, 255, 255]
    );
    let colour = png_of(2, 1, [8, 2, 0], &[1, 255, 255, 255, 0, 0, 0], &[]);
    assert_eq!(
        png(&colour).unwrap().grey,
        [255, 255],
        "the second pixel goes on from the first"
    );
    let palette = png_of(2, 1, [4, 3, 0], &[0, 0x10], &[0, 0, 0, 255, 255, 255]);
    assert_eq!(png(&palette).unwrap().grey, [255, 0]);
    let clear = png_of(1, 1, [8, 6, 0], &[0, 0, 0, 0, 0], &[]);
    assert_eq!(
        png(&clear).unwrap().grey,
        [255],
        "what is transparent is white"
    );
    let deep = png_of(1, 1, [16, 4, 0], &[0, 7, 9, 255, 255], &[]);
    assert_eq!(png(&deep).unwrap().grey, [7]);
}

#[test]
fn a_png_that_cannot_be_read_says_why() {
    let file = |width, height, form| png_of(width, height, form, &[0; 4], &[]);
    assert_eq!(
        png(&file(60_000, 60_000, [8, 0, 0])),
        Err(Problem::TooLarge),
        "nothing is allocated for it"
    );
    assert_eq!(
        png(&file(u32::MAX, u32::MAX, [16, 6, 0])),
        Err(Problem::TooLarge)
    );
    assert_eq!(png(&file(0, 1, [8, 0, 0])), Err(Problem::Damaged));
    assert_eq!(
        png(&file(1, 1, [8, 0, 1])),
        Err(Problem::Unsupported),
        "interlaced"
    );
    assert_eq!(png(&file(1, 1, [3, 0, 0])), Err(Problem::Damaged));
    assert_eq!(
        png(&file(100, 100, [8, 0, 0])),
        Err(Problem::Damaged),
        "too few rows"
    );
    assert_eq!(png(b"\x89PNG\r\n\x1a\n"), Err(Problem::Damaged));
    let mut bomb = vec![0; 40_000_000];
    bomb[0] = 1;
    let bomb = png_of(4, 4, [8, 0, 0], &bomb, &[]);
    assert!(
        bomb.len() < 100_000 && png(&bomb).unwrap().grey.len() == 16,
        "inflated no further than its size"
    );
}

#[test]
fn a_jpeg_that_cannot_be_read_says_why() {
    assert_eq!(jpeg(b"\xff\xd8\xff"), Err(Problem::Damaged));
    // A head that declares 65,000 × 65,000 pixels, and nothing else.
    let head = b"\xff\xd8\xff\xc0\x00\x0b\x08\xfd\xe8\xfd\xe8\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00";
    assert_eq!(jpeg(head), Err(Problem::TooLarge));
}

#[test]
fn a_picture_is_resized_and_turned() {
    let picture = Picture::of(2, 2, vec![0, 100, 200, 255]).unwrap();
    assert_eq!(picture.turned(1).grey, [200, 0, 255, 100]);
    assert_eq!(picture.turned(2).grey, [255, 200, 100, 0]);
    assert_eq!(picture.turned(3).grey, [100, 255, 0, 200]);
    assert_eq!(picture.turned(0), picture);
    let wide = Picture::of(4, 1, vec![0, 0, 255, 255]).unwrap();
    assert_eq!(wide.resized(2, 1).unwrap().grey.len(), 2);
    assert_eq!(Picture::of(2, 2, vec![0; 3]), Err(Problem::Damaged));
    assert_eq!(picture.resized(0, 5), Err(Problem::Damaged));
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoders(bytes in prop::collection::vec(any::<u8>(), 0..400), width in 0u32..70, height in 0u32..70, form in any::<[u8; 3]>()) {
        let _ = jpeg(&bytes);
        let _ = jpeg(&[b"\xff\xd8", &bytes[..]].concat());
        let _ = png(&bytes);
        let colour = [0, 2, 3, 4, 6][usize::from(form[1]) % 5];
        let depth = [1, 2, 4, 8, 16][usize::from(form[0]) % 5];
        let file = png_of(width, height, [depth, colour, 0], &bytes, &bytes);
        if let Ok(picture) = png(&file) {
            prop_assert_eq!(picture.grey.len(), (width * height) as usize);
        }
        let cut = bytes.first().map_or(0, |at| usize::from(*at)).min(file.len());
        let _ = png(&file[..cut]);
    }
}
