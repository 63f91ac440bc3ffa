//! What a stage reaches: `reads` and the variables of `when`.
//!
//! Purpose: a stage sees fields, attachments and the answers of stages upstream, and nothing else. Where a name is a
//! stage that does not run before, the hint says what to add to `needs`.

use crate::compile::{Use, Used};
use crate::condition::TYPES;
use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::graph::Graph;
use crate::raw_stage::{RawStage, When};
use crate::suggest::{list, nearest, shown};
use crate::valid::Fields;
use crate::walk::At;
use crate::{Diagnostic, Span};

/// The functions and macros of CEL that a condition may call.
pub(crate) const FUNCTIONS: &[&str] = &[
    "all",
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "hasValue",
    "int",
    "map",
    "orValue",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// Looks at one stage within the whole.
pub(crate) struct Reach<'a> {
    pub(crate) stages: &'a [RawStage],
    pub(crate) graph: &'a Graph,
    pub(crate) fields: &'a Fields,
}

impl Reach<'_> {
    /// Reports what a stage reads, or compares, and cannot.
    pub(crate) fn check(&self, index: usize, findings: &mut Findings) {
        let Some(stage) = self.stages.get(index) else {
            return;
        };
        for read in stage.reads.iter().flat_map(|reads| &reads.items) {
            self.check_read(index, stage, read, findings);
        }
        if let Some(when) = &stage.when {
            let mut seen: Vec<&Used> = Vec::new();
            let mut dashed: Vec<&str> = Vec::new();
            for used in &when.uses {
                if seen.contains(&&used.what) {
                    continue;
                }
                seen.push(&used.what);
                // `front-desk` is read as `front` minus `desk`: one mistake, reported at the first half.
                match self.dashed(index, &used.what) {
                    Some(stage) if dashed.contains(&stage) => continue,
                    stage => dashed.extend(stage),
                }
                self.check_use(index, stage, when, used, findings);
            }
        }
    }

    /// The upstream stage with a dash in its name that a variable is a part of.
    fn dashed(&self, index: usize, used: &Used) -> Option<&str> {
        let Used::Variable(variable) = used else {
            return None;
        };
        let is_stage = |(name, _): &(&String, &usize)| name.replace('-', "_") == *variable;
        if self.graph.by_name.iter().any(|stage| is_stage(&stage)) {
            return None;
        }
        (self.graph.upstream.get(index).into_iter().flatten())
            .map(|stage| self.name(*stage))
            .find(|name| name.contains('-') && name.split('-').any(|part| part == variable))
    }

    fn check_read(
        &self,
        index: usize,
        stage: &RawStage,
        read: &At<String>,
        findings: &mut Findings,
    ) {
        let name = read.value.as_str();
        if name == "attachments" || self.fields.names.iter().any(|field| field == name) {
            return;
        }
        match self.graph.by_name.get(name) {
            Some(other) if self.graph.is_upstream(*other, index) => {}
            Some(other) => {
                if self.is_certain(index) {
                    let message =
                        format!("`reads` names `{name}`, which does not run before this stage");
                    let diagnostic = Diagnostic::new(codes::READ_NOT_UPSTREAM, read.span, message);
                    findings.report(self.not_upstream(diagnostic, index, stage, *other, "reads"));
                }
            }
            None => {
                if self.fields.complete && self.graph.all_named {
                    findings.report(self.unknown_read(index, name, read.span));
                }
            }
        }
    }

    fn is_certain(&self, index: usize) -> bool {
        self.graph.certain.get(index).copied().unwrap_or(false)
    }

    fn name(&self, index: usize) -> &str {
        let name = self.stages.get(index).and_then(|stage| stage.name.as_ref());
        name.map_or("?", |name| name.value.as_str())
    }

    /// Label and hint for a stage that is used and does not run before.
    fn not_upstream(
        &self,
        diagnostic: Diagnostic,
        index: usize,
        stage: &RawStage,
        other: usize,
        key: &str,
    ) -> Diagnostic {
        let (this, that) = (self.name(index), self.name(other));
        if other == index {
            return diagnostic.label("this stage itself").hint(format!(
                "remove it from `{key}`: a stage has no answer before it runs"
            ));
        }
        if self.graph.is_upstream(index, other) {
            return diagnostic
                .label(format!("`{that}` runs after `{this}`"))
                .hint(format!(
                    "remove it from `{key}`, or move what needs it into a stage after `{that}`"
                ));
        }
        let mut needs: Vec<&str> = self
            .graph
            .needs
            .get(index)
            .into_iter()
            .flatten()
            .map(|need| self.name(*need))
            .collect();
        needs.push(that);
        let needs: Vec<String> = needs.iter().map(|need| format!("\"{need}\"")).collect();
        let write = format!("needs = [{}]", needs.join(", "));
        let diagnostic = diagnostic.label(format!("`{that}` is not upstream of `{this}`"));
        match stage.spans.needs {
            Some(span) => diagnostic
                .other(span, "what this stage waits for")
                .hint(format!("add it to what `{this}` needs: `{write}`")),
            None => diagnostic.hint(format!("add to stage `{this}`: `{write}`")),
        }
    }

    fn unknown_read(&self, index: usize, name: &str, span: Span) -> Diagnostic {
        let upstream = self
            .graph
            .upstream
            .get(index)
            .into_iter()
            .flatten()
            .map(|stage| self.name(*stage));
        let mut known: Vec<&str> = self.fields.names.iter().map(String::as_str).collect();
        known.push("attachments");
        known.extend(upstream);
        let diagnostic = Diagnostic::new(
            codes::UNKNOWN_READ,
            span,
            format!(
                "`reads` names `{}`, which is neither a field nor a stage",
                shown(name)
            ),
        )
        .label("unknown");
        let stages = self.graph.by_name.keys().map(String::as_str);
        match nearest(name, known.iter().copied()).or_else(|| nearest(name, stages)) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic
                .note(format!("this stage may read {}", list(known)))
                .hint(format!(
                    "remove it, or declare the field: add `\"{}\"` to `fields` in `[submission]`",
                    shown(name)
                )),
        }
    }

    fn check_use(
        &self,
        index: usize,
        stage: &RawStage,
        when: &When,
        used: &Use,
        findings: &mut Findings,
    ) {
        let span = when.place(used.span);
        match &used.what {
            Used::Variable(name) => self.check_variable(index, stage, name, span, findings),
            Used::Field(name) => {
                if self.fields.complete && !self.fields.names.contains(name) {
                    findings.report(self.unknown_field(name, span));
                }
            }
            Used::Function(name) => {
                if !FUNCTIONS.contains(&name.as_str()) {
                    findings.report(unknown_function(name, span));
                }
            }
        }
    }

    fn check_variable(
        &self,
        index: usize,
        stage: &RawStage,
        name: &str,
        span: Span,
        findings: &mut Findings,
    ) {
        if name == "submission" {
            return;
        }
        let other = self
            .graph
            .by_name
            .iter()
            .find(|(stage, _)| stage.replace('-', "_") == name);
        match other {
            Some((_, other)) if self.graph.is_upstream(*other, index) => {}
            Some((_, other)) => {
                if self.is_certain(index) {
                    let message = format!(
                        "`when` uses `{}`, which does not run before this stage",
                        self.name(*other)
                    );
                    let diagnostic = Diagnostic::new(codes::VARIABLE_NOT_UPSTREAM, span, message);
                    findings.report(self.not_upstream(diagnostic, index, stage, *other, "when"));
                }
            }
            None if TYPES.contains(&name) => {}
            None if !self.graph.all_named => {}
            None => findings.report(self.unknown_variable(index, name, span)),
        }
    }

    fn unknown_variable(&self, index: usize, name: &str, span: Span) -> Diagnostic {
        let diagnostic = Diagnostic::new(
            codes::UNKNOWN_VARIABLE,
            span,
            format!("`when` uses `{}`, which is not a variable", shown(name)),
        )
        .label("unknown variable");
        let upstream: Vec<String> = (self.graph.upstream.get(index).into_iter().flatten())
            .map(|stage| self.name(*stage).replace('-', "_"))
            .collect();
        let known: Vec<&str> = upstream
            .iter()
            .map(String::as_str)
            .chain(["submission"])
            .collect();
        if self.fields.names.iter().any(|field| field == name) {
            return diagnostic.hint(format!(
                "fields are members of `submission`: write `submission.{name}`"
            ));
        }
        if let Some(stage) = self.dashed(index, &Used::Variable(name.to_owned())) {
            return diagnostic.hint(format!(
                "in CEL a dash is a minus: write `{}` for the stage `{stage}`",
                stage.replace('-', "_")
            ));
        }
        match nearest(name, known.iter().copied()) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint(format!("this stage's `when` can use {}", list(known))),
        }
    }

    fn unknown_field(&self, name: &str, span: Span) -> Diagnostic {
        let known = || self.fields.names.iter().map(String::as_str);
        let diagnostic = Diagnostic::new(
            codes::UNKNOWN_VARIABLE,
            span,
            format!(
                "`when` uses `submission.{}`, and no such field is declared",
                shown(name)
            ),
        )
        .label("unknown field");
        match nearest(name, known()) {
            Some(near) => diagnostic.hint(format!("did you mean `submission.{near}`?")),
            None => diagnostic.hint(format!(
                "use one of {}, or add it to `fields` in `[submission]`",
                list(known())
            )),
        }
    }
}

fn unknown_function(name: &str, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::UNKNOWN_VARIABLE,
        span,
        format!("`when` calls `{}`, which is not a function", shown(name)),
    )
    .label("unknown function");
    match (name, nearest(name, FUNCTIONS.iter().copied())) {
        ("matches", _) => diagnostic.hint(
            "a condition has no regular expressions: use `contains`, `startsWith` or `endsWith`",
        ),
        (_, Some(near)) => diagnostic.hint(format!("did you mean `{near}`?")),
        _ => diagnostic.hint(format!("use one of {}", list(FUNCTIONS.iter().copied()))),
    }
}
