//! `fleetwright check`: everything that a start does, but serving; then a summary of the fleet.

use fleetwright_fleet::{StageSummary, Summary};
use serde_json::json;

use super::{Ending, VerbError};
use crate::table::{self, Style};
use crate::terminal::Terminal;
use crate::{cli, onnxruntime};

/// Checks the fleet.
///
/// # Errors
/// The fleet would not start.
pub async fn check(arguments: &cli::Check, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let options = onnxruntime::options(&arguments.fleet.places())?;
    let summary = fleetwright_fleet::check(&options).await?;
    if terminal.json() {
        terminal.value(&json!({"ok": true, "fleet": summary}))?;
    } else {
        terminal.text(&rendered(&summary, terminal.style()))?;
    }
    Ok(Ending::Well)
}

fn rendered(summary: &Summary, style: Style) -> String {
    let rows: Vec<_> = summary.stages.iter().map(row).collect();
    let header = ["stage", "plugin", "models", "after", "reads"].map(str::to_owned);
    let mut text = format!(
        "Fleet `{}` is valid: {} stages, manifest {}\n\n",
        summary.name,
        summary.stages.len(),
        short(&summary.manifest)
    );
    text.push_str(&table::columns(&header, &rows, style));
    text
}

fn row(stage: &StageSummary) -> [String; 5] {
    let models: Vec<_> = stage
        .models
        .iter()
        .map(|(role, model)| {
            let model = &model.identity;
            format!(
                "{role} = {}@{} on {} ({})",
                model.name, model.version, model.device, model.backend
            )
        })
        .collect();
    let mut after = stage.needs.join(", ");
    if let Some(when) = &stage.when {
        after = format!("{after} when {when}").trim_start().to_owned();
    }
    let plugin = format!(
        "{}@{} {}",
        stage.plugin.name,
        stage.plugin.version,
        short(&stage.plugin.digest)
    );
    [
        stage.name.clone(),
        plugin,
        or_none(models.join(", ")),
        or_none(after),
        or_none(stage.reads.join(", ")),
    ]
}

fn or_none(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

/// Enough of a digest to tell two apart: `sha256:` and twelve digits.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
