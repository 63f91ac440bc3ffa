//! Golden cases: what a stage must answer before it answers anybody.
//!
//! They lie beside what they test: `plugins/NAME.tests/*.json` for every version of a plugin, `models/NAME/VERSION/tests/*.json`
//! for every stage that binds that model (a case names the plugin that it is for). A candidate whose stage fails one is
//! refused, and never answers a request. One without a case is called with nothing to read where another fleet serves, and refused where it
//! traps. Stages that a change leaves as they are, are not tested again. Bounds: 1,000
//! cases a folder, 4 MiB a case; each runs under the stage's own limits, but for its rate, up to four at a time, and again alone where
//! one fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetwright_runtime::{Answer, Attachment, CallErrorKind, Disposition, Request, Stage};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

const MAX_CASES: usize = 1000;
const MAX_BYTES: u64 = 4 << 20;
/// Cases that run at a time, where the stage's `concurrency` allows as many: models run them together.
const AT_A_TIME: usize = 4;
/// The longest that one case may take, whatever the stage's own deadline says.
const DEADLINE: Duration = Duration::from_secs(60);

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows, for a person.
    #[serde(default)]
    about: String,
    /// The plugin that it is for; needed where it lies beside a model.
    #[serde(default)]
    plugin: Option<String>,
    /// What the stage is shown. Fields that the manifest does not grant are left out, as for any request.
    #[serde(default)]
    fields: Map<String, Value>,
    /// Files, where the stage is granted attachments.
    #[serde(default)]
    attachments: Vec<File>,
    expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    media_type: String,
    /// Its content as text.
    text: String,
}

/// What the answer must be. Nothing said of a member leaves it free.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    /// By JSON pointer into the answer.
    answer: BTreeMap<String, Wanted>,
    /// The stage's confidence.
    confidence: Option<Wanted>,
    /// Whether it holds the submission.
    held: Option<bool>,
    /// The reason of a failure, where it must fail.
    failure: Option<String>,
}

/// What a value must be.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wanted {
    /// Within bounds, or containing a text.
    Condition(Condition),
    /// Exactly this.
    Value(Value),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    at_least: Option<f64>,
    at_most: Option<f64>,
    contains: Option<String>,
}

/// Why a stage fails its golden cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) case: PathBuf,
    pub(crate) detail: String,
}

/// Where the cases of a plugin lie.
pub(crate) fn beside_plugin(plugins: &Path, name: &str) -> PathBuf {
    plugins.join(format!("{name}.tests"))
}

/// Where the cases of a model lie.
pub(crate) fn beside_model(models: &Path, name: &str, version: &str) -> PathBuf {
    models.join(name).join(version).join("tests")
}

/// Runs every case of `folders` that is for the stage's plugin. Gives how many ran, or every one that failed.
pub(crate) async fn judge(
    stage: &Stage,
    reads: &std::collections::BTreeSet<String>,
    folders: &[PathBuf],
) -> Result<usize, Vec<Failed>> {
    let mut failed = Vec::new();
    let mut wanted = Vec::new();
    for folder in folders {
        let own = folder
            .extension()
            .is_some_and(|extension| extension == "tests");
        for path in cases(folder, &mut failed) {
            match read(&path) {
                Ok(case) if case.is_for(stage, own) => wanted.push((path, case)),
                Ok(_) => {}
                Err(detail) => failed.push(Failed { case: path, detail }),
            }
        }
    }
    let ran = wanted.len();
    let at_a_time = AT_A_TIME.min(stage.limits().concurrency).max(1);
    let runs = wanted.into_iter().map(|(path, case)| async move {
        run(stage, reads, &case).await.err()?;
        Some((path, case))
    });
    let runs = futures_util::stream::iter(runs).buffered(at_a_time);
    let doubtful: Vec<_> = runs.collect().await;
    // What four at a time fail by, a model's queue or a deadline, is no fault of the candidate: what it does alone decides.
    for (path, case) in doubtful.into_iter().flatten() {
        let Err(detail) = run(stage, reads, &case).await else {
            continue;
        };
        let about = if case.about.is_empty() {
            String::new()
        } else {
            format!("{}: ", case.about)
        };
        failed.push(Failed {
            case: path,
            detail: format!("{about}{detail}"),
        });
    }
    if failed.is_empty() {
        Ok(ran)
    } else {
        Err(failed)
    }
}

/// Whether a stage without cases stands a call with nothing to read: a failure that it tells itself is none of its faults, a trap is.
///
/// # Errors
/// How it trapped.
pub(crate) async fn stands(stage: &Stage) -> Result<(), String> {
    let request = Request {
        submission: Arc::from("golden"),
        fields: "{}".into(),
        attachments: Vec::new(),
        work: Arc::default(),
    };
    let (answer, _) = stage.rehearse(request, Instant::now() + DEADLINE).await;
    match answer {
        Err(error) if error.kind == CallErrorKind::Trap => Err(error.detail),
        _ => Ok(()),
    }
}

impl Case {
    fn is_for(&self, stage: &Stage, beside_plugin: bool) -> bool {
        match &self.plugin {
            Some(name) => *name == stage.plugin().description().name,
            None => beside_plugin,
        }
    }
}

fn cases(folder: &Path, failed: &mut Vec<Failed>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            failed.push(Failed {
                case: folder.to_owned(),
                detail: format!("cannot be read: {error}"),
            });
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort();
    if paths.len() > MAX_CASES {
        failed.push(Failed {
            case: folder.to_owned(),
            detail: format!("{} cases; at most {MAX_CASES} are run", paths.len()),
        });
        paths.clear();
    }
    paths
}

