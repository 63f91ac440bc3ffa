//! `message/rfc822`.

use super::submission::read;

pub fn run(bytes: &[u8]) {
    read(b"message/rfc822", bytes);
}
