//! From a stage's answer to a case: what was found where something was expected.
//!
//! A sample without an answer is a case too: nothing was found. How sure a label is stands at the pointer that the data's
//! header names; else in the member beside it whose name ends with `_confidence`; else, where the label is the only one that
//! is measured of its stage, it is the stage's own confidence. What speaks for out of scope is one less the confidence of the
//! most probable label that is in scope: of `alternatives` where the answer has them, else of the label itself.

use std::collections::{BTreeMap, BTreeSet};

use fleetwright_measure::{
    Cases, Field, Fields, Figure, Flags, Label, Labels, Named, Raised, Span, SpanKinds, Spans,
    Summaries, Summary,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::measure::{Measure, Task};
use super::sample::{Expected, Header, word};
use crate::outcome::{StageOutcome, StageStatus};

/// What one sample says of one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Case {
    Label(Label),
    Spans(SpanKinds),
    Fields(Named),
    Summary(Summary),
    Flags(Raised),
}

/// A case, and what of the answer nobody asked for.
pub(super) struct Judged {
    pub(super) case: Case,
    /// Kinds or flags that the data never name, and how often they were found.
    pub(super) ignored: BTreeMap<String, u64>,
    /// Whether the answer has what the pointer leads to.
    pub(super) present: bool,
}

/// Holds an answer against what is expected of it.
pub(super) fn judge(
    measure: &Measure,
    expected: &Expected,
    outcome: Option<&StageOutcome>,
    header: &Header,
) -> Judged {
    let answer = outcome.and_then(|outcome| outcome.answer.as_ref());
    let mut ignored = BTreeMap::new();
    let root = answer.map(|answer| Value::Object(answer.clone()));
    let at = root.as_ref().and_then(|root| root.pointer(&measure.key.at));
    let mut present = at.is_some();
    let case = match expected {
        Expected::Label(label) if measure.key.task == Task::Held => Case::Label(Label {
            expected: label.clone(),
            found: answer
                .and(outcome)
                .map(|outcome| (outcome.status == StageStatus::Held).to_string()),
            ..Label::default()
        }),
        Expected::Label(label) => Case::Label(labelled(measure, label, answer, outcome)),
        Expected::Spans(expected) => {
            let counted = Counted::new(measure, header, &mut ignored);
            let found = at.and_then(Value::as_array).into_iter().flatten();
            let found: Vec<Span> = found.flat_map(|item| counted.spans(item)).collect();
            ignored = counted.left();
            Case::Spans(Spans::compare(expected, &found))
        }
        Expected::Fields(fields) => Case::Fields(compared(fields, at)),
        Expected::Summary(references) => {
            let text = at.and_then(Value::as_str).unwrap_or_default();
            Case::Summary(Summary::compare(text, references))
        }
        Expected::Flags(flags) => {
            let counted = Counted::new(measure, header, &mut ignored);
            let (list, rest) = listed(&measure.key.at);
            let list = root.as_ref().and_then(|root| root.pointer(list));
            present = list.is_some();
            let found = match list {
                Some(Value::Object(members)) => counted.members(members),
                Some(Value::Array(items)) => counted.flags(items, rest),
                _ => BTreeMap::new(),
            };
            ignored = counted.left();
            Case::Flags(Raised {
                expected: flags.clone(),
                found,
            })
        }
    };
    Judged {
        case,
        ignored,
        present,
    }
}

