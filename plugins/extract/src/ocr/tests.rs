use super::*;

#[test]
fn without_models_a_picture_is_named_as_not_read() {
    let mut eye = Eye::default();
    let picture = Picture::blank(10, 10).unwrap();
    assert!(matches!(
        eye.read(&picture),
        Err(Unread::Because(Problem::NoTextLayer))
    ));
    assert!(!Eye::sees());
}

#[test]
fn a_large_picture_is_shrunk_and_a_small_one_stays() {
    let wide = Picture::blank(4_384, 100).unwrap();
    let shrunk = shrunk(&wide).unwrap().unwrap();
    assert_eq!((shrunk.width, shrunk.height), (2_192, 50));
    assert_eq!(
        super::shrunk(&Picture::blank(2_192, 9).unwrap()).unwrap(),
        None
    );
}

#[test]
fn lines_stand_straight_whatever_the_skew() {
    let skew = 0.05f32;
    let (sine, cosine) = skew.sin_cos();
    let line = |u: f32, v: f32| Quad {
        x: u * cosine - v * sine,
        y: u * sine + v * cosine,
        width: 100.0,
        height: 20.0,
        angle: skew,
    };
    let glyphs = vec![
        glyph("below".into(), &line(100.0, 140.0), skew),
        glyph("right".into(), &line(600.0, 100.0), skew),
        glyph("left".into(), &line(100.0, 100.0), skew),
    ];
    assert_eq!(layout::page(glyphs).text, "left\tright\nbelow\n");
}
