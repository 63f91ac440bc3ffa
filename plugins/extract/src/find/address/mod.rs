//! Postal addresses: a street with its number, or a post office box, or a named house, and what goes on from there: parts of the house, town,
//! code, country.
//!
//! A street is what a street's word, ending or beginning makes one. Where such a word means other things too (`Court`, `Way`, `Via`), or
//! where there is none (`4 Piccadilly`), a postal code behind it decides. Towns are not looked up: they are words in capitals between a street
//! and what confirms it, or right behind a comma.
//!
//! Bounds: each word is looked at from a fixed number of words around it. Addresses of 20 countries' forms, in Latin letters; written
//! in small letters with a code, or with a street's word that is sure.

mod code;
mod reader;
mod street;
mod tail;
mod token;
mod words;

use fleetwright_detect::{Scan, Span};

use self::reader::Reader;
use self::street::{NAME, Street};
use self::token::{Gap, Token};
use self::words::Sure;
use super::Finding;
use crate::entity::Kind;

/// Finds addresses, normalised as one line with a comma between parts.
pub fn find(scan: &Scan<'_>) -> Vec<Finding> {
    if !scan.has_digits() {
        return Vec::new();
    }
    let reader = Reader::new(token::tokens(scan.text()));
    let (mut found, mut at) = (Vec::new(), 0);
    while at < reader.tokens.len() {
        let Some(address) = reader.address(at) else {
            at += 1;
            continue;
        };
        // what stands before a street may be the end of the address before
        let from = address
            .from
            .max(found.last().map_or(0, |last: &Address| last.to));
        at = address.to.max(at + 1);
        found.push(Address { from, ..address });
    }
    let finding = |address| reader.finding(scan, address);
    found.iter().filter_map(finding).collect()
}

/// From one word up to another.
struct Address {
    from: usize,
    to: usize,
    confidence: f64,
}

impl Reader<'_> {
    /// The address whose street begins at a word.
    fn address(&self, at: usize) -> Option<Address> {
        if let Some(to) = self.post_box(at) {
            return Some(self.whole(at, to, 0.9));
        }
        match self.street(at) {
            Some(street) => self.confirm(&street),
            None => self.unnumbered(at),
        }
    }

    /// The street with a number that begins at a word.
    fn street(&self, at: usize) -> Option<Street> {
        self.numbered(at)
            .or_else(|| self.begun(at))
            .or_else(|| self.ended(at))
            .or_else(|| self.bare(at))
    }

    /// `Flat 3, The Granary`, `Rose Cottage`, `Trevarrick Hill`: without a number, so that a code decides, or a street that a house stands in.
    fn unnumbered(&self, at: usize) -> Option<Address> {
        if !self.is_bounded(at) && !self.is_announced(at) {
            return None;
        }
        let unit = self
            .unit(at)
            .filter(|_| self.token(at).is_some_and(Token::is_capital));
        let house = self.house(at);
        let street = self.road(at);
        let to = unit.or(house).or(street)?;
        // a street that follows begins an address by itself, and takes this with it
        if !self.is_bounded(to) || self.street(to).is_some() {
            return None;
        }
        let road = house
            .filter(|_| matches!(self.gap(to), Some(Gap::Comma | Gap::Line)))
            .and_then(|to| self.road(to))
            .filter(|to| self.is_bounded(*to));
        // a town's name may end as a house's does: "Menlo Park, CA 94043"
        let town = unit.is_none() && code::read(&self.tokens, to, true).is_some();
        if self.tail(to, false).coded && !town {
            let named = street == Some(to) && self.gap(at) == Some(Gap::Comma);
            let from = if named { self.name_before(at) } else { at };
            return Some(Address {
                from,
                ..self.whole(at, to, 0.8)
            });
        }
        road.map(|to| self.whole(at, to, 0.7))
    }

    /// The start of the name of a house that stands on the line before a comma.
    fn name_before(&self, at: usize) -> usize {
        let mut from = at;
        while from > 0
            && at - from < NAME
            && self.is_name(from - 1, false)
            && (from == at || self.gap(from) == Some(Gap::Space))
        {
            from -= 1;
        }
        if self.is_bounded(from) { from } else { at }
    }

    fn confirm(&self, street: &Street) -> Option<Address> {
        let tail = self.tail(street.to, street.small);
        let announced = self.is_announced(street.from);
        let begun = announced || self.is_bounded(street.from);
        let ended = self.is_bounded(street.to) || announced && self.goes_on(street.to);
        let sound = match (street.sure, street.small) {
            _ if tail.confirmed => true,
            (Sure::Yes, false) => begun || tail.any,
            (Sure::Yes, true) => announced,
            (Sure::No, false) => begun && (ended || tail.any),
            (Sure::No, true) => false,
        };
        let confidence = match (tail.confirmed, tail.any) {
            (true, _) => 0.95,
            (false, true) => 0.85,
            (false, false) => 0.7,
        };
        sound.then(|| self.whole(street.from, street.to, confidence))
    }

    /// With what belongs to it before and behind.
    fn whole(&self, from: usize, to: usize, confidence: f64) -> Address {
        let words = self.tokens.get(from..to).unwrap_or_default();
        let small = !words.iter().any(Token::is_capital);
        let to = self.tail(to, small).to;
        Address {
            from: self.before(from),
            to,
            confidence,
        }
    }

    fn finding(&self, scan: &Scan<'_>, address: &Address) -> Option<Finding> {
        let words = self.tokens.get(address.from..address.to)?;
        let (first, last) = (words.first()?, words.last()?);
        let mut normalized = first.text.to_owned();
        for word in words.get(1..)? {
            normalized.push_str(if word.gap == Gap::Space { " " } else { ", " });
            normalized.push_str(word.text);
        }
        let span = Span {
            start: first.start,
            end: last.end,
        };
        Some(Finding::new(
            Kind::Address,
            scan,
            span,
            normalized,
            address.confidence,
        ))
    }

    /// Parts of a house that stand before its street: `Flat 3`, `2nd Floor`, `Marlowe House`.
    fn before(&self, from: usize) -> usize {
        let mut from = from;
        for _ in 0..3 {
            if self.gap(from).is_none_or(|gap| gap == Gap::Hard) {
                break;
            }
            let unit = (1..3).find_map(|words| {
                from.checked_sub(words)
                    .filter(|at| self.unit(*at) == Some(from))
            });
            let mut house = (2..=NAME).filter_map(|words| from.checked_sub(words));
            let house = house.rfind(|at| self.house(*at) == Some(from));
            let called = from.checked_sub(1).filter(|at| {
                let unit = self
                    .token(*at)
                    .is_some_and(|word| words::is_unit(word.text));
                unit && self.is_number(from) && self.gap(from) == Some(Gap::Space)
            });
            match unit
                .or(called)
                .or_else(|| house.filter(|_| self.gap(from) != Some(Gap::Space)))
            {
                Some(start) => from = start,
                None => break,
            }
        }
        from
    }
}

#[cfg(test)]
mod tests;