fn labelled(
    measure: &Measure,
    expected: &str,
    answer: Option<&Map<String, Value>>,
    outcome: Option<&StageOutcome>,
) -> Label {
    let Some(answer) = answer else {
        return Label {
            expected: expected.to_owned(),
            ..Label::default()
        };
    };
    let root = Value::Object(answer.clone());
    let found = root.pointer(&measure.key.at).and_then(word);
    let beside = format!("{}_confidence", measure.key.at);
    let own = outcome
        .and_then(|outcome| outcome.confidence)
        .filter(|_| measure.only);
    let confidence = match &measure.confidence {
        Some(pointer) => root.pointer(pointer).and_then(Value::as_f64),
        None => root.pointer(&beside).and_then(Value::as_f64).or(own),
    };
    let outside = measure.outside.as_deref();
    Label {
        outside: outside.and_then(|outside| {
            in_scope(&root, &measure.key.at, outside)
                .or_else(|| {
                    let sure = confidence?;
                    Some(if found.as_deref() == Some(outside) {
                        1.0 - sure
                    } else {
                        sure
                    })
                })
                .map(|inside| 1.0 - inside)
        }),
        expected: expected.to_owned(),
        confidence: confidence.filter(|_| found.is_some()),
        found,
    }
}

/// The confidence of the most probable alternative that is in scope.
fn in_scope(root: &Value, at: &str, outside: &str) -> Option<f64> {
    let (parent, name) = at.rsplit_once('/')?;
    let alternatives = root
        .pointer(&format!("{parent}/alternatives"))?
        .as_array()?;
    let inside = alternatives
        .iter()
        .filter(|one| one.get(name).and_then(Value::as_str) != Some(outside));
    inside
        .filter_map(|one| one.get("confidence")?.as_f64())
        .reduce(f64::max)
}

/// A pointer with `*` in two: to the list, and from an item of it to the flag. Without one it is to a list of flags.
fn listed(at: &str) -> (&str, &str) {
    at.split_once("/*").unwrap_or((at, ""))
}

/// Finds of kinds that the data name; others are set aside and told.
struct Counted<'a> {
    words: &'a BTreeSet<String>,
    kinds: &'a BTreeMap<String, String>,
    left: std::cell::RefCell<BTreeMap<String, u64>>,
}

impl<'a> Counted<'a> {
    fn new(measure: &'a Measure, header: &'a Header, left: &mut BTreeMap<String, u64>) -> Self {
        Counted {
            words: &measure.words,
            kinds: &header.kinds,
            left: std::mem::take(left).into(),
        }
    }

    fn left(self) -> BTreeMap<String, u64> {
        self.left.into_inner()
    }

    /// The kind in the data's words.
    fn kind(&self, found: &str) -> Option<String> {
        let kind = match self.kinds.is_empty() {
            true => Some(found),
            false => self.kinds.get(found).map(String::as_str),
        };
        let known = kind.filter(|kind| self.words.contains(*kind));
        if known.is_none() {
            *self.left.borrow_mut().entry(found.to_owned()).or_default() += 1;
        }
        known.map(str::to_owned)
    }

    /// The spans of a thing that was found: where it stands, and where it stands again (`also`).
    fn spans(&self, item: &Value) -> Vec<Span> {
        let Some(first) = self.span(item) else {
            return Vec::new();
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let again = item
            .get("also")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let again = again.filter_map(|place| {
            Some(Span {
                kind: first.kind.clone(),
                place: text(place.get("source")).unwrap_or_else(|| first.place.clone()),
                start: place.get("start")?.as_u64()?,
                end: place.get("end")?.as_u64()?,
            })
        });
        let again: Vec<Span> = again.collect();
        [vec![first], again].concat()
    }

    /// A span as the stages write one: `kind` or `rule`; `start` and `end` in itself or in `where`.
    fn span(&self, item: &Value) -> Option<Span> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let place = item.get("where");
        let inner = place.filter(|place| place.is_object()).unwrap_or(item);
        let kind = ["kind", "rule", "label", "type"]
            .iter()
            .find_map(|name| item.get(name)?.as_str())?;
        let (start, end) = (inner.get("start")?.as_u64()?, inner.get("end")?.as_u64()?);
        Some(Span {
            kind: self.kind(kind)?,
            place: text(place)
                .or_else(|| text(inner.get("source")))
                .unwrap_or_else(|| "body".to_owned()),
            start,
            end,
        })
    }

