//! Every request that is no submission: told what is wrong, and where, as problem details.

use fleetwright_tests::{Exchange, Host, Layout, Request, Response};
use serde_json::{Value, json};

use crate::assertions::{outcome, problem, still_works};

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=xyz";
/// The largest body of the host under test.
const LIMIT: usize = 16 << 10;

fn host() -> Host {
    Host::start(
        Layout::named("echo", &["hostile"]).unwrap(),
        &["--max-body", "16KiB"],
    )
    .unwrap()
}

fn refused(
    host: &Host,
    media_type: &str,
    body: impl Into<Vec<u8>>,
    status: u16,
    kind: &str,
) -> Value {
    let response = host.ask(&Request::submission(media_type, body)).unwrap();
    let problem = problem(&response, status, kind);
    assert_eq!(
        problem["id"].as_str(),
        response.header("x-submission-id"),
        "{response}"
    );
    assert!(
        problem["id"].as_str().unwrap().starts_with("sub_"),
        "{response}"
    );
    problem
}

#[test]
fn json_that_is_none_is_told_with_its_place() {
    let host = host();
    let broken = refused(
        &host,
        JSON,
        "{\"subject\": \"a\",\n \"body\": nonsense}",
        400,
        "bad-json",
    );
    assert_eq!(
        (&broken["line"], &broken["column"]),
        (&json!(2), &json!(11)),
        "{broken}"
    );
    let cut = refused(&host, JSON, "{\"subject\": \"a", 400, "bad-json");
    assert_eq!(cut["line"], 1, "{cut}");
    refused(
        &host,
        JSON,
        b"{\"subject\": \"\xff\"}".to_vec(),
        400,
        "bad-json",
    );
    refused(&host, JSON, "{\"subject\": \"a\"} {}", 400, "bad-json");
    refused(&host, JSON, "", 400, "empty-body");
    refused(&host, JSON, " \r\n ", 400, "empty-body");
    let twice = refused(
        &host,
        JSON,
        "{\"body\": \"a\", \"body\": \"b\"}",
        400,
        "field-twice",
    );
    assert_eq!(twice["field"], "body");
    let deep = format!("{{\"body\": {}{}}}", "[".repeat(2000), "]".repeat(2000));
    let deep = refused(&host, JSON, deep, 400, "json-too-deep");
    assert!(
        deep["limit"].as_u64().unwrap() >= 3 && deep["line"] == 1,
        "{deep}"
    );
    still_works(&host, &json!({ "subject": "fine" }));
}

#[test]
fn fields_of_the_wrong_shape_are_told_with_their_pointer() {
    let host = host();
    assert_eq!(
        refused(&host, JSON, "[1, 2]", 422, "not-an-object")["found"],
        "an array"
    );
    let wrong = refused(&host, JSON, "{\"subject\": 7}", 422, "wrong-type");
    assert_eq!(
        (&wrong["pointer"], &wrong["expected"], &wrong["found"]),
        (&json!("/subject"), &json!("a string"), &json!("a number"))
    );
    let unknown = refused(&host, JSON, "{\"subjet\": \"a\"}", 422, "unknown-field");
    assert_eq!(unknown["field"], "subjet");
    assert_eq!(
        unknown["accepted"],
        json!(["subject", "body", "from", "to", "date", "messages"])
    );
    let thread = refused(
        &host,
        JSON,
        "{\"messages\": [{\"body\": \"a\"}, {\"body\": 1}]}",
        422,
        "wrong-type",
    );
    assert_eq!(thread["pointer"], "/messages/1/body");
    refused(&host, JSON, "{}", 422, "nothing-submitted");
    still_works(&host, &json!({ "subject": "fine" }));
}

