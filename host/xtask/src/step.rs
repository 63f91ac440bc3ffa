//! A step: a name, its time, and the command that runs it again.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Runs `work` as the step `name`; where it fails, the error ends with `again`.
pub(crate) fn step<T>(name: &str, again: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("== {name}");
    let start = Instant::now();
    let done = work().map_err(|error| {
        let time = seconds(start.elapsed());
        anyhow!("step `{name}` failed after {time}: {error:#}\nRun `{again}` to repeat it")
    })?;
    eprintln!("== {name}: {}", seconds(start.elapsed()));
    Ok(done)
}

/// `3.2 s`, or `2 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 100 {
        return format!("{:.1} s", time.as_secs_f64());
    }
    format!("{} min {:02} s", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_step_and_the_command() {
        let error = step("plugins", "cargo xtask plugins", || -> Result<()> {
            anyhow::bail!("no linker")
        })
        .unwrap_err();
        let shown = format!("{error:#}");
        assert!(shown.starts_with("step `plugins` failed after "), "{shown}");
        assert!(
            shown.ends_with(" s: no linker\nRun `cargo xtask plugins` to repeat it"),
            "{shown}"
        );
        assert_eq!(step("plugins", "", || Ok(3)).unwrap(), 3);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(seconds(Duration::from_millis(3240)), "3.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
