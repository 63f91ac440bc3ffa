//! `application/json`.

use super::submission::read;

pub fn run(bytes: &[u8]) {
    read(b"application/json", bytes);
}
