//! Secrets: keys by the formats of those that issue them, and passwords by the words before them.
//!
//! "My password is not working" tells no secret. After "is", a value must look like one (a digit or sign within, or
//! quotation marks); after a colon or an equals sign, it must do so, or stand alone on its line.

use std::collections::BTreeSet;

use fleetwright_detect::{Scan, Span, phrase};

const PASSWORD: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passcode",
    "passphrase",
    "passwort",
    "kennwort",
    "mot de passe",
    "contraseña",
    "pin",
];
const KEY: &[&str] = &[
    "api key",
    "api-key",
    "apikey",
    "api_key",
    "secret key",
    "secret_key",
    "access key",
    "access token",
    "auth token",
    "client secret",
    "client_secret",
];

/// Prefixes of issued keys, and the least number of characters that follow.
const ISSUED: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 35),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("ghu_", 36),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("sk-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("npm_", 36),
    ("hf_", 30),
    ("SG.", 40),
];

/// What a line of PEM begins with, before its label.
const BEGIN: &str = "-----BEGIN ";
/// How long a label may be: "ENCRYPTED PRIVATE KEY" and its like.
const LABEL: usize = 64;

/// Private keys in PEM: from the first line to the last, or to the end of the text.
pub(crate) fn private_keys(scan: &Scan<'_>) -> Vec<Span> {
    let text = scan.text();
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(start) = find_from(text, position, BEGIN) {
        position = start + BEGIN.len();
        if !text.get(position..).is_some_and(is_private) {
            continue;
        }
        let end = find_from(text, position, "-----END ").map_or(text.len(), |last| {
            find_from(text, last, "\n").map_or(text.len(), |end| end)
        });
        found.push(Span { start, end });
        position = end;
    }
    found
}

fn find_from(text: &str, position: usize, what: &str) -> Option<usize> {
    text.get(position..)?.find(what).map(|at| position + at)
}

/// Whether what follows [`BEGIN`] is the label of a private key.
fn is_private(after: &str) -> bool {
    let label = after.bytes().take(LABEL).position(|byte| byte == b'-');
    label
        .and_then(|end| after.get(..end))
        .is_some_and(|label| label.ends_with("PRIVATE KEY") || label == "PGP PRIVATE KEY BLOCK")
}

/// Keys of known formats, JSON web tokens, and long tokens that a word announces.
pub(crate) fn api_keys(scan: &Scan<'_>) -> Vec<Span> {
    let text = scan.text();
    let issued =
        tokens(text).filter(|span| is_issued(span.of(text)) || is_web_token(span.of(text)));
    let announced = KEY
        .iter()
        .flat_map(|word| announced(scan, word))
        .filter(|value| value.marked && is_key(value.span.of(text)))
        .map(|value| value.span);
    each_once(issued.chain(announced))
}

fn is_key(value: &str) -> bool {
    value.len() >= 12
        && value.contains(|c: char| c.is_ascii_digit())
        && value.contains(|c: char| c.is_ascii_alphabetic())
}

/// Passwords and PINs.
pub(crate) fn passwords(scan: &Scan<'_>) -> Vec<Span> {
    let text = scan.text();
    let told = |word: &str| {
        let pin = word == "pin";
        let values = announced(scan, word).into_iter();
        values.filter(move |value| match pin {
            true => is_pin(value.span.of(text)),
            false => value.tells(text),
        })
    };
    each_once(
        PASSWORD
            .iter()
            .flat_map(|word| told(word))
            .map(|value| value.span),
    )
}

fn is_pin(value: &str) -> bool {
    matches!(value.len(), 4..=8) && value.bytes().all(|b| b.is_ascii_digit())
}

/// Two words may announce one value, such as "access key" and "secret access key".
fn each_once(spans: impl Iterator<Item = Span>) -> Vec<Span> {
    spans.collect::<BTreeSet<Span>>().into_iter().collect()
}

/// A value after a word such as "password".
struct Value {
    span: Span,
    /// After a colon or an equals sign, not only after "is".
    marked: bool,
    quoted: bool,
}

impl Value {
    fn tells(&self, text: &str) -> bool {
        let secret = self.span.of(text);
        let length = secret.chars().count();
        let odd = secret.contains(|c: char| c.is_ascii_digit())
            || secret.contains(|c: char| "!@#$%^&*+=?_~".contains(c));
        let rest = text.get(self.span.end..).unwrap_or_default();
        let mut line = rest.chars().take_while(|c| *c != '\n');
        let alone = line.all(char::is_whitespace);
        let hidden = secret.chars().all(|c| "*•xX.…-".contains(c));
        !hidden
            && ((4..=128).contains(&length) && (odd || self.quoted)
                || self.marked && alone && (6..=128).contains(&length))
    }
}

