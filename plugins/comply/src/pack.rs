//! Rule packs: what is looked for, how, where, and what is done with a finding. The shipped ones are `packs/*.toml`, laid out as
//! tables in `packs.in` (`tests/tables.rs` does that and checks it); a manifest brings packs of its own in the same shape.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How much a finding matters, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Harm follows if it goes on.
    Critical,
    /// Regulated data, or a term that begins to run.
    High,
    /// Personal data, or something that a person should know of.
    Medium,
    /// For the record.
    Low,
}

/// What the stage does with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Reports it.
    Flag,
    /// Reports it, and replaces it in the redacted texts.
    Redact,
    /// Does the same, and holds the submission for a person.
    Hold,
    /// Looks away.
    Off,
}

/// Which texts a rule reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// What was submitted: subject, body, messages, attachments.
    #[default]
    Request,
    /// What earlier stages answered.
    Answers,
    /// Both.
    Everything,
}

/// A deterministic detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A private key in PEM.
    PrivateKey,
    /// A key or token in a known format, or announced as one.
    ApiKey,
    /// A password or PIN that is told.
    Password,
    /// A payment card number.
    Card,
    /// A card verification value where the submission has a full card number.
    CardCvv,
    /// A card verification value where it has none.
    Cvv,
    /// An international bank account number.
    Iban,
    /// A US social security number.
    UsSsn,
    /// A UK National Insurance number.
    GbNino,
    /// A German tax id.
    DeTax,
    /// A US driving licence's number.
    UsDrivingLicence,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// An address of the internet protocol.
    Ip,
    /// A web address.
    Url,
    /// A text longer than is read.
    Unread,
}

/// How a rule finds.
#[derive(Clone, Debug, PartialEq)]
pub enum Reads {
    /// By detectors, each with its own checksum or format.
    Checks(Cow<'static, [Check]>),
    /// By whole words in either case.
    Phrases(Cow<'static, [Cow<'static, str>]>),
    /// By the model: its probability for a label, from a threshold on.
    Label {
        /// The label, one of the card's.
        label: Cow<'static, str>,
        /// The threshold; the model's own is 0.5.
        at: f32,
    },
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The id that flags and config name.
    pub id: Cow<'static, str>,
    /// What it looks for, as a phrase.
    pub about: Cow<'static, str>,
    /// How much its findings matter.
    pub severity: Severity,
    /// What is done where the config does not say.
    pub action: Action,
    /// Which texts it reads.
    pub scope: Scope,
    /// Stages whose answers it does not read, for it is their work to name such things.
    pub except: Cow<'static, [Cow<'static, str>]>,
    /// How it finds.
    pub reads: Reads,
}

/// A pack of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its version, of its own and not of the plugin.
    pub version: Cow<'static, str>,
    /// Its rules; where findings overlap, the first one keeps the place.
    pub rules: Cow<'static, [Rule]>,
}

/// The shipped packs, in the order in which their rules take precedence.
pub static SHIPPED: &[Pack] = include!("packs.in");

/// A pack as a manifest writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPack {
    name: String,
    version: String,
    #[serde(default, rename = "about")]
    _about: Option<String>,
    rules: Vec<OwnRule>,
}

/// A rule as a manifest writes it. Source and cases are for readers and tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnRule {
    id: String,
    about: String,
    #[serde(rename = "source")]
    _source: String,
    severity: Severity,
    action: Action,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    phrases: Vec<String>,
    label: Option<String>,
    at: Option<f32>,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default, rename = "positive")]
    _positive: Vec<String>,
    #[serde(default, rename = "negative")]
    _negative: Vec<String>,
}

impl OwnPack {
    /// Whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// The pack, or what is wrong with it.
    ///
    /// # Errors
    /// A sentence that names the rule which says not one of `checks`, `phrases` and `label`.
    pub fn read(&self) -> Result<Pack, String> {
        let rules: Result<Vec<Rule>, String> = self.rules.iter().map(OwnRule::read).collect();
        Ok(Pack {
            name: Cow::Owned(self.name.clone()),
            version: Cow::Owned(self.version.clone()),
            rules: Cow::Owned(rules.map_err(|e| format!("pack `{}`: {e}", self.name))?),
        })
    }
}

impl OwnRule {
    fn read(&self) -> Result<Rule, String> {
        let reads = match (self.checks.as_slice(), self.phrases.as_slice(), &self.label) {
            (checks @ [_, ..], [], None) => Reads::Checks(Cow::Owned(checks.to_vec())),
            ([], phrases @ [_, ..], None) => Reads::Phrases(
                phrases
                    .iter()
                    .map(|phrase| phrase.to_lowercase().into())
                    .collect(),
            ),
            ([], [], Some(label)) => Reads::Label {
                label: Cow::Owned(label.clone()),
                at: self.at.unwrap_or(0.5),
            },
            _ => {
                return Err(format!(
                    "rule `{}` says not exactly one of `checks`, `phrases` and `label`: keep one of them",
                    self.id
                ));
            }
        };
        Ok(Rule {
            id: Cow::Owned(self.id.clone()),
            about: Cow::Owned(self.about.clone()),
            severity: self.severity,
            action: self.action,
            scope: self.scope,
            except: self
                .except
                .iter()
                .map(|stage| Cow::Owned(stage.clone()))
                .collect(),
            reads,
        })
    }
}
