//! The host as a child process: started, awaited, told to stop, and never left behind.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

/// How often the child and its port are looked at.
const POLL: Duration = Duration::from_millis(50);
/// How long one question to the port may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the host may take from SIGTERM to its end: its own drain is 30 s.
const DRAIN: Duration = Duration::from_secs(45);

/// A running host.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    interrupted: Arc<AtomicBool>,
}

impl Server {
    /// Starts `command`, which is to listen on `address`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr) -> Result<Server> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .context("signals cannot be caught")?;
        }
        // In a group of its own, Ctrl-C reaches this process alone, which then tells the host once.
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .context("the host did not start")?;
        Ok(Server {
            child,
            address,
            interrupted,
        })
    }

    /// Waits until `/readyz` answers 200, at most for `limit`.
    pub(crate) fn ready(&mut self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the host ended ({status}) before it was ready: its messages stand above");
            }
            self.interruption()?;
            if status(self.address, "/readyz").is_ok_and(|status| status == 200) {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!(
                    "the host was not ready in {} s: `http://{}/readyz` answers no 200",
                    limit.as_secs(),
                    self.address
                );
            }
            thread::sleep(POLL);
        }
    }

    /// An error once Ctrl-C or SIGTERM has come.
    pub(crate) fn interruption(&self) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Waits for Ctrl-C or SIGTERM, then lets the host drain.
    pub(crate) fn serve(mut self) -> Result<()> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the host ended by itself ({status}): its messages stand above");
            }
            if self.interrupted.load(Ordering::Relaxed) {
                return self.stop();
            }
            thread::sleep(POLL);
        }
    }

    /// Sends SIGTERM and waits for the drain; an error when the host does not end well.
    pub(crate) fn stop(mut self) -> Result<()> {
        match self.drain()? {
            status if status.success() => Ok(()),
            status => bail!("the host ended badly ({status}) after SIGTERM"),
        }
    }

    fn drain(&mut self) -> Result<ExitStatus> {
        terminate(&self.child)?;
        let end = Instant::now() + DRAIN;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                self.child.kill()?;
                self.child.wait()?;
                bail!(
                    "the host had not drained {} s after SIGTERM, and was killed",
                    DRAIN.as_secs()
                );
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None))
            && let Err(error) = self.drain()
        {
            eprintln!("   {error:#}");
        }
    }
}

fn terminate(child: &Child) -> Result<()> {
    kill_process(Pid::from_child(child), Signal::TERM).context("the host cannot be told to stop")
}

/// The status of a `GET` of `path`.
fn status(address: SocketAddr, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    let code = head
        .strip_prefix("HTTP/1.1 ")
        .context("no HTTP/1.1 answer")?;
    code.parse().context("no status")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers every connection with `response`.
    fn answering(response: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 512];
                let _ = stream.read(&mut request);
                stream.write_all(response.as_bytes()).unwrap();
            }
        });
        address
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_ready_host_drains_on_request() {
        let address = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let mut server = Server::start(&mut shell("exec sleep 600"), address).unwrap();
        server.ready(Duration::from_secs(60)).unwrap();
        let error = server.stop().unwrap_err().to_string();
        assert!(
            error.contains("signal: 15"),
            "a sleep does not drain: {error}"
        );
    }

    #[test]
    fn a_host_that_ends_early_is_told_at_once() {
        let mut server = Server::start(
            &mut shell("exit 7"),
            answering("HTTP/1.1 503 Unavailable\r\n\r\n"),
        )
        .unwrap();
        let error = server
            .ready(Duration::from_secs(60))
            .unwrap_err()
            .to_string();
        assert!(error.contains("exit status: 7"), "{error}");
    }

    #[test]
    fn a_host_that_is_never_ready_is_given_up() {
        let mut server = Server::start(
            &mut shell("exec sleep 600"),
            answering("HTTP/1.1 503 Unavailable\r\n\r\n"),
        )
        .unwrap();
        let error = server
            .ready(Duration::from_millis(150))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/readyz` answers no 200"), "{error}");
    }
}
