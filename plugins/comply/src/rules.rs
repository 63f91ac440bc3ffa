//! The rules that a manifest chooses: packs by name, packs of its own, and actions where they differ from a rule's default.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Config;
use crate::pack::{Action, Pack, Reads, Rule, SHIPPED, Scope};

/// A rule that looks, with what the config makes of it.
#[derive(Debug)]
pub struct Active {
    /// The rule.
    pub rule: Rule,
    /// Its pack, as `name@version`.
    pub pack: String,
    /// What is done with its findings.
    pub action: Action,
    /// Whether the config asks for it by itself: by its name in `rules`, or by a pack of its own.
    pub asked: bool,
}

/// The rules that look, the strongest first.
#[derive(Debug)]
pub struct Rules {
    active: Vec<Active>,
}

impl Rules {
    /// The rules of a config.
    ///
    /// # Errors
    /// A sentence that names the pack or rule which there is not, with those that there are.
    pub fn chosen(config: &Config) -> Result<Self, String> {
        let packs = packs(config)?;
        let known = |id: &str| {
            packs
                .iter()
                .flat_map(|pack| pack.rules.iter())
                .any(|rule| rule.id == id)
        };
        if let Some(unknown) = config.rules.keys().find(|id| !known(id)) {
            return Err(unknown_rule(unknown, &packs));
        }
        let active = packs.iter().flat_map(|pack| {
            let own = config.own.iter().any(|own| own.is(&pack.name));
            pack.rules.iter().filter_map(move |rule| {
                let named = config.rules.get(rule.id.as_ref()).copied();
                let action = named.unwrap_or(rule.action);
                (action != Action::Off).then(|| Active {
                    rule: rule.clone(),
                    pack: format!("{}@{}", pack.name, pack.version),
                    action,
                    asked: own || named.is_some(),
                })
            })
        });
        Ok(Self {
            active: active.collect(),
        })
    }

    /// The rules that read a text: what was submitted, or, where `stage` says so, that stage's answer; each with its rank.
    pub fn reading<'a>(
        &'a self,
        stage: Option<&'a str>,
    ) -> impl Iterator<Item = (usize, &'a Active)> {
        self.active.iter().enumerate().filter(move |(_, active)| {
            let rule = &active.rule;
            match stage {
                None => rule.scope != Scope::Answers,
                Some(stage) => {
                    rule.scope != Scope::Request && !rule.except.iter().any(|name| name == stage)
                }
            }
        })
    }

    /// The rules that the model serves, each with its rank.
    pub fn learned(&self) -> impl Iterator<Item = (usize, &Active, &str, f32)> {
        self.active
            .iter()
            .enumerate()
            .filter_map(|(rank, active)| match &active.rule.reads {
                Reads::Label { label, at } => Some((rank, active, label.as_ref(), *at)),
                Reads::Checks(_) | Reads::Phrases(_) => None,
            })
    }
}

/// The packs of a config: all that are shipped where it names none, and its own, which take the place of shipped ones of the
/// same name or stand behind them.
fn packs(config: &Config) -> Result<Vec<Cow<'static, Pack>>, String> {
    let mut own = BTreeMap::new();
    for pack in &config.own {
        let pack = pack.read()?;
        own.insert(pack.name.to_string(), pack);
    }
    let named = match &config.packs {
        Some(names) => names
            .iter()
            .map(|name| shipped_or_own(name, &mut own))
            .collect::<Result<Vec<_>, _>>()?,
        None => SHIPPED
            .iter()
            .map(|pack| {
                own.remove(pack.name.as_ref())
                    .map_or(Cow::Borrowed(pack), Cow::Owned)
            })
            .collect(),
    };
    Ok(named
        .into_iter()
        .chain(own.into_values().map(Cow::Owned))
        .collect())
}

/// The pack that `name` or `name@version` asks for.
fn shipped_or_own(
    asked: &str,
    own: &mut BTreeMap<String, Pack>,
) -> Result<Cow<'static, Pack>, String> {
    let (name, version) = asked
        .split_once('@')
        .map_or((asked, None), |(name, version)| (name, Some(version)));
    let pack = match own.remove(name) {
        Some(pack) => Cow::Owned(pack),
        None => SHIPPED
            .iter()
            .find(|pack| pack.name == name)
            .map(Cow::Borrowed)
            .ok_or_else(|| {
                let names: Vec<&str> = SHIPPED.iter().map(|pack| pack.name.as_ref()).collect();
                format!(
                    "there is no pack `{name}`: use one of {}, or bring it in `own`",
                    names.join(", ")
                )
            })?,
    };
    match version {
        Some(version) if version != pack.version => Err(format!(
            "`packs` asks for `{asked}`, and the pack `{name}` here has version {}: ask for that, or for `{name}` alone",
            pack.version
        )),
        _ => Ok(pack),
    }
}

fn unknown_rule(id: &str, packs: &[Cow<'static, Pack>]) -> String {
    let elsewhere = SHIPPED
        .iter()
        .find(|pack| pack.rules.iter().any(|rule| rule.id == id));
    match elsewhere {
        Some(pack) => format!(
            "`rules` names `{id}`, of the pack `{}`, which is not chosen: add it to `packs`",
            pack.name
        ),
        None => {
            let first = id.split('.').next().unwrap_or_default();
            let near: Vec<&str> = packs
                .iter()
                .flat_map(|pack| pack.rules.iter())
                .map(|rule| rule.id.as_ref())
                .filter(|known| known.starts_with(first))
                .collect();
            let hint = if near.is_empty() {
                String::new()
            } else {
                format!("; there are {}", near.join(", "))
            };
            format!("there is no rule `{id}`{hint}: see README.md of the plugin for the rules")
        }
    }
}
