//! `multipart/form-data`: the first line is the request's `Content-Type`, the rest its body. So other types come by, too.

use super::submission::read;

pub fn run(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let content_type = lines.next().unwrap_or_default().trim_ascii();
    read(content_type, lines.next().unwrap_or_default());
}
