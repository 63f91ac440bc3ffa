//! What a start serves: what stands on disk, or, where that is refused, what was served last.

use super::*;

#[test]
fn a_broken_manifest_does_not_keep_a_restart_from_serving_what_served_last() {
    let layout = layout("versioned@1", &[1, 2]);
    let host = Host::start(layout, &[]).unwrap();
    assert_eq!(ask(&host), (version(2), "one".into()));
    let layout = host.stop().unwrap();
    edit(&layout, "schema = 1\nname = \n");
    std::fs::remove_file(layout.plugins().join("v2.wasm")).unwrap();

    let error = Host::start(layout.clone(), &["--strict"]).unwrap_err();
    assert!(
        format!("{error:#}").contains("fleet.toml\",\"line\":2"),
        "{error:#}"
    );

    let host = Host::start(layout, &[]).unwrap();
    assert_eq!(
        ask(&host),
        (version(2), "one".into()),
        "though the component is gone"
    );
    let status = control(&host);
    assert!(
        status["stale"] == true && status["generation"] == 1,
        "{status}"
    );
    let shown = verb(&host, &["ps"]);
    assert!(
        shown.code != Some(0) && shown.stdout.contains("REFUSED at the start"),
        "{shown:?}"
    );
    edit(host.layout(), &manifest("versioned@1", "mended", ""));
    serves(&host, 1, "mended");
    assert_eq!(control(&host)["stale"], false);

    // What serves is what the next start serves, under the same number.
    let generation = control(&host)["generation"].clone();
    let host = Host::start(host.stop().unwrap(), &[]).unwrap();
    assert_eq!(control(&host)["generation"], generation);
}

/// Each of these was no reason to end before the generation that is recorded was tried.
#[test]
fn neither_a_foreign_card_nor_a_missing_folder_nor_a_torn_record_keeps_the_last_generation_from_serving()
 {
    let models = tempfile::tempdir().unwrap();
    let layout = layout("versioned@1", &[1]).with_models(models.path());
    let host = Host::start(layout, &[]).unwrap();
    edit(host.layout(), &manifest("versioned@1", "two", ""));
    serves(&host, 1, "two");
    // A card that no stage needs, half written: nothing of it is refused, before a start and after.
    let card = models.path().join("other/1.0.0");
    std::fs::create_dir_all(&card).unwrap();
    std::fs::write(card.join("model.toml"), "schema = ").unwrap();
    edit(host.layout(), &manifest("versioned@1", "three", ""));
    serves(&host, 1, "three");
    let host = Host::start(host.stop().unwrap(), &["--strict"]).unwrap();
    assert_eq!(ask(&host), (version(1), "three".into()));

    let layout = host.stop().unwrap();
    std::fs::rename(layout.plugins(), layout.folder().join("away")).unwrap();
    let error = Host::start(layout.clone(), &["--strict"]).unwrap_err();
    assert!(
        format!("{error:#}").contains("cannot read the plugins directory"),
        "{error:#}"
    );
    let host = Host::start(layout, &[]).unwrap();
    assert_eq!(ask(&host), (version(1), "three".into()));
    assert_eq!(control(&host)["stale"], true);
    assert!(
        host.log()
            .contains("the generation that served last serves on"),
        "{}",
        host.log()
    );

    let layout = host.stop().unwrap();
    let fleets = layout.state().join("fleets");
    let folder = std::fs::read_dir(fleets)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(folder.join("3.json"), "{").unwrap();
    let host = Host::start(layout, &[]).unwrap();
    assert_eq!(ask(&host), (version(1), "two".into()), "the one before");
    let told = verb(&host, &["history", "--json"]);
    assert!(
        told.stdout.contains("generation 3 cannot be read"),
        "{told:?}"
    );
    std::fs::rename(host.layout().folder().join("away"), host.layout().plugins()).unwrap();
    serves(&host, 1, "three");
    assert_eq!(control(&host)["stale"], false);
}
