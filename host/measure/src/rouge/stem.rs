//! The stemmer of Porter (1980) with the departures that NLTK makes from it by default, which `rouge-score` uses.
//!
//! For words of `a` to `z` and digits; a digit counts as a consonant.

/// Forms that no rule gets right.
const IRREGULAR: [(&str, &str); 14] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
];
const IRREGULAR_TOO: [&str; 2] = ["exceed", "succeed"];

/// What must hold of what a suffix is taken from.
#[derive(Clone, Copy)]
enum When {
    Always,
    /// The measure is above this.
    Above(usize),
    /// The measure is above this, and `s` or `t` comes last.
    AboveAndSOrT(usize),
}

/// A suffix, what takes its place, and when.
type Rule = (&'static str, &'static str, When);

const PLURALS: [Rule; 4] = [
    ("sses", "ss", When::Always),
    ("ies", "i", When::Always),
    ("ss", "ss", When::Always),
    ("s", "", When::Always),
];

const DOUBLE_SUFFIXES: [Rule; 21] = [
    ("ational", "ate", When::Above(0)),
    ("tional", "tion", When::Above(0)),
    ("enci", "ence", When::Above(0)),
    ("anci", "ance", When::Above(0)),
    ("izer", "ize", When::Above(0)),
    ("bli", "ble", When::Above(0)),
    ("alli", "al", When::Above(0)),
    ("entli", "ent", When::Above(0)),
    ("eli", "e", When::Above(0)),
    ("ousli", "ous", When::Above(0)),
    ("ization", "ize", When::Above(0)),
    ("ation", "ate", When::Above(0)),
    ("ator", "ate", When::Above(0)),
    ("alism", "al", When::Above(0)),
    ("iveness", "ive", When::Above(0)),
    ("fulness", "ful", When::Above(0)),
    ("ousness", "ous", When::Above(0)),
    ("aliti", "al", When::Above(0)),
    ("iviti", "ive", When::Above(0)),
    ("biliti", "ble", When::Above(0)),
    ("fulli", "ful", When::Above(0)),
];

const ENDINGS: [Rule; 7] = [
    ("icate", "ic", When::Above(0)),
    ("ative", "", When::Above(0)),
    ("alize", "al", When::Above(0)),
    ("iciti", "ic", When::Above(0)),
    ("ical", "ic", When::Above(0)),
    ("ful", "", When::Above(0)),
    ("ness", "", When::Above(0)),
];

const LAST_SUFFIXES: [Rule; 19] = [
    ("al", "", When::Above(1)),
    ("ance", "", When::Above(1)),
    ("ence", "", When::Above(1)),
    ("er", "", When::Above(1)),
    ("ic", "", When::Above(1)),
    ("able", "", When::Above(1)),
    ("ible", "", When::Above(1)),
    ("ant", "", When::Above(1)),
    ("ement", "", When::Above(1)),
    ("ment", "", When::Above(1)),
    ("ent", "", When::Above(1)),
    ("ion", "", When::AboveAndSOrT(1)),
    ("ou", "", When::Above(1)),
    ("ism", "", When::Above(1)),
    ("ate", "", When::Above(1)),
    ("iti", "", When::Above(1)),
    ("ous", "", When::Above(1)),
    ("ive", "", When::Above(1)),
    ("ize", "", When::Above(1)),
];

/// The stem of a word in lower case.
#[must_use]
pub fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(form, _)| *form == word) {
        return (*stem).to_owned();
    }
    if word.len() <= 2 || IRREGULAR_TOO.contains(&word) {
        return word.to_owned();
    }
    let word = without_participle(without_plural(word));
    let word = double_suffix(with_i_for_y(word));
    let word = ruled(&ruled(&word, &ENDINGS), &LAST_SUFFIXES);
    without_double_l(without_e(word))
}

/// Step 1a.
fn without_plural(word: &str) -> String {
    match word.strip_suffix("ies") {
        Some(stem) if word.len() == 4 => format!("{stem}ie"),
        _ => ruled(word, &PLURALS),
    }
}

