//! What stands on disk, however it came there: in one step or in pieces, by links, by an order alone.

use std::io::Write as _;
use std::time::Duration;

use super::*;

#[test]
fn a_newer_file_is_taken_up_and_taking_it_away_goes_back() {
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    assert_eq!(ask(&host), (version(1), "one".into()));
    let newer = put(host.layout(), 2, "newer.wasm").unwrap();
    serves(&host, 2, "one");
    std::fs::remove_file(newer).unwrap();
    serves(&host, 1, "one");
    assert_eq!(control(&host)["generation"], 3);

    // A file that is written over in place, piece by piece, counts once it is whole: until then what it held answers.
    let whole = component(3).unwrap();
    let mut file = std::fs::File::create(host.layout().plugins().join("v1.wasm")).unwrap();
    for piece in whole.chunks(whole.len().div_ceil(4)) {
        file.write_all(piece).unwrap();
        file.sync_all().unwrap();
        let said = ask(&host).0;
        assert!(said == version(1) || said == version(3), "{said}");
        thread::sleep(Duration::from_millis(60));
    }
    drop(file);
    serves(&host, 3, "one");
    assert!(!host.log().contains("change refused"), "{}", host.log());
    assert_eq!(control(&host)["generation"], 4);
}

/// A manifest that ends between two stages is sound by itself. One that is written so far and no further yet is not served.
#[test]
fn half_a_manifest_is_not_served_though_it_is_sound() {
    let text = manifest("versioned@1", "one", "");
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    let changed = text.replace("\"one\"", "\"two\"");
    let cut = changed.rfind("[[stage]]").unwrap();
    let mut file = std::fs::File::create(host.layout().manifest()).unwrap();
    file.write_all(&changed.as_bytes()[..cut]).unwrap();
    file.sync_all().unwrap();
    for _ in 0..8 {
        // Both stages answer, or this fails.
        assert_eq!(ask(&host), (version(1), "one".into()));
        thread::sleep(Duration::from_millis(15));
    }
    file.write_all(&changed.as_bytes()[cut..]).unwrap();
    drop(file);
    serves(&host, 1, "two");
    assert_eq!(control(&host)["generation"], 2, "{}", host.log());

    // Where nothing more comes, it was meant.
    edit(host.layout(), &changed[..cut]);
    until("the stage's end", || {
        Ok((control(&host)["generation"] == 3).then_some(()))
    })
    .unwrap();
}

/// Of what stands on disk by an order alone: a file that was put there a moment ago counts.
#[test]
fn without_watching_orders_still_do() {
    let host = Host::start(layout("versioned@1", &[1]), &["--no-watch"]).unwrap();
    put(host.layout(), 2, "newer.wasm").unwrap();
    let planned = verb(&host, &["plan"]);
    assert!(
        planned.stdout.contains("1.0.70001 → 1.0.70002") || planned.stdout.contains("1.0.70002"),
        "{planned:?}"
    );
    assert_eq!(ask(&host).0, version(1), "a plan changes nothing");
    put(host.layout(), 3, "newest.wasm").unwrap();
    for stage in ["first", "second"] {
        let swapped = verb(&host, &["swap", stage, "versioned@1.0.70003"]);
        assert!(swapped.code == Some(0), "{swapped:?}");
    }
    assert_eq!(ask(&host).0, version(3));
    assert_eq!(control(&host)["watch"], "off");
}

#[test]
fn of_two_components_of_one_version_the_one_that_is_pinned_by_its_digest_serves() {
    let layout = layout("versioned@1", &[1]);
    let twin = unseen(&component(1).unwrap());
    replace(&layout.plugins().join("twin.wasm"), &twin).unwrap();
    put(&layout, 2, "newer.wasm").unwrap();
    let digest = digest(&twin);
    let pinned = manifest("versioned@1", "one", "").replace(
        "plugin = \"versioned@1\"",
        &format!("plugin = \"versioned@1\"\ndigest = \"{digest}\""),
    );
    edit(&layout, &pinned);
    let host = Host::start(layout, &[]).unwrap();
    let outcome = outcome(&host.submit(&subject("hello")).unwrap(), "completed");
    assert_eq!(outcome["stages"]["first"]["plugin"]["digest"], digest);
    assert_eq!(ask(&host).0, version(1), "though a newer one fits");
}

