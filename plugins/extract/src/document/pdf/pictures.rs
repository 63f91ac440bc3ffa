//! The pictures of a page, drawn where the page puts them: what a scanner's PDF holds instead of text.
//!
//! Drawn are pictures in grey, RGB, CMYK, palettes and one bit, compressed by deflate, JPEG, fax (CCITT) and JBIG2, and
//! stencils. Not drawn: JPEG 2000, pictures within the content stream, masks on pictures.
//!
//! Bounds: those of [`Picture`] for each picture and for the page, 64 pictures a page, forms within forms eight deep.

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction as Op;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};
use hayro_syntax::page::{Page, Resources};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use super::matrix::Matrix;
use crate::document::Problem;
use crate::picture::{self, PIXELS, Picture, Rows, brightness, pixels, sample, unfilter};

/// How many pictures of a page are drawn.
const PICTURES: usize = 64;
/// How deep forms may nest.
const FORMS: usize = 8;
/// How many operators of a page are read.
const OPERATORS: usize = 200_000;
/// How many graphics states may be saved at once.
const SAVED: usize = 256;
/// The longer side of a drawn page, in pixels: A4 at 187 dpi.
const LONG: f64 = 2_192.0;
/// A picture that is smaller than this part of the page on either side is a logo, and holds no text worth reading alone.
const LEAST: f64 = 0.02;

/// A picture as the page places it: the unit square goes to the page by `to_page`, y downwards.
struct Placed<'a> {
    stream: Stream<'a>,
    to_page: Matrix,
}

/// The page as its pictures draw it; none where it has none.
///
/// # Errors
/// Why the first picture could not be drawn, where none could.
pub(super) fn draw(page: &Page<'_>) -> Result<Option<Picture>, Problem> {
    let mut placed = Vec::new();
    let start = Matrix(page.initial_transform(true).as_coeffs());
    let mut left = OPERATORS;
    collect(
        page.page_stream().unwrap_or_default(),
        page.resources(),
        start,
        0,
        &mut left,
        &mut placed,
    );
    let (width, height) = page.render_dimensions();
    let (width, height) = (f64::from(width), f64::from(height));
    placed.retain(|one| {
        let [a, b, c, d, ..] = one.to_page.0;
        a.abs() + c.abs() >= LEAST * width && b.abs() + d.abs() >= LEAST * height
    });
    if placed.is_empty()
        || !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0)
    {
        return Ok(None);
    }
    let scale = LONG / width.max(height);
    let size = |side: f64| ((side * scale).round() as usize).max(1);
    let mut canvas = Picture::blank(size(width), size(height))?;
    let mut failed = None;
    let mut drawn = 0;
    for one in placed {
        match decoded(&one.stream) {
            Ok(ink) => {
                paint(&mut canvas, &ink, one.to_page.scaled(scale));
                drawn += 1;
            }
            Err(problem) => failed = failed.or(Some(problem)),
        }
    }
    match failed {
        Some(problem) if drawn == 0 => Err(problem),
        _ => Ok(Some(canvas)),
    }
}

