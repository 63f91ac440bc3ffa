//! Typed access to a TOML table that goes on after each mistake.
//!
//! Purpose: a reader asks for a key and a type; what is absent or wrong becomes a [`Diagnostic`] with its place, and the
//! reader goes on.

use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::keys::{Key, Keys};
use crate::suggest::{list, nearest, shown};
use crate::{Diagnostic, Span};
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> At<T> {
    pub(crate) fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One table of the manifest, its keys already checked.
#[derive(Clone)]
pub(crate) struct Table<'t> {
    entries: &'t DeTable<'t>,
    pub(crate) span: Span,
    keys: &'static Keys,
    /// What a message calls this table.
    place: String,
}

/// A key that is present.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'t> {
    pub(crate) key: Span,
    pub(crate) value: &'t Spanned<DeValue<'t>>,
}

impl<'t> Table<'t> {
    /// Takes a table whose keys are fixed; reports keys that it does not know. `place` is what messages call it.
    pub(crate) fn new(
        entries: &'t DeTable<'t>,
        span: Span,
        keys: &'static Keys,
        place: String,
        findings: &mut Findings,
    ) -> Self {
        for (key, _) in entries {
            if keys.get(key.get_ref()).is_none() {
                findings.report(unknown_key(key.get_ref(), key.span().into(), keys, &place));
            }
        }
        Self {
            entries,
            span,
            keys,
            place,
        }
    }

    /// A key of this table; one that it lacks is shown by its name alone.
    pub(crate) fn key(&self, name: &'static str) -> Key {
        self.keys.get(name).copied().unwrap_or(Key {
            name,
            takes: "another type",
            example: name,
        })
    }

    pub(crate) fn entry(&self, name: &str) -> Option<Entry<'t>> {
        self.entries
            .iter()
            .find(|(key, _)| key.get_ref() == name)
            .map(|(key, value)| Entry {
                key: key.span().into(),
                value,
            })
    }

    /// The entry, or a finding that it is missing.
    pub(crate) fn required(
        &self,
        name: &'static str,
        findings: &mut Findings,
    ) -> Option<Entry<'t>> {
        let entry = self.entry(name);
        if entry.is_none() {
            findings.report(self.missing(name));
        }
        entry
    }

    fn missing(&self, name: &'static str) -> Diagnostic {
        let example = self.key(name).example;
        Diagnostic::new(
            codes::MISSING_KEY,
            self.span,
            format!("{} lacks `{name}`", self.place),
        )
        .label(format!("`{name}` is missing here"))
        .hint(format!("add, for example, `{example}`"))
    }

    /// A string; absent is `None` without a finding.
    pub(crate) fn string(
        &self,
        name: &'static str,
        findings: &mut Findings,
    ) -> Option<At<&'t str>> {
        let entry = self.entry(name)?;
        self.as_string(name, entry, findings)
    }

    /// A string that must be there.
    pub(crate) fn required_string(
        &self,
        name: &'static str,
        findings: &mut Findings,
    ) -> Option<At<&'t str>> {
        let entry = self.required(name, findings)?;
        self.as_string(name, entry, findings)
    }

    fn as_string(
        &self,
        name: &'static str,
        entry: Entry<'t>,
        findings: &mut Findings,
    ) -> Option<At<&'t str>> {
        match entry.value.get_ref() {
            DeValue::String(text) => Some(At::new(text.as_ref(), entry.value.span().into())),
            _ => {
                findings.report(self.wrong_type(name, entry));
                None
            }
        }
    }

    /// An integer within a range.
    pub(crate) fn integer<T: TryFrom<u64>>(
        &self,
        name: &'static str,
        range: RangeInclusive<u64>,
        findings: &mut Findings,
    ) -> Option<At<T>> {
        let entry = self.entry(name)?;
        let DeValue::Integer(integer) = entry.value.get_ref() else {
            findings.report(self.wrong_type(name, entry));
            return None;
        };
        let digits: String = integer.as_str().chars().filter(|c| *c != '_').collect();
        let span = Span::from(entry.value.span());
        let value = u64::from_str_radix(&digits, integer.radix())
            .ok()
            .filter(|value| range.contains(value));
        match value.and_then(|value| T::try_from(value).ok()) {
            Some(value) => Some(At::new(value, span)),
            None => {
                findings.report(
                    Diagnostic::new(
                        codes::OUT_OF_RANGE,
                        span,
                        format!(
                            "`{name}` is `{}`, out of its range",
                            shown(&integer.to_string())
                        ),
                    )
                    .label(format!("from {} to {}", range.start(), range.end()))
                    .hint(format!(
                        "write a number from {} to {}, for example `{}`",
                        range.start(),
                        range.end(),
                        self.key(name).example
                    )),
                );
                None
            }
        }
    }

    /// A list of strings, less the items that are not; `complete` says whether all were.
    pub(crate) fn strings(&self, name: &'static str, findings: &mut Findings) -> Option<Strings> {
        let entry = self.entry(name)?;
        let mut strings = Strings {
            items: Vec::new(),
            complete: true,
        };
        let DeValue::Array(items) = entry.value.get_ref() else {
            findings.report(self.wrong_type(name, entry));
            strings.complete = false;
            return Some(strings);
        };
        for item in items {
            let span = Span::from(item.span());
            match item.get_ref() {
                DeValue::String(text) => strings.add(name, text, span, findings),
                _ => {
                    strings.complete = false;
                    let value = Entry {
                        key: entry.key,
                        value: item,
                    };
                    findings.report(self.wrong_type(name, value));
                }
            }
        }
        Some(strings)
    }

    /// A table with fixed keys.
    pub(crate) fn table(
        &self,
        name: &'static str,
        keys: &'static Keys,
        findings: &mut Findings,
    ) -> Option<Table<'t>> {
        let (entries, entry) = self.entries_of(name, findings)?;
        Some(Table::new(
            entries,
            entry.value.span().into(),
            keys,
            format!("`{name}`"),
            findings,
        ))
    }

    /// A table whose keys the user chooses.
    pub(crate) fn entries_of(
        &self,
        name: &'static str,
        findings: &mut Findings,
    ) -> Option<(&'t DeTable<'t>, Entry<'t>)> {
        let entry = self.entry(name)?;
        match entry.value.get_ref() {
            DeValue::Table(entries) => Some((entries, entry)),
            _ => {
                findings.report(self.wrong_type(name, entry));
                None
            }
        }
    }

    /// The finding for a value of another type than the key takes.
    pub(crate) fn wrong_type(&self, name: &'static str, entry: Entry<'_>) -> Diagnostic {
        let key = self.key(name);
        let given = kind(entry.value.get_ref());
        Diagnostic::new(
            codes::WRONG_TYPE,
            entry.value.span().into(),
            format!("`{name}` takes {}, not {given}", key.takes),
        )
        .label(format!("this is {given}"))
        .hint(match rewritten(&key, entry.value.get_ref()) {
            Some(line) => format!("write `{line}`"),
            None => format!("write, for example, `{}`", key.example),
        })
    }
}

