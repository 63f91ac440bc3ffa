//! The part that makes an address one: a street and its number, a post office box, a house that has a name.

use super::reader::{Reader, is_direction, is_house_number, is_ordinal};
use super::token::Gap;
use super::words::{self, Sure};

/// Words of a street's or a house's name.
pub(super) const NAME: usize = 5;

/// The part that makes an address one.
pub(super) struct Street {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) sure: Sure,
    /// Written in small letters.
    pub(super) small: bool,
}

impl Reader<'_> {
    /// `14 Marlowe Road`, `1200 5th Ave NW`, `9 The Green`.
    pub(super) fn numbered(&self, at: usize) -> Option<Street> {
        if !self.is_number(at) {
            return None;
        }
        let half = self.near(at + 1).is_some_and(|word| word.text == "1/2");
        let (first, mut small) = (at + 1 + usize::from(half), false);
        if let Some(to) = self.highway(first) {
            return Some(Street {
                from: at,
                to,
                sure: Sure::No,
                small,
            });
        }
        let mut to = None;
        for at in first..first + NAME {
            let Some(word) = self
                .token(at)
                .filter(|word| word.gap == Gap::Space || at == first && word.gap == Gap::Comma)
            else {
                break;
            };
            if at > first
                && let Some(sure) = words::street(word.text).filter(|_| word.is_capital() || small)
            {
                to = Some((at + 1, sure));
                if self
                    .near(at + 1)
                    .and_then(|next| words::street(next.text))
                    .is_none()
                {
                    break;
                }
                continue;
            }
            let article = word.text.eq_ignore_ascii_case("the");
            let counted = is_ordinal(word.text);
            let named = word.is_word()
                && word.is_capital()
                && (at > first || article || !words::is_foreign(word.text) || word.text.len() < 3);
            let joins = at > first && words::is_joiner(word.text);
            let side = is_direction(&word.text.to_uppercase());
            small |= side && !word.is_capital();
            if !(named || article || counted || joins || side) {
                if !self.is_name(at, true) {
                    break;
                }
                small = true;
            }
        }
        let (to, sure) = to?;
        let to = if self.near(to).is_some_and(|word| is_direction(word.text)) {
            to + 1
        } else {
            to
        };
        Some(Street {
            from: at,
            to,
            sure,
            small,
        })
    }

    /// `County Road 512`, `Highway 64 East`, `State Route 28`, `E 2300 S`: called by a number.
    fn highway(&self, first: usize) -> Option<usize> {
        let is = |at: usize, wanted: &[&str]| {
            let word = self
                .near(at)
                .map(|word| word.text.trim_end_matches('.').to_lowercase());
            word.is_some_and(|word| wanted.contains(&word.as_str()))
        };
        let sides = ["n", "s", "e", "w", "north", "south", "east", "west"];
        let of = is(first, &["county", "state", "us", "old", "farm"]);
        let road = first + usize::from(of);
        let called = |at: usize| {
            self.near(at).is_some_and(|word| {
                word.has_digit() && word.text.len() < 6 || word.text.len() == 1 && word.is_capital()
            })
        };
        let words: &[&str] = if of {
            &["road", "rd", "route", "rte", "highway", "hwy"]
        } else {
            &["highway", "hwy", "route", "rte", "fm", "cr"]
        };
        if is(road, words) && called(road + 1) {
            return Some(road + 2 + usize::from(is(road + 2, &sides)));
        }
        let grid = is(first, &sides)
            && self
                .near(first + 1)
                .is_some_and(|word| word.text.bytes().all(|b| b.is_ascii_digit()));
        (grid && is(first + 2, &sides)).then_some(first + 3)
    }

    /// `12 rue de la Paix`, `12 bis, avenue Foch`, `Calle Mayor 3`, `ul. Długa 5`.
    pub(super) fn begun(&self, at: usize) -> Option<Street> {
        if !self.has_digit_near(at, NAME + 2) {
            return None;
        }
        let numbered = self.is_number(at);
        let mut first = at + usize::from(numbered);
        if numbered
            && self
                .near(first)
                .is_some_and(|word| ["bis", "ter", "B", "A"].contains(&word.text))
        {
            first += 1;
        }
        let word = self.token(first)?;
        if numbered && !matches!(word.gap, Gap::Space | Gap::Comma) {
            return None;
        }
        let sure = words::begins_street(word.text)?;
        let (mut to, mut named) = (first + 1, None);
        while to < first + 2 + NAME {
            let Some(word) = self.near(to) else { break };
            if word.is_word() && word.is_capital() && !words::is_foreign(word.text) {
                named = Some(to + 1);
            } else if !(words::is_joiner(word.text)
                || word.is_word() && named.is_none() && word.text.contains(['\'', '’']))
            {
                break;
            }
            to += 1;
        }
        let mut to = named?;
        if !numbered {
            let beside = |at: usize| {
                let word = self.token(at)?;
                matches!(word.gap, Gap::Space | Gap::Comma).then_some(word.text)
            };
            let sign = ["n.º", "nº", "n°", "nr", "no"];
            let signed =
                beside(to).is_some_and(|word| sign.contains(&word.to_lowercase().as_str()));
            to += usize::from(signed);
            // "sin número", "senza numero civico"
            let none = ["s/n", "S/N", "snc"];
            beside(to).filter(|word| none.contains(word) || is_house_number(word))?;
            to += 1;
        }
        let sound = sure == Sure::Yes || self.tail(to, false).confirmed;
        sound.then_some(Street {
            from: at,
            to,
            sure,
            small: false,
        })
    }

    /// `Lindenstraße 5`, `Lange Straße 12a`, `Prins Hendrikkade 33`.
    pub(super) fn ended(&self, at: usize) -> Option<Street> {
        let word = self.token(at)?;
        let to = at + 1;
        if !self.is_number(to) || self.near(to).is_none() {
            return None;
        }
        let sure = words::ends_as_street(word.text)?;
        let mut from = at;
        while at - from < 2
            && self.gap(from) == Some(Gap::Space)
            && from > 0
            && self.is_name(from - 1, false)
        {
            from -= 1;
        }
        let alone = self.gap(from) == Some(Gap::Space) && !self.is_announced(from);
        let from = if alone { at } else { from };
        let small = !word.is_capital();
        // "6 B"
        let letter = self
            .near(to + 1)
            .is_some_and(|word| word.text.len() == 1 && word.is_capital());
        let letter = letter && self.is_bounded(to + 2);
        Some(Street {
            from,
            to: to + 1 + usize::from(letter),
            sure,
            small,
        })
    }

    /// `4 Piccadilly` or `Edeby 55` alone between commas or on a line: a street only where a code confirms it.
    pub(super) fn bare(&self, at: usize) -> Option<Street> {
        if !self.has_digit_near(at, NAME) {
            return None;
        }
        let numbered = self.is_number(at);
        let first = at + usize::from(numbered);
        let article = self.token(first).is_some_and(|word| word.text == "The");
        if !(self.is_bounded(at) || self.is_announced(at))
            || !(self.is_name(first, false) || numbered && article)
            || numbered && self.near(first).is_none()
        {
            return None;
        }
        let mut to = first + 1;
        while to < first + NAME
            && self.near(to).is_some_and(|word| {
                word.is_word() && !words::is_foreign(word.text) && self.unit(to).is_none()
            })
        {
            to += 1;
        }
        if !numbered {
            self.near(to).filter(|_| self.is_number(to))?;
            to += 1;
        }
        let behind = std::iter::successors(Some(to), |to| self.unit(*to))
            .take(3)
            .last()?;
        let street = self.is_bounded(behind) && self.tail(behind, false).coded;
        street.then_some(Street {
            from: at,
            to,
            sure: Sure::No,
            small: false,
        })
    }

    /// `P.O. Box 12`, `Postfach 12 34`, `PSC 3117, Box 0609`, `RR 2 Box 15`.
    pub(super) fn post_box(&self, at: usize) -> Option<usize> {
        if !self.has_digit_near(at, 4) {
            return None;
        }
        let word = |at: usize, wanted: &[&str]| {
            self.token(at).is_some_and(|token| {
                let bare: String = token.text.chars().filter(|c| *c != '.').collect();
                wanted.iter().any(|one| bare.eq_ignore_ascii_case(one))
            })
        };
        let digits = |at: usize| {
            self.token(at)
                .is_some_and(|token| token.gap != Gap::Hard && token.has_digit())
        };
        if word(
            at,
            &[
                "POBox", "Postfach", "Postbus", "Postboks", "Postbox", "Posbus",
            ],
        ) && digits(at + 1)
        {
            let more = self.near(at + 2).is_some_and(|token| {
                token.text.len() == 2 && token.has_digit() && word(at, &["Postfach"])
            });
            return Some(at + 2 + usize::from(more));
        }
        let spelt = word(at, &["P"]) && word(at + 1, &["O"]);
        let spelt = spelt || word(at, &["Post"]) && word(at + 1, &["Office"]);
        let unit = word(at, &["PSC", "CMR", "Unit", "RR", "HC"]) && digits(at + 1);
        if word(at, &["Private"]) && word(at + 1, &["Bag"]) && digits(at + 2) {
            return Some(at + 3);
        }
        let route = word(at, &["Route"]) && digits(at + 1) && self.gap(at + 2) == Some(Gap::Comma);
        let office = if word(at, &["PO", "POB", "GPO"]) {
            at + 1
        } else if spelt || unit || route {
            at + 2
        } else if word(at, &["Rural"]) && word(at + 1, &["Route"]) && digits(at + 2) {
            at + 3
        } else {
            return None;
        };
        (word(office, &["Box"]) && digits(office + 1)).then_some(office + 2)
    }

    /// `Rose Cottage`, `The Old Mill`, at the start of a line or behind a comma.
    pub(super) fn house(&self, at: usize) -> Option<usize> {
        if !self.is_bounded(at) && !self.is_announced(at) {
            return None;
        }
        let article = self.token(at).is_some_and(|word| word.text == "The");
        let to = self.name(at + usize::from(article), at)?;
        words::is_house(self.token(to - 1)?.text).then_some(to)
    }

    /// A street's name without a number: `Trevarrick Hill`.
    pub(super) fn road(&self, at: usize) -> Option<usize> {
        let to = self.name(at, at)?;
        words::street(self.token(to - 1)?.text).map(|_| to)
    }

    /// The end of the words in capitals from `at` on, of a name that began at `from` and has two words at least.
    fn name(&self, at: usize, from: usize) -> Option<usize> {
        let mut to = at;
        while to < from + NAME && (to == from || self.near(to).is_some()) && self.is_name(to, false)
        {
            to += 1;
        }
        (to > from + 1).then_some(to)
    }
}