fn collect<'a>(
    data: &[u8],
    resources: &Resources<'a>,
    mut to_page: Matrix,
    depth: usize,
    left: &mut usize,
    placed: &mut Vec<Placed<'a>>,
) {
    let mut saved = Vec::new();
    let mut operations = TypedIter::new(data);
    while let Some(op) = operations.next() {
        *left = left.saturating_sub(1);
        if *left == 0 || placed.len() >= PICTURES {
            return;
        }
        match op {
            Op::SaveState(_) if saved.len() < SAVED => saved.push(to_page),
            Op::RestoreState(_) => to_page = saved.pop().unwrap_or(to_page),
            Op::Transform(m) => {
                to_page = Matrix([m.0, m.1, m.2, m.3, m.4, m.5].map(|n| n.as_f64())).then(to_page);
            }
            Op::XObject(name) => {
                let Some(stream) = resources.x_objects.get::<Stream<'a>>(name.0.as_ref()) else {
                    continue;
                };
                match stream.dict().get::<Name<'_>>(b"Subtype") {
                    Some(kind) if kind.as_ref() == b"Image" && to_page.is_finite() => {
                        placed.push(Placed { stream, to_page });
                    }
                    Some(kind) if kind.as_ref() == b"Form" && depth < FORMS => {
                        form(&stream, resources, to_page, depth, left, placed);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn form<'a>(
    stream: &Stream<'a>,
    around: &Resources<'a>,
    to_page: Matrix,
    depth: usize,
    left: &mut usize,
    placed: &mut Vec<Placed<'a>>,
) {
    let Ok(data) = stream.decoded_data() else {
        return;
    };
    let own = six(stream.dict()).map_or(to_page, |matrix| matrix.then(to_page));
    let resources = stream
        .dict()
        .get::<Dict<'a>>(b"Resources")
        .map(Resources::new);
    collect(
        &data,
        resources.as_ref().unwrap_or(around),
        own,
        depth + 1,
        left,
        placed,
    );
}

fn six(dict: &Dict<'_>) -> Option<Matrix> {
    let array = dict.get::<Array<'_>>(b"Matrix")?;
    let mut numbers = array.iter::<Number>();
    let mut next = || numbers.next().map(|n| n.as_f64());
    Some(Matrix([
        next()?,
        next()?,
        next()?,
        next()?,
        next()?,
        next()?,
    ]))
}

/// What a picture puts on paper.
struct Ink {
    picture: Picture,
    /// A stencil paints where it is black, and leaves the rest.
    stencil: bool,
}

/// Paints a picture's unit square onto the canvas, four samples a pixel where it shrinks.
fn paint(canvas: &mut Picture, ink: &Ink, to_canvas: Matrix) {
    let Some(back) = to_canvas.inverse() else {
        return;
    };
    let corners =
        [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(x, y)| to_canvas.apply(x, y));
    let reach = |values: [f64; 4], most: usize| {
        let low = values
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min)
            .floor()
            .max(0.0) as usize;
        let high = values.iter().copied().fold(0.0, f64::max).ceil() as usize;
        low..high.min(most)
    };
    let columns = reach(corners.map(|corner| corner.0), canvas.width);
    let lines = reach(corners.map(|corner| corner.1), canvas.height);
    let (width, height) = (ink.picture.width as f64, ink.picture.height as f64);
    for y in lines {
        for x in columns.clone() {
            let (mut sum, mut count) = (0.0, 0.0f32);
            for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let (u, v) = back.apply(x as f64 + dx, y as f64 + dy);
                if (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v) {
                    sum += ink
                        .picture
                        .between((u * width) as f32, ((1.0 - v) * height) as f32);
                    count += 1.0;
                }
            }
            if count == 0.0 {
                continue;
            }
            let value = (sum / count) as u8;
            if let Some(pixel) = canvas.grey.get_mut(y * canvas.width + x) {
                *pixel = if ink.stencil {
                    value.min(*pixel)
                } else {
                    value
                };
            }
        }
    }
}

fn decoded(stream: &Stream<'_>) -> Result<Ink, Problem> {
    let dict = stream.dict();
    let number = |key: &[u8]| dict.get::<u32>(key).map(|n| n as usize);
    let (width, height) = (
        number(b"Width").ok_or(Problem::Damaged)?,
        number(b"Height").ok_or(Problem::Damaged)?,
    );
    pixels(width, height)?;
    let stencil = dict.get::<bool>(b"ImageMask").unwrap_or(false);
    let inverted = dict
        .get::<Array<'_>>(b"Decode")
        .and_then(|decode| decode.iter::<Number>().next())
        .is_some_and(|first| first.as_f64() > 0.5);
    let raw = stream.raw_data();
    let filters = filters(dict)?;
    let mut data = raw.to_vec();
    let mut last = None;
    for (filter, parameters) in filters {
        match filter {
            Filter::Flate => data = inflate(&data, &parameters, (width, height))?,
            picture => last = Some((picture, parameters)),
        }
    }
    let mut picture = match last {
        Some((Filter::Jpeg, _)) => picture::jpeg(&data)?,
        Some((Filter::Fax, parameters)) => fax(&data, &parameters, height)?,
        Some((Filter::Jbig2, parameters)) => jbig2(&data, &parameters)?,
        _ => samples(dict, &data, (width, height), stencil)?,
    };
    if inverted {
        picture
            .grey
            .iter_mut()
            .for_each(|pixel| *pixel = 255 - *pixel);
    }
    Ok(Ink { picture, stencil })
}

/// The compressions that are undone here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filter {
    Flate,
    Jpeg,
    Fax,
    Jbig2,
}

