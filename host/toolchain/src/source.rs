//! Where the standard library comes from: the order of the search, and each source's attempt.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::cache::Cache;
use crate::overlay::{self, Recipe};
use crate::rustc::{Rustc, check_source, holds_core};
use crate::{Progress, TARGET, Toolchain, ToolchainError, command, debian};

/// How long a server may take to accept a connection, its name's look-up included.
const REACH: Duration = Duration::from_secs(5);
/// How long rustup may take to fetch the target, some 20 MB.
const FETCH: Duration = Duration::from_secs(180);
/// The linker that ships with rustc and writes components.
const LINKER: &str = "wasm-component-ld";

/// A place that the standard library for guests may come from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The compiler's own installed target.
    Installed,
    /// An overlay made by an earlier run.
    Cached,
    /// `rustup target add`.
    Rustup,
    /// The rust-src component of the compiler's toolchain.
    Component,
    /// The tree that `RUST_SRC` names.
    Variable,
    /// `/usr/src/rustc-RELEASE`, where distributions put it.
    System,
    /// Debian's rust-src package of the same release.
    Debian,
    /// Debian's rustc-web, a compiler of its own with the sources that belong to it.
    RustcWeb,
}

impl Source {
    const ORDER: [Source; 8] = [
        Source::Installed,
        Source::Cached,
        Source::Rustup,
        Source::Component,
        Source::Variable,
        Source::System,
        Source::Debian,
        Source::RustcWeb,
    ];

    /// The name that `FLEETWRIGHT_STD_SOURCE` takes.
    pub fn name(self) -> &'static str {
        match self {
            Source::Installed => "installed",
            Source::Cached => "cached",
            Source::Rustup => "rustup",
            Source::Component => "rust-src",
            Source::Variable => "RUST_SRC",
            Source::System => "usr-src",
            Source::Debian => "debian",
            Source::RustcWeb => "rustc-web",
        }
    }

    /// Every name, for messages.
    pub(crate) fn names() -> String {
        Source::ORDER
            .map(|source| format!("`{}`", source.name()))
            .join(", ")
    }

    fn parse(name: &str) -> Result<Source, ToolchainError> {
        let found = Source::ORDER
            .into_iter()
            .find(|source| source.name() == name);
        found.ok_or_else(|| ToolchainError::UnknownSource(name.to_owned()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Source::Installed => "the installed target",
            Source::Cached => "the overlay of an earlier run",
            Source::Rustup => "`rustup target add`",
            Source::Component => "the rust-src component",
            Source::Variable => "RUST_SRC",
            Source::System => "the system's sources",
            Source::Debian => "Debian's rust-src",
            Source::RustcWeb => "Debian's rustc-web",
        })
    }
}

/// One source that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The source.
    pub source: Source,
    /// Why it gave nothing.
    pub finding: String,
}

/// What was tried, in order; shown as one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempts(pub Vec<Attempt>);

impl fmt::Display for Attempts {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        for (place, attempt) in self.0.iter().enumerate() {
            let line_end = if place == 0 { "" } else { "\n" };
            // A command's words may be many lines: they stay under their source.
            let finding = attempt.finding.replace('\n', "\n     ");
            write!(
                out,
                "{line_end}  {}. {}: {finding}",
                place + 1,
                attempt.source
            )?;
        }
        Ok(())
    }
}

/// See [`Toolchain::find_or_make`].
pub(crate) fn find_or_make(progress: &Progress) -> Result<Toolchain, ToolchainError> {
    let only = match std::env::var("FLEETWRIGHT_STD_SOURCE") {
        Ok(name) if !name.is_empty() => Some(Source::parse(&name)?),
        _ => None,
    };
    let order: Vec<Source> = Source::ORDER
        .into_iter()
        .filter(|source| only.is_none_or(|only| only == *source))
        .collect();
    let search = Search::new(progress)?;
    let (ready, made): (Vec<Source>, Vec<Source>) = order
        .into_iter()
        .partition(|source| matches!(source, Source::Installed | Source::Cached));
    let missing = match first(&ready, |source| search.ready(source)) {
        Ok(toolchain) => return Ok(toolchain),
        Err(missing) => missing,
    };
    let cache = Cache::open(search.root.clone(), progress)?;
    // Another builder may have made it while this one waited.
    if let Ok(toolchain) = first(&ready, |source| search.ready(source)) {
        return Ok(toolchain);
    }
    first(&made, |source| search.make(source, &cache)).map_err(|attempts| {
        ToolchainError::NoStandardLibrary {
            release: search.rustc.release.number.clone(),
            attempts: Attempts(missing.0.into_iter().chain(attempts.0).collect()),
        }
    })
}

/// The first source of `order` that gives something, or why none did.
fn first<T>(
    order: &[Source],
    attempt: impl Fn(Source) -> Result<T, String>,
) -> Result<T, Attempts> {
    let mut attempts = Vec::new();
    for &source in order {
        match attempt(source) {
            Ok(found) => return Ok(found),
            Err(finding) => attempts.push(Attempt { source, finding }),
        }
    }
    Err(Attempts(attempts))
}

