//! The models that there are: every card under `models/<name>/<version>/`.
//!
//! A folder whose name is not a version (training recipes, say) is passed over; one whose name is must hold
//! a card of exactly that name and version. One that does not stops no other model: it is kept as a [`BrokenCard`], for whoever needs
//! that version. Cards are read once; weights are not opened.

use std::fs;
use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};

use crate::card::{CARD_FILE, Card, CardError};

/// All cards of a folder of models, ordered by name, then version.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    cards: Vec<Card>,
    broken: Vec<BrokenCard>,
}

/// A version of a model whose card cannot be used.
#[derive(Clone, Debug)]
pub struct BrokenCard {
    /// The model's name, as its folder has it.
    pub name: String,
    /// The version, as its folder has it.
    pub version: Version,
    /// That folder.
    pub folder: PathBuf,
    /// What is wrong.
    pub error: CardError,
}

impl Catalog {
    /// Reads every card under `models_dir`.
    ///
    /// # Errors
    /// [`CardError`] where a folder of models cannot be read.
    pub fn scan(models_dir: &Path) -> Result<Catalog, CardError> {
        let mut catalog = Catalog::default();
        for model in folders(models_dir)? {
            for folder in folders(&model)? {
                let Ok(version) = Version::parse(&last_part(&folder)) else {
                    continue;
                };
                let name = last_part(&model);
                match read(&folder, &name, &version) {
                    Ok(card) => catalog.cards.push(card),
                    Err(error) => catalog.broken.push(BrokenCard {
                        name,
                        version,
                        folder,
                        error,
                    }),
                }
            }
        }
        let by_version = |a: &Card, b: &Card| (a.name(), a.version()).cmp(&(b.name(), b.version()));
        catalog.cards.sort_by(by_version);
        Ok(catalog)
    }

    /// The same catalog, where every card in it can be used.
    ///
    /// # Errors
    /// The [`CardError`] of the first that cannot.
    pub fn sound(self) -> Result<Catalog, CardError> {
        match self.broken.into_iter().next() {
            Some(broken) => Err(broken.error),
            None => Ok(Catalog {
                cards: self.cards,
                broken: Vec::new(),
            }),
        }
    }

    /// Versions whose cards cannot be used.
    pub fn broken(&self) -> &[BrokenCard] {
        &self.broken
    }

    /// The same catalog, whose cards also look for their files under `pulled`: see [`Card::with_pulled`].
    #[must_use]
    pub fn with_pulled(self, pulled: &Path) -> Catalog {
        let cards = self
            .cards
            .into_iter()
            .map(|card| card.with_pulled(pulled))
            .collect();
        Catalog {
            cards,
            broken: self.broken,
        }
    }

    /// The card of the highest version of `name` that `version` admits.
    pub fn resolve(&self, name: &str, version: &VersionReq) -> Option<&Card> {
        self.versions(name)
            .filter(|card| version.matches(card.version()))
            .last()
    }

    /// The cards of `name`, lowest version first: what a message offers where [`Catalog::resolve`] finds none.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(move |card| card.name() == name)
    }

    /// All cards, by name, then version.
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }
}

/// Reads a card and holds it to the folder that it lies in.
fn read(folder: &Path, name: &str, version: &Version) -> Result<Card, CardError> {
    let card = Card::read(folder)?;
    let differs = |key: &str, written: &str, folder_says: &str| CardError::Key {
        file: folder.join(CARD_FILE),
        key: key.to_owned(),
        message: format!(
            "`{written}` stands in the card, and its folder says `{folder_says}`; make them equal"
        ),
    };
    if card.name() != name {
        return Err(differs("name", card.name(), name));
    }
    if card.version() != version {
        return Err(differs(
            "version",
            &card.version().to_string(),
            &version.to_string(),
        ));
    }
    Ok(card)
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>, CardError> {
    let unreadable = |error: std::io::Error| CardError::Unreadable {
        file: dir.to_path_buf(),
        reason: error.to_string(),
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn last_part(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(models: &Path, folder: &str, name: &str, version: &str) {
        let dir = models.join(folder);
        fs::create_dir_all(&dir).unwrap();
        let card = format!(
            "schema = 1\nname = \"{name}\"\nversion = \"{version}\"\nformat = \"stub\"\nlicence = \"Apache-2.0\"\nsource = \"here\"\n\
             [inputs.x]\ntype = \"f32\"\ndims = [\"batch\"]\n[outputs.y]\ntype = \"f32\"\ndims = [\"batch\"]\n"
        );
        fs::write(dir.join(CARD_FILE), card).unwrap();
    }

    #[test]
    fn the_highest_admitted_version_is_found() {
        let models = tempfile::tempdir().unwrap();
        for version in ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"] {
            put(models.path(), &format!("tone/{version}"), "tone", version);
        }
        fs::create_dir_all(models.path().join("tone/train")).unwrap();
        fs::write(models.path().join("README.md"), "").unwrap();
        let catalog = Catalog::scan(models.path()).unwrap();
        let version = |req: &str| {
            catalog
                .resolve("tone", &req.parse().unwrap())
                .map(|card| card.version().to_string())
        };
        assert_eq!(version("^1"), Some("1.10.0".to_owned()));
        assert_eq!(version("=1.9.0"), Some("1.9.0".to_owned()));
        assert_eq!(version("^2"), None);
        assert_eq!(
            catalog.resolve("other", &VersionReq::STAR).map(Card::name),
            None
        );
        assert_eq!(catalog.versions("tone").count(), 4);
    }

    #[test]
    fn a_card_in_the_wrong_folder_is_refused() {
        let models = tempfile::tempdir().unwrap();
        put(models.path(), "tone/1.0.0", "tone", "1.0.1");
        let message = Catalog::scan(models.path())
            .unwrap()
            .sound()
            .unwrap_err()
            .to_string();
        assert!(message.ends_with("model.toml`: key `version`: `1.0.1` stands in the card, and its folder says `1.0.0`; make them equal"), "{message}");
        put(models.path(), "tone/1.0.0", "mood", "1.0.0");
        let message = Catalog::scan(models.path())
            .unwrap()
            .sound()
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("key `name`: `mood` stands in the card, and its folder says `tone`"),
            "{message}"
        );
    }

    #[test]
    fn a_card_at_fault_stops_no_other() {
        let models = tempfile::tempdir().unwrap();
        put(models.path(), "tone/1.0.0", "tone", "1.0.0");
        put(models.path(), "mood/2.0.0", "mood", "2.0.0");
        fs::write(
            models.path().join("mood/2.0.0").join(CARD_FILE),
            "schema = ",
        )
        .unwrap();
        let catalog = Catalog::scan(models.path()).unwrap();
        assert_eq!(catalog.cards().len(), 1);
        let [broken] = catalog.broken() else {
            panic!("{:?}", catalog.broken());
        };
        assert_eq!(
            (&*broken.name, broken.version.to_string()),
            ("mood", "2.0.0".to_owned())
        );
        assert!(broken.error.to_string().contains("is not a model card"));
    }

    #[test]
    fn a_version_folder_without_a_card_is_refused() {
        let models = tempfile::tempdir().unwrap();
        fs::create_dir_all(models.path().join("tone/1.0.0")).unwrap();
        let message = Catalog::scan(models.path())
            .unwrap()
            .sound()
            .unwrap_err()
            .to_string();
        assert!(message.starts_with("cannot read `"), "{message}");
        assert!(Catalog::scan(&models.path().join("absent")).is_err());
    }
}
