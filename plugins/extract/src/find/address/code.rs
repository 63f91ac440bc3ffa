//! Postal codes, each with the town on the side on which its country writes it.

use super::token::{Gap, Token};
use super::words;

/// On which side of the town a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The town comes before it: it ends the address, but for a country.
    Behind,
    /// The town comes after it.
    Before,
    /// The town stands behind it already: a part of a country may follow.
    Around,
}

/// A code that begins at a word: the place after it, and its side. `placed` tells whether a town stands before it.
pub(super) fn read(tokens: &[Token<'_>], at: usize, placed: bool) -> Option<(usize, Side)> {
    let first = tokens.get(at)?;
    let second = tokens.get(at + 1).filter(|token| token.gap == Gap::Space);
    let upper = first.text.to_ascii_uppercase();
    let next = second.map(|token| token.text.to_ascii_uppercase());
    let next = next.as_deref().unwrap_or_default();
    if is_united_kingdom(&upper, next)
        || is_shaped(&upper, "a9a") && is_shaped(next, "9a9")
        || is_eircode(&upper, next)
    {
        return Some((at + 2, Side::Behind));
    }
    let halves = |at: usize| Some((upper.get(..at)?, upper.get(at..)?));
    let joined = upper.len().checked_sub(3).and_then(halves);
    if joined.is_some_and(|(a, b)| is_united_kingdom(a, b))
        || halves(3).is_some_and(|(a, b)| is_eircode(a, b))
    {
        return Some((at + 1, Side::Behind));
    }
    if words::is_state(&upper) && (is_zip(next) || is_shaped(next, "9999")) {
        return Some((at + 2, Side::Behind));
    }
    if words::is_state(&upper)
        && is_shaped(next, "a9a")
        && tokens
            .get(at + 2)
            .is_some_and(|third| is_shaped(&third.text.to_ascii_uppercase(), "9a9"))
    {
        return Some((at + 3, Side::Behind));
    }
    before(tokens, at).or_else(|| {
        let alone = first.gap == Gap::Space
            || tokens
                .get(at + 1)
                .is_none_or(|token| token.gap != Gap::Space);
        let digits = is_zip(&upper)
            || is_shaped(&upper, "9999") && first.gap == Gap::Space
            || is_shaped(&upper, "999999");
        (placed && alone && digits).then_some((at + 1, Side::Behind))
    })
}

/// A code with a town behind it.
fn before(tokens: &[Token<'_>], at: usize) -> Option<(usize, Side)> {
    let first = tokens.get(at)?.text;
    let bare = match first.split_once('-') {
        Some((country, rest))
            if country.len() < 3 && country.bytes().all(|b| b.is_ascii_uppercase()) =>
        {
            rest
        }
        _ => first,
    };
    let second = tokens.get(at + 1).filter(|token| token.gap == Gap::Space)?;
    let letters = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let dutch = is_shaped(bare, "9999") && letters(second.text) && second.text != "am";
    let to = if dutch || is_shaped(bare, "999") && is_shaped(second.text, "99") {
        at + 2
    } else if ["9999", "99999", "99-999", "9999-999", "9999AA"]
        .iter()
        .any(|shape| is_shaped(bare, shape))
    {
        at + 1
    } else {
        return None;
    };
    let town = tokens.get(to).filter(|token| token.gap == Gap::Space)?;
    (town.is_word() && !words::is_foreign(town.text)).then_some((to, Side::Before))
}

/// `LS6 2AB`, `SW1A 1AA`.
fn is_united_kingdom(outward: &str, inward: &str) -> bool {
    let shapes = ["a9", "a99", "aa9", "aa99", "a9a", "aa9a"];
    is_shaped(inward, "9aa") && shapes.iter().any(|shape| is_shaped(outward, shape))
}

/// `D04 X2K7`.
fn is_eircode(routing: &str, unique: &str) -> bool {
    let known = is_shaped(routing, "a99") || routing == "D6W";
    known
        && unique.len() == 4
        && unique.bytes().all(|b| b.is_ascii_alphanumeric())
        && unique.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_zip(text: &str) -> bool {
    is_shaped(text, "99999") || is_shaped(text, "99999-9999")
}

/// Whether a word has digits where the shape has `9`, letters where it has `a` (or `A`), and the same mark elsewhere.
fn is_shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'9' => byte.is_ascii_digit(),
                b'a' | b'A' => byte.is_ascii_alphabetic(),
                mark => byte == mark,
            })
}
