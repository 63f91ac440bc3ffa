//! WASI, item by item: a component that asks for more than its stage is granted does not start.

use fleetwright_tests::host::subject;
use fleetwright_tests::{Ended, Host, Layout, command};

use crate::assertions::outcome;

fn layout(grants: &str) -> Layout {
    let text = format!(
        "schema = 1\nname = \"wasi\"\n\n[[stage]]\nname = \"clock\"\nplugin = \"wasi-user@1\"\nwasi = [{grants}]\n"
    );
    Layout::new(&text, &["wasi-user"]).unwrap()
}

fn check(grants: &str) -> Ended {
    let layout = layout(grants);
    let mut words = vec!["check".into(), "--json".into()];
    words.extend(layout.flags());
    command(words, "").unwrap()
}

#[test]
fn what_is_not_granted_is_refused_with_the_grant_that_would_link_it() {
    for (grants, missing) in [
        ("", "wasi = ["),
        ("\"clocks\"", "wasi = [\"random\"]"),
        ("\"random\"", "wasi = [\"clocks\"]"),
    ] {
        let ended = check(grants);
        assert_eq!(ended.code, Some(1), "{ended}");
        let refused = &ended.error().unwrap()["diagnostics"];
        assert_eq!(refused.as_array().unwrap().len(), 1, "{ended}");
        assert_eq!(
            (&refused[0]["code"], &refused[0]["line"]),
            (&"plugin-refused".into(), &6.into()),
            "{ended}"
        );
        let message = refused[0]["message"].as_str().unwrap();
        assert!(
            message.contains("does not grant") && message.contains(missing),
            "{grants}: {message}"
        );
    }
}

#[test]
fn what_is_granted_works() {
    let host = Host::start(layout("\"clocks\", \"random\""), &[]).unwrap();
    let ask = || {
        outcome(&host.submit(&subject("now")).unwrap(), "completed")["stages"]["clock"]["answer"]
            .clone()
    };
    let (one, other) = (ask(), ask());
    assert!(one["now"].as_str().unwrap().parse::<u64>().is_ok(), "{one}");
    assert_ne!(one["random"], other["random"]);
}
