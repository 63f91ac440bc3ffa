//! The data file: JSON lines, looked through once before anything runs, and read again as samples are run.
//!
//! The first look finds every mistake, the digest, and what a run must know beforehand: measures, labels, kinds. It keeps
//! the names of samples and of what is expected, so that a file may be larger than memory. Bounds: 64 MiB a line, 20
//! mistakes told, 10,000 labels a measure.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use fleetwright_runtime::{Attachment, digest};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::EvaluationError;
use super::measure::Key;
use super::sample::{self, Expected, Header, Sample};

/// The longest line, in bytes.
const LONGEST: u64 = 64 << 20;
/// The most mistakes that are told.
const MISTAKES: usize = 20;
/// The most labels, kinds or flags of one measure.
const WORDS: usize = 10_000;

/// Something in a data file that is not understood, or that the fleet cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and the way out.
    pub detail: String,
}

/// Every mistake of a data file, the first few of them with their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The file.
    pub path: PathBuf,
    /// The first ones.
    pub told: Vec<Mistake>,
    /// How many there are.
    pub all: usize,
}

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = if self.all == 1 { "mistake" } else { "mistakes" };
        writeln!(f, "`{}` has {} {count}:", self.path.display(), self.all)?;
        for mistake in &self.told {
            writeln!(f, "  line {}: {}", mistake.line, mistake.detail)?;
        }
        match self.all - self.told.len() {
            0 => write!(f, "correct them, and run it again"),
            more => write!(f, "  … and {more} more: correct them, and run it again"),
        }
    }
}

/// What a data file is, before a sample of it is run.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) header: Header,
    /// The stage that is evaluated alone; none: the fleet.
    pub(super) alone: Option<String>,
    /// Digest of the file.
    pub(super) digest: String,
    pub(super) bytes: u64,
    /// How many samples the file has: lines that are neither blank nor the header.
    pub(super) rows: usize,
    /// How many of them are run.
    pub(super) samples: usize,
    /// Each measure, the line where it comes first, and the labels, kinds or flags that are expected.
    pub(super) keys: BTreeMap<Key, (usize, BTreeSet<String>)>,
}

/// What a sample is held against.
pub(super) struct Accepted<'a> {
    pub(super) fields: &'a [String],
    pub(super) stages: &'a [String],
}

/// Looks a data file through. `alone` outranks the header's stage; no more than `limit` samples are looked at, and
/// those beyond are counted.
pub(super) fn survey(
    path: &Path,
    alone: Option<&str>,
    limit: Option<usize>,
    accepted: &Accepted<'_>,
) -> Result<Survey, EvaluationError> {
    let mut lines = Lines::open(path)?;
    let mut survey = Survey {
        header: Header::default(),
        alone: alone.map(str::to_owned),
        digest: String::new(),
        bytes: 0,
        rows: 0,
        samples: 0,
        keys: BTreeMap::new(),
    };
    let mut found = Findings::default();
    let mut ids = HashSet::new();
    let mut first = true;
    while let Some((line, text)) = lines.next()? {
        if std::mem::take(&mut first)
            && let Some(header) = sample::header(&text)
        {
            match header {
                Ok(header) => survey.header = header,
                Err(detail) => found.add(line, detail),
            }
            if survey.alone.is_none() {
                survey.alone.clone_from(&survey.header.stage);
            }
            if let Some(unknown) = survey
                .alone
                .iter()
                .find(|name| !accepted.stages.contains(name))
            {
                found.add(line, no_stage(unknown, accepted.stages));
            }
            continue;
        }
        survey.rows += 1;
        if limit.is_some_and(|limit| survey.samples >= limit) {
            continue;
        }
        match Sample::read(line, &text, survey.alone.as_deref()) {
            Ok(sample) => {
                if !ids.insert(sample.id.clone()) {
                    found.add(
                        line,
                        format!(
                            "`id` is `{}`, as in a line before: give each sample a name of its own",
                            sample.id
                        ),
                    );
                }
                survey.look(line, &sample, path, accepted, &mut found);
            }
            Err(detail) => found.add(line, detail),
        }
        survey.samples += 1;
    }
    (survey.digest, survey.bytes) = lines.finish();
    if found.all > 0 {
        return Err(EvaluationError::Data(Mistakes {
            path: path.to_owned(),
            told: found.told,
            all: found.all,
        }));
    }
    match survey.samples {
        0 => Err(EvaluationError::Empty {
            path: path.to_owned(),
        }),
        _ => Ok(survey),
    }
}

impl Survey {
    fn look(
        &mut self,
        line: usize,
        sample: &Sample,
        path: &Path,
        accepted: &Accepted<'_>,
        found: &mut Findings,
    ) {
        if let Some(field) = sample
            .fields
            .keys()
            .find(|field| !accepted.fields.contains(field))
        {
            let known = quoted(accepted.fields);
            found.add(line, format!("`{field}` is no field of this fleet, which has {known}: correct it, or declare it under `[submission]`"));
        }
        for file in &sample.files {
            if let Err(detail) = file.check(folder(path)) {
                found.add(line, detail);
            }
        }
        let named = sample.wanted.iter().map(|(key, _)| &key.stage);
        if let Some(unknown) = named
            .chain(sample.stages.keys())
            .find(|name| !accepted.stages.contains(name))
        {
            found.add(line, no_stage(unknown, accepted.stages));
        }
        for (key, expected) in &sample.wanted {
            let words = words(expected);
            let (_, known) = self
                .keys
                .entry(key.clone())
                .or_insert_with(|| (line, BTreeSet::new()));
            known.extend(words);
            if known.len() > WORDS {
                found.add(line, format!("`{}` has more than {WORDS} labels: expect labels of a closed set, or use `fields`", key.name()));
                known.clear();
            }
        }
    }
}

