//! `fleet.toml`: a manifest that means what it says, or diagnostics that stand in its text and can be shown.

use fleetwright::edit;
use fleetwright_manifest::{Diagnostic, Diagnostics, Manifest, Source, diff, parse};
use serde_json::{Map, json};

use super::MESSAGE;

pub fn run(bytes: &[u8]) {
    // The host refuses other text before it parses.
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let source = Source::new("fleet.toml", text);
    match parse(&source) {
        Ok(manifest) => is_sound(&manifest, text),
        Err(found) => is_shown(&found, &source),
    }
}

fn is_sound(manifest: &Manifest, text: &str) {
    let again = parse(&Source::new("again.toml", text)).unwrap();
    assert!(*manifest == again, "one text, two manifests");
    assert!(diff(manifest, &again).is_empty());
    let variables: Map<_, _> = manifest
        .stages
        .iter()
        .map(|stage| {
            (
                stage.name.clone(),
                json!({ "type": "card", "confidence": 0.5 }),
            )
        })
        .chain([(
            "submission".to_owned(),
            json!({ "subject": "a", "body": "b" }),
        )])
        .collect();
    for stage in &manifest.stages {
        if let Some(when) = &stage.when {
            // True, false or an error that says why.
            if let Err(error) = when.evaluate(&variables) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
    if let Some(stage) = manifest.stages.first() {
        let edited = edit::with_plugin(text, &stage.name, "other@7").unwrap();
        // What else the manifest says of that plugin may refuse it; that the text is read to its end is what counts.
        if let Ok(edited) = parse(&Source::new("edited.toml", edited)) {
            assert_eq!(edited.stages[0].plugin.name, "other");
            assert_eq!(edited.stages.len(), manifest.stages.len());
        }
    }
}

fn is_shown(found: &Diagnostics, source: &Source) {
    assert!(!found.is_empty());
    for diagnostic in found {
        for span in spans(diagnostic) {
            assert!(span.start <= span.end && span.end <= source.text.len());
            assert!(source.text.is_char_boundary(span.start));
            assert!(source.text.is_char_boundary(span.end));
        }
        assert!(diagnostic.hint.is_some(), "{}: no way out", diagnostic.code);
        let length = diagnostic.message.len();
        assert!(length <= MESSAGE, "{}: {length} bytes", diagnostic.code);
    }
    assert!(!found.render(source, false).contains('\u{1b}'));
    assert!(found.render(source, true).contains("error"));
    let count = found.to_json(source).as_array().map(Vec::len);
    assert_eq!(count, Some(found.iter().count()));
}

fn spans(diagnostic: &Diagnostic) -> impl Iterator<Item = fleetwright_manifest::Span> {
    let others = diagnostic.others.iter().map(|(span, _)| *span);
    others.chain([diagnostic.span])
}