/// Values that follow a word, over "is", a colon or an equals sign.
fn announced(scan: &Scan<'_>, word: &str) -> Vec<Value> {
    phrase::find(scan, word)
        .into_iter()
        .filter_map(|span| value_after(scan.text(), span.end))
        .collect()
}

fn value_after(text: &str, end: usize) -> Option<Value> {
    let rest = text.get(end..)?;
    let spaced = rest.trim_start_matches([' ', '\t']);
    let (marked, tail) = match spaced.strip_prefix([':', '=']) {
        Some(tail) => (true, tail),
        None => (
            false,
            ["is:", "is", "was", "ist"]
                .iter()
                .find_map(|verb| spaced.strip_prefix(verb))?,
        ),
    };
    let tail = tail
        .strip_prefix(['\r'])
        .unwrap_or(tail)
        .trim_start_matches([' ', '\t']);
    let quoted = tail.starts_with(['"', '\'', '`', '“', '‘']);
    let tail = tail.trim_start_matches(['"', '\'', '`', '“', '‘']);
    let stop = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '`' | '”' | '’' | ',' | ';') || quoted && c == '\''
    };
    let value = tail
        .get(..tail.find(stop).unwrap_or(tail.len()))?
        .trim_end_matches(['.', ')', ']', '?']);
    let start = text.len() - tail.len();
    (!value.is_empty()).then_some(Value {
        span: Span {
            start,
            end: start + value.len(),
        },
        marked,
        quoted,
    })
}

/// Runs of the characters that keys are made of.
fn tokens(text: &str) -> impl Iterator<Item = Span> + '_ {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.split(move |c| !part(c))
        .filter(|token| token.len() >= 16)
        .filter_map(move |token| {
            let start = (token.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
            Some(Span {
                start,
                end: start + token.trim_end_matches('.').len(),
            })
        })
}

fn is_issued(token: &str) -> bool {
    ISSUED.iter().any(|(prefix, least)| {
        token.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() >= *least
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
                && rest.bytes().any(|b| b.is_ascii_digit())
        })
    })
}

fn is_web_token(token: &str) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    matches!(parts.as_slice(), [head, body, mark] if head.starts_with("eyJ") && body.starts_with("eyJ") && mark.len() > 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(detect: fn(&Scan<'_>) -> Vec<Span>, text: &str) -> Vec<&str> {
        detect(&Scan::new(text))
            .into_iter()
            .map(|span| span.of(text))
            .collect()
    }

    #[test]
    fn passwords_that_are_told_are_found() {
        assert_eq!(
            told(passwords, "my password is Summer2024! thanks"),
            ["Summer2024!"]
        );
        assert_eq!(told(passwords, "Password: hunter2"), ["hunter2"]);
        assert_eq!(told(passwords, "password = \"correct horse\""), ["correct"]);
        assert_eq!(
            told(passwords, "user: jo\npassword: letmein\nregards"),
            ["letmein"]
        );
        assert_eq!(told(passwords, "my PIN is 4821."), ["4821"]);
    }

    #[test]
    fn talk_about_passwords_is_not_flagged() {
        for text in [
            "my password is not working",
            "I forgot my password.",
            "Password: reset link never came",
            "the password is wrong",
            "password: ********",
            "pin code 560001",
            "The pin is bent",
            "is my password safe?",
        ] {
            assert!(told(passwords, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn keys_are_found_by_format_or_announcement() {
        let key = format!("AKIA{}", "IOSFODNN7EXAMPLE");
        assert_eq!(told(api_keys, &format!("key {key}.")), [key.as_str()]);
        assert_eq!(
            told(api_keys, "api key: 9f8e7d6c5b4a39281706"),
            ["9f8e7d6c5b4a39281706"]
        );
        assert_eq!(
            told(api_keys, "eyJhbGciOi.eyJzdWIiOi.abcdefghijklm").len(),
            1
        );
        assert!(
            told(
                api_keys,
                "the api key is broken; sk-learn is a library of many-long-dashed-words"
            )
            .is_empty()
        );
    }

    #[test]
    fn private_keys_are_taken_whole() {
        let text = "see\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nbye";
        let found = told(private_keys, text);
        assert!(
            found[0].starts_with("-----BEGIN") && found[0].ends_with("KEY-----"),
            "{found:?}"
        );
        assert!(told(private_keys, "-----BEGIN CERTIFICATE-----").is_empty());
        let two = format!("{text}\n-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQdG");
        let found = told(private_keys, &two);
        assert_eq!(found.len(), 2);
        assert!(
            found[1].ends_with("lQdG"),
            "without its end, to the end of the text"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(password|pin|api key|is|[:= \"ł’.a1-]){0,20}") {
            let scan = Scan::new(&text);
            for span in passwords(&scan).into_iter().chain(api_keys(&scan)).chain(private_keys(&scan)) {
                prop_assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
