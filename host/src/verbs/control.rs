//! The verbs that look at, or change, what a running host serves: `ps`, `plan`, `swap`, `rollback`, `history`.

use fleetwright_fleet::records;
use serde_json::{Value, json};

use super::check::short;
use super::{Ending, VerbError};
use crate::cli::{self, Places};
use crate::control::{Control, ControlError};
use crate::table;
use crate::terminal::Terminal;
use crate::{edit, onnxruntime};

/// `ps`: what serves, since when, and what was refused.
///
/// # Errors
/// No host serves.
pub async fn ps(arguments: &cli::Ps, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let status = control(&places).status().await?;
    let ending = match status.pointer("/control/refused") {
        Some(_) => Ending::Badly,
        None => Ending::Well,
    };
    if terminal.json() {
        terminal.value(&status)?;
    } else {
        terminal.text(&drawn(&status, terminal))?;
    }
    Ok(ending)
}

/// `plan`: what a manifest would change.
///
/// # Errors
/// It would be refused.
pub async fn plan(arguments: &cli::Plan, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let file = arguments.file.as_ref().unwrap_or(&places.manifest);
    let text = edit::read(file)?;
    let planned = match control(&places).plan(text.clone()).await {
        Err(ControlError::NoHost { .. }) => {
            let options = onnxruntime::options(&places)?;
            let (generation, changes) = fleetwright_fleet::plan(&options, text).await?;
            json!({"generation": generation, "changes": changes})
        }
        planned => planned?,
    };
    say(&planned, "would change", terminal)
}

/// `swap`: another plugin for one stage, in the manifest and in the host.
///
/// # Errors
/// The host refuses it; then the manifest stays as it was.
pub async fn swap(arguments: &cli::Swap, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let control = control(&places);
    let before = edit::read(&places.manifest)?;
    let after = edit::with_plugin(&before, &arguments.stage, &arguments.plugin)?;
    // Asked first, so that a manifest that is refused is never written.
    control.plan(after.clone()).await?;
    edit::write(&places.manifest, &after)?;
    match control.apply().await {
        Ok(applied) => say(&applied, "serves", terminal),
        Err(error) => {
            edit::write(&places.manifest, &before)?;
            Err(error.into())
        }
    }
}

/// `rollback`: an earlier generation.
///
/// # Errors
/// The host refuses it.
pub async fn rollback(
    arguments: &cli::Rollback,
    terminal: &mut Terminal,
) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let applied = control(&places).rollback(arguments.generation).await?;
    say(&applied, "serves", terminal)
}

/// `history`: every generation that is kept.
///
/// # Errors
/// It cannot be read.
pub fn history(arguments: &cli::History, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let records = records(&places.state, &places.manifest)?;
    if terminal.json() {
        for record in &records {
            terminal.value(&match record {
                Ok(record) => json!({
                    "generation": record.generation, "at": record.at, "cause": record.cause, "manifest": record.manifest,
                    "changes": record.changes, "plugins": record.pins.plugins, "models": record.pins.models,
                }),
                Err(error) => json!({ "error": error.to_string() }),
            })?;
        }
        return Ok(Ending::Well);
    }
    if records.is_empty() {
        terminal.text("Nothing was served yet: `fleetwright serve` begins.\n")?;
        return Ok(Ending::Well);
    }
    let header = ["generation", "since", "cause", "manifest", "changes"].map(str::to_owned);
    let rows: Vec<_> = records
        .iter()
        .rev()
        .map(|record| {
            let record = match record {
                Ok(record) => record,
                Err(error) => return ["", "", "", "", &error.to_string()].map(str::to_owned),
            };
            [
                record.generation.to_string(),
                record.at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                record.cause.to_string(),
                short(&record.manifest).to_owned(),
                record.changes.join("; "),
            ]
        })
        .collect();
    terminal.text(&table::columns(&header, &rows, terminal.style()))?;
    Ok(Ending::Well)
}

fn control(places: &Places) -> Control {
    Control::of(&places.state, &places.manifest)
}

