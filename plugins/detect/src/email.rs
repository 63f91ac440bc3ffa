//! E-mail addresses as people write them: a local part of letters, digits and `.!#$%&'*+/=?^_{|}~-`, and a domain with a top level.

use crate::{Scan, Span};

/// An address found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// Where it stands.
    pub span: Span,
    /// With the domain in lower case; the local part is kept, for its case may matter to the server.
    pub normalized: String,
}

/// Finds addresses.
pub fn find(scan: &Scan<'_>) -> Vec<Email> {
    let mut found: Vec<Email> = Vec::new();
    for at in (0..scan.len()).filter(|p| scan.at(*p) == Some('@')) {
        let free_from = found.last().map_or(0, |email| email.span.end);
        if let Some(email) = email_around(scan, at).filter(|email| email.span.start >= free_from) {
            found.push(email);
        }
    }
    found
}

/// Keeps the first character and the domain: `j…@example.com`.
pub fn mask(address: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    format!("{}…@{domain}", local.chars().next().unwrap_or_default())
}

fn email_around(scan: &Scan<'_>, at: usize) -> Option<Email> {
    let mut start = at;
    while at - start < 64 && scan.before(start).is_some_and(is_local) {
        start -= 1;
    }
    while start < at
        && scan
            .at(start)
            .is_some_and(|c| !c.is_ascii_alphanumeric() && c != '_')
    {
        start += 1; // a quotation mark or bracket before an address is no part of it
    }
    let end = domain_end(scan, at + 1)?;
    let local = scan.slice(start, at);
    let sound = start < at && !local.ends_with('.') && !local.contains("..");
    sound.then(|| Email {
        span: scan.span(start, end),
        normalized: format!("{local}@{}", scan.slice(at + 1, end).to_ascii_lowercase()),
    })
}

/// The position after the domain: labels of letters, digits and inner dashes; the last one of two letters or more.
fn domain_end(scan: &Scan<'_>, from: usize) -> Option<usize> {
    let mut end = None;
    let mut position = from;
    for label in 0..8 {
        let after = scan.skip(position, |c| c.is_ascii_alphanumeric() || c == '-');
        let text = scan.slice(position, after);
        if text.is_empty() || text.starts_with('-') || text.ends_with('-') || text.len() > 63 {
            break;
        }
        if label > 0 && text.len() > 1 && text.chars().all(|c| c.is_ascii_alphabetic()) {
            end = Some(after);
        }
        if scan.at(after) != Some('.') {
            break;
        }
        position = after + 1;
    }
    end
}

fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._%+-!#$&'*/=?^{|}~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_text(text: &str) -> Vec<String> {
        find(&Scan::new(text))
            .into_iter()
            .map(|email| email.normalized)
            .collect()
    }

    #[test]
    fn addresses_are_found_without_their_surroundings() {
        assert_eq!(
            in_text("Write to <Jo.Doe+x@Example.CO.UK>."),
            ["Jo.Doe+x@example.co.uk"]
        );
        assert_eq!(
            in_text("'a@b.de', mailto:c_d@e-f.org!"),
            ["a@b.de", "c_d@e-f.org"]
        );
    }

    #[test]
    fn handles_and_half_addresses_are_not_addresses() {
        for text in [
            "@name",
            "a@b",
            "a@.com",
            "a..b@c.de",
            "x@y.1",
            "meet @ 5.30",
        ] {
            assert!(in_text(text).is_empty(), "{text}");
        }
        assert_eq!(mask("jane@example.com"), "j…@example.com");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[a-z@.<ł -]{0,60}") {
            for email in find(&Scan::new(&text)) {
                prop_assert!(text.get(email.span.start..email.span.end).is_some());
            }
        }
    }
}
