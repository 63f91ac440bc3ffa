//! The demo: from a checkout to a fleet that answers real requests, in one command.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::server::Server;
use crate::step::{seconds, step};
use crate::workspace::Workspace;
use crate::{guests, process, setup};

/// Where the demo serves unless it is told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// A first start compiles five components and loads the models: seconds, on the slowest machine a minute.
const READY: Duration = Duration::from_secs(180);
/// Files of these kinds under `tests/data` are requests.
const KINDS: [&str; 4] = ["txt", "json", "eml", "pdf"];

/// What the command line asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    once: bool,
    listen: Option<SocketAddr>,
}

impl Options {
    /// Reads `[--once] [--listen ADDR]`.
    pub(crate) fn parse(words: &[String]) -> Result<Options> {
        let mut options = Options {
            once: false,
            listen: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (flag, value) = word
                .split_once('=')
                .map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
            match flag {
                "--once" => options.once = true,
                "--listen" => {
                    let address = value
                        .or_else(|| words.next().map(String::as_str))
                        .unwrap_or_default();
                    let read = address.parse();
                    options.listen = Some(read.with_context(|| {
                        format!("`{address}` is no address. Write `--listen 127.0.0.1:8080`")
                    })?);
                }
                _ => bail!(
                    "`cargo xtask demo` takes no `{word}`. It takes `--once` and `--listen ADDRESS`"
                ),
            }
        }
        Ok(options)
    }
}

/// Builds, pulls, checks, serves and submits; then serves on, or ends.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let start = Instant::now();
    let requests = requests(&workspace.root.join("tests/data"))?;
    let host = setup::host(workspace)?;
    guests::plugins(workspace)?;
    setup::models(workspace, &host)?;
    step("check", "target/release/fleetwright check", || {
        process::run(fleetwright(workspace, &host).arg("check"))
    })?;
    let address = address(options.listen)?;
    let server = step("start", "cargo xtask demo", || {
        let listen = address.to_string();
        let mut command = fleetwright(workspace, &host);
        command.args(["serve", "--listen", &listen]);
        if std::env::var_os("FLEETWRIGHT_LOG").is_none() {
            // A log line for each request would stand between the answers.
            command.env("FLEETWRIGHT_LOG", "warn");
        }
        let mut server = Server::start(&mut command, address)?;
        server.ready(READY)?;
        Ok(server)
    })?;
    let failures = submit(workspace, &host, &server, address, &requests)?;
    eprintln!(
        "== demo: {} requests answered, {failures} failed; {} in all",
        requests.len(),
        seconds(start.elapsed())
    );
    if options.once {
        step("stop", "cargo xtask demo --once", || server.stop())?;
    } else {
        eprintln!("== serving on http://{address}: press Ctrl-C to stop");
        server.serve()?;
    }
    if failures > 0 {
        bail!(
            "{failures} of {} requests failed: see above",
            requests.len()
        );
    }
    Ok(())
}

/// Submits each file by itself, which prints each stage's answer; gives the number that neither completed nor was held.
fn submit(
    workspace: &Workspace,
    host: &Path,
    server: &Server,
    address: SocketAddr,
    requests: &[PathBuf],
) -> Result<usize> {
    step("requests", "cargo xtask demo", || {
        let mut failures = 0;
        for request in requests {
            server.interruption()?;
            let shown = request.strip_prefix(&workspace.root).unwrap_or(request);
            let start = Instant::now();
            // The host's own client draws the table, and ends badly where a submission failed or was refused.
            let url = format!("http://{address}");
            let mut command = fleetwright(workspace, host);
            command
                .args(["run", "--table", "--url", &url])
                .arg(shown)
                .stdin(Stdio::null());
            let status = command.status().context("the host's `run` did not start")?;
            failures += usize::from(!status.success());
            eprintln!("   {}: {}", shown.display(), seconds(start.elapsed()));
        }
        Ok(failures)
    })
}

fn fleetwright(workspace: &Workspace, host: &Path) -> Command {
    let mut command = Command::new(host);
    command.current_dir(&workspace.root);
    command
}

/// The requests in `folder`, in the order of their names.
fn requests(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder
        .read_dir()
        .with_context(|| format!("`{}` cannot be read", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut own: Vec<PathBuf> = paths
        .filter(|path| {
            path.is_file()
                && path
                    .extension()
                    .and_then(|kind| kind.to_str())
                    .is_some_and(|kind| KINDS.contains(&kind))
        })
        .collect();
    own.sort();
    if own.is_empty() {
        bail!(
            "`{}` holds no request: none of .{}",
            folder.display(),
            KINDS.join(" .")
        );
    }
    Ok(own)
}

/// The address asked for; where none is, the usual one, or a free port where that is taken.
fn address(asked: Option<SocketAddr>) -> Result<SocketAddr> {
    match (TcpListener::bind(asked.unwrap_or(LISTEN)), asked) {
        // Port 0 stands for a free one, which this has just found.
        (Ok(listener), _) => Ok(listener.local_addr()?),
        (Err(error), Some(asked)) => Err(error).with_context(|| {
            format!("`{asked}` cannot be listened on. Give another with `--listen ADDRESS`")
        }),
        (Err(error), None) => {
            let free = TcpListener::bind((LISTEN.ip(), 0))?.local_addr()?;
            eprintln!("   {LISTEN} cannot be listened on ({error}): taking {free}");
            Ok(free)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        Options::parse(
            &words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn flags_are_read() {
        let listen = Some("127.0.0.1:9000".parse().unwrap());
        assert_eq!(
            parse(&[]).unwrap(),
            Options {
                once: false,
                listen: None
            }
        );
        assert_eq!(
            parse(&["--listen", "127.0.0.1:9000", "--once"]).unwrap(),
            Options { once: true, listen }
        );
        assert_eq!(
            parse(&["--listen=127.0.0.1:9000"]).unwrap(),
            Options {
                once: false,
                listen
            }
        );
        assert!(
            format!("{:#}", parse(&["--listen", "9000"]).unwrap_err())
                .starts_with("`9000` is no address")
        );
        assert!(parse(&["--listen"]).is_err());
        assert!(
            parse(&["--twice"])
                .unwrap_err()
                .to_string()
                .contains("`--twice`")
        );
    }

    #[test]
    fn a_taken_port_is_an_error_only_where_it_was_asked_for() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(
            address(Some(holder.local_addr().unwrap()))
                .unwrap_err()
                .to_string()
                .contains("cannot be listened on")
        );
        assert_eq!(address(Some(taken.unwrap())).unwrap().ip(), LISTEN.ip());
        assert_ne!(
            address(Some("127.0.0.1:0".parse().unwrap()))
                .unwrap()
                .port(),
            0
        );
        assert_eq!(address(None).unwrap().ip(), LISTEN.ip());
    }

    #[test]
    fn requests_are_files_of_known_kinds_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            requests(folder.path())
                .unwrap_err()
                .to_string()
                .contains("holds no request")
        );
        for name in ["b.txt", "a.eml", "README.md", "make.py", "c.pdf"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.json")).unwrap();
        let names: Vec<_> = requests(folder.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["a.eml", "b.txt", "c.pdf"]);
    }
}
