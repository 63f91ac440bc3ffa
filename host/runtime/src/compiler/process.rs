//! The parent's side: starts the child, feeds it, reads what it answers, and says how it ended.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::sleep;

use super::courtesy::Courtesy;
use super::job::{self, Job, Refusal, Reply};
use super::{CompileBounds, Haste};
use crate::engine::Runtime;
use crate::error::{Bound, LoadError};

/// The hidden verb of the host's command line.
const VERB: &str = "compile-component";
/// At first the child is somewhat behind: a plugin of usual size is compiled before that has lasted.
const NICE: i32 = 10;
/// After this long it is a large one, which has time.
const BRIEF: Duration = Duration::from_secs(1);
/// From then on it gets what nobody else wants.
const LOWEST: i32 = 19;
/// Bytes of a component whose compiling spares a core.
const LARGE: usize = 4 << 20;
/// So many times as long by the clock has what nobody waits for: it runs when nobody else does.
const PATIENCE: u32 = 10;
/// Threads of a child where the machine has cores to spare.
const MAX_THREADS: usize = 8;
/// What is kept of the child's complaints.
const MAX_COMPLAINT: u64 = 4 << 10;

/// What is to be compiled, for whom.
pub(super) struct Task<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) component: &'a [u8],
    pub(super) haste: Haste,
    pub(super) courtesy: &'a Arc<Courtesy>,
}

/// Compiles one component in a child. Dropping the future kills it.
pub(super) async fn compile(
    program: &Path,
    bounds: &CompileBounds,
    task: Task<'_>,
) -> Result<Vec<u8>, LoadError> {
    let lost = |e: std::io::Error| LoadError::Compiler(format!("`{}`: {e}", program.display()));
    let mut child = start(program).map_err(lost)?;
    let (Some(input), Some(output), Some(complaints)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(LoadError::Compiler("it has no pipes".into()));
    };
    let component = task.component;
    let yields = task.haste == Haste::Beside || component.len() > LARGE;
    let job = Job {
        engine: task.runtime.engine_hash.hex().to_owned(),
        kind: task.runtime.kind,
        memory: bounds.memory,
        cpu: bounds.cpu.as_secs().max(1),
        threads: threads(yields),
        idle: yields,
        nice: NICE,
        component: component.len(),
    };
    let group = child.id();
    let wall = match task.haste {
        Haste::Wanted => bounds.wall,
        Haste::Beside => bounds.wall.saturating_mul(PATIENCE),
    };
    let aside = task.courtesy.stand_aside(group);
    // What is compiled within a second or two holds nobody up for long, and somebody waits for it.
    let make_way = async {
        match yields {
            true => aside.make_way().await,
            false => std::future::pending().await,
        }
    };
    let conversation = async {
        let work = converse(input, output, &job, component, bounds.code);
        let (answer, complaint) = tokio::join!(work, complaint(complaints));
        // Before it is waited for: no other process gets the signals that are meant for it.
        aside.leave();
        (answer, complaint, child.wait().await)
    };
    let ended = tokio::select! {
        ended = conversation => Some(ended),
        () = aside.has_run(wall) => None,
        never = demote(group) => match never {},
        never = make_way => match never {},
    };
    metrics::histogram!("fleetwright_compile_held_seconds").record(aside.held());
    let Some((answer, complaint, status)) = ended else {
        return Err(LoadError::CompileBound(Bound::Wall(wall)));
    };
    match answer {
        Ok(Answer::Code(code)) => Ok(code),
        Ok(Answer::TooLong) => Err(LoadError::CompileBound(Bound::Code(bounds.code))),
        Ok(Answer::Refused(reason, detail)) => Err(refusal(reason, detail, bounds)),
        Err(error) => Err(end(status.map_err(lost)?, &complaint, &error, bounds)),
    }
}

/// Nothing of the host's is passed on: std opens every descriptor so that a started program does not get it. What the host
/// itself was started with beside its standard three may be there; the child's filter makes all but those three unusable.
fn start(program: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command
        .arg(VERB)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A group of its own: its priority is set as a whole, and an interrupt at the terminal is the host's to handle.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// All cores for a component that is compiled within a second or two; all but one for a larger one, however low its
/// priority: what runs beside it for long must find a core that is free at once.
fn threads(yields: bool) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores
        .saturating_sub(usize::from(yields))
        .clamp(1, MAX_THREADS)
}

enum Answer {
    Code(Vec<u8>),
    TooLong,
    Refused(Refusal, String),
}

async fn converse(
    mut input: ChildStdin,
    output: ChildStdout,
    job: &Job,
    component: &[u8],
    most: u64,
) -> std::io::Result<Answer> {
    let mut output = BufReader::with_capacity(64 << 10, output);
    // A child that refuses does not read the rest: what it says counts, not that it stopped listening.
    let sent = async {
        input.write_all(&job::line(job)?).await?;
        input.write_all(component).await?;
        input.flush().await
    };
    let sent = sent.await;
    let mut line = Vec::new();
    let mut head = (&mut output).take(job::max_line());
    head.read_until(b'\n', &mut line).await?;
    let reply = match job::parse(&line) {
        Ok(reply) => reply,
        Err(error) => return Err(sent.err().unwrap_or(error)),
    };
    let answer = match reply {
        Reply::Refused(reason, detail) => Answer::Refused(reason, detail),
        Reply::Code(bytes) if bytes > most => Answer::TooLong,
        Reply::Code(bytes) => Answer::Code(exactly(&mut output, bytes).await?),
    };
    // Only now: the child ends where its input does.
    drop(input);
    Ok(answer)
}

async fn exactly(from: &mut (impl AsyncRead + Unpin), bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut code = Vec::new();
    from.take(bytes).read_to_end(&mut code).await?;
    match code.len() as u64 == bytes {
        true => Ok(code),
        false => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

async fn complaint(from: ChildStderr) -> String {
    let mut said = Vec::new();
    // What cannot be read is not told; the child's end is.
    from.take(MAX_COMPLAINT)
        .read_to_end(&mut said)
        .await
        .unwrap_or_default();
    String::from_utf8_lossy(&said).into_owned()
}

/// Lowers the priority of a child that is not done soon. Never ends: it is raced against the child.
async fn demote(group: Option<u32>) -> std::convert::Infallible {
    sleep(BRIEF).await;
    #[cfg(unix)]
    if let Some(group) = group
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw)
    {
        // It may have ended just now.
        rustix::process::setpriority_pgrp(Some(group), LOWEST).unwrap_or_default();
    }
    std::future::pending().await
}

fn refusal(reason: Refusal, detail: String, bounds: &CompileBounds) -> LoadError {
    match reason {
        Refusal::Component => LoadError::Compile(detail),
        Refusal::Memory => LoadError::CompileBound(Bound::Memory(bounds.memory)),
        Refusal::Engine | Refusal::Confinement => LoadError::Compiler(detail),
    }
}

/// Why the child ended without an answer.
fn end(
    status: ExitStatus,
    complaint: &str,
    error: &std::io::Error,
    bounds: &CompileBounds,
) -> LoadError {
    // What Rust's allocator says before it aborts; a test holds it to that.
    if complaint.contains("memory allocation of") {
        return LoadError::CompileBound(Bound::Memory(bounds.memory));
    }
    if passed_cpu(status) {
        return LoadError::CompileBound(Bound::Cpu(bounds.cpu));
    }
    let said = complaint.lines().next().unwrap_or_default();
    LoadError::Compiler(format!("{status}, {error}: {said}"))
}

#[cfg(unix)]
fn passed_cpu(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn passed_cpu(_status: ExitStatus) -> bool {
    false
}
