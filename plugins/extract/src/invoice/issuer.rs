//! Who sent an invoice. No label says it as a rule: several signs are weighed, and the best name wins.

use std::collections::BTreeMap;

use super::evidence::{Reading, Spotted, WEIGHED};
use super::grid::{Grid, Piece};
use super::labels;
use super::seek::{Small, find_label, has_label, words};
use crate::company::is_form;

/// What a name must reach to be the sender's.
const ENOUGH: f64 = 1.5;
/// How much larger than usual letters are that stand out.
const LARGE: f64 = 1.12;
/// Lines of a customer's address below its label or first line.
const ADDRESS: usize = 6;
/// The longest name, in bytes, of which other spellings are looked for.
const NAME: usize = 160;
/// How many numbers a row of goods has at the least, and how many letters may stand beside each: a unit, a currency.
const NUMBERS: usize = 2;
const UNIT: usize = 3;
/// What parts a name from the address behind it on one line.
const MARKS: &[&str] = &[" · ", " | ", " • ", " - ", " – ", " — ", " ∙ "];

/// The sender's name.
pub(super) fn read(grid: &Grid<'_>) -> Option<Spotted> {
    let usual = grid.usual_size();
    let largest = grid
        .pieces
        .iter()
        .filter(|piece| name(piece.text).is_some())
        .map(|piece| piece.size)
        .fold(0.0, f64::max);
    let customers = customers(grid);
    let pieces = || grid.pieces.iter();
    let registers: Vec<&Piece<'_>> = pieces()
        .filter(|piece| has_label(&piece.small, labels::REGISTERED))
        .collect();
    let senders: Vec<&Piece<'_>> = pieces()
        .filter(|piece| is_whole(piece.text, labels::SENDER))
        .collect();
    let goods: Vec<bool> = (0..grid.height())
        .map(|line| is_of_goods(grid.line(line)))
        .collect();
    let mut best: Option<(f64, Spotted)> = None;
    for piece in &grid.pieces {
        let Some(reading) = name(piece.text) else {
            continue;
        };
        let name = &reading.1;
        let mut score =
            looks(piece, grid, usual, largest) + company(name) + repeated(grid, piece, name);
        score += if is_registered(&registers, piece) {
            2.0
        } else {
            0.0
        };
        score += if is_addressed(grid, piece) { 0.75 } else { 0.0 };
        score += if is_announced(&senders, piece) {
            3.0
        } else {
            0.0
        };
        score -= if customers.iter().any(|customer| same_block(customer, piece)) {
            5.0
        } else {
            0.0
        };
        score -= if is_tabled(grid, &goods, piece) {
            5.0
        } else {
            0.0
        };
        if score >= ENOUGH && best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, piece.spotted(0, reading, WEIGHED)));
        }
    }
    best.map(|(_, best)| agreed(grid, best))
}

/// The name as it stands most often on the pages, where it stands there in several spellings that are alike: a picture's letters
/// are read wrongly here and rightly there.
fn agreed(grid: &Grid<'_>, best: Spotted) -> Spotted {
    let mut spellings: BTreeMap<String, (usize, Spotted)> = BTreeMap::new();
    for piece in &grid.pieces {
        let Some(reading) = name(piece.text).filter(|(_, other)| is_alike(&best.normal, other))
        else {
            continue;
        };
        let other = piece.spotted(0, reading, best.confidence);
        let spelling = spellings.entry(other.normal.clone());
        spelling.or_insert((0, other)).0 += 1;
    }
    let own = spellings.get(&best.normal).map_or(0, |(count, _)| *count);
    let most = spellings.into_values().max_by_key(|(count, _)| *count);
    most.filter(|(count, _)| *count > own)
        .map_or(best, |(_, most)| most)
}

