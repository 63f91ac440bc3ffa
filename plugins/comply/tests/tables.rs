//! `src/packs.in` is `packs/*.toml` laid out as tables that need no work at start, without sources and cases. This test writes it,
//! with `FLEETWRIGHT_BLESS=1` in the environment. It is kept with the sources, for a build script would want a TOML reader on the
//! compiler's side, and with it another build of all that shares the reader's dependencies there.
//!
//! What a pack may say is checked here, so that a mistake in one names file and rule.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The order of packs: where findings overlap, the rule that stands first keeps the place.
const ORDER: &[&str] = &[
    "core",
    "pci",
    "pii",
    "gdpr",
    "legal-threat",
    "regulated-advice",
    "abuse",
    "payment-fraud",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    name: String,
    version: String,
    about: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    about: String,
    source: String,
    severity: String,
    action: String,
    #[serde(default)]
    checks: Vec<String>,
    #[serde(default)]
    phrases: Vec<String>,
    label: Option<String>,
    at: Option<f32>,
    #[serde(default = "request")]
    scope: String,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    positive: Vec<String>,
    negative: Vec<String>,
}

fn request() -> String {
    "request".to_owned()
}

#[test]
fn the_tables_say_what_the_packs_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: Vec<_> = fs::read_dir(root.join("packs")).unwrap().collect();
    assert_eq!(
        names.len(),
        ORDER.len(),
        "every file of packs/ stands in ORDER"
    );
    let mut made = String::from("&[\n");
    for name in ORDER {
        let text = fs::read_to_string(root.join(format!("packs/{name}.toml"))).unwrap();
        made += &table(name, &text).unwrap_or_else(|error| panic!("{error}"));
    }
    made.push_str("]\n");
    let path = root.join("src/packs.in");
    if std::env::var_os("FLEETWRIGHT_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(
        kept == made,
        "packs/*.toml have changed; run with FLEETWRIGHT_BLESS=1 and read the difference"
    );
}

#[test]
fn a_mistake_in_a_pack_names_file_and_rule() {
    let pack = "name = 'x'\nversion = '1.0.0'\nabout = 'x'\n[[rules]]\nid = 'a.b'\nabout = 'x'\nseverity = 'low'\naction = 'flag'\n";
    for (more, says) in [
        (
            "source = 'x'\npositive = ['x']\nnegative = ['y']",
            "x.toml: rule `a.b`: one of `checks`, `phrases` and `label` is wanted",
        ),
        (
            "source = 'x'\nphrases = ['x']\nnegative = ['y']",
            "x.toml: rule `a.b`: a positive case is wanted",
        ),
        (
            "source = ''\nphrases = ['x']\nnegative = ['y']",
            "x.toml: rule `a.b`: `about`, `source` and a negative case are wanted",
        ),
        ("phrases = ['x']", "x.toml: TOML parse error"),
    ] {
        let error = table("x", &format!("{pack}{more}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{error}");
    }
    assert!(
        table(
            "y",
            &format!("{pack}source = 'x'\nlabel = 'x'\npositive = ['x']\nnegative = ['y']")
        )
        .is_err()
    );
}

/// One pack's table.
fn table(name: &str, text: &str) -> Result<String, Box<dyn Error>> {
    let pack: Pack = toml::from_str(text).map_err(|e| format!("{name}.toml: {e}"))?;
    if pack.name != *name || pack.about.is_empty() || pack.rules.is_empty() {
        return Err(format!("{name}.toml: wants its file's name, `about` and rules").into());
    }
    let mut code = String::new();
    write_pack(&mut code, &pack).map_err(|e| format!("{name}.toml: {e}"))?;
    Ok(code)
}

fn write_pack(code: &mut String, pack: &Pack) -> Result<(), Box<dyn Error>> {
    writeln!(
        code,
        "Pack {{ name: Cow::Borrowed({:?}), version: Cow::Borrowed({:?}), rules: Cow::Borrowed(&[",
        pack.name, pack.version
    )?;
    for rule in &pack.rules {
        write_rule(code, rule).map_err(|e| format!("rule `{}`: {e}", rule.id))?;
    }
    code.push_str("]) },\n");
    Ok(())
}

fn write_rule(code: &mut String, rule: &Rule) -> Result<(), Box<dyn Error>> {
    let Rule { id, about, .. } = rule;
    if about.is_empty() || rule.source.is_empty() || rule.negative.is_empty() {
        return Err("`about`, `source` and a negative case are wanted".into());
    }
    if rule.positive.is_empty() && rule.checks != ["unread"] {
        return Err("a positive case is wanted".into());
    }
    let reads = match (rule.checks.as_slice(), rule.phrases.as_slice(), &rule.label) {
        (checks @ [_, ..], [], None) => {
            let names: Vec<String> = checks
                .iter()
                .map(|name| format!("Check::{}", camel(name)))
                .collect();
            format!("Reads::Checks(Cow::Borrowed(&[{}]))", names.join(", "))
        }
        ([], phrases @ [_, ..], None) => {
            format!("Reads::Phrases(Cow::Borrowed(&[{}]))", borrowed(phrases))
        }
        ([], [], Some(label)) => {
            format!(
                "Reads::Label {{ label: Cow::Borrowed({label:?}), at: {:?} }}",
                rule.at.unwrap_or(0.5)
            )
        }
        _ => return Err("one of `checks`, `phrases` and `label` is wanted".into()),
    };
    writeln!(
        code,
        "Rule {{ id: Cow::Borrowed({id:?}), about: Cow::Borrowed({about:?}), severity: Severity::{}, action: Action::{}, scope: Scope::{}, \
         except: Cow::Borrowed(&[{}]), reads: {reads} }},",
        camel(&rule.severity),
        camel(&rule.action),
        camel(&rule.scope),
        borrowed(&rule.except),
    )?;
    Ok(())
}

fn borrowed(texts: &[String]) -> String {
    let quoted: Vec<String> = texts
        .iter()
        .map(|text| format!("Cow::Borrowed({text:?})"))
        .collect();
    quoted.join(", ")
}

/// `us-ssn` → `UsSsn`.
fn camel(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}