/// A list of strings as read.
#[derive(Debug)]
pub(crate) struct Strings {
    pub(crate) items: Vec<At<String>>,
    pub(crate) complete: bool,
}

impl Strings {
    fn add(&mut self, name: &str, text: &str, span: Span, findings: &mut Findings) {
        if let Some(first) = self.items.iter().find(|item| item.value == text) {
            findings.report(
                Diagnostic::new(
                    codes::DUPLICATE_ITEM,
                    span,
                    format!("`{name}` lists `{}` twice", shown(text)),
                )
                .label("again here")
                .other(first.span, "first here")
                .hint("remove one of the two"),
            );
            return;
        }
        self.items.push(At::new(text.to_owned(), span));
    }
}

/// The value as its key takes it, where that is plain: `reads = "body"` → `reads = ["body"]`.
fn rewritten(key: &Key, value: &DeValue<'_>) -> Option<String> {
    let name = key.name;
    match (key.takes, value) {
        ("a list of strings", DeValue::String(text)) => {
            Some(format!("{name} = [\"{}\"]", shown(text)))
        }
        ("an integer", DeValue::String(text)) => text
            .parse::<u64>()
            .ok()
            .map(|number| format!("{name} = {number}")),
        ("an integer", DeValue::Float(float)) => {
            let number: f64 = float.as_str().parse().ok()?;
            let whole = (0.0..1e15).contains(&number) && number.fract() == 0.0;
            whole.then(|| format!("{name} = {number}"))
        }
        ("a number", DeValue::String(text)) => {
            let number: f64 = text.parse().ok()?;
            number.is_finite().then(|| format!("{name} = {number}"))
        }
        (_, DeValue::Integer(number)) => {
            let quantity = ["a size", "a duration", "a rate"]
                .iter()
                .any(|takes| key.takes.starts_with(takes));
            (quantity && number.as_str().bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| format!("{name} = \"{}{}\"", number.as_str(), key.unit()))
        }
        _ => None,
    }
}

fn unknown_key(name: &str, span: Span, keys: &Keys, place: &str) -> Diagnostic {
    let shown_name = shown(name);
    if keys.later.contains(&name) {
        return Diagnostic::new(
            codes::UNSUPPORTED_SECTION,
            span,
            format!("`{shown_name}` is not accepted by this release"),
        )
        .label("planned, and not there yet")
        .hint(format!(
            "remove `{shown_name}`: a later release of Fleetwright will read it"
        ));
    }
    let diagnostic = Diagnostic::new(
        codes::UNKNOWN_KEY,
        span,
        format!("{place} has no key `{shown_name}`"),
    )
    .label("unknown key");
    if let Some((_, hint)) = keys.elsewhere.iter().find(|(word, _)| *word == name) {
        return diagnostic.hint(*hint);
    }
    let meant = keys
        .meant
        .iter()
        .find(|(word, _)| *word == name)
        .map(|(_, key)| *key);
    match meant.or_else(|| nearest(name, keys.names())) {
        Some(key) => diagnostic.hint(format!(
            "did you mean `{key}`? For example: `{}`",
            keys.get(key).map_or(key, |key| key.example)
        )),
        None => diagnostic.hint(format!("remove it, or use one of {}", list(keys.names()))),
    }
}

/// A value's type for a message.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
