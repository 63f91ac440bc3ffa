//! Sources out of Debian's archive: apt with lists and caches of its own, so that nothing of the system is read under a
//! lock, changed or installed, and no right beyond the user's is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cache::Cache;
use crate::rustc::check_source;
use crate::{Progress, command};

/// Answers out of files.
const ANSWER: Duration = Duration::from_secs(60);
/// Lists and packages, at most 100 MB.
const FETCH: Duration = Duration::from_secs(600);
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Where a release of Rust stays long enough to be found.
const SUITES: [&str; 2] = ["trixie-backports", "sid"];

/// Fetches the library's sources of exactly `release` into `folder`: the folder above `library`.
pub(crate) fn rust_src(
    folder: &Path,
    release: &str,
    progress: &Progress,
) -> Result<PathBuf, String> {
    let system = Apt::system(folder)?;
    progress("asking Debian's archive for the library's sources");
    let mirror = system.mirror()?;
    let mut findings = Vec::new();
    for suite in suites() {
        match from_suite(folder, &mirror, &suite, release) {
            Ok(tree) => return Ok(tree),
            Err(finding) => findings.push(finding),
        }
    }
    Err(findings.join("; "))
}

fn suites() -> Vec<String> {
    match std::env::var("FLEETWRIGHT_DEBIAN_SUITE") {
        Ok(suite) if !suite.is_empty() => vec![suite],
        _ => SUITES.map(str::to_owned).to_vec(),
    }
}

fn from_suite(folder: &Path, mirror: &str, suite: &str, release: &str) -> Result<PathBuf, String> {
    let apt = Apt::suite(&folder.join(suite), mirror, suite)?;
    apt.update()?;
    let versions = apt.cache(&["madison", "rust-src"])?;
    let version = matching(&versions, release)
        .ok_or_else(|| format!("`{suite}` has no rust-src {release}"))?;
    let packages = folder.join("packages");
    apt.download(&packages, &[format!("rust-src={version}")])?;
    unpack(&packages, folder)?;
    let tree = folder.join(format!("usr/src/rustc-{release}"));
    check_source(&tree, release)?;
    Ok(tree)
}

/// Fetches rustc-web with its own sources, once: the folder that holds its `rustc` and `usr`.
pub(crate) fn rustc_web(cache: &Cache, progress: &Progress) -> Result<PathBuf, String> {
    let entry = cache.entry("rustc-web");
    if entry.join("rustc").is_file() {
        return Ok(entry);
    }
    let scratch = cache.scratch()?;
    let apt = Apt::system(scratch.path())?;
    apt.update()?;
    let version = candidate(&apt.cache(&["policy", "rustc-web"])?)
        .ok_or("Debian's archive here has no rustc-web")?;
    let at = |package: &str| format!("{package}={version}");
    let depends = apt.cache(&["show", &at("rustc-web"), &at("libstd-rust-web-dev")])?;
    let library = word(&depends, "libstd-rust-web-").ok_or("rustc-web names no libstd-rust-web")?;
    let depends = apt.cache(&["show", &at(&library)])?;
    let llvm = word(&depends, "libllvm").ok_or("rustc-web names no libllvm")?;
    progress(&format!(
        "fetching Debian's rustc-web {version} and its sources"
    ));
    let packages = scratch.path().join("packages");
    let names = [
        at("rustc-web"),
        at(&library),
        at("libstd-rust-web-dev"),
        at("rust-web-src"),
        llvm,
    ];
    apt.download(&packages, &names)?;
    let made = scratch.path().join("made");
    unpack(&packages, &made)?;
    wrap(&made).map_err(|error| format!("the compiler's wrapper cannot be written: {error}"))?;
    cache.keep(&made, "rustc-web")
}

/// A script that runs the unpacked compiler with the libraries unpacked beside it.
fn wrap(home: &Path) -> std::io::Result<()> {
    let libraries = home
        .join("usr/lib")
        .read_dir()?
        .flatten()
        .map(|entry| entry.file_name());
    let libraries = libraries.filter(|name| name.to_string_lossy().contains("-linux-"));
    let path: Vec<String> = libraries
        .map(|name| format!("$home/usr/lib/{}", name.to_string_lossy()))
        .collect();
    let script = format!(
        "#!/bin/sh\nhome=$(CDPATH= cd -- \"$(dirname -- \"$0\")\" && pwd)\nLD_LIBRARY_PATH={} exec \"$home/usr/bin/rustc\" \"$@\"\n",
        path.join(":")
    );
    let file = home.join("rustc");
    fs::write(&file, script)?;
    #[cfg(unix)]
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}

/// The version of exactly `release` in the output of `apt-cache madison`: lines of `package | version | place`.
fn matching(madison: &str, release: &str) -> Option<String> {
    let versions = madison
        .lines()
        .filter_map(|line| line.split('|').nth(1).map(str::trim));
    let own = |version: &&str| {
        version
            .strip_prefix(release)
            .is_some_and(|rest| rest.starts_with(['+', '-', '~']))
    };
    let mut versions = versions.filter(own);
    versions.next().map(str::to_owned)
}

/// The candidate in the output of `apt-cache policy`.
fn candidate(policy: &str) -> Option<String> {
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate:"))?
        .trim();
    (line != "(none)").then(|| line.to_owned())
}

/// The first package named in `text` that is `prefix` followed by a version's digits and dots.
fn word(text: &str, prefix: &str) -> Option<String> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || "-.+".contains(character)))
        .find_map(|word| {
            let digits = word.strip_prefix(prefix)?;
            let own = digits.starts_with(|first: char| first.is_ascii_digit())
                && digits
                    .chars()
                    .all(|character| character.is_ascii_digit() || character == '.');
            own.then(|| word.to_owned())
        })
}