/// A generation and its changes.
fn say(answer: &Value, what: &str, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    if terminal.json() {
        terminal.value(answer)?;
        return Ok(Ending::Well);
    }
    let generation = answer
        .get("generation")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let changes = answer.get("changes").and_then(Value::as_array);
    let changes: Vec<&str> = changes
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut text = match (what, changes.is_empty()) {
        ("serves", true) => format!("Nothing changed: generation {generation} serves.\n"),
        ("serves", false) => format!("Generation {generation} serves:\n"),
        (_, true) => format!("Nothing would change of generation {generation}.\n"),
        (_, false) if generation == 0 => "Nothing was served yet; it would be:\n".to_owned(),
        (_, false) => format!("Of generation {generation} it would change:\n"),
    };
    for change in changes {
        text.push_str(&format!("  {change}\n"));
    }
    terminal.text(&text)?;
    Ok(Ending::Well)
}

fn drawn(status: &Value, terminal: &Terminal) -> String {
    let text_at = |pointer: &str| match status.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let mut text = format!(
        "Fleet `{}` at {}, process {}\nGeneration {} since {}, {} in flight\n",
        text_at("/fleet/name"),
        text_at("/url"),
        text_at("/process"),
        text_at("/fleet/generation"),
        text_at("/control/since"),
        text_at("/submissions/in_flight"),
    );
    let flag = |pointer: &str| status.pointer(pointer) == Some(&Value::Bool(true));
    if flag("/control/held") {
        text.push_str("Rolled back: it holds until something on disk changes.\n");
    }
    if flag("/control/unsettled") {
        text.push_str("A change is being written or compiled.\n");
    }
    if let Some(why) = status
        .pointer("/control/unrecorded")
        .and_then(Value::as_str)
    {
        text.push_str(&format!(
            "NOT RECORDED, a restart may serve an earlier generation: {why}\n"
        ));
    }
    if let Some(why) = status
        .pointer("/control/refused/text")
        .and_then(Value::as_str)
    {
        let stale = if flag("/control/stale") {
            " at the start"
        } else {
            ""
        };
        text.push_str(&format!(
            "\nWHAT STANDS ON DISK IS REFUSED{stale}; the generation above serves on. Why:\n{why}\n"
        ));
    }
    let stuck = status
        .pointer("/control/unoptimised")
        .and_then(Value::as_array);
    for stage in stuck.into_iter().flatten() {
        let said = |member: &str| {
            stage
                .get(member)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        text.push_str(&format!(
            "Stage {} stays in quick code, which runs slower: {}\n",
            said("stage"),
            said("reason")
        ));
    }
    text.push('\n');
    let stages = status.pointer("/fleet/stages").and_then(Value::as_array);
    let rows: Vec<_> = stages.into_iter().flatten().map(row).collect();
    let header = ["stage", "plugin", "digest", "on trial"].map(str::to_owned);
    text.push_str(&table::columns(&header, &rows, terminal.style()));
    text
}

fn row(stage: &Value) -> [String; 4] {
    let said = |pointer: &str| {
        stage
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let count = |pointer: &str| stage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let mut trials = Vec::new();
    if stage.get("canary").is_some() {
        trials.push(format!(
            "canary {}@{} ({}): {} calls, {} errors",
            said("/canary/plugin/name"),
            said("/canary/plugin/version"),
            said("/canary/split"),
            count("/canary/canary/calls"),
            count("/canary/canary/errors"),
        ));
    }
    if stage.get("shadow").is_some() {
        trials.push(format!(
            "shadow {}@{}: {} same, {} different",
            said("/shadow/plugin/name"),
            said("/shadow/plugin/version"),
            count("/shadow/same"),
            count("/shadow/different"),
        ));
    }
    let quick = match said("/code") {
        "quick" => ", in quick code",
        _ => "",
    };
    [
        said("/name").to_owned(),
        format!(
            "{}@{}{quick}",
            said("/plugin/name"),
            said("/plugin/version")
        ),
        short(said("/plugin/digest")).to_owned(),
        trials.join("; "),
    ]
}
