//! Addresses of the internet protocol: four numbers up to 255 (version 4), or up to eight groups of hexadecimal digits of
//! which one run of zeros may be left out (version 6). The standard library decides what is one; without a digit, as in `a::b`, it is
//! code.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{Scan, Span};

/// The longest address: version 6 with a version 4 tail.
const LONGEST: usize = 45;

/// Finds addresses, versions 4 and 6. A run such as `1.2.3.4.5` is none, nor is a time such as `12:30:45`.
pub fn find(scan: &Scan<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < scan.len() {
        let starts = scan
            .at(position)
            .is_some_and(|c| c.is_ascii_hexdigit() || c == ':');
        if !starts || scan.before(position).is_some_and(is_joined) {
            position += 1;
            continue;
        }
        let end = scan.skip(position, |c| c.is_ascii_hexdigit() || c == '.' || c == ':');
        match address(scan, position, end) {
            Some(after) => {
                found.push(scan.span(position, after));
                position = after;
            }
            None => position = end,
        }
    }
    found
}

/// The end of the address that is the run from `start` up to `end`, but for a full stop or colon behind it.
fn address(scan: &Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let run = scan.slice(start, end);
    let text = run.trim_end_matches(['.', ':']);
    let whole = if run.ends_with("::") { run } else { text };
    let after = start + whole.len(); // the run is ASCII: a byte is a character
    let alone = !scan
        .at(after)
        .is_some_and(|c| c.is_alphanumeric() || c == '_');
    let colons = whole.matches(':').count() > 1 && whole.contains(|c: char| c.is_ascii_digit());
    let sound = whole.parse::<Ipv4Addr>().is_ok() || colons && whole.parse::<Ipv6Addr>().is_ok();
    (whole.len() <= LONGEST && alone && sound).then_some(after)
}

/// Whether a character before an address shows that it is a part of something longer.
fn is_joined(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | ':' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_text(text: &str) -> Vec<&str> {
        crate::scan::found(find, text)
    }

    #[test]
    fn both_versions_are_found() {
        assert_eq!(in_text("from 192.0.2.17."), ["192.0.2.17"]);
        assert_eq!(in_text("(10.0.0.1:8080)"), Vec::<&str>::new());
        assert_eq!(
            in_text("[2001:db8::8a2e:370:7334]"),
            ["2001:db8::8a2e:370:7334"]
        );
        assert_eq!(in_text("::1 and fe80::1, too"), ["::1", "fe80::1"]);
    }

    #[test]
    fn versions_times_and_long_runs_are_none() {
        for text in [
            "1.2.3",
            "1.2.3.4.5",
            "300.1.2.3",
            "12:30:45",
            "a::b",
            "v1.2.3.4",
            "192.0.2.17a",
            "::",
            "01.2.3.4",
        ] {
            assert!(in_text(text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9a-f:.ł ]{0,60}") {
            for span in find(&Scan::new(&text)) {
                prop_assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