/// A stream's filters with their parameters: deflate any number of times, then at most one for pictures.
fn filters<'a>(dict: &Dict<'a>) -> Result<Vec<(Filter, Dict<'a>)>, Problem> {
    let names: Vec<Name<'_>> = match dict.get::<Name<'_>>(b"Filter") {
        Some(name) => vec![name],
        None => dict
            .get::<Array<'_>>(b"Filter")
            .map(|array| array.iter::<Name<'_>>().collect())
            .unwrap_or_default(),
    };
    let parameters: Vec<Dict<'a>> = match dict.get::<Dict<'a>>(b"DecodeParms") {
        Some(one) => vec![one],
        None => dict
            .get::<Array<'a>>(b"DecodeParms")
            .map(|array| {
                array
                    .iter::<Object<'a>>()
                    .map(|object| object.into_dict().unwrap_or_default())
                    .collect()
            })
            .unwrap_or_default(),
    };
    let mut found = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let filter = match name.as_ref() {
            b"FlateDecode" => Filter::Flate,
            b"DCTDecode" => Filter::Jpeg,
            b"CCITTFaxDecode" => Filter::Fax,
            b"JBIG2Decode" => Filter::Jbig2,
            _ => return Err(Problem::Unsupported),
        };
        let last = place + 1 == names.len();
        if (filter == Filter::Flate) == last && names.len() > 1 {
            return Err(Problem::Unsupported); // deflate comes before a picture's filter, and once
        }
        found.push((filter, parameters.get(place).cloned().unwrap_or_default()));
    }
    Ok(found)
}

/// Undoes deflate and its predictor, into no more than a picture of this size can take.
fn inflate(
    data: &[u8],
    parameters: &Dict<'_>,
    (width, height): (usize, usize),
) -> Result<Vec<u8>, Problem> {
    // Four samples of 16 bits a pixel, and a byte a row for its filter, are the most that a picture takes.
    let most = height
        .saturating_mul(width.saturating_mul(8) + 1)
        .min(4 * PIXELS);
    let filtered = match decompress_to_vec_zlib_with_limit(data, most) {
        Ok(data) => data,
        Err(failed) if failed.status == TINFLStatus::HasMoreOutput => {
            return Err(Problem::TooLarge);
        }
        Err(_) => return Err(Problem::Damaged),
    };
    let number =
        |key: &[u8], otherwise: usize| parameters.get::<u32>(key).map_or(otherwise, |n| n as usize);
    match number(b"Predictor", 1) {
        1 => return Ok(filtered),
        10..=15 => {}
        _ => return Err(Problem::Unsupported),
    }
    let bits = number(b"Colors", 1).min(4) * number(b"BitsPerComponent", 8).min(16);
    let stride = number(b"Columns", 1)
        .saturating_mul(bits)
        .div_ceil(8)
        .max(1);
    let rows = Rows {
        stride,
        step: (bits / 8).max(1),
        count: filtered.len() / (stride + 1),
    };
    unfilter(&filtered, rows).ok_or(Problem::Damaged)
}

/// How samples become grey.
enum Space {
    Grey,
    Rgb,
    Cmyk,
    /// Each index's grey.
    Indexed(Vec<u8>),
}