/// One search: the compiler to serve, and where overlays are kept.
struct Search<'a> {
    rustc: Rustc,
    root: PathBuf,
    progress: &'a Progress<'a>,
}

impl<'a> Search<'a> {
    fn new(progress: &'a Progress<'a>) -> Result<Search<'a>, ToolchainError> {
        let path = std::env::var_os("RUSTC")
            .filter(|path| !path.is_empty())
            .map_or_else(|| "rustc".into(), PathBuf::from);
        Ok(Search {
            rustc: Rustc::ask(path)?,
            root: Cache::locate()?,
            progress,
        })
    }

    /// The sources that need no work.
    fn ready(&self, source: Source) -> Result<Toolchain, String> {
        if source == Source::Installed {
            return if self.rustc.has_target() {
                Ok(self.toolchain(source, None))
            } else {
                Err("it is not installed".into())
            };
        }
        let entry = self.root.join(self.rustc.release.overlay_name());
        if holds_core(&entry) {
            return Ok(self.toolchain(source, Some(entry)));
        }
        self.kept_web()
            .ok_or_else(|| format!("`{}` is not there", entry.display()))
    }

    /// The sources that fetch or compile.
    fn make(&self, source: Source, cache: &Cache) -> Result<Toolchain, String> {
        let component = || self.rustc.sysroot.join("lib/rustlib/src/rust");
        match source {
            Source::Installed | Source::Cached => self.ready(source),
            Source::Rustup => self.rustup(),
            Source::Component => self.overlay(source, cache, &component()),
            Source::Variable => {
                match std::env::var_os("RUST_SRC").filter(|tree| !tree.is_empty()) {
                    Some(tree) => self.overlay(source, cache, Path::new(&tree)),
                    None => Err("it is not set".to_owned()),
                }
            }
            Source::System => {
                let tree = format!("/usr/src/rustc-{}", self.rustc.release.number);
                self.overlay(source, cache, Path::new(&tree))
            }
            Source::Debian => {
                let scratch = cache.scratch()?;
                let tree =
                    debian::rust_src(scratch.path(), &self.rustc.release.number, self.progress)?;
                self.overlay(source, cache, &tree)
            }
            Source::RustcWeb => self.rustc_web(cache),
        }
    }

    fn overlay(&self, source: Source, cache: &Cache, tree: &Path) -> Result<Toolchain, String> {
        check_source(tree, &self.rustc.release.number)?;
        let name = self.rustc.release.overlay_name();
        let recipe = Recipe {
            rustc: &self.rustc.path,
            tree,
            linker: None,
            name: &name,
        };
        let overlay = overlay::make(cache, &recipe, self.progress)?;
        Ok(self.toolchain(source, Some(overlay)))
    }

    fn rustup(&self) -> Result<Toolchain, String> {
        let name = self
            .rustc
            .rustup_toolchain()
            .ok_or("this compiler is not rustup's")?;
        let server = std::env::var("RUSTUP_DIST_SERVER")
            .unwrap_or_else(|_| "https://static.rust-lang.org".to_owned());
        if !proxied()
            && let Some((host, port)) = authority(&server)
        {
            reach(&host, port)?;
        }
        (self.progress)(&format!(
            "`rustup target add {TARGET}` for the toolchain `{name}`"
        ));
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", "--toolchain", &name, TARGET]);
        command::read(&mut rustup, FETCH).map_err(|error| error.to_string())?;
        if !self.rustc.has_target() {
            return Err(format!("rustup added no `{TARGET}` to `{name}`"));
        }
        Ok(self.toolchain(Source::Rustup, None))
    }

    /// A compiler of its own, lent the linkers of this one: Debian's has none for components.
    fn rustc_web(&self, cache: &Cache) -> Result<Toolchain, String> {
        let tools = self.rustc.tools();
        if !tools.join(LINKER).is_file() {
            return Err(format!(
                "this compiler ships no `{}`",
                tools.join(LINKER).display()
            ));
        }
        let home = debian::rustc_web(cache, self.progress)?;
        let web = Rustc::ask(home.join("rustc")).map_err(|error| error.to_string())?;
        let tree = home.join(format!("usr/src/rustc-{}", web.release.number));
        check_source(&tree, &web.release.number)?;
        let name = web_overlay(&web);
        let recipe = Recipe {
            rustc: &web.path,
            tree: &tree,
            linker: Some(tools.join("rust-lld")),
            name: &name,
        };
        let overlay = overlay::make(cache, &recipe, self.progress)?;
        Ok(self.web_toolchain(Source::RustcWeb, web, overlay))
    }

    /// rustc-web and its overlay where an earlier run made both: it did so because nothing better was there.
    fn kept_web(&self) -> Option<Toolchain> {
        let path = self.root.join("rustc-web/rustc");
        let web = path.is_file().then(|| Rustc::ask(path).ok())??;
        let overlay = self.root.join(web_overlay(&web));
        holds_core(&overlay).then(|| self.web_toolchain(Source::Cached, web, overlay))
    }

    fn web_toolchain(&self, source: Source, web: Rustc, overlay: PathBuf) -> Toolchain {
        let tools = self.rustc.tools();
        let linker = tools.join(LINKER);
        let tools = vec![tools.join("gcc-ld"), tools];
        Toolchain {
            rustc: web.path,
            overlay: Some(overlay),
            linker,
            tools,
            source,
            release: web.release,
        }
    }

    fn toolchain(&self, source: Source, overlay: Option<PathBuf>) -> Toolchain {
        Toolchain {
            rustc: self.rustc.path.clone(),
            overlay,
            linker: LINKER.into(),
            tools: Vec::new(),
            source,
            release: self.rustc.release.clone(),
        }
    }
}

