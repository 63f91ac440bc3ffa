//! A scanned page, by the real models that read it: detection, orientation, recognition.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fleetwright_tests::{Host, Layout, places};
use serde_json::json;
use std::fs;

use crate::assertions::outcome;

/// `tests/data/invoice.pdf` as a scanner gives it, on its side and three degrees askew (`tests/data/invoices/scan.py --turn 90 --askew 3`).
const SCAN: &str = "tests/data/invoices/turned-scan.pdf";

#[test]
fn an_invoice_that_was_scanned_on_its_side_is_read() {
    let manifest = fs::read_to_string(places::root().join("tests/fleets/invoices.toml")).unwrap();
    let host = Host::start(Layout::with_shipped(&manifest, &["extract"]).unwrap(), &[]).unwrap();
    let scan = STANDARD.encode(fs::read(places::root().join(SCAN)).unwrap());
    let request = json!({ "attachments": [{ "name": "scan.pdf", "base64": scan }] });
    let outcome = outcome(&host.submit(&request).unwrap(), "completed");
    let answer = &outcome["stages"]["extract"]["answer"];
    let invoice = &answer["invoice"];
    for (field, value) in [
        ("issuer", "Nordlicht Werkzeuge GmbH"),
        ("number", "INV-2025-00417"),
        ("date", "2025-03-14"),
        ("due_date", "2025-04-13"),
        ("total", "1234.57"),
        ("tax", "197.12"),
        ("currency", "EUR"),
    ] {
        assert_eq!(invoice[field], value, "{field}: {answer:#}");
    }
    let recognized = answer["documents"][0]["recognized"].as_f64().unwrap();
    assert!((0.9..=1.0).contains(&recognized), "{recognized}");
}