impl Space {
    fn channels(&self) -> usize {
        match self {
            Space::Grey | Space::Indexed(_) => 1,
            Space::Rgb => 3,
            Space::Cmyk => 4,
        }
    }
}

fn samples(
    dict: &Dict<'_>,
    data: &[u8],
    (width, height): (usize, usize),
    stencil: bool,
) -> Result<Picture, Problem> {
    let depth = if stencil {
        1
    } else {
        dict.get::<u32>(b"BitsPerComponent").unwrap_or(8) as usize
    };
    if !matches!(depth, 1 | 2 | 4 | 8 | 16) {
        return Err(Problem::Damaged);
    }
    let space = if stencil {
        Space::Grey
    } else {
        dict.get::<Object<'_>>(b"ColorSpace")
            .and_then(|object| space(&object))
            .ok_or(Problem::Unsupported)?
    };
    let stride = (width * depth * space.channels()).div_ceil(8);
    let level = |value: u8| match depth {
        1 => value * 255,
        2 => value * 85,
        4 => value * 17,
        _ => value,
    };
    let mut grey = Vec::with_capacity(width * height);
    for row in data.chunks_exact(stride).take(height) {
        grey.extend((0..width).map(|x| {
            let channel = |channel: usize| sample(row, x * space.channels() + channel, depth);
            match &space {
                Space::Grey => level(channel(0)),
                Space::Rgb => brightness(level(channel(0)), level(channel(1)), level(channel(2))),
                Space::Cmyk => {
                    let [c, m, y, k] = [0, 1, 2, 3].map(|n| u32::from(level(channel(n))));
                    let light = |ink: u32| ((255 - ink) * (255 - k) / 255) as u8;
                    brightness(light(c), light(m), light(y))
                }
                Space::Indexed(palette) => {
                    palette.get(usize::from(channel(0))).copied().unwrap_or(0)
                }
            }
        }));
    }
    grey.resize(width * height, 255); // rows that are missing are white
    Picture::of(width, height, grey)
}

fn space(object: &Object<'_>) -> Option<Space> {
    let by_name = |name: &[u8]| match name {
        b"DeviceGray" | b"CalGray" | b"G" => Some(Space::Grey),
        b"DeviceRGB" | b"CalRGB" | b"RGB" => Some(Space::Rgb),
        b"DeviceCMYK" | b"CMYK" => Some(Space::Cmyk),
        _ => None,
    };
    let array = match object {
        Object::Name(name) => return by_name(name.as_ref()),
        Object::Array(array) => array,
        _ => return None,
    };
    let mut items = array.iter::<Object<'_>>();
    let Some(Object::Name(kind)) = items.next() else {
        return None;
    };
    match kind.as_ref() {
        b"ICCBased" => match items.next()?.into_stream()?.dict().get::<u32>(b"N")? {
            1 => Some(Space::Grey),
            3 => Some(Space::Rgb),
            4 => Some(Space::Cmyk),
            _ => None,
        },
        b"Indexed" => indexed(space_of_base(&items.next()?)?, items.nth(1)?),
        name => by_name(name),
    }
}

