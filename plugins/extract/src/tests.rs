use super::*;
use fleetwright_sdk::harness::{Harness, json};
use serde_json::Value;

const INVOICE: &[u8] = include_bytes!("../../../tests/data/invoice.pdf");

fn entity<'a>(answer: &'a Value, kind: &str) -> &'a Value {
    answer["entities"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entity| entity["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {answer:#}"))
}

#[test]
fn a_request_gives_its_entities_with_their_places() {
    let run = Harness::new(&STAGE)
        .config(json!({ "country": "GB" }))
        .fields(json!({
            "subject": "Refund for order #48213907",
            "body": "Please refund £49.99 to GB82 WEST 1234 5698 7654 32 by 12 March 2025. Order 48213907. Tel: 020 7946 0958\n\nKind regards,\nJane Whitfield",
            "from": "Jane Whitfield <jane@example.com>",
        }))
        .run();
    let answer = &run.answer().fields;
    assert_eq!(entity(answer, "order_number")["times"], 2);
    assert_eq!(
        entity(answer, "order_number")["where"],
        json!({ "source": "subject", "start": 18, "end": 26 })
    );
    assert_eq!(entity(answer, "amount")["normalized"], "GBP 49.99");
    assert_eq!(entity(answer, "amount")["currency"], "GBP");
    assert_eq!(
        entity(answer, "iban")["normalized"],
        "GB82WEST12345698765432"
    );
    assert_eq!(entity(answer, "date")["normalized"], "2025-03-12");
    assert_eq!(entity(answer, "phone")["normalized"], "+442079460958");
    assert_eq!(
        (
            &entity(answer, "person")["where"]["source"],
            &entity(answer, "person")["times"]
        ),
        (&json!("from"), &json!(2))
    );
}

#[test]
fn an_invoice_gives_its_fields() {
    let run = Harness::new(&STAGE)
        .attach("invoice.pdf", "application/octet-stream", INVOICE)
        .run();
    let answer = &run.answer().fields;
    assert_eq!(
        answer["invoice"],
        json!({
            "document": "invoice.pdf", "issuer": "Nordlicht Werkzeuge GmbH", "number": "INV-2025-00417", "date": "2025-03-14", "due_date": "2025-04-13",
            "total": "1234.57", "tax": "197.12", "currency": "EUR",
        })
    );
    assert_eq!(answer["documents"][0]["pages"], 1);
    assert_eq!(
        entity(answer, "iban")["where"]["source"],
        "attachment:invoice.pdf"
    );
    assert_eq!(entity(answer, "iban")["where"]["page"], 1);
    assert_eq!(entity(answer, "customer_number")["normalized"], "K-20931");
}

#[test]
fn a_card_number_never_leaves() {
    let run = Harness::new(&STAGE)
        .fields(json!({ "body": "card 4111 1111 1111 1111" }))
        .run();
    assert_eq!(entity(&run.answer().fields, "card")["value"], "••1111");
    assert!(!run.answer().fields.to_string().contains("4111"));
}

#[test]
fn entities_are_bounded() {
    let body: String = (0..400).map(|n| format!("order no {n:05}\n")).collect();
    let run = Harness::new(&STAGE).fields(json!({ "body": body })).run();
    assert_eq!(
        run.answer().fields["entities"].as_array().unwrap().len(),
        200
    );
    assert_eq!(run.answer().fields["truncated"], true);
    assert!(run.answer().fields.to_string().len() < 64 * 1024);
}

#[test]
fn nothing_at_all_is_an_answer_too() {
    let run = Harness::new(&STAGE).run();
    assert_eq!(
        run.answer().fields,
        json!({ "entities": [], "documents": [], "truncated": false })
    );
}