    /// Members that are true, each with the confidence beside it.
    fn members(&self, members: &Map<String, Value>) -> BTreeMap<String, Option<f64>> {
        let raised = members
            .iter()
            .filter(|(_, value)| **value == Value::Bool(true));
        let known = raised.filter_map(|(name, _)| {
            let sure = members.get(&format!("{name}_confidence"));
            Some((self.kind(name)?, sure.and_then(Value::as_f64)))
        });
        known.collect()
    }

    /// Each flag with its highest confidence.
    fn flags(&self, items: &[Value], rest: &str) -> BTreeMap<String, Option<f64>> {
        let mut found: BTreeMap<String, Option<f64>> = BTreeMap::new();
        for item in items {
            let flag = item.pointer(rest).and_then(word);
            let Some(flag) = flag.and_then(|flag| self.kind(&flag)) else {
                continue;
            };
            let sure = item.get("confidence").and_then(Value::as_f64);
            let known = found.entry(flag).or_insert(sure);
            if sure > *known {
                *known = sure;
            }
        }
        found
    }
}

fn compared(fields: &BTreeMap<String, Vec<String>>, at: Option<&Value>) -> Named {
    let each = fields.iter().map(|(name, values)| {
        let found = at
            .and_then(|at| at.get(name))
            .filter(|value| !value.is_null());
        let field = match (found.map(word), values.is_empty()) {
            (None, true) => Field::Absent,
            (None, false) => Field::Missing,
            (Some(_), true) => Field::Spurious,
            (Some(Some(found)), false) if values.contains(&found) => Field::Right,
            (Some(_), false) => Field::Wrong,
        };
        (name.clone(), field)
    });
    each.collect()
}

/// All cases of a measure.
pub(super) enum Set {
    Labels(Labels),
    Spans(Spans),
    Fields(Fields),
    Summaries(Summaries),
    Flags(Flags),
}

/// How a measure's cases are read: what a report says of it beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Terms {
    pub(super) task: Task,
    /// The label that means out of scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) out_of_scope: Option<String>,
    /// The precision that a recall is asked at.
    pub(super) precision: f64,
}

impl Set {
    /// Of cases that are all of the task's kind; others are left out.
    pub(super) fn of<'c>(terms: &Terms, cases: impl Iterator<Item = &'c Case>) -> Set {
        macro_rules! of {
            ($kind:ident) => {
                cases
                    .filter_map(|case| match case {
                        Case::$kind(case) => Some(case.clone()),
                        _ => None,
                    })
                    .collect::<Vec<_>>()
            };
        }
        match terms.task {
            Task::Label | Task::Held => Set::Labels(Labels::new(
                &of!(Label),
                terms.out_of_scope.as_deref(),
                terms.precision,
            )),
            Task::Spans => Set::Spans(Spans::new(of!(Spans))),
            Task::Fields => Set::Fields(Fields::new(of!(Fields))),
            Task::Summary => Set::Summaries(Summaries::new(of!(Summary))),
            Task::Flags => Set::Flags(Flags::new(of!(Flags), terms.precision)),
        }
    }

    fn cases(&self) -> &dyn Cases {
        match self {
            Set::Labels(cases) => cases,
            Set::Spans(cases) => cases,
            Set::Fields(cases) => cases,
            Set::Summaries(cases) => cases,
            Set::Flags(cases) => cases,
        }
    }
}

impl Cases for Set {
    fn len(&self) -> usize {
        self.cases().len()
    }

    fn figures(&self) -> Vec<Figure> {
        self.cases().figures()
    }

    fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
        self.cases().values(weights)
    }
}

impl Case {
    /// A case as a report holds it.
    pub(super) fn read(task: Task, value: &Value) -> Option<Case> {
        Some(match task {
            Task::Label | Task::Held => Case::Label(Label::deserialize(value).ok()?),
            Task::Spans => Case::Spans(SpanKinds::deserialize(value).ok()?),
            Task::Fields => Case::Fields(Named::deserialize(value).ok()?),
            Task::Summary => Case::Summary(Summary::deserialize(value).ok()?),
            Task::Flags => Case::Flags(Raised::deserialize(value).ok()?),
        })
    }
}

#[cfg(test)]
mod tests;