/// Unpacks every package of `packages` into `folder`.
fn unpack(packages: &Path, folder: &Path) -> Result<(), String> {
    let entries = packages
        .read_dir()
        .map_err(|error| format!("`{}`: {error}", packages.display()))?;
    for entry in entries.flatten() {
        let mut dpkg = Command::new("dpkg-deb");
        dpkg.arg("-x").arg(entry.path()).arg(folder);
        command::read(&mut dpkg, FETCH).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// apt with private state.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    /// The system's own sources, with lists in `folder`.
    fn system(folder: &Path) -> Result<Apt, String> {
        Apt::private(&folder.join("apt"), Vec::new())
    }

    /// One suite of `mirror`.
    fn suite(folder: &Path, mirror: &str, suite: &str) -> Result<Apt, String> {
        fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        let list = folder.join("sources.list");
        fs::write(
            &list,
            format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"),
        )
        .map_err(|error| format!("`{}`: {error}", list.display()))?;
        let sources = vec![
            format!("Dir::Etc::sourcelist={}", list.display()),
            "Dir::Etc::sourceparts=-".to_owned(),
        ];
        Apt::private(folder, sources)
    }

    fn private(folder: &Path, mut options: Vec<String>) -> Result<Apt, String> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).map_err(|error| format!("`{}`: {error}", part.display()))?;
        }
        options.push(format!(
            "Dir::State::Lists={}",
            folder.join("lists").display()
        ));
        options.push(format!("Dir::Cache={}", folder.join("cache").display()));
        for option in [
            "Debug::NoLocking=1",
            "Acquire::Languages=none",
            "APT::Sandbox::User=root",
            "Acquire::Retries=2",
        ] {
            options.push(option.to_owned());
        }
        Ok(Apt { options })
    }

    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut apt = Command::new(program);
        apt.arg("-q")
            .args(self.options.iter().flat_map(|option| ["-o", option]))
            .args(words)
            .env("LC_ALL", "C");
        apt
    }

    fn update(&self) -> Result<(), String> {
        let mut apt = self.command("apt-get", &["update"]);
        command::read(&mut apt, FETCH)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn cache(&self, words: &[&str]) -> Result<String, String> {
        command::read(&mut self.command("apt-cache", words), ANSWER)
            .map_err(|error| error.to_string())
    }

    fn download(&self, folder: &Path, packages: &[String]) -> Result<(), String> {
        fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        let mut words = vec!["download"];
        words.extend(packages.iter().map(String::as_str));
        let mut apt = self.command("apt-get", &words);
        command::read(apt.current_dir(folder), FETCH)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// The Debian mirror that this machine already uses: its lists say which of its sources is Debian.
    fn mirror(&self) -> Result<String, String> {
        let format = "$(REPO_URI) $(ORIGIN) $(LABEL)";
        let words = ["indextargets", "--format", format, "Created-By: Packages"];
        // The system's lists answer at once where it has any.
        let mut plain = Command::new("apt-get");
        let known = command::read(plain.args(words), ANSWER).map_err(|error| error.to_string())?;
        if let Some(mirror) = mirror(&known) {
            return Ok(mirror);
        }
        self.update()?;
        let fetched = command::read(&mut self.command("apt-get", &words), ANSWER)
            .map_err(|error| error.to_string())?;
        mirror(&fetched).ok_or_else(|| "apt uses no mirror of Debian".to_owned())
    }
}

fn mirror(targets: &str) -> Option<String> {
    let mut lines = targets
        .lines()
        .filter_map(|line| line.strip_suffix(" Debian Debian"));
    lines.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_release_is_found() {
        let madison = "  rust-src | 1.95.1+dfsg1-1 | http://archive.example/debian sid/main amd64 Packages\n  \
             rust-src | 1.95.0+dfsg1-1~bpo13+1 | http://archive.example/debian trixie-backports/main amd64 Packages\n";
        assert_eq!(
            matching(madison, "1.95.0").as_deref(),
            Some("1.95.0+dfsg1-1~bpo13+1")
        );
        assert_eq!(matching(madison, "1.95").as_deref(), None);
        assert_eq!(matching(madison, "1.94.0"), None);
        assert_eq!(matching("", "1.95.0"), None);
    }

    #[test]
    fn a_candidate_is_read() {
        assert_eq!(
            candidate("rustc-web:\n  Installed: (none)\n  Candidate: 1.85.0+dfsg3-1~deb12u3\n")
                .unwrap(),
            "1.85.0+dfsg3-1~deb12u3"
        );
        assert_eq!(
            candidate("rustc-web:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(candidate(""), None);
    }

    #[test]
    fn packages_are_found_in_dependencies() {
        let show = "Depends: libc6 (>= 2.36), libstd-rust-web-dev (= 1.85.0), libstd-rust-web-1.85 (= 1.85.0), libllvm19, libllvm-x";
        assert_eq!(
            word(show, "libstd-rust-web-").as_deref(),
            Some("libstd-rust-web-1.85")
        );
        assert_eq!(word(show, "libllvm").as_deref(), Some("libllvm19"));
        assert_eq!(word(show, "libgcc"), None);
    }

    #[test]
    fn only_debians_own_mirror_will_do() {
        let targets =
            "http://a/debian-security/ Debian Debian-Security\nhttp://a/debian/ Debian Debian\n";
        assert_eq!(mirror(targets).as_deref(), Some("http://a/debian/"));
        assert_eq!(
            mirror("http://archive.ubuntu.com/ubuntu/ Ubuntu Ubuntu\n"),
            None
        );
    }
}