fn web_overlay(web: &Rustc) -> String {
    format!("web-{}", web.release.overlay_name())
}

/// Behind a proxy a direct connection proves nothing, so none is tried.
fn proxied() -> bool {
    let names = [
        "https_proxy",
        "HTTPS_PROXY",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    names
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The host and port of an `http(s)` address; none for others, such as `file://`.
fn authority(address: &str) -> Option<(String, u16)> {
    let (scheme, rest) = address.split_once("://")?;
    let port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((name, own)) if !own.ends_with(']') => Some((name.to_owned(), own.parse().ok()?)),
        _ if host.is_empty() => None,
        _ => Some((host.to_owned(), port)),
    }
}

/// Whether `host` accepts a connection within [`REACH`], its name's look-up included.
fn reach(host: &str, port: u16) -> Result<(), String> {
    let (found, answer) = mpsc::sync_channel(1);
    let name = host.to_owned();
    // The system's look-up has no deadline of its own: it is left behind when it takes too long.
    thread::spawn(move || {
        let addresses = (name.as_str(), port).to_socket_addrs();
        let connected = addresses.and_then(|addresses| {
            let mut last = Err(std::io::ErrorKind::NotFound.into());
            for address in addresses {
                last = TcpStream::connect_timeout(&address, REACH);
                if last.is_ok() {
                    break;
                }
            }
            last
        });
        // Nobody listens any more when it came too late.
        let _ = found.send(connected.map(drop));
    });
    match answer.recv_timeout(REACH) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("rustup's server `{host}` is not reached: {error}")),
        Err(_) => Err(format!(
            "rustup's server `{host}` is not reached in {} s",
            REACH.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn sources_are_tried_in_order_until_one_gives() {
        let tried = RefCell::new(Vec::new());
        let found = first(&Source::ORDER, |source| {
            tried.borrow_mut().push(source);
            if source == Source::Component {
                Ok(7)
            } else {
                Err("no".to_owned())
            }
        });
        assert_eq!(found, Ok(7));
        assert_eq!(
            tried.into_inner(),
            [
                Source::Installed,
                Source::Cached,
                Source::Rustup,
                Source::Component
            ]
        );
    }

    #[test]
    fn an_error_lists_each_source_in_order_and_the_way_out() {
        let attempts = first(&[Source::Installed, Source::Debian], |source| {
            Err::<(), _>(format!("{}\nsecond line", source.name()))
        });
        let error = ToolchainError::NoStandardLibrary {
            release: "1.95.0".into(),
            attempts: attempts.unwrap_err(),
        };
        assert_eq!(
            error.to_string(),
            "no standard library for `wasm32-unknown-unknown` and rustc 1.95.0. Tried, in order:\n  \
             1. the installed target: installed\n     second line\n  2. Debian's rust-src: debian\n     second line\n\
             Run `rustup target add wasm32-unknown-unknown`, or set RUST_SRC to the source tree of Rust 1.95.0"
        );
    }

    #[test]
    fn names_are_read_back() {
        for source in Source::ORDER {
            assert_eq!(Source::parse(source.name()).unwrap(), source);
        }
        let error = Source::parse("nix").unwrap_err().to_string();
        assert!(
            error.contains("`nix`") && error.contains("`rustc-web`"),
            "{error}"
        );
    }

    #[test]
    fn a_servers_address_is_read() {
        let host = |name: &str, port| Some((name.to_owned(), port));
        assert_eq!(
            authority("https://static.rust-lang.org"),
            host("static.rust-lang.org", 443)
        );
        assert_eq!(authority("http://mirror:8080/rust?x"), host("mirror", 8080));
        assert_eq!(
            authority("https://user:word@mirror/rust"),
            host("mirror", 443)
        );
        assert_eq!(authority("http://[::1]/x"), host("[::1]", 80));
        assert_eq!(authority("file:///srv/rust"), None);
        assert_eq!(authority("static.rust-lang.org"), None);
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let finding = reach("127.0.0.1", closed.port()).unwrap_err();
        assert!(
            finding.starts_with("rustup's server `127.0.0.1` is not reached"),
            "{finding}"
        );
    }
}
