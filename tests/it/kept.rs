//! What a change leaves alone, and what it frees: components that are compiled once, models that come and go.

use std::fs;
use std::path::Path;

use fleetwright_tests::host::subject;
use fleetwright_tests::versions::{component, replace};
use fleetwright_tests::{Host, Layout, digest, places, until};
use serde_json::Value;

use crate::assertions::{outcome, still_works};

fn ask(host: &Host) -> Value {
    outcome(&host.submit(&subject("hello")).unwrap(), "completed")
}

fn control(host: &Host) -> Value {
    host.get("/readyz?verbose").unwrap().json().unwrap()["control"].clone()
}

/// Saves the manifest and waits until it serves.
fn edit(host: &Host, text: &str) {
    let before = control(host)["generation"].clone();
    replace(&host.layout().manifest(), text.as_bytes()).unwrap();
    until(&format!("another generation\n{}", host.log()), || {
        Ok((control(host)["generation"] != before).then_some(()))
    })
    .unwrap();
}

/// A component that nobody has compiled before.
fn never_seen() -> Vec<u8> {
    let mut bytes = component(1).unwrap();
    let nonce = format!("{:?}-{}", std::time::SystemTime::now(), std::process::id());
    let content = [&[5][..], b"nonce", nonce.as_bytes()].concat();
    bytes.extend([0, u8::try_from(content.len()).unwrap()]);
    bytes.extend(content);
    bytes
}

#[test]
fn a_change_of_limits_compiles_nothing() {
    let manifest = |limits: &str| {
        format!(
            "schema = 1\nname = \"limits\"\n\n[[stage]]\nname = \"first\"\nplugin = \"versioned@1\"\nreads = [\"subject\"]\nlimits = {{ {limits} }}\n"
        )
    };
    let layout = Layout::new(&manifest(""), &[]).unwrap();
    let component = never_seen();
    layout.put_plugin("versioned", &component).unwrap();
    // What serves in quick code is compiled once more.
    let host = Host::start(layout, &["--quick-code", "off"]).unwrap();
    let compiles = || host.metric("fleetwright_compiles_total", &[]).unwrap();
    assert_eq!(compiles(), Some(1.0));
    // A file that was written a moment before it was looked at is looked at once more: that is over before the code is taken away.
    edit(&host, &manifest("depth = 8"));
    // Nor would a copy of the code on the disk be of any help.
    forget(&host, &component);
    for limits in [
        "memory = \"32MiB\"",
        "tensors = \"1MiB\"",
        "output = \"32KiB\"",
        "log = \"1KiB\"",
        "cpu = \"250ms\"",
        "deadline = \"9s\"",
        "concurrency = 3",
        "queue = 7",
        "rate = \"1000/s\"",
        "computes = 5",
        "input = \"2MiB\"",
        "depth = 9",
        "attachments = 3",
        "attachment_bytes = \"2MiB\"",
    ] {
        edit(&host, &manifest(limits));
        still_works(&host, &subject("hello"));
        let change = limits.split(' ').next().unwrap();
        let said = format!("limits.{change}");
        assert!(host.log().contains(&said), "{said}: {}", host.log());
    }
    assert_eq!(compiles(), Some(1.0), "{}", host.log());
    // Fuel is counted by other code: the one limit that needs it, once.
    edit(&host, &manifest("fuel = 100000000"));
    edit(&host, &manifest("fuel = 200000000"));
    assert_eq!(compiles(), Some(2.0));
}

/// Removes what the shared cache holds of a component.
fn forget(host: &Host, component: &[u8]) {
    let digest = digest(component);
    let name = digest.trim_start_matches("sha256:");
    let cache = host.layout().state().join("components");
    let entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap());
    let own: Vec<_> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(name))
        .collect();
    assert_eq!(own.len(), 1, "one entry");
    own.iter()
        .for_each(|entry| fs::remove_file(entry.path()).unwrap());
}

/// Puts a version of the stub model beside the others in one step, as `models pull` does.
fn put_model(models: &Path, version: &str) {
    let card = places::stub_models().join("stub/1.0.0/model.toml");
    let text = fs::read_to_string(card).unwrap();
    let beside = models.join(format!("next-{version}"));
    fs::create_dir_all(&beside).unwrap();
    fs::write(beside.join("model.toml"), text.replace("1.0.0", version)).unwrap();
    fs::rename(&beside, models.join("stub").join(version)).unwrap();
}

/// Threads that bear a model's name: its workers, each from when it has given itself that name, which it does after it was begun.
fn workers(host: &Host, name: &str) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", host.process())).unwrap();
    let named = |path: &Path| fs::read_to_string(path.join("comm")).unwrap_or_default();
    let comms = tasks.map(|task| named(&task.unwrap().path()));
    comms
        .filter(|comm| comm.starts_with(&format!("model {name}")))
        .count()
}

/// How many workers the host says that a model has.
fn begun(log: &str) -> usize {
    let (_, told) = log.split_once(" workers=").unwrap();
    let count: String = told.chars().take_while(char::is_ascii_digit).collect();
    count.parse().unwrap()
}

