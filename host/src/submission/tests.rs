use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::Frame;
use serde_json::json;

use super::*;
use crate::problem::Problem;

const BOUNDS: Bounds = Bounds {
    body: 4096,
    idle: Duration::from_secs(5),
};

fn accepted() -> Vec<String> {
    ["subject", "body", "from", "to", "date", "messages"]
        .map(str::to_owned)
        .to_vec()
}

fn headers(media_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", media_type.parse().unwrap());
    headers
}

async fn read_as(media_type: &str, body: &[u8]) -> Result<Draft, Refusal> {
    read(
        &headers(media_type),
        &mut Full::new(Bytes::copy_from_slice(body)),
        BOUNDS,
        &accepted(),
    )
    .await
}

fn form(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (head, content) in parts {
        body.push_str(&format!(
            "--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n"
        ));
    }
    body.push_str("--xyz--\r\n");
    body.into_bytes()
}

const FORM: &str = "multipart/form-data; boundary=xyz";

/// Each of these is refused, and the answer stands in a golden file; `FLEETWRIGHT_BLESS=1` writes them anew.
#[tokio::test]
async fn what_is_refused_is_told_as_the_golden_files_show() {
    let deep = format!("{{\"body\": {}{}}}", "[".repeat(200), "]".repeat(200));
    let many =
        json!({"attachments": vec![json!({"name": "a.txt", "base64": ""}); ATTACHMENTS + 1]})
            .to_string();
    let large = json!({"body": "x".repeat(5000)}).to_string();
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("empty-body", "application/json", b"".to_vec()),
        ("blank-body", "application/json", b" \n ".to_vec()),
        (
            "bad-json",
            "application/json",
            b"{\"subject\": \"a\",\n \"body\": nonsense}".to_vec(),
        ),
        (
            "cut-json",
            "application/json",
            b"{\"subject\": \"a".to_vec(),
        ),
        (
            "trailing-json",
            "application/json",
            b"{\"subject\": \"a\"} {}".to_vec(),
        ),
        (
            "bad-utf8",
            "application/json",
            b"{\"subject\": \"\xff\"}".to_vec(),
        ),
        ("deep-json", "application/json", deep.into_bytes()),
        ("not-an-object", "application/json", b"[1, 2]".to_vec()),
        (
            "field-twice",
            "application/json",
            b"{\"body\": \"a\", \"body\": \"b\"}".to_vec(),
        ),
        (
            "wrong-type",
            "application/json",
            b"{\"subject\": 7}".to_vec(),
        ),
        (
            "null-field",
            "application/json",
            b"{\"subject\": null}".to_vec(),
        ),
        (
            "unknown-field",
            "application/json",
            b"{\"subjet\": \"a\"}".to_vec(),
        ),
        (
            "thread-no-array",
            "application/json",
            b"{\"messages\": {}}".to_vec(),
        ),
        (
            "thread-no-body",
            "application/json",
            b"{\"messages\": [{\"from\": \"a\"}]}".to_vec(),
        ),
        (
            "thread-wrong-type",
            "application/json",
            b"{\"messages\": [{\"body\": \"a\"}, {\"body\": 1}]}".to_vec(),
        ),
        (
            "thread-unknown-member",
            "application/json",
            b"{\"messages\": [{\"body\": \"a\", \"cc\": \"b\"}]}".to_vec(),
        ),
        ("nothing", "application/json", b"{}".to_vec()),
        ("too-large", "application/json", large.into_bytes()),
        (
            "attachments-no-array",
            "application/json",
            b"{\"attachments\": \"a\"}".to_vec(),
        ),
        (
            "attachment-no-name",
            "application/json",
            b"{\"attachments\": [{\"base64\": \"\"}]}".to_vec(),
        ),
        (
            "attachment-unknown-member",
            "application/json",
            b"{\"attachments\": [{\"name\": \"a\", \"base64\": \"\", \"url\": \"\"}]}".to_vec(),
        ),
        (
            "attachment-media-type",
            "application/json",
            b"{\"attachments\": [{\"name\": \"a\", \"media_type\": \"pdf\", \"base64\": \"\"}]}"
                .to_vec(),
        ),
        (
            "bad-base64",
            "application/json",
            b"{\"attachments\": [{\"name\": \"a\", \"base64\": \"a*bc\"}]}".to_vec(),
        ),
        (
            "too-many-attachments",
            "application/json",
            many.into_bytes(),
        ),
        ("unknown-media-type", "text/plain", b"hello".to_vec()),
        ("broken-media-type", "json", b"{}".to_vec()),
        ("form-no-boundary", "multipart/form-data", form(&[])),
        (
            "form-cut",
            FORM,
            b"--xyz\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\nhel".to_vec(),
        ),
        ("form-no-form", FORM, b"hello".to_vec()),
        ("form-no-name", FORM, form(&[("filename*=x", "a")])),
        (
            "form-field-twice",
            FORM,
            form(&[("name=\"body\"", "a"), ("name=\"body\"", "b")]),
        ),
        ("form-unknown-field", FORM, form(&[("name=\"claim\"", "a")])),
        (
            "form-bad-thread",
            FORM,
            form(&[("name=\"messages\"", "[{")]),
        ),
        ("mail-no-mail", "message/rfc822", b"\r\nonly text".to_vec()),
    ];
    for (name, media_type, body) in cases {
        let refusal = match read_as(media_type, &body).await {
            Err(refusal) => refusal,
            Ok(draft) => panic!("{name} is taken: {draft:?}"),
        };
        golden(
            name,
            &format!("{:#}\n", Problem::from(refusal).to_json(None)),
        );
    }
    golden(
        "no-media-type",
        &format!(
            "{:#}\n",
            Problem::from(media::of_request(&HeaderMap::new()).unwrap_err()).to_json(None)
        ),
    );
    let mut compressed = headers("application/json");
    compressed.insert("content-encoding", "gzip".parse().unwrap());
    golden(
        "compressed",
        &format!(
            "{:#}\n",
            Problem::from(media::of_request(&compressed).unwrap_err()).to_json(None)
        ),
    );
}

