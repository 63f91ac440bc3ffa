//! `name@version`: a plugin or a model, and the versions that will do.
//!
//! Purpose: the one way a manifest points at what is installed. A full version is exact (`classify@1.0.0`), a part of
//! one is a range (`classify@1`, `classify@1.2`), and cargo's operators may be written (`classify@^1.2`). Bounds: names of
//! 64 bytes.

use semver::VersionReq;
use std::fmt;

/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 64;

/// A plugin or a model by name, and the versions that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name: `[a-z][a-z0-9-]*`, at most 64 bytes.
    pub name: String,
    /// The versions that will do.
    pub version: VersionReq,
    /// As written: `classify@1`.
    pub text: String,
}

impl Reference {
    /// Whether exactly one version will do.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.version.comparators.as_slice(), [one] if one.op == semver::Op::Exact && one.patch.is_some())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a reference cannot be read, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) label: String,
    pub(crate) hint: String,
}

impl Reference {
    pub(crate) fn read(text: &str) -> Result<Self, Unreadable> {
        let Some((name, version)) = text.split_once('@') else {
            let name = if is_name(text) { text } else { "classify" };
            return Err(Unreadable {
                label: "no `@` and version".to_owned(),
                hint: format!(
                    "write name and version: `{name}@1` for any 1.x.y, `{name}@1.0.0` for that one"
                ),
            });
        };
        if !is_name(name) {
            return Err(Unreadable {
                label: "the part before `@` is not a name".to_owned(),
                hint: format!("a name is {NAME_RULE}, for example `classify@1`"),
            });
        }
        requirement(version)
            .map(|version| Self {
                name: name.to_owned(),
                version,
                text: text.to_owned(),
            })
            .ok_or_else(|| Unreadable {
                label: "the part after `@` is not a version".to_owned(),
                hint: format!("write `{name}@1` for any 1.x.y, `{name}@1.0.0` for that one, or a range such as `{name}@^1.2`"),
            })
    }
}

/// A full version is exact; anything else is read as cargo reads it.
fn requirement(text: &str) -> Option<VersionReq> {
    if text.trim() != text || text.is_empty() {
        return None;
    }
    match semver::Version::parse(text) {
        Ok(_) => VersionReq::parse(&format!("={text}")).ok(),
        Err(_) => VersionReq::parse(text).ok(),
    }
}

/// The rule for names, for a hint.
pub(crate) const NAME_RULE: &str =
    "lower-case letters, digits and dashes, beginning with a letter, at most 64";

/// Whether a text is a name: `[a-z][a-z0-9-]*`, at most 64 bytes.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The name that a text probably meant to be; `None` where nothing of it is left.
pub(crate) fn as_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().take(MAX_NAME) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() => name.push(c),
            c if c.is_ascii_digit() && !name.is_empty() => name.push(c),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_end_matches('-');
    (!name.is_empty() && is_name(name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(reference: &str, version: &str) -> bool {
        let version = semver::Version::parse(version).unwrap();
        Reference::read(reference)
            .unwrap()
            .version
            .matches(&version)
    }

    #[test]
    fn a_full_version_is_exact_and_a_part_is_a_range() {
        assert!(takes("classify@1.0.0", "1.0.0"));
        assert!(!takes("classify@1.0.0", "1.0.1"));
        assert!(takes("classify@1", "1.9.3"));
        assert!(!takes("classify@1", "2.0.0"));
        assert!(takes("classify@1.2", "1.3.0"));
        assert!(takes("classify@^1.2", "1.3.0"));
        assert!(takes("classify@1.0.0-rc.1", "1.0.0-rc.1"));
        assert!(Reference::read("classify@1.0.0").unwrap().is_exact());
        assert!(!Reference::read("classify@1").unwrap().is_exact());
    }

    #[test]
    fn what_is_not_a_reference_says_what_to_write() {
        for text in [
            "classify",
            "@1",
            "Classify@1",
            "classify@",
            "classify@one",
            "classify@1@2",
            "classify@ 1",
            "",
        ] {
            assert!(Reference::read(text).is_err(), "{text}");
        }
        assert!(
            Reference::read("classify")
                .unwrap_err()
                .hint
                .contains("`classify@1`")
        );
    }

    #[test]
    fn names_are_repaired_where_they_can_be() {
        assert_eq!(as_name("Front Desk"), Some("front-desk".into()));
        assert_eq!(as_name("my_stage!"), Some("my-stage".into()));
        assert_eq!(as_name("7up"), Some("up".into()));
        assert_eq!(as_name("日本"), None);
    }
}