#[test]
fn attachments_that_cannot_be_read_are_told_with_their_pointer() {
    let host = host();
    let bad = refused(
        &host,
        JSON,
        r#"{"attachments": [{"name": "a.pdf", "base64": "a*bc"}]}"#,
        422,
        "bad-base64",
    );
    assert_eq!(bad["pointer"], "/attachments/0/base64");
    let nameless = refused(
        &host,
        JSON,
        r#"{"attachments": [{"base64": ""}]}"#,
        422,
        "missing-member",
    );
    assert_eq!(nameless["pointer"], "/attachments/0/name");
    refused(
        &host,
        JSON,
        r#"{"attachments": [{"name": "a", "base64": "", "url": "x"}]}"#,
        422,
        "unknown-member",
    );
    refused(&host, JSON, r#"{"attachments": "a"}"#, 422, "wrong-type");
    let many = json!({ "attachments": vec![json!({ "name": "a", "base64": "" }); 65] });
    assert_eq!(
        refused(&host, JSON, many.to_string(), 422, "too-many-attachments")["limit"],
        64
    );
    still_works(&host, &json!({ "subject": "fine" }));
}

#[test]
fn a_body_that_is_too_large_is_refused_however_it_is_framed() {
    let host = host();
    let body = |bytes: usize| {
        let frame = json!({ "body": "" }).to_string().len();
        json!({ "body": "x".repeat(bytes - frame) }).to_string()
    };
    outcome(
        &host.ask(&Request::submission(JSON, body(LIMIT))).unwrap(),
        "completed",
    );
    outcome(
        &host
            .ask(&Request::submission(JSON, body(LIMIT)).chunked())
            .unwrap(),
        "completed",
    );
    let declared = problem(
        &host
            .ask(&Request::submission(JSON, body(LIMIT + 1)))
            .unwrap(),
        413,
        "too-large",
    );
    assert_eq!(declared["limit"], LIMIT);
    let counted = problem(
        &host
            .ask(&Request::submission(JSON, body(LIMIT + 1)).chunked())
            .unwrap(),
        413,
        "too-large",
    );
    assert_eq!(counted["limit"], LIMIT);
    // A client that waits to be told to send is told the truth instead.
    let waits = Request::submission(JSON, body(LIMIT + 1)).header("expect", "100-continue");
    problem(
        &Exchange::begin(host.address(), &waits)
            .unwrap()
            .answer()
            .unwrap(),
        413,
        "too-large",
    );
    problem(
        &host
            .ask(&Request::submission(JSON, body(8 << 20)).chunked())
            .unwrap(),
        413,
        "too-large",
    );
    still_works(&host, &json!({ "subject": "fine" }));
}

#[test]
fn forms_and_mails_that_cannot_be_read_are_refused() {
    let host = host();
    let part = |head: &str, content: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    refused(&host, FORM, "no form at all", 400, "bad-multipart");
    refused(
        &host,
        FORM,
        "--xyz\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\nhel",
        400,
        "bad-multipart",
    );
    refused(
        &host,
        FORM,
        part("name=\"body\"", "cut before the end"),
        400,
        "bad-multipart",
    );
    refused(
        &host,
        "multipart/form-data",
        part("name=\"body\"", "a") + "--xyz--\r\n",
        400,
        "bad-multipart",
    );
    refused(
        &host,
        FORM,
        part("name=\"claim\"", "a") + "--xyz--\r\n",
        422,
        "unknown-field",
    );
    refused(
        &host,
        FORM,
        part("name=\"body\"", "a") + &part("name=\"body\"", "b") + "--xyz--\r\n",
        400,
        "field-twice",
    );
    refused(&host, "message/rfc822", "\r\nonly text", 400, "bad-mail");
    still_works(&host, &json!({ "subject": "fine" }));
}

#[test]
fn media_types_that_are_not_read_are_refused_with_those_that_are() {
    let host = host();
    let accepted = json!(["application/json", "multipart/form-data", "message/rfc822"]);
    for media_type in ["text/plain", "application/xml", "json", "application/jsonx"] {
        assert_eq!(
            refused(&host, media_type, "{}", 415, "unsupported-media-type")["accepted"],
            accepted,
            "{media_type}"
        );
    }
    let silent = Request::new("POST", "/v1/submissions").body("{\"subject\": \"a\"}");
    assert_eq!(
        problem(&host.ask(&silent).unwrap(), 415, "unsupported-media-type")["accepted"],
        accepted
    );
    let compressed = Request::submission(JSON, "{}").header("content-encoding", "gzip");
    problem(&host.ask(&compressed).unwrap(), 415, "unsupported-encoding");
    still_works(&host, &json!({ "subject": "fine" }));
}

#[test]
fn paths_and_methods_that_are_not_there_are_told_with_those_that_are() {
    let host = host();
    let ask =
        |method: &str, path: &str| -> Response { host.ask(&Request::new(method, path)).unwrap() };
    let nowhere = problem(&ask("GET", "/v1/submission"), 404, "not-found");
    assert!(
        nowhere["routes"]
            .as_array()
            .unwrap()
            .contains(&json!("/v1/submissions")),
        "{nowhere}"
    );
    problem(&ask("POST", "/"), 404, "not-found");
    problem(&ask("GET", "/v1/stages/%ff"), 404, "not-found");
    problem(&ask("GET", "/problems/%ff"), 404, "not-found");
    problem(&ask("GET", "/v1/stages/echo/more"), 404, "not-found");
    assert_eq!(
        problem(&ask("GET", "/v1/stages/none"), 404, "no-such-stage")["stages"],
        json!(["echo"])
    );
    for (method, path, allow) in [
        ("GET", "/v1/submissions", "POST"),
        ("DELETE", "/v1/submissions", "POST"),
        ("POST", "/v1/fleet", "GET, HEAD"),
        ("PUT", "/metrics", "GET, HEAD"),
        ("POST", "/livez", "GET, HEAD"),
    ] {
        let response = ask(method, path);
        problem(&response, 405, "method-not-allowed");
        assert_eq!(response.header("allow"), Some(allow), "{method} {path}");
    }
    still_works(&host, &json!({ "subject": "fine" }));
}

#[test]
fn every_problem_that_is_answered_is_described_at_its_type() {
    let host = host();
    let kinds = host.get("/problems").unwrap().json().unwrap();
    let kinds = kinds.as_array().unwrap();
    assert!(kinds.len() > 20);
    for kind in kinds {
        let described = host.get(kind["type"].as_str().unwrap()).unwrap();
        assert_eq!(&described.json().unwrap(), kind);
        assert!(!kind["meaning"].as_str().unwrap().is_empty());
    }
}
