//! Web addresses: with `http://`, `https://` or `ftp://`, with `www.`, or a bare domain whose top level is one that people write.

use crate::{Scan, Span};

/// Schemes, and the prefix that stands for one.
const STARTS: &[&str] = &["https://", "http://", "ftp://", "www."];

/// Top levels that a bare domain may end in. A country's two letters count as well, but those that are words or endings of
/// files or programs (`.is`, `.to`, `.md`, …).
const TOPS: &str = "com net org info biz edu gov mil int io app dev ai co online site shop store blog tech cloud xyz name pro mobi";
const COUNTRIES: &str = "ac ad ae ag al ar at au az ba bd bg bh br by ca cc ch cl cn cr cy cz de dk do ec ee eg es eu fi fm fr ge gr gt hk hr \
                         hu id ie il in ir it jo jp ke kr kw kz lb li lk lt lu lv ma mc me mk mt mx my ng nl no nz om pa pe ph pk pl pt qa \
                         ro rs ru sa se sg si sk th tn tr tv tw ua ug uk us uy uz ve vn za";

/// Finds web addresses; a domain behind an `@` is an e-mail address and none.
pub fn find(scan: &Scan<'_>) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        let starts = scan.at(position).is_some_and(|c| c.is_ascii_alphanumeric())
            && !scan.before(position).is_some_and(is_joined);
        match starts.then(|| url_at(scan, position)).flatten() {
            Some(after) => {
                found.push(scan.span(position, after));
                position = after;
            }
            None if starts => position = scan.skip(position + 1, is_label),
            None => position += 1,
        }
    }
    found
}

fn url_at(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let head = scan.slice(start, start + 8).to_ascii_lowercase();
    let prefix = STARTS.iter().find(|prefix| head.starts_with(**prefix));
    let host = start + prefix.filter(|p| p.ends_with('/')).map_or(0, |p| p.len());
    let end = scan.skip(host, |c| is_label(c) || c == '.');
    let name = scan.slice(host, end).trim_end_matches('.');
    let end = host + name.chars().count();
    if scan.at(end) == Some('@') || !is_domain(name, prefix.is_some()) {
        return None;
    }
    Some(path_end(scan, end))
}

/// Labels of letters, digits and inner dashes, the last one a top level.
fn is_domain(name: &str, announced: bool) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let sound = labels.iter().all(|label| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    });
    let Some((top, rest)) = labels.split_last() else {
        return false;
    };
    let known = |list: &str| {
        list.split_whitespace()
            .any(|known| known.eq_ignore_ascii_case(top))
    };
    let letters = top.len() > 1 && top.bytes().all(|b| b.is_ascii_alphabetic());
    let cased = |text: &str| text.bytes().skip(1).any(|b| b.is_ascii_uppercase());
    // "It broke.In the end": a sentence that goes on without a blank has a capital there.
    let glued = top.starts_with(|c: char| c.is_ascii_uppercase()) && !cased(top);
    let owner = rest.last().is_some_and(|label| label.len() > 1);
    sound
        && letters
        && !rest.is_empty()
        && (announced || owner && !glued && (known(TOPS) || known(COUNTRIES)))
}

/// The position after port, path, query and fragment, without the marks that end a sentence.
fn path_end(scan: &Scan<'_>, domain: usize) -> usize {
    let port = if scan.at(domain) == Some(':')
        && scan.at(domain + 1).is_some_and(|c| c.is_ascii_digit())
    {
        scan.skip(domain + 1, |c| c.is_ascii_digit())
    } else {
        domain
    };
    if !scan.at(port).is_some_and(|c| "/?#".contains(c)) {
        return port;
    }
    let mut end = scan.skip(port, |c| !c.is_whitespace() && !"<>\"'`“”‘’|{}".contains(c));
    while end > port && scan.before(end).is_some_and(|c| ".,;:!?)]".contains(c)) {
        end -= 1;
    }
    end
}

fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

fn is_joined(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '/' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_text(text: &str) -> Vec<&str> {
        crate::scan::found(find, text)
    }

    #[test]
    fn addresses_are_found_whole() {
        for (text, found) in [
            (
                "see https://example.com/people/jo?x=1.",
                "https://example.com/people/jo?x=1",
            ),
            ("(www.example.org)", "www.example.org"),
            ("it is on example.com, or so", "example.com"),
            ("Shop.Example.CO.UK!", "Shop.Example.CO.UK"),
            (
                "http://example.museum:8080/a,b",
                "http://example.museum:8080/a,b",
            ),
        ] {
            assert_eq!(in_text(text), [found], "{text}");
        }
    }

    #[test]
    fn sentences_files_and_mail_are_none() {
        for text in [
            "It broke.Please help",
            "It broke.In the end",
            "file.txt",
            "jo@example.com",
            "e.g. this",
            "3.5",
            "and/or.",
            "a.de",
        ] {
            assert!(in_text(text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(https://|www\\.|[a-z.:/@ł?-]){0,30}") {
            for span in find(&Scan::new(&text)) {
                prop_assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
