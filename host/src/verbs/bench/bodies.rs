//! What is asked: bodies, in turn.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::BenchError;
use crate::input::Input;
use crate::submission::Draft;
use crate::submission::media::MediaType;

/// The bodies of all files.
pub(super) struct Bodies(Vec<Body>);

/// One body, and where it stands.
struct Body {
    input: Input,
    place: String,
}

/// What was asked, for the report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Told {
    /// How many bodies there are.
    pub(super) count: usize,
    /// Their sizes, as they are posted.
    pub(super) bytes: u64,
    /// Digest over their digests.
    pub(super) digest: String,
}

impl Bodies {
    /// Reads the files: `.jsonl` has a body a line, another file is one.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Bodies, BenchError> {
        let mut all = Vec::new();
        for path in paths {
            let lines = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
            match lines {
                true => all.extend(read_lines(path)?),
                false => all.push(Body {
                    input: Input::read(path)?,
                    place: path.display().to_string(),
                }),
            }
        }
        Ok(Bodies(all))
    }

    /// As they are posted, with their media types.
    pub(super) fn posted(self) -> Vec<(&'static str, Bytes)> {
        self.0.into_iter().map(|body| body.input.body()).collect()
    }

    /// As a fleet takes them that accepts `fields`.
    pub(super) async fn drafts(self, fields: &[String]) -> Result<Vec<Draft>, BenchError> {
        let mut drafts = Vec::with_capacity(self.0.len());
        for body in self.0 {
            let draft = body.input.draft(fields).await;
            drafts.push(draft.map_err(|refusal| BenchError::Refused {
                place: body.place,
                detail: refusal.to_string(),
            })?);
        }
        Ok(drafts)
    }

    pub(super) fn told(&self) -> Told {
        let mut digest = Sha256::new();
        let mut bytes = 0;
        for body in &self.0 {
            let (_, posted) = body.input.clone().body();
            bytes += posted.len() as u64;
            digest.update(Sha256::digest(&posted));
        }
        Told {
            count: self.0.len(),
            bytes,
            digest: format!("sha256:{}", hex::encode(digest.finalize())),
        }
    }
}

fn read_lines(path: &Path) -> Result<Vec<Body>, BenchError> {
    // As a mail's file is read: within the bound on a file, and with the same words where it cannot be.
    let Input::Draft(file) = Input::read(path)? else {
        return Err(empty(path));
    };
    let bytes = file.attachments.into_iter().next().map(|file| file.bytes);
    let bytes = bytes.ok_or_else(|| empty(path))?;
    let mut all = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        serde_json::from_slice::<IgnoredAny>(line).map_err(|error| BenchError::Line {
            path: path.to_owned(),
            line: number + 1,
            detail: error.to_string(),
        })?;
        all.push(Body {
            input: Input::Body(MediaType::Json, bytes.slice_ref(line)),
            place: format!("{}, line {}", path.display(), number + 1),
        });
    }
    match all.is_empty() {
        true => Err(empty(path)),
        false => Ok(all),
    }
}

fn empty(path: &Path) -> BenchError {
    BenchError::Empty {
        path: path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bodies, BenchError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bodies.jsonl");
        std::fs::write(&path, text).unwrap();
        Bodies::read(&[path])
    }

    #[test]
    fn a_line_is_a_body_as_it_stands() {
        let bodies = read("{\"body\": \"a\"}\n\n {\"body\":\"b\"}").unwrap();
        let told = bodies.told();
        assert_eq!((told.count, told.bytes), (2, 13 + 13));
        let posted = bodies.posted();
        assert_eq!(posted[0], ("application/json", "{\"body\": \"a\"}".into()));
    }

    #[test]
    fn what_cannot_be_asked_is_told_with_its_line() {
        let error = read("{}\n{\"body\": }\n").err().unwrap().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(matches!(read("\n\n"), Err(BenchError::Empty { .. })));
        assert!(matches!(read(""), Err(BenchError::Input(_))));
        let missing = Bodies::read(&["no/such.jsonl".into()]);
        assert!(matches!(missing, Err(BenchError::Input(_))));
    }

    #[tokio::test]
    async fn a_fleet_refuses_what_it_does_not_take() {
        let bodies = read("{\"body\": \"a\"}\n{\"bodi\": \"b\"}").unwrap();
        let error = bodies.drafts(&["body".to_owned()]).await.err().unwrap();
        let text = error.to_string();
        assert!(text.contains("line 2") && text.contains("bodi"), "{text}");
    }
}
