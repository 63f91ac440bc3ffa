//! What goes on behind a street: parts of the house, town, code, country.

use super::code::{self, Side};
use super::reader::{Reader, is_house_number, is_ordinal};
use super::street::NAME;
use super::token::Gap;
use super::words;

/// Parts of an address behind its street.
const PARTS: usize = 8;

/// What stands behind a street.
pub(super) struct Tail {
    pub(super) to: usize,
    /// A postal code or a country confirms that all of it is an address.
    pub(super) confirmed: bool,
    /// A postal code does.
    pub(super) coded: bool,
    /// Anything at all belongs to it.
    pub(super) any: bool,
}

impl Reader<'_> {
    /// `Apt 4B`, `3rd floor`, `#12`, `2.º Dto.`.
    pub(super) fn unit(&self, at: usize) -> Option<usize> {
        let word = self.token(at)?;
        if word.text.starts_with('#') && word.has_digit() {
            return Some(at + 1);
        }
        let lower = |at: usize| {
            self.near(at)
                .map(|word| word.text.trim_end_matches('.').to_lowercase())
                .unwrap_or_default()
        };
        if word.text.contains(['º', 'ª']) && word.has_digit() {
            let side = ["dto", "esq", "izq", "dcha", "a", "b", "c", "d", "e", "f"]
                .contains(&lower(at + 1).as_str());
            return Some(at + 1 + usize::from(side));
        }
        let next = self.near(at + 1)?;
        let counted = is_ordinal(word.text)
            || is_house_number(word.text)
            || ["ground", "first", "second", "third", "top"]
                .contains(&word.text.to_lowercase().as_str());
        if counted
            && [
                "floor",
                "fl",
                "étage",
                "etage",
                "stock",
                "obergeschoss",
                "og",
                "th",
                "tv",
                "mf",
                "piso",
            ]
            .contains(&lower(at + 1).as_str())
        {
            return Some(at + 2);
        }
        let numbered = next.has_digit() && next.text.len() < 9
            || next.text.len() == 1 && next.text.bytes().all(|byte| byte.is_ascii_uppercase());
        (words::is_unit(word.text) && numbered).then_some(at + 2)
    }

    /// What goes on behind a street. A town on a line of its own belongs to it where a code or country follows.
    pub(super) fn tail(&self, from: usize, small: bool) -> Tail {
        let mut tail = Tail {
            to: from,
            confirmed: false,
            coded: false,
            any: false,
        };
        let (mut at, mut placed, mut side) = (from, false, None);
        for _ in 0..PARTS {
            let Some(gap) = self.gap(at).filter(|gap| *gap != Gap::Hard) else {
                break;
            };
            if let Some(to) = self.country(at) {
                // Singapore is a country and a town
                let code = code::read(&self.tokens, to, true)
                    .filter(|_| !tail.coded && self.near(to).is_some());
                let coded = tail.coded || code.is_some();
                return Tail {
                    to: code.map_or(to, |(to, _)| to),
                    confirmed: true,
                    coded,
                    any: true,
                };
            }
            if side.is_none()
                && let Some(to) = self.unit(at).or_else(|| self.post_box(at))
            {
                (at, tail.to) = (to, to);
                continue;
            }
            if gap != Gap::Space && self.numbered(at).is_some() {
                break; // the next address, or the street of the house that this began with
            }
            if side.is_none()
                && let Some((to, read)) = code::read(&self.tokens, at, placed)
            {
                (at, side) = (to, Some(read));
                tail = Tail {
                    to,
                    confirmed: true,
                    coded: true,
                    any: true,
                };
                continue;
            }
            let Some(to) = self.town(at, small) else {
                break;
            };
            let state = to == at + 1
                && placed
                && self
                    .token(at)
                    .is_some_and(|word| words::is_state(word.text));
            let commits = match side {
                Some(Side::Before) => true,
                Some(Side::Behind) => false,
                Some(Side::Around) => gap == Gap::Comma && self.is_bounded(to),
                None => gap == Gap::Comma && !small || state && gap == Gap::Space,
            };
            (at, placed) = (to, true);
            if commits {
                (tail.to, tail.any) = (to, true);
            }
            side = match side {
                Some(Side::Before) => Some(Side::Around),
                Some(_) => Some(Side::Behind),
                None => None,
            };
        }
        tail
    }

    /// A town or a part of one, as it is called: `Leeds`, `Frankfurt am Main`, `Dublin 4`.
    pub(super) fn town(&self, at: usize, small: bool) -> Option<usize> {
        let (mut to, mut named) = (at, None);
        while to < at + NAME && (to == at || self.near(to).is_some()) {
            if to > at && code::read(&self.tokens, to, true).is_some() {
                break;
            }
            let linked = if to == at {
                self.token(to).is_some_and(|word| word.text == "The")
            } else {
                self.token(to)
                    .is_some_and(|word| words::is_joiner(word.text))
            };
            if self.is_name(to, small) {
                named = Some(to + 1);
            } else if !linked {
                break;
            }
            to += 1;
        }
        let to = named?;
        let district = self
            .near(to)
            .is_some_and(|word| word.text.len() < 3 && is_house_number(word.text))
            && self.is_bounded(to + 1);
        Some(to + usize::from(district))
    }

    pub(super) fn country(&self, at: usize) -> Option<usize> {
        let mut name = String::new();
        let mut found = None;
        for to in at..at + 4 {
            let Some(word) = self
                .token(to)
                .filter(|word| to == at || word.gap == Gap::Space)
            else {
                break;
            };
            if to == at && !word.is_capital() && word.text != "the" {
                break;
            }
            if to > at {
                name.push(' ');
            }
            name.push_str(word.text);
            if words::is_country(&name) {
                found = Some(to + 1);
            }
        }
        found
    }
}