#[test]
fn a_newer_model_is_taken_up_and_taking_it_away_goes_back_and_frees_it() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path();
    fs::create_dir(models.join("stub")).unwrap();
    put_model(models, "1.0.0");
    let manifest = |more: &str| {
        format!(
            "schema = 1\nname = \"models\"\n[models.stub]\nuse = \"stub@1\"\n{more}\n[[stage]]\nname = \"first\"\nplugin = \"hostile@1\"\n\
             models = {{ model = \"stub\" }}\nconfig = {{ case = \"infer\" }}\n"
        )
    };
    let layout = Layout::new(&manifest(""), &["hostile"]).unwrap();
    let host = Host::start(layout.with_models(models), &[]).unwrap();
    let each = begun(&host.log());
    let version = || {
        let models = &ask(&host)["stages"]["first"]["models"];
        models["model"]["version"].as_str().map(str::to_owned)
    };
    let serves = |wanted: &str| {
        until(&format!("model {wanted}\n{}", host.log()), || {
            Ok((version().as_deref() == Some(wanted)).then_some(()))
        })
        .unwrap();
        until("the end of the other model's workers", || {
            Ok((workers(&host, "stub") == each).then_some(()))
        })
        .unwrap();
    };
    serves("1.0.0");
    put_model(models, "1.1.0");
    serves("1.1.0");
    let lock = || fs::read_to_string(host.layout().folder().join("fleet.lock")).unwrap();
    assert!(lock().contains("version = \"1.1.0\""), "{}", lock());
    fs::remove_dir_all(models.join("stub/1.1.0")).unwrap();
    serves("1.0.0");
    assert!(!lock().contains("version = \"1.1.0\""), "{}", lock());

    // A pin of another card refuses it; the one that serves goes on.
    let pin = format!("digest = \"sha256:{}\"\n", "0".repeat(64));
    replace(&host.layout().manifest(), manifest(&pin).as_bytes()).unwrap();
    let refused = until("a refusal", || {
        let text = &control(&host)["refused"]["text"];
        Ok(text.as_str().map(str::to_owned))
    });
    let refused = refused.unwrap();
    assert!(refused.contains("digest"), "{refused}");
    assert_eq!(version().as_deref(), Some("1.0.0"));
    // One of the card that serves keeps a newer version out.
    let lock = lock();
    let model = lock.split("[[model]]").nth(1).unwrap();
    let digest = model.split("digest = \"").nth(1).unwrap();
    let digest = digest.split('"').next().unwrap();
    let pin = format!("digest = \"{digest}\"\n");
    replace(&host.layout().manifest(), manifest(&pin).as_bytes()).unwrap();
    until("the end of the refusal", || {
        Ok(control(&host)["refused"].is_null().then_some(()))
    })
    .unwrap();
    put_model(models, "1.2.0");
    // A change that shows comes after it: what serves then was chosen with both there.
    let generation = || control(&host)["generation"].as_u64();
    let before = generation();
    let later = manifest(&format!("{pin}# later\n"));
    replace(&host.layout().manifest(), later.as_bytes()).unwrap();
    until("the later manifest", || {
        Ok((generation() > before).then_some(()))
    })
    .unwrap();
    assert_eq!(version().as_deref(), Some("1.0.0"));

    // So does the lock, where it is asked for.
    replace(&host.layout().manifest(), manifest("").as_bytes()).unwrap();
    serves("1.2.0");
    let layout = host.stop().unwrap();
    put_model(models, "1.3.0");
    let host = Host::start(layout, &["--locked"]).unwrap();
    let models = &ask(&host)["stages"]["first"]["models"];
    assert_eq!(models["model"]["version"], "1.2.0", "the one of the lock");
}

/// A model whose own cases fail is not served, and neither is one that is half there.
#[test]
fn a_model_that_fails_its_golden_cases_or_is_not_whole_never_answers() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path();
    fs::create_dir(models.join("stub")).unwrap();
    put_model(models, "1.0.0");
    let text = "schema = 1\nname = \"models\"\n[models.stub]\nuse = \"stub@1\"\n[[stage]]\nname = \"first\"\nplugin = \"hostile@1\"\n\
         models = { model = \"stub\" }\nconfig = { case = \"infer\" }\n";
    let layout = Layout::new(text, &["hostile"]).unwrap();
    let host = Host::start(layout.with_models(models), &[]).unwrap();
    let version = || {
        let models = &ask(&host)["stages"]["first"]["models"];
        models["model"]["version"].as_str().unwrap().to_owned()
    };
    let refused = |what: &str| {
        let refused = until(&format!("a refusal\n{}", host.log()), || {
            let text = control(&host)["refused"]["text"]
                .as_str()
                .map(str::to_owned);
            Ok(text.filter(|text| text.contains(what)))
        });
        refused.unwrap()
    };
    let cases = models.join("next-1.1.0/tests");
    fs::create_dir_all(&cases).unwrap();
    let case = r#"{"about": "what nobody says", "plugin": "hostile", "expect": {"answer": {"/never": 1}}}"#;
    fs::write(cases.join("never.json"), case).unwrap();
    put_model(models, "1.1.0");
    let why = refused("golden cases");
    assert!(why.contains("what nobody says: `/never` is null"), "{why}");
    assert_eq!(version(), "1.0.0");
    fs::remove_dir_all(models.join("stub/1.1.0")).unwrap();

    // A card in the making: no refusal while it may still be written to, and one where it is not.
    let beside = models.join("stub/1.2.0");
    fs::create_dir_all(&beside).unwrap();
    let card = fs::read_to_string(models.join("stub/1.0.0/model.toml")).unwrap();
    let card = card.replace("1.0.0", "1.2.0");
    fs::write(beside.join("model.toml"), &card[..card.len() / 2]).unwrap();
    let why = refused("stub@1.2.0");
    assert!(
        why.contains("cannot be used") && why.contains("model.toml"),
        "{why}"
    );
    assert_eq!(version(), "1.0.0");
    fs::write(beside.join("model.toml"), &card).unwrap();
    until(
        "the whole card",
        || Ok((version() == "1.2.0").then_some(())),
    )
    .unwrap();
}
