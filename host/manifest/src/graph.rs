//! Which stage waits for which.
//!
//! Purpose: from `needs` to the order in which stages run, and to the set of stages upstream of each. Defaults: a stage
//! without `needs` needs the one above. What cannot be resolved is reported once, and marks the stages behind it as
//! uncertain, so that nothing is reported that only follows.

use crate::Diagnostic;
use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::raw_stage::RawStage;
use crate::suggest::{list, nearest, shown};
use std::collections::{BTreeMap, BTreeSet};

/// The graph over the stages' places in the file.
#[derive(Debug)]
pub(crate) struct Graph {
    /// What each stage needs, directly.
    pub(crate) needs: Vec<BTreeSet<usize>>,
    /// All that runs before each stage.
    pub(crate) upstream: Vec<BTreeSet<usize>>,
    /// Whether what runs before each stage is known: nothing of it was refused.
    pub(crate) certain: Vec<bool>,
    /// An order in which each stage comes after all that it needs; the file's order where there is a choice. Stages of
    /// a cycle, and behind it, are not in it.
    pub(crate) order: Vec<usize>,
    /// Stages by name; the first of two with one name.
    pub(crate) by_name: BTreeMap<String, usize>,
    /// Whether every stage has a name: otherwise a name that is not found may be that of a stage without one.
    pub(crate) all_named: bool,
}

impl Graph {
    pub(crate) fn new(stages: &[RawStage], findings: &mut Findings) -> Self {
        let by_name = names(stages, findings);
        let all_named = stages.iter().all(|stage| stage.name.is_some());
        let mut certain = Vec::new();
        let mut needs = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            let (found, complete) = resolve(index, stage, stages, &by_name, findings);
            needs.push(found);
            certain.push(complete);
        }
        let order = order(&needs);
        report_cycle(stages, &needs, &order, findings);
        let upstream = upstream(&needs, &order);
        let mut graph = Self {
            needs,
            upstream,
            certain,
            order,
            by_name,
            all_named,
        };
        graph.spread_doubt();
        graph
    }

    /// A stage behind an uncertain one, or not in the order, is uncertain.
    fn spread_doubt(&mut self) {
        let ordered: BTreeSet<usize> = self.order.iter().copied().collect();
        let doubtful: Vec<bool> = (self.upstream.iter().enumerate())
            .map(|(index, upstream)| {
                let sure = |index: &usize| self.certain.get(*index).copied().unwrap_or(false);
                !ordered.contains(&index) || !sure(&index) || !upstream.iter().all(sure)
            })
            .collect();
        self.certain = doubtful.into_iter().map(|doubt| !doubt).collect();
    }

    pub(crate) fn is_upstream(&self, stage: usize, of: usize) -> bool {
        self.upstream
            .get(of)
            .is_some_and(|upstream| upstream.contains(&stage))
    }
}

fn names(stages: &[RawStage], findings: &mut Findings) -> BTreeMap<String, usize> {
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for (index, stage) in stages.iter().enumerate() {
        let Some(name) = &stage.name else { continue };
        let Some(first) = by_name
            .get(&name.value)
            .and_then(|first| stages.get(*first))
        else {
            by_name.insert(name.value.clone(), index);
            continue;
        };
        findings.report(
            Diagnostic::new(
                codes::DUPLICATE_STAGE,
                name.span,
                format!("two stages are named `{}`", shown(&name.value)),
            )
            .label("again here")
            .other(first.spans.name, "first here")
            .hint("give one of them another name; two stages may run the same plugin"),
        );
    }
    by_name
}

/// The stages that one stage needs, and whether all that was written was understood.
fn resolve(
    index: usize,
    stage: &RawStage,
    stages: &[RawStage],
    by_name: &BTreeMap<String, usize>,
    findings: &mut Findings,
) -> (BTreeSet<usize>, bool) {
    let Some(written) = &stage.needs else {
        return (index.checked_sub(1).into_iter().collect(), true);
    };
    let mut needs = BTreeSet::new();
    let mut complete = written.complete;
    for need in &written.items {
        match by_name.get(&need.value) {
            Some(found) if *found == index => {
                complete = false;
                findings.report(
                    Diagnostic::new(
                        codes::SELF_NEED,
                        need.span,
                        format!("`{}` needs itself", shown(&need.value)),
                    )
                    .label("this stage")
                    .hint("remove it; `needs = []` is a stage that starts at once"),
                );
            }
            Some(found) => {
                needs.insert(*found);
            }
            None if stages.iter().any(|stage| stage.name.is_none()) => complete = false,
            None => {
                complete = false;
                findings.report(unknown_need(&need.value, need.span, index, stages));
            }
        }
    }
    (needs, complete)
}

