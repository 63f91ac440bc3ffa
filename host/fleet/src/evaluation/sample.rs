//! One line of a data file: what is submitted, and what is expected of each stage.
//!
//! `{"id", "fields", "attachments", "stages", "group", "expect"}`, near to a golden case. `expect` says of one stage what its
//! answer must hold, or of several by name: labels by JSON pointer under `answer`, `spans`, `fields`, `summary`, `flags`, and
//! whether the submission is `held`. Everything that is not understood is a mistake that is told, with the way out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleetwright_measure::Span;
use fleetwright_runtime::Attachment;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::measure::{Key, Task};

/// The members of `expect` where it is of one stage.
const TASKS: [&str; 6] = ["answer", "spans", "fields", "summary", "flags", "held"];
/// The text that a span is in where nothing is said.
const BODY: &str = "body";

/// The first line of a data file, where it is `{"eval": {…}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Header {
    /// What the data are called.
    pub(super) name: String,
    /// The stage that is evaluated, unless the caller says.
    pub(super) stage: Option<String>,
    /// By measure, or by its pointer: the label that means out of scope.
    pub(super) out_of_scope: BTreeMap<String, String>,
    /// By measure, or by its pointer: the pointer to how sure the answer is.
    pub(super) confidence: BTreeMap<String, String>,
    /// What a kind or flag of an answer is called in the data. With any, others are not looked at.
    pub(super) kinds: BTreeMap<String, String>,
    /// The precision that a recall is asked at.
    pub(super) precision: f64,
}

impl Default for Header {
    fn default() -> Self {
        Header {
            name: String::new(),
            stage: None,
            out_of_scope: BTreeMap::new(),
            confidence: BTreeMap::new(),
            kinds: BTreeMap::new(),
            precision: 0.8,
        }
    }
}

/// One sample, understood.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) id: String,
    pub(super) group: Option<String>,
    pub(super) fields: Map<String, Value>,
    pub(super) files: Vec<File>,
    /// Answers of earlier stages, for a stage that is evaluated alone.
    pub(super) stages: Map<String, Value>,
    pub(super) wanted: Vec<(Key, Expected)>,
}

/// What is expected at one place of an answer.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Label(String),
    Spans(Vec<Span>),
    /// By field: the values of which one is right; none: the field is absent.
    Fields(BTreeMap<String, Vec<String>>),
    /// References.
    Summary(Vec<String>),
    Flags(BTreeSet<String>),
}

/// A file that comes with a sample.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum File {
    /// Where it lies, from the data file's folder.
    At(String),
    /// Itself.
    Here(Content),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    name: String,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    base64: Option<String>,
    #[serde(default)]
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    id: Option<String>,
    /// For a person.
    #[serde(default, rename = "about")]
    _about: String,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    attachments: Vec<File>,
    #[serde(default)]
    stages: Map<String, Value>,
    expect: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    answer: BTreeMap<String, Value>,
    spans: BTreeMap<String, Vec<RawSpan>>,
    fields: BTreeMap<String, BTreeMap<String, Value>>,
    summary: BTreeMap<String, OneOrMany>,
    flags: BTreeMap<String, BTreeSet<String>>,
    held: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpan {
    kind: String,
    #[serde(default, rename = "where")]
    place: Option<String>,
    start: u64,
    end: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Reads a line that begins `{"eval":`; nothing where it is a sample.
pub(super) fn header(line: &[u8]) -> Option<Result<Header, String>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        eval: Header,
    }
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    object.contains_key("eval").then(|| {
        let line: Line = serde_json::from_slice(line).map_err(|error| told(&error))?;
        match (0.0..=1.0).contains(&line.eval.precision) {
            true => Ok(line.eval),
            false => Err(format!(
                "`precision` is {}: give a number from 0 to 1",
                line.eval.precision
            )),
        }
    })
}

impl Sample {
    /// Reads line `number`, for the stage that is evaluated alone, or for the fleet. A sample without `id` is called by its
    /// line.
    pub(super) fn read(number: usize, line: &[u8], alone: Option<&str>) -> Result<Self, String> {
        let raw: Raw = serde_json::from_slice(line).map_err(|error| told(&error))?;
        let id = raw.id.unwrap_or_else(|| format!("line-{number}"));
        if id.is_empty() {
            return Err("`id` is empty: give the sample a name of its own, or leave it out".into());
        }
        if raw.fields.is_empty() && raw.attachments.is_empty() && raw.stages.is_empty() {
            return Err("there is nothing to work on: give `fields` or `attachments`".into());
        }
        Ok(Sample {
            wanted: wanted(raw.expect, alone)?,
            id,
            group: raw.group,
            fields: raw.fields,
            files: raw.attachments,
            stages: raw.stages,
        })
    }
}

/// What is expected of each stage that is evaluated.
fn wanted(expect: Map<String, Value>, alone: Option<&str>) -> Result<Vec<(Key, Expected)>, String> {
    let bare = expect.keys().all(|name| TASKS.contains(&name.as_str()));
    let mut wanted = Vec::new();
    match (alone, bare) {
        (_, true) if expect.is_empty() => {}
        (Some(stage), true) => of_stage(stage, Value::Object(expect), &mut wanted)?,
        (None, true) => {
            return Err("`expect` does not say of which stage: write `{\"STAGE\": {\"answer\": …}}`, or evaluate one with `--stage`".into());
        }
        (alone, false) => {
            for (stage, expect) in expect {
                if alone.is_none_or(|alone| alone == stage) {
                    of_stage(&stage, expect, &mut wanted)
                        .map_err(|detail| format!("of stage `{stage}`: {detail}"))?;
                }
            }
        }
    }
    match wanted.is_empty() {
        true => Err(
            "`expect` expects nothing: say what is right, such as `{\"answer\": {\"/type\": \"card\"}}`"
                .into(),
        ),
        false => Ok(wanted),
    }
}

