//! The check itself: rules and packages in, findings out.

use spdx::{Expression, ParseMode};

use super::Package;
use super::rules::{Rules, Skip};

/// What the check found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Each breaks a rule.
    pub(crate) errors: Vec<String>,
    /// Each is a rule that nothing needs any more.
    pub(crate) notes: Vec<String>,
}

/// Checks `packages`, sorted by name and version, against `rules`.
pub(crate) fn check(rules: &Rules, packages: &[Package]) -> Report {
    let mut report = Report::default();
    for package in packages {
        report.errors.extend(licence(rules, package));
        report.errors.extend(source(rules, package));
    }
    for versions in packages.chunk_by(|a, b| a.name == b.name) {
        report.errors.extend(duplicates(rules, versions));
    }
    report.notes.extend(
        rules
            .skips
            .iter()
            .filter(|skip| !needed(skip, packages))
            .map(|skip| {
                format!(
                    "`.deny.toml` skips `{} {}`, which is no duplicate: remove the entry",
                    skip.name, skip.version
                )
            }),
    );
    report
}

fn licence(rules: &Rules, package: &Package) -> Option<String> {
    let shown = format!("`{} {}`", package.name, package.version);
    let Some(text) = &package.license else {
        return Some(format!(
            "{shown} states no licence. Use another, or ask its authors"
        ));
    };
    // Lax: older packages write `MIT/Apache-2.0`.
    let mode = ParseMode {
        allow_slash_as_or_operator: true,
        ..ParseMode::LAX
    };
    match Expression::parse_mode(text, mode) {
        Err(_) => Some(format!(
            "{shown} states the licence `{text}`, which is no SPDX expression"
        )),
        Ok(expression) if expression.evaluate(|required| rules.allow(&package.name, required)) => {
            None
        }
        Ok(_) => Some(format!(
            "{shown} is under `{text}`. If that is acceptable, add it to `licenses.allow` or `licenses.exceptions` in .deny.toml"
        )),
    }
}

fn source(rules: &Rules, package: &Package) -> Option<String> {
    let source = package.source.as_deref()?;
    let registry = source
        .strip_prefix("registry+")
        .or_else(|| source.strip_prefix("sparse+"));
    if registry.is_some_and(|registry| rules.registries.iter().any(|allowed| allowed == registry)) {
        return None;
    }
    Some(format!(
        "`{} {}` comes from `{source}`. Use a release on crates.io",
        package.name, package.version
    ))
}

/// More than one version of a package, those that are skipped set aside.
fn duplicates(rules: &Rules, versions: &[Package]) -> Option<String> {
    let counted: Vec<&Package> = versions
        .iter()
        .filter(|package| !rules.skips.iter().any(|skip| matches(skip, package)))
        .collect();
    let [first, _, ..] = counted.as_slice() else {
        return None;
    };
    let shown: Vec<String> = counted
        .iter()
        .map(|package| package.version.to_string())
        .collect();
    Some(format!(
        "`{}` is there in {} versions: {}. See `cargo tree --invert {}@{}`; if they cannot be one, give the older an entry \
         with its reason in `bans.skip` of .deny.toml",
        first.name,
        counted.len(),
        shown.join(", "),
        first.name,
        first.version
    ))
}

fn matches(skip: &Skip, package: &Package) -> bool {
    skip.name == package.name && skip.version.matches(&package.version)
}

