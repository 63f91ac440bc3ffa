//! Blanks that the recognizer lost beside narrow marks: found in the picture, as gaps as wide as those that it read as blanks.
//!
//! The picture of a line has as many columns for each step of the recognizer, so that the columns without ink between two
//! characters can be counted. Within a number nothing is put in: a gap there is as often a narrow digit's side.

use super::recognize::{Character, HEIGHT};

/// How dark ink is, in parts of the way from the ground to the darkest, and how many pixels of it make a column inked.
const INK: f32 = 0.4;
const PIXELS: usize = 2;
/// Rows at the top and bottom that may belong to neighbours.
const EDGE: usize = 5;
/// How wide a blank is at the least: in parts of those that were read on the line, and of the line's height; of the latter alone
/// where none was read.
const OF_BLANKS: f32 = 0.75;
const OF_HEIGHT: f32 = 0.15;
const ALONE: f32 = 0.22;
/// How much wider it is than the usual gap between letters of the line.
const OF_LETTERS: f32 = 2.2;
/// How much wider yet where it would part two letters: of a word more is lost by a blank too many than by one too few.
const OF_A_WORD: f32 = 1.2;

/// A line as it was read, and its picture: [`HEIGHT`] rows of values from -1, black, to 1.
pub(super) struct Line<'a> {
    characters: &'a [Character<'a>],
    /// Which columns have no ink.
    empty: Vec<bool>,
    /// How many columns a step of the recognizer has.
    step: f32,
}

impl<'a> Line<'a> {
    pub(super) fn new(characters: &'a [Character<'a>], picture: &[f32], steps: usize) -> Line<'a> {
        let empty = empty(picture);
        let step = empty.len() as f32 / steps.max(1) as f32;
        Line {
            characters,
            empty,
            step,
        }
    }

    /// The text with the blanks that the picture shows.
    pub(super) fn text(&self) -> String {
        let least = self.least();
        let mut text = String::new();
        let mut last: Option<&Character<'_>> = None;
        for character in self.characters {
            if last.is_some_and(|last| self.parted(last, character, least)) {
                text.push(' ');
            }
            text.push_str(character.text);
            last = Some(character);
        }
        text
    }

    fn parted(&self, a: &Character<'_>, b: &Character<'_>, least: f32) -> bool {
        let word = [a, b].iter().all(|one| one.is(char::is_alphabetic));
        let least = if word { OF_A_WORD * least } else { least };
        may_part(a, b) && self.gap(a, b) >= least
    }

    /// The least width of a blank.
    fn least(&self) -> f32 {
        let pairs = self.characters.iter().zip(self.characters.iter().skip(1));
        let triples = pairs.clone().zip(self.characters.iter().skip(2));
        let blanks = triples
            .filter(|((_, between), _)| between.is(char::is_whitespace))
            .map(|((before, _), after)| self.gap(before, after));
        let within = pairs
            .filter(|(a, b)| ![a, b].iter().any(|one| one.is(char::is_whitespace)))
            .map(|(a, b)| self.gap(a, b));
        let height = HEIGHT as f32;
        let least = middle(blanks.collect()).map_or(ALONE * height, |usual| {
            (OF_BLANKS * usual).max(OF_HEIGHT * height)
        });
        least.max(OF_LETTERS * middle(within.collect()).unwrap_or(0.0))
    }

    /// The most columns in a row without ink between two characters.
    fn gap(&self, a: &Character<'_>, b: &Character<'_>) -> f32 {
        let column = |step: usize| ((step as f32 + 0.5) * self.step) as usize;
        let between = self.empty.get(column(a.last)..column(b.first));
        let runs = between.unwrap_or_default().split(|empty| !empty);
        runs.map(<[bool]>::len).max().unwrap_or(0) as f32
    }
}

/// Whether a blank between two characters makes sense: not beside another, and not within a number.
fn may_part(a: &Character<'_>, b: &Character<'_>) -> bool {
    let (blank, digit) = (char::is_whitespace, |c: char| c.is_ascii_digit());
    let number = |one: &Character<'_>| one.is(|c| digit(c) || ".,:/-%'".contains(c));
    let within = number(a) && number(b) && (a.is(digit) || b.is(digit));
    !(a.is(blank) || b.is(blank) || within)
}

fn empty(picture: &[f32]) -> Vec<bool> {
    let width = picture.len() / HEIGHT;
    let mut values = picture.to_vec();
    let mut at = |part: f32| {
        let place = (part * values.len() as f32) as usize;
        let within = place < values.len();
        within.then(|| *values.select_nth_unstable_by(place, f32::total_cmp).1)
    };
    let (Some(darkest), Some(ground)) = (at(0.02), at(0.7)) else {
        return Vec::new();
    };
    let ink = ground - INK * (ground - darkest);
    let inked = |column: usize, row: usize| {
        let value = picture.get(row * width + column);
        value.is_some_and(|value| *value < ink)
    };
    let rows = EDGE..HEIGHT - EDGE;
    let few = |column| rows.clone().filter(|row| inked(column, *row)).count() < PIXELS;
    (0..width).map(few).collect()
}

fn middle(mut values: Vec<f32>) -> Option<f32> {
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of letters four columns wide with two between them, and wider gaps as told; with it, where the letters stand.
    fn drawn(gaps: &[usize]) -> (Vec<f32>, Vec<usize>) {
        let (mut columns, mut places) = (vec![1.0; 4], Vec::new());
        for gap in gaps.iter().chain([&4]) {
            places.push(columns.len() + 1);
            columns.extend([-1.0; 4]);
            columns.extend(vec![1.0; *gap]);
        }
        let picture = (0..HEIGHT).flat_map(|_| columns.clone()).collect();
        (picture, places)
    }

    fn read(text: &str, gaps: &[usize]) -> String {
        let (picture, places) = drawn(gaps);
        let steps = picture.len() / HEIGHT;
        let mut places = places.into_iter();
        let mut last = 0;
        let characters: Vec<Character<'_>> = text
            .split_inclusive(|_| true)
            .map(|text| {
                // A blank is read somewhere in its gap.
                last = if text == " " {
                    last + 3
                } else {
                    places.next().unwrap()
                };
                Character {
                    text,
                    first: last,
                    last,
                    probability: 1.0,
                }
            })
            .collect();
        Line::new(&characters, &picture, steps).text()
    }

    #[test]
    fn a_gap_as_wide_as_the_blanks_that_were_read_is_one() {
        assert_eq!(read("ab cd·ef", &[2, 12, 2, 11, 2, 2]), "ab cd ·ef");
        assert_eq!(
            read("ab cd·ef", &[2, 12, 2, 6, 2, 2]),
            "ab cd·ef",
            "no wider than beside a narrow mark"
        );
        assert_eq!(
            read("ab cdef", &[2, 12, 2, 10, 2]),
            "ab cdef",
            "two letters are parted by a whole one alone"
        );
        assert_eq!(read("ab cdef", &[2, 12, 2, 12, 2]), "ab cd ef");
    }

    #[test]
    fn where_none_was_read_it_takes_a_wide_one() {
        assert_eq!(read("Co.KG", &[2, 2, 11, 2]), "Co. KG");
        assert_eq!(read("Co.KG", &[2, 2, 8, 2]), "Co.KG");
        assert_eq!(read("", &[]), "");
    }

    #[test]
    fn a_number_stays_one() {
        assert_eq!(
            read("abcd ef 1.1€", &[2, 2, 2, 12, 2, 12, 12, 12, 12]),
            "abcd ef 1.1 €"
        );
    }
}
