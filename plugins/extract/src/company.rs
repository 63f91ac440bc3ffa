//! Companies' names and their legal forms: `GmbH` alone is no name, nor is `IBAN` or a desk such as `Accounts`, and `Nordlicht Werkzeuge GmbH`
//! is one, whatever part of it the model marked.
//!
//! Bounds: four words before the form, on the same line, each written as a name.

use fleetwright_detect::Span;

/// Words that a name takes in before its form at most.
const WORDS: usize = 4;
/// Legal forms as they are written, without full stops.
const FORMS: &[&str] = &[
    "AB", "AG", "ApS", "ASA", "BV", "BVBA", "Co", "Corp", "eG", "eV", "GbR", "GmbH", "Inc", "Kft",
    "KG", "KGaA", "Lda", "Limited", "LLC", "LLP", "Ltd", "Ltda", "mbH", "NV", "OHG", "Oy", "Oyj",
    "PLC", "Pte", "Pty", "SA", "SARL", "SAS", "SASU", "SCS", "SE", "SL", "SLL", "SLU", "SNC",
    "SpA", "SpK", "SRL", "sro", "UG", "VOF",
];

/// What names a number, a form or a desk, and no company: where it stands for the whole of what was marked.
const NONE: &[&str] = &[
    "accounting",
    "accounts",
    "administration",
    "apn",
    "barrister",
    "bic",
    "billing",
    "bookkeeping",
    "complaints",
    "compliance",
    "customer care",
    "customer relations",
    "customer service",
    "customer services",
    "customer support",
    "cvv",
    "eta",
    "faq",
    "finance",
    "head office",
    "help desk",
    "helpdesk",
    "hr",
    "iban",
    "id",
    "imei",
    "iso",
    "it",
    "legal",
    "lettings",
    "management",
    "marketing",
    "office",
    "otp",
    "payroll",
    "pdf",
    "pin",
    "procurement",
    "purchasing",
    "qr",
    "reception",
    "registrar",
    "returns",
    "sales",
    "school office",
    "sepa",
    "sim",
    "support",
    "swift",
    "tan",
    "url",
    "vat",
    "vin",
];

/// Whether a name is one of those that no company has.
pub(crate) fn is_none(name: &str) -> bool {
    NONE.contains(&name.to_lowercase().as_str())
}

/// The whole of a company's name of which `span` is a part: with the legal form behind it, and with the words before that
/// form. A name without a form stays as it is. None where there is nothing but a form.
pub(crate) fn whole(text: &str, span: Span) -> Option<Span> {
    let mut span = span;
    while let Some(end) = form_after(text, span.end) {
        span.end = end;
    }
    let last = span.of(text).split_whitespace().next_back();
    if last.is_some_and(is_form) {
        let mut room = WORDS;
        while let Some(start) = (room > 0).then(|| name_before(text, span.start)).flatten() {
            span.start = start;
            room -= 1;
        }
    }
    let named = span.of(text).split_whitespace().any(|word| !is_form(word));
    named.then_some(span)
}

/// Whether a word is a legal form, such as `GmbH` or `Ltd.`.
pub(crate) fn is_form(word: &str) -> bool {
    let bare: String = word.chars().filter(|c| !matches!(c, '.' | ',')).collect();
    bare.chars().any(char::is_uppercase) && written(&bare).is_some()
}

/// The legal form that a word is in letters of any size, as it is written.
pub(crate) fn written(word: &str) -> Option<&'static str> {
    let same = |form: &&&str| form.eq_ignore_ascii_case(word);
    FORMS.iter().find(same).copied()
}

/// The end of the legal form that follows on the same line, perhaps after a comma; the stop of a sentence is none of it.
fn form_after(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let short = text.get(..end)?.ends_with("Co"); // as in `Co. KG`
    let after = rest.strip_prefix('.').filter(|_| short).unwrap_or(rest);
    let gap = rest.len() - after.trim_start_matches([' ', ',', '&']).len();
    let word = rest
        .get(gap..)?
        .split(|c: char| c.is_whitespace() || c == ',')
        .next()?;
    let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
    (gap > 0 && is_form(bare)).then_some(end + gap + bare.len())
}

/// The start of the word before on the same line, where that is written as a part of a name.
fn name_before(text: &str, start: usize) -> Option<usize> {
    let head = text.get(..start)?;
    let bare = head.trim_end_matches(' ');
    let word = bare.rsplit(char::is_whitespace).next()?;
    let joins = matches!(word, "&" | "+" | "und" | "and");
    let capital = word.starts_with(char::is_uppercase)
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’' | '&'));
    let from = bare.len() - word.len();
    let begins = joins || !begins_sentence(bare.get(..from)?, word);
    (bare.len() < head.len() && (capital || joins) && begins).then_some(from)
}

/// Whether a small word with a capital, such as `The` or `At`, stands there only because a sentence begins.
fn begins_sentence(before: &str, word: &str) -> bool {
    let opens = before.trim_end().is_empty() || before.trim_end().ends_with(['.', '!', '?', ':']);
    opens && word.chars().count() <= 4 && SMALL.contains(&word.to_lowercase().as_str())
}

/// Words that begin a sentence and no company's name.
const SMALL: &[&str] = &[
    "a", "an", "and", "as", "at", "but", "by", "dear", "for", "from", "hi", "i", "if", "in", "is",
    "my", "of", "on", "or", "our", "so", "that", "the", "this", "to", "via", "we", "with", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(text: &'a str, part: &str) -> Option<&'a str> {
        let start = text.find(part).unwrap();
        let end = start + part.len();
        whole(text, Span { start, end }).map(|span| span.of(text))
    }

    #[test]
    fn a_part_of_a_companys_name_becomes_the_whole() {
        for (text, part, name) in [
            (
                "Ask Anna of Nordlicht Werkzeuge GmbH.",
                "GmbH",
                "Nordlicht Werkzeuge GmbH",
            ),
            (
                "Jane\nWhitfield Joinery Ltd\n",
                "Ltd",
                "Whitfield Joinery Ltd",
            ),
            ("Jane\nWhitfield Joinery Ltd\n", "Whitfield", "Whitfield"),
            (
                "from Berg & Sohn GmbH & Co. KG today",
                "Sohn",
                "Berg & Sohn GmbH & Co. KG",
            ),
            ("At Acme, Inc. we pay", "Acme", "Acme, Inc"),
            ("The Acme Ltd paid", "Acme", "Acme Ltd"),
            ("we wrote to Acme.", "Acme", "Acme"),
        ] {
            assert_eq!(of(text, part), Some(name), "{text}");
        }
    }

    #[test]
    fn a_number_or_a_desk_is_no_company() {
        assert!(is_none("IBAN") && is_none("Customer Services"));
        assert!(!is_none("Swift Parcels") && !is_none(""));
        assert!(NONE.is_sorted(), "in order, to be read");
    }

    #[test]
    fn a_form_alone_is_no_name() {
        assert_eq!(of("a small GmbH in Bonn", "GmbH"), None);
        assert_eq!(of("we are an Inc. now", "Inc."), None);
        assert_eq!(of("Ltd", "Ltd"), None);
    }
}