/// A skip is needed as long as its version and another are there.
fn needed(skip: &Skip, packages: &[Package]) -> bool {
    let named: Vec<_> = packages
        .iter()
        .filter(|package| package.name == skip.name)
        .collect();
    named.len() > 1 && named.iter().any(|package| matches(skip, package))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn rules(skip: &str) -> Rules {
        let text = format!(
            "[graph]\ntargets = [\"x\"]\n[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \"Apache-2.0 WITH LLVM-exception\"]\n\
             exceptions = [{{ name = \"lists\", allow = [\"MPL-2.0\"] }}]\n[bans]\nmultiple-versions = \"deny\"\n\
             skip = [{skip}]\n[sources]\nallow-registry = [\"https://github.com/rust-lang/crates.io-index\"]\n"
        );
        Rules::parse(&text).unwrap()
    }

    fn package(name: &str, version: &str, license: &str) -> Package {
        let license = (!license.is_empty()).then(|| license.to_owned());
        Package {
            name: name.into(),
            version: version.parse().unwrap(),
            license,
            source: Some(CRATES_IO.into()),
        }
    }

    #[test]
    fn licences_are_evaluated_as_expressions() {
        let refused = |name: &str, licence: &str| {
            !check(&rules(""), &[package(name, "1.0.0", licence)])
                .errors
                .is_empty()
        };
        assert!(!refused("a", "MIT OR GPL-3.0-only"), "one of two will do");
        assert!(refused("a", "MIT AND GPL-3.0-only"), "both must be allowed");
        assert!(!refused("a", "MIT/Apache-2.0"), "the old way to write OR");
        assert!(!refused(
            "a",
            "(MIT OR Apache-2.0) AND Apache-2.0 WITH LLVM-exception"
        ));
        assert!(refused("a", "GPL-3.0-only WITH Classpath-exception-2.0"));
        assert!(refused("a", "MPL-2.0"));
        assert!(
            !refused("lists", "MPL-2.0"),
            "an exception for this package"
        );
        assert!(refused("a", "free to a good home"));
        assert!(refused("a", ""));
    }

    #[test]
    fn only_crates_io_will_do() {
        let mut own = package("own", "1.0.0", "MIT");
        own.source = None;
        let mut fork = package("fork", "1.0.0", "MIT");
        fork.source = Some("git+https://example.org/fork#abc".into());
        let report = check(&rules(""), &[fork, own, package("plain", "1.0.0", "MIT")]);
        assert_eq!(
            report.errors,
            [
                "`fork 1.0.0` comes from `git+https://example.org/fork#abc`. Use a release on crates.io"
            ]
        );
    }

    #[test]
    fn duplicates_are_refused_unless_skipped() {
        let packages = [
            package("a", "1.0.0", "MIT"),
            package("a", "2.1.0", "MIT"),
            package("b", "1.0.0", "MIT"),
        ];
        let errors = check(&rules(""), &packages).errors;
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].starts_with(
                "`a` is there in 2 versions: 1.0.0, 2.1.0. See `cargo tree --invert a@1.0.0`"
            ),
            "{errors:?}"
        );
        let skip = "{ name = \"a\", version = \"1\", reason = \"b needs it\" }";
        assert_eq!(check(&rules(skip), &packages), Report::default());
        let stale = check(&rules(skip), &packages[1..]);
        assert_eq!(stale.errors, Vec::<String>::new());
        assert_eq!(
            stale.notes,
            ["`.deny.toml` skips `a ^1`, which is no duplicate: remove the entry"]
        );
        let third = [
            packages[0].clone(),
            packages[1].clone(),
            package("a", "3.0.0", "MIT"),
        ];
        assert_eq!(
            check(&rules(skip), &third).errors.len(),
            1,
            "a third version is a new duplicate"
        );
    }

    #[test]
    fn an_unknown_licence_in_the_rules_is_named() {
        let text = "[graph]\ntargets = []\n[licenses]\nallow = [\"MIIT\"]\n[bans]\nmultiple-versions = \"deny\"\n[sources]\nallow-registry = []\n";
        assert!(
            format!("{:#}", Rules::parse(text).unwrap_err())
                .starts_with("`.deny.toml`: `MIIT` is no SPDX licence")
        );
    }

    #[test]
    fn the_repositorys_own_rules_are_read() {
        let rules = Rules::parse(include_str!("../../../../.deny.toml")).unwrap();
        assert!(
            !rules.licences.is_empty()
                && !rules.platforms.is_empty()
                && !rules.registries.is_empty()
        );
    }
}
