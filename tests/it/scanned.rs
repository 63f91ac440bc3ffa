//! A scanned page, by the real models that read it: detection, orientation, recognition.

use fleetwright_tests::{Host, Layout, data, places};
use std::fs;

use crate::assertions::{has_the_invoice, outcome};

/// `invoice.pdf` as a scanner gives it, on its side and three degrees askew (`scan.py --turn 90 --askew 3`).
const SCAN: &str = "invoices/turned-scan.pdf";

#[test]
fn an_invoice_that_was_scanned_on_its_side_is_read() {
    let manifest = fs::read_to_string(places::root().join("tests/fleets/invoices.toml")).unwrap();
    let host = Host::start(Layout::with_shipped(&manifest, &["extract"]).unwrap(), &[]).unwrap();
    let outcome = outcome(
        &host.ask(&data::request(SCAN).unwrap()).unwrap(),
        "completed",
    );
    let answer = &outcome["stages"]["extract"]["answer"];
    has_the_invoice(answer, SCAN);
    let recognized = answer["documents"][0]["recognized"].as_f64().unwrap();
    assert!((0.9..=1.0).contains(&recognized), "{recognized}");
}