fn unknown_need(name: &str, span: crate::Span, index: usize, stages: &[RawStage]) -> Diagnostic {
    let others: Vec<&str> = (stages.iter().enumerate())
        .filter(|(other, _)| *other != index)
        .filter_map(|(_, stage)| stage.name.as_ref().map(|name| name.value.as_str()))
        .collect();
    let diagnostic = Diagnostic::new(
        codes::UNKNOWN_NEED,
        span,
        format!(
            "`needs` names `{}`, and no stage has that name",
            shown(name)
        ),
    )
    .label("no such stage");
    match nearest(name, others.iter().copied()) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None if others.is_empty() => diagnostic.hint("remove it: this is the only stage"),
        None => diagnostic.hint(format!("the other stages are {}", list(others))),
    }
}

/// Kahn's order, taking the stage nearest the top of the file among those that are ready.
fn order(needs: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut order = Vec::with_capacity(needs.len());
    let ready = |done: &BTreeSet<usize>| {
        (needs.iter().enumerate())
            .find(|(index, needs)| !done.contains(index) && needs.is_subset(done))
            .map(|(index, _)| index)
    };
    while let Some(next) = ready(&done) {
        done.insert(next);
        order.push(next);
    }
    order
}

fn upstream(needs: &[BTreeSet<usize>], order: &[usize]) -> Vec<BTreeSet<usize>> {
    let mut upstream: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); needs.len()];
    for index in order {
        let direct = needs.get(*index).cloned().unwrap_or_default();
        let mut all = direct.clone();
        for need in direct {
            all.extend(upstream.get(need).into_iter().flatten().copied());
        }
        if let Some(slot) = upstream.get_mut(*index) {
            *slot = all;
        }
    }
    upstream
}

/// Reports each cycle once, at its stage nearest the top of the file.
fn report_cycle(
    stages: &[RawStage],
    needs: &[BTreeSet<usize>],
    order: &[usize],
    findings: &mut Findings,
) {
    let mut left: BTreeSet<usize> = (0..needs.len())
        .filter(|index| !order.contains(index))
        .collect();
    while let Some(start) = left.first().copied() {
        let Some(cycle) = cycle_from(start, needs, &left) else {
            left.remove(&start);
            continue;
        };
        let first = cycle.iter().copied().min().unwrap_or(start);
        let turned = cycle
            .iter()
            .copied()
            .cycle()
            .skip_while(|index| *index != first);
        let names: Vec<String> = turned
            .take(cycle.len() + 1)
            .map(|index| {
                let name = stages.get(index).and_then(|stage| stage.name.as_ref());
                format!("`{}`", name.map_or("?", |name| name.value.as_str()))
            })
            .collect();
        if let Some(stage) = stages.get(first) {
            let path = names.join(" needs ");
            findings.report(
                Diagnostic::new(codes::CYCLIC_NEEDS, stage.spans.needs.unwrap_or(stage.spans.stage), "stages wait for each other")
                    .label(path)
                    .hint(match stage.spans.needs {
                        Some(_) => "remove one of these from `needs`",
                        None => "a stage without `needs` needs the one above; write `needs = []` for a stage that starts at once",
                    }),
            );
        }
        for index in cycle {
            left.remove(&index);
        }
    }
}

/// Follows needs from a stage until one comes again; `None` where the path leaves `left`.
fn cycle_from(
    start: usize,
    needs: &[BTreeSet<usize>],
    left: &BTreeSet<usize>,
) -> Option<Vec<usize>> {
    let mut path = vec![start];
    loop {
        let last = *path.last()?;
        let next = needs
            .get(last)?
            .iter()
            .copied()
            .find(|need| left.contains(need))?;
        if let Some(at) = path.iter().position(|index| *index == next) {
            return Some(path.split_off(at));
        }
        path.push(next);
    }
}
