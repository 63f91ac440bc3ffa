//! Where what was found stands: of an invoice's fields, of files with one name, of what a letter quotes.

use super::*;

/// Every field of [`INVOICE`] has a place, where its value stands.
pub(super) fn every_field_is_found(invoice: &Value, found: &Value) {
    let file = File {
        name: "invoice.pdf",
        media_type: "",
        bytes: INVOICE,
    };
    let library = Library::read([file]).unwrap();
    let text = library.texts[0].text();
    let fields: Vec<&String> = found.as_object().unwrap().keys().collect();
    let members = invoice.as_object().unwrap().keys();
    let mut members: Vec<&String> = members.filter(|member| *member != "document").collect();
    members.sort();
    assert_eq!(fields, members);
    for (field, evidence) in found.as_object().unwrap() {
        let at = |end: &str| evidence["where"][end].as_u64().unwrap() as usize;
        assert_eq!(evidence["value"], text[at("start")..at("end")], "{field}");
        assert_eq!(evidence["where"]["source"], "attachment:invoice.pdf");
        assert_eq!(evidence["where"]["page"], 1);
    }
    assert_eq!(
        found["total"],
        json!({
            "value": "1,234.57", "method": "rule", "confidence": 0.99,
            "where": found["total"]["where"],
        })
    );
    assert_eq!(found["date"]["value"], "14 March 2025");
}

/// [`INVOICE`] with words replaced by others as long.
fn invoice_with(words: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = INVOICE.to_vec();
    for (old, new) in words {
        assert_eq!(old.len(), new.len());
        let mut windows = bytes.windows(old.len());
        let at = windows.position(|window| window == old.as_bytes()).unwrap();
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

#[test]
fn two_invoices_of_one_name_are_two() {
    let undue = invoice_with(&[("Due date:", "See page:")]);
    let other = invoice_with(&[("INV-2025-00417", "INV-2025-00418")]);
    let run = stage(None)
        .attach("scan.pdf", "", undue)
        .attach("scan.pdf", "", other.clone())
        .run();
    let answer = &run.answer().fields;
    assert_eq!(answer["invoice"]["number"], "INV-2025-00417");
    assert_eq!(answer["invoice"]["due_date"], Value::Null, "{answer:#}");
    assert_eq!(answer["invoice"]["found"]["total"]["where"]["document"], 0);
    let iban = entity(answer, "iban");
    assert_eq!(
        (&iban["where"]["document"], &iban["also"][0]["document"]),
        (&json!(0), &json!(1))
    );
    let run = stage(None)
        .attach("scan.pdf", "", b"Order number 48213907".as_slice())
        .attach("other.pdf", "", INVOICE)
        .attach("scan.pdf", "", b"".as_slice())
        .attach("scan.pdf", "", other)
        .run();
    let answer = &run.answer().fields;
    assert_eq!(answer["invoice"]["document"], "other.pdf");
    assert_eq!(entity(answer, "order_number")["where"]["document"], 0);
    assert_eq!(entity(answer, "iban")["where"].get("document"), None);
    assert_eq!(entity(answer, "iban")["also"][0]["document"], 3);
}

/// The normal forms of an answer's entities that stand in a quotation, and of those that do not.
fn parted(run: &fleetwright_sdk::harness::Run) -> (Vec<String>, Vec<String>) {
    let entities = run.answer().fields["entities"].as_array().unwrap();
    let (quoted, own): (Vec<&Value>, Vec<&Value>) = entities
        .iter()
        .partition(|entity| entity["where"].get("quoted") == Some(&json!(true)));
    let forms = |entities: Vec<&Value>| {
        let form = |entity: &Value| entity["normalized"].as_str().map(str::to_owned);
        entities.into_iter().filter_map(form).collect()
    };
    (forms(quoted), forms(own))
}

#[test]
fn what_stands_in_a_quotation_says_so() {
    const BODY: &str = "You owe me EUR 12.00.\n\nOn Mon, 10 Mar 2025 at 09:15, Bo <bo@example.com> wrote:\n> Is it EUR 99.00\n> or not?\n\nEUR 12.00, as I said, by 25 March 2025.\n> Sure, 3 April 2025.\n";
    let own = ["EUR 12.00", "2025-03-25"];
    let quoted = ["2025-03-10", "bo@example.com", "EUR 99.00", "2025-04-03"];
    let html = format!(
        "<p>{}</p>",
        BODY.replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('\n', "<br>")
    );
    for fields in [
        json!({ "body": BODY }),
        json!({ "body": html }),
        json!({ "messages": [{ "body": BODY }] }),
    ] {
        let run = stage(None).fields(fields).run();
        let found = parted(&run);
        assert_eq!(
            found,
            (
                quoted.map(str::to_owned).into(),
                own.map(str::to_owned).into()
            )
        );
    }
    let run = stage(None).fields(json!({ "body": "> EUR 5.00" })).run();
    assert_eq!(parted(&run).1, ["EUR 5.00"], "there is nothing else");
}

#[test]
fn what_an_attached_mail_quotes_says_so_and_its_headers_do_not() {
    let bytes = include_bytes!("../../../../tests/data/02-refund-thread.eml");
    let run = stage(None).attach("02.eml", "", bytes.as_slice()).run();
    let (quoted, own) = parted(&run);
    for form in ["JD0142839201", "2025-02-25", "2025-03-10"] {
        assert!(
            quoted.iter().any(|other| other == form),
            "{form} {quoted:?}"
        );
    }
    for form in ["HP-2048817", "2025-03-18", "2025-03-25", "EUR 9.90"] {
        assert!(own.iter().any(|other| other == form), "{form} {own:?}");
    }
}
