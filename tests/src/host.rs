//! A host that serves, as a process of its own. Killed when dropped; its log is shown where the test failed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{Exchange, Layout, PATIENCE, Request, Response, command, until};

/// A host that serves a fleet.
#[derive(Debug)]
pub struct Host {
    child: Child,
    address: SocketAddr,
    announcement: Value,
    log: NamedTempFile,
    layout: Arc<Layout>,
}

impl Host {
    /// Serves the fleet of `layout` on a free port, and waits until it is ready.
    ///
    /// # Errors
    /// The host ends instead; the error carries its log.
    pub fn start(layout: impl Into<Arc<Layout>>, flags: &[&str]) -> Result<Host> {
        let layout = layout.into();
        let log = NamedTempFile::new().context("no file for the log")?;
        let mut words = vec![
            "serve".into(),
            "--json".into(),
            "--listen".into(),
            "127.0.0.1:0".into(),
        ];
        words.extend(layout.flags());
        words.extend(flags.iter().map(Into::into));
        let mut command = command::host(words)?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.reopen().context("no file for the log")?);
        let mut child = command.spawn().context("the host does not start")?;
        let announced = announcement(&mut child);
        let mut host = Host {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            announcement: Value::Null,
            log,
            layout,
        };
        host.announcement = announced.map_err(|error| anyhow!("{error:#}\n{}", host.log()))?;
        let url = host.announcement.get("url").and_then(Value::as_str);
        let address = url.and_then(|url| url.strip_prefix("http://"));
        host.address = address
            .and_then(|address| address.parse().ok())
            .with_context(|| format!("no address in {}", host.announcement))?;
        until("readiness", || {
            Ok((host.get("/readyz")?.status == 200).then_some(()))
        })?;
        Ok(host)
    }

    /// Begins to serve the fleet of `layout`, and ends it without a word after a time, ready or not.
    ///
    /// # Errors
    /// It does not begin, or is not killed.
    pub fn killed_after(layout: &Layout, flags: &[&str], time: Duration) -> Result<()> {
        let mut words: Vec<_> = ["serve", "--listen", "127.0.0.1:0"].map(Into::into).into();
        words.extend(layout.flags());
        words.extend(flags.iter().map(Into::into));
        let mut command = command::host(words)?;
        let streams = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = streams.stderr(Stdio::null()).spawn();
        let child = child
            .as_mut()
            .map_err(|error| anyhow!("the host does not start: {error}"))?;
        std::thread::sleep(time);
        child.kill().context("the host is not killed")?;
        child.wait().context("the host does not end")?;
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it printed when it was ready.
    #[must_use]
    pub fn announcement(&self) -> &Value {
        &self.announcement
    }

    /// The fleet that it serves.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// What it has logged so far. Lines are written beside whoever logs them: where it still answers, none waits any more.
    #[must_use]
    pub fn log(&self) -> String {
        let begun = Instant::now();
        let waits = || {
            let waiting = self.metric("fleetwright_log_lines_waiting", &[]);
            waiting.is_ok_and(|lines| lines > Some(0.0))
        };
        while waits() && begun.elapsed() < PATIENCE {}
        let mut bytes = Vec::new();
        let read = File::open(self.log.path()).and_then(|mut file| file.read_to_end(&mut bytes));
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("the log cannot be read: {error}"),
        }
    }

    /// Begins a request; the answer is read when it is asked for.
    ///
    /// # Errors
    /// The host does not listen.
    pub fn send(&self, request: &Request) -> Result<Exchange> {
        Exchange::send(self.address, request)
    }

    /// Sends a request and gives the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub fn ask(&self, request: &Request) -> Result<Response> {
        self.send(request)?.answer()
    }

    /// `GET path`
    ///
    /// # Errors
    /// There is no answer.
    pub fn get(&self, path: &str) -> Result<Response> {
        self.ask(&Request::new("GET", path))
    }

    /// Submits JSON.
    ///
    /// # Errors
    /// There is no answer.
    pub fn submit(&self, submission: &Value) -> Result<Response> {
        self.ask(&json_submission(submission))
    }

    /// How many submissions are in flight.
    ///
    /// # Errors
    /// There is no answer.
    pub fn in_flight(&self) -> Result<u64> {
        let detail = self.get("/readyz?verbose")?.json()?;
        let count = detail
            .pointer("/submissions/in_flight")
            .and_then(Value::as_u64);
        count.with_context(|| format!("no count in {detail}"))
    }

    /// Waits until `count` submissions are in flight.
    ///
    /// # Errors
    /// They never are.
    pub fn wait_for_in_flight(&self, count: u64) -> Result<()> {
        let what = format!("{count} submissions in flight");
        until(&what, || Ok((self.in_flight()? == count).then_some(())))
    }

    /// The sum of all series of a metric that carry every one of `labels`; `None` where there is no such series.
    ///
    /// # Errors
    /// There is no answer.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Result<Option<f64>> {
        let text = self.get("/metrics")?.text();
        let wanted: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let values = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, labels) = series.split_once('{').unwrap_or((series, ""));
            let fits = found == name && wanted.iter().all(|label| labels.contains(label.as_str()));
            fits.then(|| value.parse::<f64>().ok()).flatten()
        });
        let values: Vec<f64> = values.collect();
        Ok((!values.is_empty()).then(|| values.iter().sum()))
    }

    /// Stops it, and gives its fleet for another host.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(mut self) -> Result<Arc<Layout>> {
        self.terminate()?;
        self.ended()?;
        Ok(Arc::clone(&self.layout))
    }

    /// Ends it without a word, as `kill -9` does.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("the host is not killed")?;
        self.child.wait().context("the host does not end")?;
        Ok(())
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to stop, as an init system would.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn terminate(&self) -> Result<()> {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let id = id.context("the host has no process id")?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)
            .context("the signal is not sent")
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It does not end.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        let child = &mut self.child;
        until("the host's end", || Ok(child.try_wait()?))
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

/// A submission as JSON.
#[must_use]
pub fn json_submission(submission: &Value) -> Request {
    Request::submission("application/json", submission.to_string())
}

/// A submission of one field.
#[must_use]
pub fn subject(text: &str) -> Value {
    json!({ "subject": text })
}

/// The first line that the host prints: JSON, once it is ready.
fn announcement(child: &mut Child) -> Result<Value> {
    let stdout = child.stdout.take().context("no standard output")?;
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // Whoever started this may have stopped waiting.
        tell.send(read.map(|_| line)).unwrap_or_default();
    });
    let line = told
        .recv_timeout(PATIENCE)
        .context("the host is not ready")??;
    if line.is_empty() {
        let status = until("the host's end", || Ok(child.try_wait()?))?;
        return Err(anyhow!("the host ended before it was ready: {status}"));
    }
    serde_json::from_str(&line).with_context(|| format!("the host is not ready, but says `{line}`"))
}

impl Drop for Host {
    #[allow(
        clippy::print_stderr,
        reason = "where a test fails, what the host said is half of the story"
    )]
    fn drop(&mut self) {
        // Neither can fail for a child that was not waited for; where it was, there is nothing to do.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(|_| ()).unwrap_or_default();
        if std::thread::panicking() {
            eprintln!("-- log of the host\n{}", self.log());
        }
    }
}