/// Step 1b.
fn without_participle(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return format!("{stem}{}", if word.len() == 4 { "ie" } else { "i" });
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return match measure(stem) > 0 {
            true => format!("{stem}ee"),
            false => word,
        };
    }
    let stems = ["ed", "ing"]
        .into_iter()
        .filter_map(|suffix| word.strip_suffix(suffix));
    match stems.into_iter().find(|stem| has_vowel(stem)) {
        Some(stem) => mended(stem),
        None => word,
    }
}

/// What the ending left behind: `hopp` is hop, `fil` is file.
fn mended(stem: &str) -> String {
    if ["at", "bl", "iz"].iter().any(|end| stem.ends_with(end)) {
        return format!("{stem}e");
    }
    let mut letters = stem.chars().rev();
    let (last, before) = (letters.next(), letters.next());
    if last.is_some() && last == before && ends_in_consonant(stem) {
        return match last {
            Some('l' | 's' | 'z') => stem.to_owned(),
            _ => shortened(stem),
        };
    }
    match measure(stem) == 1 && ends_short(stem) {
        true => format!("{stem}e"),
        false => stem.to_owned(),
    }
}

/// Step 1c.
fn with_i_for_y(word: String) -> String {
    match word.strip_suffix('y') {
        Some(stem) if stem.len() > 1 && ends_in_consonant(stem) => format!("{stem}i"),
        _ => word,
    }
}

/// Step 2.
fn double_suffix(word: String) -> String {
    if let Some(stem) = word.strip_suffix("alli")
        && measure(stem) > 0
    {
        return double_suffix(format!("{stem}al"));
    }
    if let Some(stem) = word.strip_suffix("logi") {
        // The `l` counts with the stem, so that short ones such as `geo` are stems too.
        return match measure(&format!("{stem}l")) > 0 {
            true => format!("{stem}log"),
            false => word,
        };
    }
    ruled(&word, &DOUBLE_SUFFIXES)
}

/// Step 5a.
fn without_e(word: String) -> String {
    match word.strip_suffix('e') {
        Some(stem) if measure(stem) > 1 || (measure(stem) == 1 && !ends_short(stem)) => {
            stem.to_owned()
        }
        _ => word,
    }
}

/// Step 5b.
fn without_double_l(word: String) -> String {
    match word.ends_with("ll") && measure(&shortened(&word)) > 1 {
        true => shortened(&word),
        false => word,
    }
}

/// The first rule whose suffix the word has decides, whether or not its condition holds.
fn ruled(word: &str, rules: &[Rule]) -> String {
    for (suffix, replacement, when) in rules {
        let Some(stem) = word.strip_suffix(suffix) else {
            continue;
        };
        let holds = match *when {
            When::Always => true,
            When::Above(least) => measure(stem) > least,
            When::AboveAndSOrT(least) => measure(stem) > least && stem.ends_with(['s', 't']),
        };
        return match holds {
            true => format!("{stem}{replacement}"),
            false => word.to_owned(),
        };
    }
    word.to_owned()
}

fn shortened(word: &str) -> String {
    let mut word = word.to_owned();
    word.pop();
    word
}

/// For each letter, whether it is a consonant: `y` is one unless it follows one.
fn consonants(word: &str) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for letter in word.chars() {
        flags.push(match letter {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => flags.last().is_none_or(|before| !before),
            _ => true,
        });
    }
    flags
}

/// How many times a consonant follows a vowel.
fn measure(word: &str) -> usize {
    let flags = consonants(word);
    flags
        .iter()
        .zip(flags.iter().skip(1))
        .filter(|(before, after)| !**before && **after)
        .count()
}

fn has_vowel(word: &str) -> bool {
    consonants(word).contains(&false)
}

fn ends_in_consonant(word: &str) -> bool {
    consonants(word).last() == Some(&true)
}

/// Whether it ends as `hop` does: consonant, vowel, and a consonant other than `w`, `x` or `y`; or is like `at`.
fn ends_short(word: &str) -> bool {
    match consonants(word).as_slice() {
        [false, true] => true,
        [.., true, false, true] => !word.ends_with(['w', 'x', 'y']),
        _ => false,
    }
}
