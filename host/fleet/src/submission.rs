//! A submission: what a client asks the fleet to look at.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

pub use fleetwright_runtime::Attachment;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// A request with everything that came with it.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its id, unique on this host.
    pub id: SubmissionId,
    /// Its fields by name.
    pub fields: Map<String, Value>,
    /// Its attachments.
    pub attachments: Vec<Attachment>,
    /// Names of the request headers that came with it and choose a canary, in lower case.
    pub marks: BTreeSet<String>,
}

/// A field that the manifest does not declare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown field `{field}`; this fleet accepts {}", accepted.iter().map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", "))]
pub struct FieldError {
    /// The field's name.
    pub field: String,
    /// The names that the manifest declares.
    pub accepted: Vec<String>,
}

impl Submission {
    /// Refuses a field that is not among those `accepted`.
    ///
    /// # Errors
    /// [`FieldError`] names the first such field.
    pub fn check(&self, accepted: &[String]) -> Result<(), FieldError> {
        match self.fields.keys().find(|field| !accepted.contains(field)) {
            Some(field) => Err(FieldError {
                field: field.clone(),
                accepted: accepted.to_vec(),
            }),
            None => Ok(()),
        }
    }
}

/// `sub_` and 26 characters that sort by time: a ULID whose low bits count up within this process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubmissionId(Arc<str>);

impl SubmissionId {
    /// A new id.
    #[allow(clippy::new_without_default)] // every call gives another one
    pub fn new() -> Self {
        // Tells this process from those before it; `RandomState` is seeded by the operating system.
        static PROCESS: LazyLock<u64> =
            LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let count = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
        // 48 bits of time, 32 of the process, 48 of the count.
        let bits = ((now & 0xffff_ffff_ffff) << 80)
            | ((u128::from(*PROCESS) & 0xffff_ffff) << 48)
            | (count & 0xffff_ffff_ffff);
        SubmissionId(format!("sub_{}", crockford(bits)).into())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

fn crockford(bits: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..26)
        .rev()
        .filter_map(|i| {
            DIGITS
                .get(((bits >> (5 * i)) & 31) as usize)
                .map(|&b| char::from(b))
        })
        .collect()
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SubmissionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sort_by_time() {
        let ids: Vec<_> = (0..1000).map(|_| SubmissionId::new().to_string()).collect();
        assert!(
            ids.iter()
                .all(|id| id.len() == 30 && id.starts_with("sub_"))
        );
        assert!(
            ids.windows(2).all(|pair| pair[0] < pair[1]),
            "one process, one order"
        );
    }

    #[test]
    fn an_undeclared_field_is_named_with_those_accepted() {
        let fields = serde_json::json!({"subject": "hi", "sbject": "hi"});
        let submission = Submission {
            id: SubmissionId::new(),
            fields: fields.as_object().unwrap().clone(),
            attachments: vec![],
            marks: BTreeSet::new(),
        };
        let error = submission
            .check(&["subject".into(), "body".into()])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown field `sbject`; this fleet accepts `subject`, `body`"
        );
    }
}