/// The labels, kinds or flags that are expected.
fn words(expected: &Expected) -> Vec<String> {
    match expected {
        Expected::Label(label) => vec![label.clone()],
        Expected::Spans(spans) => spans.iter().map(|span| span.kind.clone()).collect(),
        Expected::Flags(flags) => flags.iter().cloned().collect(),
        Expected::Fields(_) | Expected::Summary(_) => Vec::new(),
    }
}

fn no_stage(unknown: &str, stages: &[String]) -> String {
    format!(
        "`{unknown}` is no stage of this fleet, which has {}: name one of them",
        quoted(stages)
    )
}

pub(super) fn quoted(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The folder that a data file's paths start from.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[derive(Default)]
struct Findings {
    told: Vec<Mistake>,
    all: usize,
}

impl Findings {
    fn add(&mut self, line: usize, detail: String) {
        self.all += 1;
        if self.told.len() < MISTAKES {
            self.told.push(Mistake { line, detail });
        }
    }
}

/// A sample that can be run: its files are read, and its digest covers them.
pub(super) struct Loaded {
    pub(super) place: usize,
    pub(super) sample: Sample,
    pub(super) attachments: Vec<Attachment>,
    /// Over the line and its files.
    pub(super) digest: String,
}

/// Reads the samples again, and gives each to `take` until that wants no more. The file must be what it was.
pub(super) fn read_again(
    path: &Path,
    survey: &Survey,
    media_type: fn(&str) -> &'static str,
    mut take: impl FnMut(Loaded) -> bool,
) -> Result<(), EvaluationError> {
    let changed = || EvaluationError::Changed {
        path: path.to_owned(),
    };
    let mut lines = Lines::open(path)?;
    let mut place = 0;
    let mut first = true;
    while let Some((line, text)) = lines.next()? {
        if std::mem::take(&mut first) && sample::header(&text).is_some() {
            continue;
        }
        if place < survey.samples {
            let sample =
                Sample::read(line, &text, survey.alone.as_deref()).map_err(|_| changed())?;
            let mut attachments = Vec::with_capacity(sample.files.len());
            for file in &sample.files {
                let read = file.read(folder(path), media_type);
                attachments.push(read.map_err(|detail| EvaluationError::Attachment {
                    id: sample.id.clone(),
                    detail,
                })?);
            }
            let digest = digest_of(&text, &attachments);
            let loaded = Loaded {
                place,
                sample,
                attachments,
                digest,
            };
            if !take(loaded) {
                return Ok(());
            }
            place += 1;
        }
    }
    match lines.finish() == (survey.digest.clone(), survey.bytes) {
        true => Ok(()),
        false => Err(changed()),
    }
}

/// Over what a line says, however it is written, and over the files that it names.
fn digest_of(line: &[u8], attachments: &[Attachment]) -> String {
    let value: Value = serde_json::from_slice(line).unwrap_or_default();
    let mut text = super::canonical::text(&value);
    for attachment in attachments {
        text.push('\n');
        text.push_str(&digest(&attachment.bytes));
    }
    digest(text.as_bytes())
}

/// The lines of a file that are not blank, with their numbers, while its digest is taken.
struct Lines {
    path: PathBuf,
    reader: BufReader<fs::File>,
    number: usize,
    hasher: Sha256,
    bytes: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, EvaluationError> {
        let file = fs::File::open(path).map_err(|source| unreadable(path, source))?;
        Ok(Lines {
            path: path.to_owned(),
            reader: BufReader::with_capacity(1 << 16, file),
            number: 0,
            hasher: Sha256::new(),
            bytes: 0,
        })
    }

    fn next(&mut self) -> Result<Option<(usize, Vec<u8>)>, EvaluationError> {
        loop {
            let mut line = Vec::new();
            let mut bounded = self.reader.by_ref().take(LONGEST + 1);
            let read = bounded
                .read_until(b'\n', &mut line)
                .map_err(|source| unreadable(&self.path, source))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 > LONGEST {
                return Err(EvaluationError::LongLine {
                    path: self.path.clone(),
                    line: self.number,
                    most: LONGEST,
                });
            }
            self.hasher.update(&line);
            self.bytes += read as u64;
            if !line.trim_ascii().is_empty() {
                return Ok(Some((self.number, line)));
            }
        }
    }

    fn finish(self) -> (String, u64) {
        let digest = hex::encode(self.hasher.finalize());
        (format!("sha256:{digest}"), self.bytes)
    }
}

fn unreadable(path: &Path, source: io::Error) -> EvaluationError {
    EvaluationError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
