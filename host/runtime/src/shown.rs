//! What a call may be shown, checked before an instance is made: size and nesting of the JSON, number and size of attachments.
//!
//! Nesting is counted over the text, so that nothing is built of what is then refused. It is counted for answers, too,
//! before they are parsed.

use memchr::memchr2;

use crate::call::Request;
use crate::error::{CallErrorKind, Failure};
use crate::limits::Limits;

/// Holds a request to the stage's limits.
pub(crate) fn check(request: &Request, limits: &Limits) -> Result<(), Failure> {
    let bytes = request.fields.len();
    if bytes as u64 > limits.input {
        return Err(Failure::of(
            CallErrorKind::Input,
            "input",
            format!(
                "what the stage reads has {bytes} bytes; `limits.input` is {}: send less, grant it less in `reads`, or raise the limit",
                limits.input
            ),
        ));
    }
    if is_deeper(&request.fields, limits.depth) {
        return Err(Failure::of(
            CallErrorKind::Input,
            "depth",
            format!(
                "what the stage reads is nested deeper than `limits.depth`, {}: send it flatter, or raise the limit",
                limits.depth
            ),
        ));
    }
    check_attachments(request, limits)
}

fn check_attachments(request: &Request, limits: &Limits) -> Result<(), Failure> {
    let count = request.attachments.len();
    if count as u64 > u64::from(limits.attachments) {
        return Err(Failure::of(
            CallErrorKind::Attachments,
            "attachments",
            format!(
                "the stage reads {count} attachments; `limits.attachments` is {}: send fewer, or raise the limit",
                limits.attachments
            ),
        ));
    }
    let bytes: u64 = request
        .attachments
        .iter()
        .map(|one| one.bytes.len() as u64)
        .sum();
    if bytes > limits.attachment_bytes {
        return Err(Failure::of(
            CallErrorKind::Attachments,
            "attachment_bytes",
            format!(
                "the attachments have {bytes} bytes together; `limits.attachment_bytes` is {}: send less, or raise the limit",
                limits.attachment_bytes
            ),
        ));
    }
    Ok(())
}

/// Whether arrays and objects in `json` are nested deeper than `most`. Text that is no JSON is left to the parser.
pub(crate) fn is_deeper(json: &str, most: u32) -> bool {
    let mut depth = 0u32;
    let mut rest = json.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => rest = after_string(after),
            b'{' | b'[' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What follows the quote that ends a string, of which `rest` is the inside.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        match rest.get(at..).unwrap_or_default() {
            [b'\\', _, after @ ..] => rest = after,
            [b'"', after @ ..] => return after,
            _ => return &[],
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::call::Attachment;

    fn request(fields: &str, attachments: &[usize]) -> Request {
        let attachments = attachments.iter().map(|size| Attachment {
            name: "a".into(),
            media_type: "text/plain".into(),
            bytes: Bytes::from(vec![0; *size]),
        });
        Request {
            submission: "sub_1".into(),
            fields: fields.into(),
            attachments: attachments.collect(),
            work: Default::default(),
        }
    }

    fn refused(request: &Request, limits: &Limits) -> (CallErrorKind, &'static str, String) {
        let failure = check(request, limits).unwrap_err();
        (failure.kind, failure.limit.unwrap(), failure.detail)
    }

    #[test]
    fn depth_counts_what_is_open_at_once_and_not_what_strings_say() {
        for (json, depth) in [
            ("{}", 1),
            ("7", 0),
            (r#"{"a":[{"b":1}],"c":[[[]]]}"#, 4),
            (r#"{"a":"[[[[[[","b":"\"[[[["}"#, 1),
            (r#"{"a\\":[{}]}"#, 3),
            ("]]]][[", 2),
            (r#"["unterminated [[["#, 1),
        ] {
            assert!(!is_deeper(json, depth), "{json} is {depth} deep");
            assert!(
                depth == 0 || is_deeper(json, depth - 1),
                "{json} is {depth} deep"
            );
        }
        assert!(is_deeper(&"[".repeat(1 << 20), 127));
    }

    #[test]
    fn each_bound_refuses_what_passes_it_and_nothing_that_just_fits() {
        let limits = Limits {
            input: 20,
            depth: 2,
            attachments: 2,
            attachment_bytes: 100,
            ..Limits::default()
        };
        check(&request(r#"{"a":"0123456789ab"}"#, &[40, 60]), &limits).unwrap();
        let (kind, limit, detail) = refused(&request(r#"{"a":"0123456789abc"}"#, &[]), &limits);
        assert_eq!((kind, limit), (CallErrorKind::Input, "input"));
        assert!(
            detail.contains("21 bytes") && detail.contains("`limits.input` is 20"),
            "{detail}"
        );
        let (kind, limit, _) = refused(&request(r#"{"a":[[]]}"#, &[]), &limits);
        assert_eq!((kind, limit), (CallErrorKind::Input, "depth"));
        let (kind, limit, detail) = refused(&request("{}", &[0, 0, 0]), &limits);
        assert_eq!((kind, limit), (CallErrorKind::Attachments, "attachments"));
        assert!(detail.contains("3 attachments"), "{detail}");
        let (kind, limit, detail) = refused(&request("{}", &[40, 61]), &limits);
        assert_eq!(
            (kind, limit),
            (CallErrorKind::Attachments, "attachment_bytes")
        );
        assert!(detail.contains("101 bytes"), "{detail}");
    }
}