fn read(path: &Path) -> Result<Case, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("{size} bytes; a case has at most {MAX_BYTES}"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let case: Case =
        serde_json::from_slice(&bytes).map_err(|error| format!("is no golden case: {error}"))?;
    if case.expect.is_empty() {
        return Err("expects nothing: say what the answer must be in `expect`".into());
    }
    Ok(case)
}

async fn run(
    stage: &Stage,
    reads: &std::collections::BTreeSet<String>,
    case: &Case,
) -> Result<(), String> {
    let fields: Map<String, Value> = case
        .fields
        .iter()
        .filter(|(name, _)| reads.contains(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let attachments = match reads.contains("attachments") {
        true => case.attachments.iter().map(File::attachment).collect(),
        false => Vec::new(),
    };
    let request = Request {
        submission: Arc::from("golden"),
        fields: Value::Object(fields).to_string(),
        attachments,
        work: Arc::default(),
    };
    let (answer, _) = stage.rehearse(request, Instant::now() + DEADLINE).await;
    match answer {
        Ok(answer) => case.expect.compare(&answer),
        Err(error) => match &case.expect.failure {
            Some(wanted) if *wanted == error.kind.name() => Ok(()),
            _ => Err(format!("failed ({}): {}", error.kind.name(), error.detail)),
        },
    }
}

impl File {
    fn attachment(&self) -> Attachment {
        Attachment {
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            bytes: self.text.clone().into_bytes().into(),
        }
    }
}

impl Expect {
    fn is_empty(&self) -> bool {
        self.answer.is_empty()
            && self.confidence.is_none()
            && self.held.is_none()
            && self.failure.is_none()
    }

    fn compare(&self, answer: &Answer) -> Result<(), String> {
        if let Some(wanted) = &self.failure {
            return Err(format!("answered, where failure `{wanted}` is expected"));
        }
        let fields = Value::Object(answer.fields.clone());
        for (pointer, wanted) in &self.answer {
            let found = fields.pointer(pointer).unwrap_or(&Value::Null);
            wanted
                .compare(found)
                .map_err(|detail| format!("`{pointer}` {detail}"))?;
        }
        if let Some(wanted) = &self.confidence {
            let found = answer.confidence.map_or(Value::Null, Value::from);
            wanted
                .compare(&found)
                .map_err(|detail| format!("the confidence {detail}"))?;
        }
        let held = matches!(answer.disposition, Disposition::Hold(_));
        match self.held {
            Some(wanted) if wanted != held => {
                Err(format!("held is {held}, where {wanted} is expected"))
            }
            _ => Ok(()),
        }
    }
}

impl Wanted {
    fn compare(&self, found: &Value) -> Result<(), String> {
        let (fits, wanted) = match self {
            Wanted::Value(value) => (same(value, found), value.to_string()),
            Wanted::Condition(condition) => (condition.holds(found), condition.to_string()),
        };
        match fits {
            true => Ok(()),
            false => Err(format!("is {found}, where {wanted} is expected")),
        }
    }
}

/// Numbers are the same where they are equal as numbers: `1` and `1.0`.
fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted.as_f64(), found.as_f64()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => wanted == found,
    }
}

impl Condition {
    fn holds(&self, found: &Value) -> bool {
        let number = found.as_f64();
        let text = found.as_str();
        self.at_least
            .is_none_or(|least| number.is_some_and(|number| number >= least))
            && self
                .at_most
                .is_none_or(|most| number.is_some_and(|number| number <= most))
            && self
                .contains
                .as_deref()
                .is_none_or(|part| text.is_some_and(|text| text.contains(part)))
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bounds = [
            self.at_least.map(|least| format!("at least {least}")),
            self.at_most.map(|most| format!("at most {most}")),
            self.contains
                .as_ref()
                .map(|part| format!("a text with `{part}`")),
        ];
        f.write_str(
            &bounds
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" and "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expect(value: Value) -> Expect {
        serde_json::from_value(value).unwrap()
    }

    fn answer() -> Answer {
        Answer {
            fields: json!({"type": "card", "scores": [1, 0.5]})
                .as_object()
                .unwrap()
                .clone(),
            confidence: Some(0.9),
            disposition: Disposition::Continue,
        }
    }

    #[test]
    fn an_answer_is_compared_by_pointer_bound_and_text() {
        for good in [
            json!({"answer": {"/type": "card", "/scores/0": 1.0}}),
            json!({"answer": {"/type": {"contains": "ar"}, "/scores/1": {"at_least": 0.5, "at_most": 0.5}}}),
            json!({"confidence": {"at_least": 0.8}, "held": false}),
            json!({"answer": {"/missing": null}}),
        ] {
            assert_eq!(expect(good).compare(&answer()), Ok(()));
        }
        for (bad, said) in [
            (
                json!({"answer": {"/type": "fraud"}}),
                "`/type` is \"card\", where \"fraud\" is expected",
            ),
            (
                json!({"answer": {"/scores/1": {"at_least": 0.6}}}),
                "`/scores/1` is 0.5, where at least 0.6 is expected",
            ),
            (
                json!({"answer": {"/type": {"at_least": 0.6}}}),
                "`/type` is \"card\", where at least 0.6 is expected",
            ),
            (
                json!({"held": true}),
                "held is false, where true is expected",
            ),
            (
                json!({"failure": "trap"}),
                "answered, where failure `trap` is expected",
            ),
        ] {
            assert_eq!(expect(bad).compare(&answer()), Err(said.to_owned()));
        }
    }

    #[test]
    fn a_case_that_expects_nothing_or_is_none_is_at_fault() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        for (text, said) in [
            ("{\"expect\": {}}", "expects nothing"),
            ("{}", "missing field `expect`"),
            ("{\"expect\": {\"answers\": {}}}", "unknown field `answers`"),
            ("", "is no golden case"),
        ] {
            fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
