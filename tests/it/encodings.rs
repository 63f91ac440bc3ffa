//! One text, three encodings: the stages see the same, whatever it came in.

use fleetwright_tests::{Host, Layout, Request};
use serde_json::{Value, json};

use crate::assertions::outcome;

const SUBJECT: &str = "Card declined in Lisbon";
const BODY: &str = "Hello,\n\nmy card was declined twice today and I need it for the hotel. Please unblock it: £40 at Café Ärmel.\n\nAna Lopes";
const FROM: &str = "Ana Lopes <ana@example.org>";
const FILE: &[u8] = b"%PDF-1.4 \x00\xff not quite a file\r\n--xyz";

fn as_json() -> Request {
    use base64::Engine as _;
    let file = base64::engine::general_purpose::STANDARD.encode(FILE);
    let attachments =
        json!([{ "name": "slip.bin", "media_type": "application/x-slip", "base64": file }]);
    let whole =
        json!({ "subject": SUBJECT, "body": BODY, "from": FROM, "attachments": attachments });
    Request::submission("application/json", whole.to_string())
}

fn as_form() -> Request {
    let mut body = Vec::new();
    for (name, value) in [("subject", SUBJECT), ("body", BODY), ("from", FROM)] {
        body.extend(
            format!(
                "--boundary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
            .bytes(),
        );
    }
    body.extend(b"--boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"slip.bin\"\r\nContent-Type: application/x-slip\r\n\r\n");
    body.extend(FILE);
    body.extend(b"\r\n--boundary--\r\n");
    Request::submission("multipart/form-data; boundary=boundary", body)
}

fn as_mail() -> Request {
    use base64::Engine as _;
    let file = base64::engine::general_purpose::STANDARD.encode(FILE);
    let mail = format!(
        "From: {FROM}\nSubject: {SUBJECT}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
         --b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{BODY}\n\
         --b\nContent-Type: application/x-slip\nContent-Disposition: attachment; filename=\"slip.bin\"\nContent-Transfer-Encoding: base64\n\n{file}\n--b--\n"
    );
    Request::submission("message/rfc822", mail)
}

#[test]
fn a_stage_is_shown_the_same_fields_and_bytes() {
    let host = Host::start(Layout::named("echo", &["hostile"]).unwrap(), &[]).unwrap();
    let shown = |request: &Request| {
        let outcome = outcome(&host.ask(request).unwrap(), "completed");
        let mut answer = outcome["stages"]["echo"]["answer"].clone();
        let body = answer["fields"]["body"].as_str().unwrap().trim().to_owned();
        answer["fields"]["body"] = body.into();
        answer
    };
    let expected = json!({
        "fields": { "subject": SUBJECT, "body": BODY, "from": FROM },
        "attachments": [{ "name": "slip.bin", "media_type": "application/x-slip", "bytes": FILE.len() }],
    });
    assert_eq!(shown(&as_json()), expected);
    assert_eq!(shown(&as_json().chunked()), expected);
    assert_eq!(shown(&as_form()), expected);
    let mut mailed = shown(&as_mail());
    // A mail's headers come in an order of their own.
    mailed["fields"].sort_all_objects();
    let mut expected = expected;
    expected["fields"].sort_all_objects();
    assert_eq!(mailed, expected);
}

#[test]
fn the_classification_is_the_same() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let classified = |request: &Request| -> Value {
        let outcome = outcome(&host.ask(request).unwrap(), "completed");
        outcome["stages"]["classify"]["answer"].clone()
    };
    let first = classified(&as_json());
    assert_eq!(first["type"], "card", "{first:#}");
    for request in [as_form(), as_mail(), as_json()] {
        let other = classified(&request);
        for label in ["type", "urgency", "sentiment", "out_of_scope"] {
            assert_eq!(first[label], other[label], "{label}: {request:?}");
        }
        let sure = |answer: &Value| answer["type_confidence"].as_f64().unwrap();
        assert!(
            (sure(&first) - sure(&other)).abs() < 1e-3,
            "{first:#} {other:#}"
        );
    }
}