/// Whether two names differ in two letters at the most, and in no more than a sixth. What is longer than a name is like itself alone.
fn is_alike(a: &str, b: &str) -> bool {
    if a == b || a.len().max(b.len()) > NAME {
        return a == b;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let most = (a.len().min(b.len()) / 6).min(2);
    if a.len().abs_diff(b.len()) > most {
        return false;
    }
    // The edit distance, row by row (Wagner and Fischer 1974).
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (place, x) in a.iter().enumerate() {
        let mut next = vec![place + 1];
        for (y, window) in b.iter().zip(row.windows(2)) {
            let [above_left, above] = window else {
                continue;
            };
            let left = next.last().copied().unwrap_or(0);
            next.push((above_left + usize::from(x != y)).min(1 + left.min(*above)));
        }
        row = next;
    }
    row.last().is_some_and(|distance| *distance <= most)
}

/// Large letters, and a place at the top.
fn looks(piece: &Piece<'_>, grid: &Grid<'_>, usual: f64, largest: f64) -> f64 {
    let large = if piece.size > LARGE * usual { 1.5 } else { 0.0 };
    let most = if piece.size > LARGE * usual && piece.size > 0.97 * largest {
        1.0
    } else {
        0.0
    };
    let top = if piece.line * 8 <= grid.height() {
        1.0
    } else {
        0.0
    };
    large + most + top
}

fn company(name: &str) -> f64 {
    if name.split([' ', ',']).any(is_form) {
        2.0
    } else {
        0.0
    }
}

/// A name that stands again elsewhere, as at the foot.
fn repeated(grid: &Grid<'_>, piece: &Piece<'_>, name: &str) -> f64 {
    let again = grid
        .pieces
        .iter()
        .filter(|other| other.line != piece.line && other.text.contains(name));
    again.count().min(2) as f64
}

/// Whether one of `registers`, of tax or of bank numbers, stands on the line or near below it.
fn is_registered(registers: &[&Piece<'_>], piece: &Piece<'_>) -> bool {
    registers.iter().any(|other| {
        let gap = other.baseline - piece.baseline;
        (piece.line..piece.line + 4).contains(&other.line)
            && (0.0..=6.0 * piece.size.min(12.0 * other.size)).contains(&gap)
            && (piece.overlaps(other) || gap == 0.0)
    })
}

/// Whether something with a number, such as a street, stands right below.
fn is_addressed(grid: &Grid<'_>, piece: &Piece<'_>) -> bool {
    grid.below(piece).next().is_some_and(|other| {
        let street = other.text.contains(|c: char| c.is_ascii_digit())
            && other.text.contains(char::is_alphabetic);
        street && other.size <= piece.size
    })
}

/// Whether a piece stands in a row of goods, or is the heading of a column of them; `goods` tells which lines are such rows.
fn is_tabled(grid: &Grid<'_>, goods: &[bool], piece: &Piece<'_>) -> bool {
    let row = |line: usize| goods.get(line).copied().unwrap_or(false);
    row(piece.line) || row(piece.line + 1) && grid.line(piece.line).len() > NUMBERS
}

/// Whether a line has numbers as a row of goods has: how many, the price, the sum.
fn is_of_goods(line: &[Piece<'_>]) -> bool {
    let number = |piece: &&Piece<'_>| {
        let digits = piece.text.chars().filter(char::is_ascii_digit).count();
        digits > 0 && piece.text.chars().filter(|c| c.is_alphabetic()).count() <= UNIT
    };
    line.iter().filter(number).count() >= NUMBERS
}

/// Whether one of `senders`, labels for who sends, stands before or above it.
fn is_announced(senders: &[&Piece<'_>], piece: &Piece<'_>) -> bool {
    senders.iter().any(|label| {
        label.line == piece.line && label.left < piece.left
            || label.line + 1 == piece.line && label.overlaps(piece)
    })
}

/// Whether a text is one of a list's labels and nothing else.
fn is_whole(text: &str, list: &'static str) -> bool {
    let bare = text.trim().trim_end_matches([':', '.']);
    let small = Small::new(bare);
    words(list).any(|label| {
        find_label(&small, label).is_some_and(|found| found.start == 0 && found.end == bare.len())
    })
}

/// The first lines of customers' addresses: what a label or a salutation begins.
fn customers<'g, 'a>(grid: &'g Grid<'a>) -> Vec<&'g Piece<'a>> {
    let begins = |piece: &&Piece<'_>| {
        let text = piece.text.trim();
        let small = Small::new(text);
        let salutes = words(labels::SALUTATIONS)
            .any(|word| find_label(&small, word).is_some_and(|found| found.start == 0));
        let announces = words(labels::CUSTOMER).any(|word| {
            let found = find_label(&small, word).filter(|found| found.start == 0);
            let rest = found.and_then(|found| text.get(found.end..));
            rest.is_some_and(|rest| rest.starts_with(':'))
        });
        salutes || announces || is_whole(text, labels::CUSTOMER)
    };
    grid.pieces.iter().filter(begins).collect()
}

/// Whether a piece belongs to the address that a first line begins.
fn same_block(first: &Piece<'_>, piece: &Piece<'_>) -> bool {
    let down = piece
        .line
        .checked_sub(first.line)
        .is_some_and(|lines| lines <= ADDRESS + 2);
    let gap = piece.baseline - first.baseline;
    let near = gap <= ADDRESS as f64 * 1.6 * first.size.max(piece.size);
    let aligned = (piece.left - first.left).abs() <= 3.0 * first.size.max(piece.size);
    down && near && (aligned || piece.line == first.line && piece.left > first.left)
}

/// A company's or person's name in a cell's text, without the address behind it; none where it reads as something else.
fn name(text: &str) -> Option<Reading> {
    let head = MARKS
        .iter()
        .filter_map(|mark| text.split_once(mark))
        .map(|(head, _)| head)
        .min_by_key(|head| head.len());
    let head = head.unwrap_or(text);
    let start = head.len() - head.trim_start().len();
    let head = without_address(head.trim().trim_end_matches([',', ';', ':']));
    let letters = head.chars().filter(|c| c.is_alphabetic()).count();
    let digits = head.chars().filter(char::is_ascii_digit).count();
    let count = head.split_whitespace().count();
    let begins = head.starts_with(char::is_uppercase);
    let small = Small::new(head);
    let foreign = [
        labels::TITLES,
        labels::NUMBER,
        labels::TOTAL,
        labels::NET,
        labels::TAX,
        labels::DUE,
        labels::OTHER_DATES,
    ]
    .iter()
    .any(|list| has_label(&small, list))
        || [labels::CUSTOMER, labels::SENDER, labels::DATED]
            .iter()
            .any(|list| is_whole(head, list));
    let fits = letters >= 3
        && digits == 0
        && count <= 7
        && begins
        && !foreign
        && !head.contains([':', '@', '/', '%', '€', '£', '$']);
    fits.then(|| (start..start + head.len(), spaced(head)))
}

/// A name with a blank on both sides of `&`, where there is one on either.
fn spaced(name: &str) -> String {
    if name.contains("& ") || name.contains(" &") {
        let parts: Vec<&str> = name.split('&').map(str::trim).collect();
        return parts.join(" & ");
    }
    name.to_owned()
}

/// The part before a comma, unless a legal form follows it.
fn without_address(text: &str) -> &str {
    match text.split_once(',') {
        Some((head, tail)) if !tail.split_whitespace().next().is_some_and(is_form) => {
            head.trim_end()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_that_differ_in_few_letters() {
        assert!(is_alike("Hofmann Bürotechnik AG", "Hofmann Birotechnik AG"));
        assert!(is_alike(
            "Hofmann Bürotechnik AG",
            "Hofmann Büirotechnik AG"
        ));
        assert!(!is_alike(
            "Hofmann Bürotechnik AG",
            "Hofmann Gartentechnik AG"
        ));
        assert!(
            !is_alike("Weber", "Wever"),
            "of a short name each letter counts"
        );
        assert!(is_alike("", ""));
        let long = "A".repeat(200_000);
        assert!(is_alike(&long, &long), "in no time");
        assert!(!is_alike(&long, &long[1..]));
    }
}