fn of_stage(stage: &str, expect: Value, into: &mut Vec<(Key, Expected)>) -> Result<(), String> {
    let expect: Expect =
        serde_json::from_value(expect).map_err(|error| format!("`expect`: {error}"))?;
    let mut put = |task: Task, at: String, expected: Expected| {
        let rooted = at.is_empty() || at.starts_with('/');
        let key = Key {
            stage: stage.to_owned(),
            at,
            task,
        };
        if !rooted {
            return Err(format!(
                "`{}` is no JSON pointer: begin it with `/`",
                key.at
            ));
        }
        into.push((key, expected));
        Ok(())
    };
    for (at, value) in expect.answer {
        let label = word(&value).ok_or_else(|| {
            format!("`{at}` is {value}: expect one label; ranges are for golden cases, sets of labels belong under `flags`")
        })?;
        put(Task::Label, at, Expected::Label(label))?;
    }
    for (at, spans) in expect.spans {
        let spans = spans.into_iter().map(RawSpan::checked);
        let spans = spans.collect::<Result<_, _>>()?;
        put(Task::Spans, at, Expected::Spans(spans))?;
    }
    for (at, fields) in expect.fields {
        let fields = fields
            .into_iter()
            .map(|(name, value)| Ok((name, values(&value)?)));
        let fields = fields.collect::<Result<_, String>>()?;
        put(Task::Fields, at, Expected::Fields(fields))?;
    }
    for (at, references) in expect.summary {
        let references = match references {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        };
        if references.is_empty() {
            return Err(format!("`{at}` has no reference: give at least one"));
        }
        put(Task::Summary, at, Expected::Summary(references))?;
    }
    for (at, flags) in expect.flags {
        put(Task::Flags, at, Expected::Flags(flags))?;
    }
    if let Some(held) = expect.held {
        put(Task::Held, String::new(), Expected::Label(held.to_string()))?;
    }
    Ok(())
}

impl RawSpan {
    fn checked(self) -> Result<Span, String> {
        let RawSpan {
            kind,
            place,
            start,
            end,
        } = self;
        if start >= end {
            return Err(format!(
                "a span of `{kind}` starts at {start} and ends at {end}: give the first byte, and the byte after the last"
            ));
        }
        Ok(Span {
            kind,
            place: place.unwrap_or_else(|| BODY.to_owned()),
            start,
            end,
        })
    }
}

/// The values of which one is right; none for a field that is absent.
fn values(value: &Value) -> Result<Vec<String>, String> {
    let all = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(all) => all.iter().map(word).collect(),
        one => word(one).map(|word| vec![word]),
    };
    all.ok_or_else(|| format!("a field is expected to be {value}: give a value, null, or several values of which one is right"))
}

/// A value that is one word, as labels and fields are compared.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A parser's error without its line, which is always the first.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line 1 column ") {
        Some((detail, column)) => format!("{detail}, at column {column}"),
        None => text,
    }
}

impl File {
    /// Where it lies, where it does not stand in the line.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            File::At(path) => Some(path),
            File::Here(content) => content.path.as_deref(),
        }
    }

    /// What is wrong with it, found without reading it.
    pub(super) fn check(&self, folder: &Path) -> Result<(), String> {
        if let File::Here(content) = self {
            let given = [&content.text, &content.base64, &content.path];
            if given.iter().filter(|given| given.is_some()).count() != 1 {
                return Err(format!(
                    "attachment `{}`: give one of `text`, `base64` and `path`",
                    content.name
                ));
            }
            if let Some(encoded) = &content.base64 {
                STANDARD.decode(encoded).map_err(|error| {
                    format!("attachment `{}` is no base64: {error}", content.name)
                })?;
            }
        }
        match self.path() {
            Some(path) if !folder.join(path).is_file() => Err(format!(
                "attachment `{path}` is not there: paths start at the data file's folder, `{}`",
                folder.display()
            )),
            _ => Ok(()),
        }
    }

    /// The file itself.
    pub(super) fn read(
        &self,
        folder: &Path,
        media_type: fn(&str) -> &'static str,
    ) -> Result<Attachment, String> {
        let bytes = |path: &str| {
            std::fs::read(folder.join(path))
                .map_err(|error| format!("attachment `{path}` cannot be read: {error}"))
        };
        let (name, declared, bytes) = match self {
            File::At(path) => {
                let name = Path::new(path).file_name().unwrap_or_default();
                (name.to_string_lossy().into_owned(), None, bytes(path)?)
            }
            File::Here(content) => {
                let bytes = match (&content.text, &content.base64, &content.path) {
                    (Some(text), _, _) => text.clone().into_bytes(),
                    (_, Some(encoded), _) => STANDARD.decode(encoded).map_err(|e| e.to_string())?,
                    (_, _, path) => bytes(path.as_deref().unwrap_or_default())?,
                };
                (content.name.clone(), content.media_type.clone(), bytes)
            }
        };
        Ok(Attachment {
            media_type: declared.unwrap_or_else(|| media_type(&name).to_owned()),
            name,
            bytes: bytes.into(),
        })
    }
}
