//! Running outside commands: standard input closed, output kept, every wait bounded.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running command is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How much of a failing command's own words an error repeats, in characters.
const TAIL: usize = 1200;

/// Why a command gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It did not start.
    #[error("`{command}` did not start: {source}")]
    Start {
        /// The command as typed.
        command: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ran past its limit and was ended.
    #[error("`{command}` gave no answer in {} s", limit.as_secs())]
    Late {
        /// The command as typed.
        command: String,
        /// The bound that it overran.
        limit: Duration,
    },
    /// It failed.
    #[error("`{command}` failed ({status}){}", lead(tail))]
    Failed {
        /// The command as typed.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        tail: String,
    },
}

/// Runs `command` to its end, at most for `limit`, and gives its standard output.
pub(crate) fn read(command: &mut Command, limit: Duration) -> Result<String, CommandError> {
    let shown = shown(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| CommandError::Start {
        command: shown.clone(),
        source,
    })?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let Some(status) = wait(&mut child, limit) else {
        return Err(CommandError::Late {
            command: shown,
            limit,
        });
    };
    let (stdout, stderr) = (join(stdout), join(stderr));
    if status.success() {
        return Ok(stdout);
    }
    let said = if stderr.trim().is_empty() {
        &stdout
    } else {
        &stderr
    };
    Err(CommandError::Failed {
        command: shown,
        status,
        tail: last(said.trim(), TAIL),
    })
}

/// The child's status, or none when it was still running at the end of `limit` and had to be killed.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= end {
            // It may have ended by itself meanwhile: then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(POLL);
    }
}

fn drain<R: Read + Send + 'static>(pipe: Option<R>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A pipe that breaks leaves what came so far, which is what an error can show.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn join(reader: thread::JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program()];
    words.extend(command.get_args());
    words
        .into_iter()
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn last(text: &str, characters: usize) -> String {
    let skip = text.chars().count().saturating_sub(characters);
    text.chars().skip(skip).collect()
}

fn lead(tail: &str) -> String {
    if tail.is_empty() {
        String::new()
    } else {
        format!(": {tail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_is_read_whole() {
        let text = read(&mut shell("seq 1 200000"), Duration::from_secs(60)).unwrap();
        assert_eq!(text.lines().count(), 200_000);
    }

    #[test]
    fn a_failure_repeats_the_commands_words() {
        let error = read(
            &mut shell("echo no such thing >&2; exit 3"),
            Duration::from_secs(60),
        )
        .unwrap_err();
        assert!(matches!(&error, CommandError::Failed { status, .. } if status.code() == Some(3)));
        assert!(error.to_string().ends_with("no such thing"), "{error}");
    }

    #[test]
    fn a_hanging_command_is_ended() {
        let error = read(
            shell("exec sleep 600").env("LC_ALL", "C"),
            Duration::from_millis(50),
        )
        .unwrap_err();
        assert!(matches!(error, CommandError::Late { .. }));
    }

    #[test]
    fn a_missing_command_is_named() {
        let error = read(
            &mut Command::new("no-such-command-here"),
            Duration::from_secs(1),
        )
        .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`no-such-command-here` did not start")
        );
    }
}