fn golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/submission/golden")
        .join(format!("{name}.json"));
    if std::env::var_os("FLEETWRIGHT_BLESS").is_some_and(|value| !value.is_empty()) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap(), "{name}");
}

#[tokio::test]
async fn json_becomes_fields_and_attachments() {
    let body = json!({
        "subject": "Invoice", "messages": [{"from": "Ana", "body": "Hi"}],
        "attachments": [{"name": "a.pdf", "base64": "JVBERg"}, {"name": "b", "media_type": "Text/CSV; header=present", "base64": "YQ=="}]
    });
    let draft = read_as(
        "application/json; charset=utf-8",
        body.to_string().as_bytes(),
    )
    .await
    .unwrap();
    assert_eq!(
        draft.fields.keys().collect::<Vec<_>>(),
        ["subject", "messages"]
    );
    let files: Vec<_> = draft
        .attachments
        .iter()
        .map(|file| {
            (
                file.name.as_str(),
                file.media_type.as_str(),
                &file.bytes[..],
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            ("a.pdf", "application/pdf", &b"%PDF"[..]),
            ("b", "text/csv", &b"a"[..])
        ]
    );
}

#[tokio::test]
async fn a_form_becomes_fields_and_attachments() {
    let body = [
        "--xyz\r\nContent-Disposition: form-data; name=\"fields\"\r\nContent-Type: application/json\r\n\r\n{\"from\": \"Ana <a@example.org>\"}\r\n",
        "--xyz\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\nGrüße\r\n",
        "--xyz\r\nContent-Disposition: form-data; name=\"messages\"\r\n\r\n[{\"body\": \"a\"}]\r\n",
        "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"scan.png\"\r\nContent-Type: application/octet-stream\r\n\r\nPNG\r\n",
        "--xyz--\r\n",
    ]
    .concat();
    let draft = read_as(FORM, body.as_bytes()).await.unwrap();
    assert_eq!(
        Value::Object(draft.fields),
        json!({"from": "Ana <a@example.org>", "body": "Grüße", "messages": [{"body": "a"}]})
    );
    assert_eq!(
        (
            draft.attachments[0].name.as_str(),
            draft.attachments[0].media_type.as_str()
        ),
        ("scan.png", "image/png")
    );
}

const MAIL: &str = "From: =?utf-8?q?Ana_L=C3=B3pez?= <ana@example.org>\r\nTo: Help <help@example.org>, b@example.org\r\nSubject: Card\r\n\
Date: Mon, 2 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>My card is <b>blocked</b>.</p>\r\n\
--b\r\nContent-Type: application/pdf; name=\"i.pdf\"\r\nContent-Disposition: attachment; filename=\"i.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n\
--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: b@example.org\r\nSubject: Inner\r\n\r\nInner text\r\n--b--\r\n";

#[tokio::test]
async fn a_mail_becomes_fields_and_attachments() {
    let draft = read_as("message/rfc822", MAIL.as_bytes()).await.unwrap();
    assert_eq!(draft.fields["from"], "Ana López <ana@example.org>");
    assert_eq!(draft.fields["to"], "Help <help@example.org>, b@example.org");
    assert_eq!(draft.fields["date"], "2026-03-02T10:00:00+01:00");
    let body = draft.fields["body"].as_str().unwrap();
    assert!(
        body.contains("My card is blocked.") && !body.contains('<'),
        "{body}"
    );
    let files: Vec<_> = draft
        .attachments
        .iter()
        .map(|file| (file.name.as_str(), file.media_type.as_str()))
        .collect();
    assert_eq!(
        files,
        [
            ("i.pdf", "application/pdf"),
            ("message.eml", "message/rfc822")
        ]
    );
    assert_eq!(&draft.attachments[0].bytes[..], b"%PDF");
    assert!(
        draft.attachments[1]
            .bytes
            .starts_with(b"From: b@example.org")
    );
}

#[tokio::test]
async fn cells_and_blocks_of_a_mail_stay_apart() {
    let mail = "Subject: Cancel\r\nContent-Type: text/html\r\n\r\n<DIV>Dear all</DIV><table><tr><th>Customer</TH><td>CU-5</td></tr>\
                <tr><td>Fee</td><td>&pound;17.99</td></tr></table><p>Bye</p>";
    let draft = read_as("message/rfc822", mail.as_bytes()).await.unwrap();
    let body = draft.fields["body"].as_str().unwrap();
    let lines: Vec<_> = body
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(lines, ["Dear all", "Customer CU-5", "Fee £17.99", "Bye"]);
}

#[tokio::test]
async fn a_mails_headers_that_the_fleet_does_not_declare_are_left_out() {
    let draft = rfc822::decode(
        &Bytes::from_static(MAIL.as_bytes()),
        &["subject".to_owned()],
    )
    .unwrap();
    assert_eq!(Value::Object(draft.fields), json!({"subject": "Card"}));
}

/// A body without a declared length, in pieces; `None` never comes.
struct Pieces(Vec<Option<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(None) = self.0.last() {
            return Poll::Pending;
        }
        match self.0.pop().flatten() {
            None => Poll::Ready(None),
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_held_to_the_bound() {
    let mut body = Pieces(vec![Some(Bytes::from(vec![b' '; 1000])); 5]);
    assert_eq!(
        body::collect(&HeaderMap::new(), &mut body, BOUNDS).await,
        Err(Refusal::TooLarge { limit: 4096 })
    );
    let mut body = Pieces(vec![Some(Bytes::from(vec![b' '; 1024])); 4]);
    assert_eq!(
        body::collect(&HeaderMap::new(), &mut body, BOUNDS)
            .await
            .unwrap()
            .len(),
        4096
    );
}

#[tokio::test]
async fn a_declared_length_beyond_the_bound_is_refused_before_it_is_read() {
    let mut headers = HeaderMap::new();
    headers.insert("content-length", "4097".parse().unwrap());
    let mut body = Pieces(vec![None]);
    assert_eq!(
        body::collect(&headers, &mut body, BOUNDS).await,
        Err(Refusal::TooLarge { limit: 4096 })
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_given_up() {
    let mut body = Pieces(vec![None, Some(Bytes::from_static(b"{"))]);
    let refusal = body::collect(&HeaderMap::new(), &mut body, BOUNDS)
        .await
        .unwrap_err();
    assert_eq!(Problem::from(refusal).kind.status, 408);
}