/// A palette's own colours: a space that is no palette again.
fn space_of_base(object: &Object<'_>) -> Option<Space> {
    let indexed = matches!(object, Object::Array(array)
        if array.iter::<Object<'_>>().next().is_some_and(|first| matches!(&first, Object::Name(name) if name.as_ref() == b"Indexed")));
    if indexed { None } else { space(object) }
}

fn indexed(base: Space, table: Object<'_>) -> Option<Space> {
    let table = match table {
        Object::String(text) => text.as_bytes().to_vec(),
        Object::Stream(stream) => stream.decoded_data().ok()?.to_vec(),
        _ => return None,
    };
    let grey = table
        .chunks_exact(base.channels())
        .take(256)
        .map(|colour| match *colour {
            [grey] => grey,
            [red, green, blue] => brightness(red, green, blue),
            [c, m, y, k] => {
                let light = |ink: u8| ((255 - u32::from(ink)) * (255 - u32::from(k)) / 255) as u8;
                brightness(light(c), light(m), light(y))
            }
            _ => 0,
        });
    Some(Space::Indexed(grey.collect()))
}

/// Rows of a fax, as they come.
struct Fax {
    grey: Vec<u8>,
    columns: usize,
    black: u8,
    rows: usize,
}

impl Decoder for Fax {
    fn push_row(&mut self, changes: &[u32]) {
        if self.rows == 0 {
            return;
        }
        self.rows -= 1;
        let start = self.grey.len();
        self.grey.resize(start + self.columns, 255 - self.black);
        for span in changes.chunks(2) {
            let place = |index: usize| {
                span.get(index)
                    .map_or(self.columns, |n| (*n as usize).min(self.columns))
            };
            if let Some(run) = self.grey.get_mut(start + place(0)..start + place(1)) {
                run.fill(self.black);
            }
        }
    }
}

fn fax(data: &[u8], parameters: &Dict<'_>, rows: usize) -> Result<Picture, Problem> {
    let columns = parameters.get::<u32>(b"Columns").unwrap_or(1728);
    let pixels = pixels(columns as usize, rows)?;
    let flag = |key: &[u8], otherwise: bool| parameters.get::<bool>(key).unwrap_or(otherwise);
    let settings = DecodeSettings {
        columns,
        rows: u32::try_from(rows).map_err(|_| Problem::TooLarge)?,
        end_of_block: flag(b"EndOfBlock", true),
        end_of_line: flag(b"EndOfLine", false),
        rows_are_byte_aligned: flag(b"EncodedByteAlign", false),
        encoding: match parameters.get::<i32>(b"K").unwrap_or(0) {
            ..0 => EncodingMode::Group4,
            0 => EncodingMode::Group3_1D,
            _ => EncodingMode::Group3_2D,
        },
        strict: false,
    };
    let mut fax = Fax {
        grey: Vec::with_capacity(pixels),
        columns: columns as usize,
        black: if flag(b"BlackIs1", false) { 255 } else { 0 },
        rows,
    };
    let ended = hayro_ccitt::decode(data, &mut fax, &mut DecoderContext::new(settings));
    if ended.is_err() && fax.grey.is_empty() {
        return Err(Problem::Damaged);
    }
    fax.grey.resize(pixels, 255 - fax.black);
    Picture::of(columns as usize, rows, fax.grey)
}

/// Pixels of a JBIG2 page, as they come.
struct Bits(Vec<u8>);

impl hayro_jbig2::Decoder for Bits {
    fn push_pixel(&mut self, black: bool) {
        self.0.push(if black { 0 } else { 255 });
    }

    fn push_pixel_chunk(&mut self, black: bool, chunk_count: u32) {
        let more = chunk_count as usize * 8;
        self.0
            .resize(self.0.len() + more, if black { 0 } else { 255 });
    }

    fn next_line(&mut self) {}
}

fn jbig2(data: &[u8], parameters: &Dict<'_>) -> Result<Picture, Problem> {
    let settings = hayro_jbig2::DecodeSettings { strict: false };
    let shared = parameters
        .get::<Stream<'_>>(b"JBIG2Globals")
        .and_then(|stream| stream.decoded_data().ok().map(|data| data.to_vec()));
    let shared = shared
        .map(|data| hayro_jbig2::Globals::new(&data, &settings))
        .transpose()
        .map_err(|_| Problem::Damaged)?;
    let page = hayro_jbig2::Page::new_embedded(data, shared.as_ref(), &settings)
        .map_err(|_| Problem::Damaged)?;
    let (width, height) = (page.width() as usize, page.height() as usize);
    let mut bits = Bits(Vec::with_capacity(pixels(width, height)?));
    page.decode(&mut bits).map_err(|_| Problem::Damaged)?;
    Picture::of(width, height, bits.0)
}