#[test]
fn the_manifest_is_taken_up_however_it_is_saved() {
    let host = Host::start(layout("versioned@1", &[1]), &[]).unwrap();
    let path = host.layout().manifest();
    edit(host.layout(), &manifest("versioned@1", "renamed", ""));
    serves(&host, 1, "renamed");
    std::fs::write(&path, manifest("versioned@1", "written", "")).unwrap();
    serves(&host, 1, "written");

    // Truncated, then written in two pieces, as slow editors do.
    let text = manifest("versioned@1", "pieces", "");
    let (one, two) = text.split_at(text.len() / 2);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(one.as_bytes()).unwrap();
    file.sync_all().unwrap();
    thread::sleep(Duration::from_millis(40));
    file.write_all(two.as_bytes()).unwrap();
    drop(file);
    serves(&host, 1, "pieces");
    until("no refusal is left", || {
        Ok(control(&host)["refused"].is_null().then_some(()))
    })
    .unwrap();

    // A link to a link, the inner of which is exchanged: how orchestrators mount files.
    let folder = host.layout().folder();
    for (name, word) in [("gen-a", "linked"), ("gen-b", "exchanged")] {
        std::fs::create_dir(folder.join(name)).unwrap();
        std::fs::write(
            folder.join(name).join("fleet.toml"),
            manifest("versioned@1", word, ""),
        )
        .unwrap();
    }
    std::os::unix::fs::symlink("gen-a", folder.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/fleet.toml", folder.join("link")).unwrap();
    std::fs::rename(folder.join("link"), &path).unwrap();
    serves(&host, 1, "linked");
    std::os::unix::fs::symlink("gen-b", folder.join("..next")).unwrap();
    std::fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
    serves(&host, 1, "exchanged");
}

/// A folder of plugins, and one of models, that are links: what they lead to is exchanged, or changes where it lies.
#[test]
fn folders_that_are_links_are_followed() {
    use std::os::unix::fs::symlink;
    let layout = layout("versioned@1", &[1]);
    let (plugins, folder) = (layout.plugins(), layout.folder().to_owned());
    std::fs::rename(&plugins, folder.join("shelf-a")).unwrap();
    symlink("shelf-a", &plugins).unwrap();
    std::fs::create_dir(folder.join("shelf-b")).unwrap();
    std::fs::write(folder.join("shelf-b/v2.wasm"), component(2).unwrap()).unwrap();
    // So rarely that events alone make the test pass.
    let host = Host::start(layout, &["--poll", "60m"]).unwrap();
    std::fs::write(folder.join("shelf-a/v3.wasm"), component(3).unwrap()).unwrap();
    serves(&host, 3, "one");
    symlink("shelf-b", folder.join("next")).unwrap();
    std::fs::rename(folder.join("next"), &plugins).unwrap();
    serves(&host, 2, "one");

    // One that is empty when it comes, and is filled where it lies: the change is heard though the fleet cannot serve from it.
    std::fs::create_dir(folder.join("shelf-c")).unwrap();
    symlink("shelf-c", folder.join("next")).unwrap();
    std::fs::rename(folder.join("next"), &plugins).unwrap();
    refused(&host);
    std::fs::write(folder.join("shelf-c/v4.wasm"), component(4).unwrap()).unwrap();
    serves(&host, 4, "one");
}

/// A component made to blow up the compiler, in the place of one that serves, while others are asked.
#[test]
fn a_bomb_for_the_compiler_is_refused_and_what_serves_goes_on() {
    let layout = layout("versioned@1", &[1]);
    let flags = ["--compile-time", "2s", "--quick-code", "off"];
    let host = Host::start(layout, &flags).unwrap();
    let held = || {
        host.metric("process_resident_memory_bytes", &[])
            .unwrap()
            .unwrap()
    };
    let before = held();
    let bomb = Guest::named("idle").unwrap().with_tangles(2400);
    replace(
        &host.layout().plugins().join("v1.wasm"),
        &bomb.component().unwrap(),
    )
    .unwrap();
    let mut answers = 0;
    let why = until(&format!("a refusal\n{}", host.log()), || {
        // What served before answers all the time.
        assert_eq!(ask(&host), (version(1), "one".into()));
        answers += 1;
        Ok(control(&host)["refused"]["text"]
            .as_str()
            .map(str::to_owned))
    })
    .unwrap();
    assert!(
        why.contains("cannot be loaded") && why.contains("--compile-time"),
        "{why}"
    );
    assert!(answers > 3, "{answers} answers meanwhile");
    let compiles = |outcome: &str| {
        host.metric("fleetwright_compiles_total", &[("outcome", outcome)])
            .unwrap()
    };
    assert_eq!(compiles("compile-time"), Some(1.0));
    assert!(
        held() - before < 64.0 * 1024.0 * 1024.0,
        "{} bytes more",
        held() - before
    );
    put(host.layout(), 2, "v1.wasm").unwrap();
    serves(&host, 2, "one");
}
