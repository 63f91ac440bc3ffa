//! Which tests of devices cannot compute here, and why: they pass then, and their own words do not show in a runner's output.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::Workspace;

/// The builds of onnxruntime whose devices have tests of their own.
const BUILDS: [&str; 2] = ["cuda", "webgpu"];

/// Says of each device whose tests compute nothing here what it lacks, as `fleetwright doctor` finds it.
pub(crate) fn tell(workspace: &Workspace, host: &Path) -> Result<()> {
    for build in BUILDS {
        let words = ["doctor", "--json", "--onnxruntime", build];
        let mut doctor = Command::new(host);
        // It ends badly where something is missing, which is what is asked for.
        let told = doctor.current_dir(&workspace.root).args(words).output()?;
        let told = serde_json::from_slice(&told.stdout)
            .with_context(|| format!("`fleetwright {}` said no JSON", words.join(" ")))?;
        if let Some(reason) = lacking(&told) {
            eprintln!("   skipped: what the tests of {build} compute on its device, for {reason}");
        }
    }
    Ok(())
}

/// What a device lacks to compute, in doctor's words: the library, or what that says of the device.
fn lacking(told: &Value) -> Option<&str> {
    let checks = told["checks"].as_array().map_or(&[][..], Vec::as_slice);
    let lacks = |check: &&Value| {
        let what = check["what"].as_str();
        matches!(what, Some("inference" | "device")) && check["state"] != "ok"
    };
    checks.iter().find(lacks)?["detail"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_is_told_and_where_nothing_is_nothing() {
        let check = |what: &str, state: &str, detail: &str| json!({ "what": what, "state": state, "detail": detail });
        let models = check("models", "missing", "a file is not there");
        let library = check("inference", "missing", "it is not pulled");
        let device = check("device", "optional", "no adapter");
        let computes = check("device", "ok", "webgpu computes");
        for (checks, told) in [
            (
                vec![models.clone(), library, device.clone()],
                Some("it is not pulled"),
            ),
            (vec![models.clone(), device], Some("no adapter")),
            (vec![models, computes], None),
        ] {
            assert_eq!(lacking(&json!({ "checks": checks })), told);
        }
    }
}
