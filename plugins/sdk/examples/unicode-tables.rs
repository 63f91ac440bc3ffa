//! Writes `src/tokenizer/unicode_tables.rs` to standard output, from what the reference tokenizer normalises with:
//! `cargo run --release -p fleetwright-sdk --example unicode-tables > plugins/sdk/src/tokenizer/unicode_tables.rs`.
//!
//! Every Unicode scalar value gets a class and, where the reference changes it, what it becomes: cleaned, decomposed
//! (NFD), without nonspacing marks, in lower case. All of that is decided per character, but for the order of combining
//! characters that are not nonspacing: those get their combining class, and the tokenizer sorts.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    reason = "a generator: its output is its purpose"
)]

use std::collections::BTreeMap;

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::canonical_combining_class;

/// Stands in a sequence for a dropped mark of combining class 0: it ends a run that is sorted.
const BARRIER: char = '\0';

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Plain = 0,
    Drop = 1,
    Barrier = 2,
    Space = 3,
    Punctuation = 4,
    Alone = 5,
    AloneMapped = 6,
    Mapped = 7,
    Hangul = 8,
    Combining = 9,
}

fn main() {
    let scalars = (0..=0x0010_FFFF).filter_map(char::from_u32);
    let mut classes: Vec<(u32, Class)> = Vec::new();
    let mut mapped = BTreeMap::new();
    let mut combining = BTreeMap::new();
    for c in scalars.clone() {
        let class = classify(c, &mut mapped, &mut combining);
        if classes.last().map(|last| last.1) != Some(class) {
            classes.push((u32::from(c), class));
        }
    }
    for sequence in mapped.values() {
        check(sequence, &classes);
    }
    write(&classes, &mapped, &combining);
}

fn classify(
    c: char,
    mapped: &mut BTreeMap<char, Vec<char>>,
    combining: &mut BTreeMap<char, u8>,
) -> Class {
    let kept_control = matches!(c, '\t' | '\n' | '\r');
    if c == '\0' || c == '\u{FFFD}' || (!kept_control && c.is_other()) {
        return Class::Drop;
    }
    if c.is_whitespace() {
        return Class::Space;
    }
    if ('\u{AC00}'..='\u{D7A3}').contains(&c) {
        return Class::Hangul;
    }
    let sequence = normalise(c);
    let alone = is_chinese(c);
    match sequence.as_slice() {
        [] => return Class::Drop,
        [BARRIER] => return Class::Barrier,
        [only] if *only == c && alone => return Class::Alone,
        [only] if *only == c => {
            let class = canonical_combining_class(c);
            if class != 0 {
                combining.insert(c, class);
                return Class::Combining;
            }
            return if is_punctuation(c) {
                Class::Punctuation
            } else {
                Class::Plain
            };
        }
        _ => {}
    }
    mapped.insert(c, sequence);
    if alone {
        Class::AloneMapped
    } else {
        Class::Mapped
    }
}

fn normalise(c: char) -> Vec<char> {
    let mut sequence = Vec::new();
    for (decomposed, _) in std::iter::once(c).nfd() {
        if !decomposed.is_mark_nonspacing() {
            sequence.extend(decomposed.to_lowercase());
        } else if canonical_combining_class(decomposed) == 0 {
            sequence.push(BARRIER);
        }
    }
    sequence
}

/// What the tokenizer takes for granted of the characters that others become: they are looked up by class alone.
fn check(sequence: &[char], classes: &[(u32, Class)]) {
    for out in sequence.iter().filter(|out| **out != BARRIER) {
        let at = classes.partition_point(|(start, _)| *start <= u32::from(*out));
        let class = classes.get(at.wrapping_sub(1)).map(|found| found.1);
        let fits = match class {
            Some(Class::Punctuation) => is_punctuation(*out),
            Some(Class::Combining) => canonical_combining_class(*out) != 0,
            Some(Class::Plain) => !is_punctuation(*out) && !out.is_whitespace(),
            // Unified ideographs, which compatibility ones become: alone already.
            Some(Class::Alone) => sequence.len() == 1,
            _ => false,
        };
        if !fits {
            panic!(
                "`{}` becomes `{}` of class {class:?}",
                sequence.escape(),
                out.escape_unicode()
            );
        }
    }
}

trait Escape {
    fn escape(&self) -> String;
}

impl Escape for [char] {
    fn escape(&self) -> String {
        self.iter().flat_map(|c| c.escape_unicode()).collect()
    }
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || c.is_punctuation()
}

fn is_chinese(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x2_0000..=0x2_A6DF | 0x2_A700..=0x2_B73F | 0x2_B740..=0x2_B81F
            | 0x2_B920..=0x2_CEAF | 0xF900..=0xFAFF | 0x2_F800..=0x2_FA1F
    )
}

fn write(
    classes: &[(u32, Class)],
    mapped: &BTreeMap<char, Vec<char>>,
    combining: &BTreeMap<char, u8>,
) {
    let mut pool = Vec::new();
    let mut rows = Vec::new();
    for (c, sequence) in mapped {
        let value = match sequence.as_slice() {
            [only] => u32::from(*only),
            _ => {
                let place = pool.len();
                pool.extend_from_slice(sequence);
                (u32::try_from(sequence.len()).unwrap_or(0) << 24)
                    | u32::try_from(place).unwrap_or(0)
            }
        };
        rows.push(format!("({:#x}, {value:#x})", u32::from(*c)));
    }
    println!("//! Made by `examples/unicode-tables.rs`: never edited by hand.");
    println!();
    let starts = classes
        .iter()
        .map(|(start, class)| format!("{:#x}", (start << 8) | *class as u32));
    table(
        "Runs of one class: the first scalar value `<< 8`, then the class.",
        "CLASSES",
        "u32",
        starts,
    );
    let doc =
        "What a scalar value becomes: one scalar value, or `length << 24 | place` in [`POOL`].";
    table(doc, "MAPPED", "(u32, u32)", rows.into_iter());
    let pool = pool.iter().map(|c| format!("'{}'", c.escape_unicode()));
    table(
        "The sequences of [`MAPPED`] that are not one scalar value long.",
        "POOL",
        "char",
        pool,
    );
    let rows = combining
        .iter()
        .map(|(c, class)| format!("('{}', {class})", c.escape_unicode()));
    table(
        "Characters that are kept, but sorted by combining class.",
        "COMBINING",
        "(char, u8)",
        rows,
    );
}

fn table(doc: &str, name: &str, ty: &str, items: impl Iterator<Item = String>) {
    let items: Vec<_> = items.collect();
    println!("/// {doc}");
    println!("#[rustfmt::skip]");
    println!("pub(super) static {name}: [{ty}; {}] = [", items.len());
    for line in items.chunks(8) {
        println!("    {},", line.join(", "));
    }
    println!("];");
}
