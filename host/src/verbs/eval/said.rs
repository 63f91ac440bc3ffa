//! Sentences that stand on the terminal and on the page alike.

use fleetwright_fleet::evaluation::{Compared, Measured, Times};

/// Why a report is not complete, a reason each.
pub(super) fn left_out(measured: &Measured) -> Vec<String> {
    let (ran, asked) = (measured.samples.len(), measured.data.samples);
    let rows = measured.data.rows;
    let limited =
        (asked < rows).then(|| format!("`--limit` takes the first {asked} of {rows} samples"));
    let stopped = (ran < asked)
        .then(|| format!("stopped after {ran} of the {asked} samples that were to be run"));
    limited.into_iter().chain(stopped).collect()
}

/// Whether both are of the same.
pub(super) fn of_what(compared: &Compared) -> &'static str {
    match (compared.same_data, compared.same_samples) {
        (true, true) => "of the same data",
        (true, false) => "of the same data file, but of other samples of it",
        (false, true) => "of another data file, but of the same samples",
        (false, false) => "of other data",
    }
}

/// What only one of both has, a sentence each.
pub(super) fn uncompared(compared: &Compared) -> Vec<String> {
    let mut said = Vec::new();
    if !compared.gone.is_empty() {
        said.push(format!(
            "only in the baseline: {}; nothing says that it is no worse, so that `--fail-on-worse` fails",
            quoted(&compared.gone)
        ));
    }
    if !compared.new.is_empty() {
        said.push(format!(
            "new, with nothing to compare with: {}",
            quoted(&compared.new)
        ));
    }
    for measure in compared.measures.iter().filter(|one| !one.gone.is_empty()) {
        said.push(format!(
            "`{}` has no more {}, which the baseline has, so that `--fail-on-worse` fails",
            measure.name,
            quoted(&measure.gone)
        ));
    }
    said
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Why times have no verdict, and what is known to differ.
pub(super) fn conditions(times: &Times) -> String {
    let mut differ = Vec::new();
    if let Some(machine) = &times.other_machine {
        differ.push(format!(
            "the baseline is of another machine ({}, {} cores, {} GiB, {})",
            machine.processor,
            machine.cores,
            machine.memory_mib / 1024,
            machine.system
        ));
    }
    if let Some(jobs) = times.other_jobs {
        differ.push(format!("it had {jobs} samples at once"));
    }
    match times.same_programs {
        Some(true) => {}
        Some(false) => differ.push("its program or its inference library is another".to_owned()),
        None => differ.push("it does not say by which program".to_owned()),
    }
    let common = "no verdict: times hang on the machine and on what else runs there";
    match differ.is_empty() {
        true => common.to_owned(),
        false => format!("{common}; {}", differ.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetwright_fleet::evaluation::{Latency, Machine};

    #[test]
    fn what_differs_between_two_runs_is_said_beside_their_times() {
        let mut times = Times {
            before: Latency::default(),
            after: Latency::default(),
            other_machine: None,
            other_jobs: None,
            same_programs: Some(true),
        };
        let same = conditions(&times);
        assert!(same.ends_with("what else runs there"), "{same}");
        times.other_machine = Some(Machine {
            processor: "a processor".into(),
            cores: 2,
            ..Machine::default()
        });
        times.other_jobs = Some(7);
        times.same_programs = Some(false);
        let other = conditions(&times);
        for said in [
            "another machine (a processor, 2 cores",
            "7 samples at once",
            "library is another",
        ] {
            assert!(other.contains(said), "{said}: {other}");
        }
    }
}
