//! What the reference's normaliser makes of one character, from tables made from what it itself uses.

use super::unicode_tables::{CLASSES, COMBINING, MAPPED, POOL};

/// What becomes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It stands in a word as it is.
    Plain,
    /// It leaves no trace.
    Drop,
    /// It is dropped, but combining characters are not sorted across it.
    Barrier,
    /// It ends a word.
    Space,
    /// It is a word of its own.
    Punctuation,
    /// An ideograph, a word of its own.
    Alone,
    /// An ideograph that becomes another.
    AloneMapped,
    /// It becomes what [`mapped`] gives.
    Mapped,
    /// A Hangul syllable, which becomes its letters.
    Hangul,
    /// It stands in a word, sorted by [`combining_class`].
    Combining,
}

/// In what [`mapped`] gives: a dropped mark across which combining characters are not sorted.
pub(super) const BARRIER: char = '\0';

/// The class of a character.
pub(super) fn class(c: char) -> Class {
    let c = u32::from(c);
    let after = CLASSES.partition_point(|run| run >> 8 <= c);
    match CLASSES.get(after.wrapping_sub(1)).map(|run| run & 0xff) {
        Some(1) => Class::Drop,
        Some(2) => Class::Barrier,
        Some(3) => Class::Space,
        Some(4) => Class::Punctuation,
        Some(5) => Class::Alone,
        Some(6) => Class::AloneMapped,
        Some(7) => Class::Mapped,
        Some(8) => Class::Hangul,
        Some(9) => Class::Combining,
        _ => Class::Plain,
    }
}

/// What a character of class `Mapped` or `AloneMapped` becomes, in order.
pub(super) fn mapped(c: char) -> impl Iterator<Item = char> {
    let found = MAPPED
        .binary_search_by_key(&u32::from(c), |row| row.0)
        .ok()
        .and_then(|row| MAPPED.get(row));
    let value = found.map_or(u32::from(c), |row| row.1);
    let (length, place) = (value >> 24, value & 0x00ff_ffff);
    let single = if length == 0 {
        char::from_u32(place)
    } else {
        None
    };
    let range = usize::try_from(place)
        .ok()
        .zip(usize::try_from(length).ok());
    let several = range
        .and_then(|(place, length)| POOL.get(place..)?.get(..length))
        .unwrap_or_default();
    single.into_iter().chain(several.iter().copied())
}

/// The canonical combining class of a character that is kept: 0 unless it is of class `Combining`.
pub(super) fn combining_class(c: char) -> u8 {
    let found = COMBINING
        .binary_search_by_key(&c, |row| row.0)
        .ok()
        .and_then(|row| COMBINING.get(row));
    found.map_or(0, |row| row.1)
}

/// The letters of a Hangul syllable, as canonical decomposition defines them.
pub(super) fn letters(syllable: char) -> impl Iterator<Item = char> {
    let index = u32::from(syllable).wrapping_sub(0xAC00);
    let (lead, vowel, tail) = (
        0x1100 + index / 588,
        0x1161 + index % 588 / 28,
        0x11A7 + index % 28,
    );
    let tail = (tail != 0x11A7).then_some(tail);
    [Some(lead), Some(vowel), tail]
        .into_iter()
        .flatten()
        .filter_map(char::from_u32)
}
