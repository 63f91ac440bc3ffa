//! The vocabulary of bert-base-uncased: from a token to its id, in tables that `build.rs` lays out.
//!
//! Nothing is built at start, and a lookup touches a slot, a start and the token itself: a fresh instance pays for the
//! pages that it reads. A hash is fed byte by byte, so that all prefixes of a word cost one pass. Over 660,000 words of
//! mail that took 30 ns a token, a trie of sorted edges 120 (in twice the memory), and binary search 210.

const SLOTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/slots.bin"));
const STARTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/starts.bin"));
const BASES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bases.bin"));
const TOKENS: &[u8] = include_bytes!("../../data/vocab.txt");

const EMPTY: u16 = u16::MAX;

/// What a token that continues a word starts with.
const CONTINUES: &[u8] = b"##";

/// No token is longer, in bytes and without `##`; a test holds it.
pub(super) const LONGEST: usize = 18;

/// The hash of a token's bytes so far.
#[derive(Clone, Copy)]
pub(super) struct Hash(u32);

impl Hash {
    /// Before the first byte of a token that starts a word.
    pub(super) const START: Self = Self(0x811c_9dc5);
    /// Before the first byte of one that continues it: past its `##`.
    pub(super) const CONTINUE: Self = Self::START.push(b'#').push(b'#');

    /// With one more byte.
    pub(super) const fn push(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u32).wrapping_mul(0x0100_0193))
    }
}

/// The id of the token `piece`, or of `##piece` where it continues a word; `hash` is the hash of that.
pub(super) fn find(hash: Hash, piece: &[u8], continues: bool) -> Option<u16> {
    let mut slot = (hash.0 ^ (hash.0 >> 16)) & 0xffff;
    loop {
        let id = u16_at(SLOTS, usize::try_from(slot).ok()?)?;
        if id == EMPTY {
            return None;
        }
        let token = token(id)?;
        let token = if continues {
            token.strip_prefix(CONTINUES)
        } else {
            Some(token)
        };
        if token == Some(piece) {
            return Some(id);
        }
        slot = (slot + 1) & 0xffff;
    }
}

/// The token of an id, `##` included.
pub(super) fn token(id: u16) -> Option<&'static [u8]> {
    let start = start(id)?;
    let end = start_of_next(id)?.checked_sub(1)?;
    TOKENS.get(start..end)
}

fn start_of_next(id: u16) -> Option<usize> {
    start(id.checked_add(1)?).or(Some(TOKENS.len()))
}

fn start(id: u16) -> Option<usize> {
    let start = u16_at(STARTS, usize::from(id))?;
    let base = BASES
        .get(usize::from(id >> 8) * 4..)?
        .first_chunk()
        .map(|base| u32::from_le_bytes(*base))?;
    usize::try_from(base + u32::from(start)).ok()
}

fn u16_at(table: &[u8], index: usize) -> Option<u16> {
    table
        .get(index * 2..)?
        .first_chunk()
        .map(|bytes| u16::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(start: Hash, piece: &[u8]) -> Hash {
        piece.iter().fold(start, |hash, byte| hash.push(*byte))
    }

    #[test]
    fn every_token_is_found_under_its_line() {
        let text = std::str::from_utf8(TOKENS).unwrap();
        assert_eq!(text.lines().count(), 30_522);
        for (id, line) in text.lines().enumerate() {
            let id = u16::try_from(id).unwrap();
            assert_eq!(token(id), Some(line.as_bytes()));
            assert_eq!(
                find(hash(Hash::START, line.as_bytes()), line.as_bytes(), false),
                Some(id)
            );
            if let Some(piece) = line.strip_prefix("##") {
                assert_eq!(
                    find(
                        hash(Hash::CONTINUE, piece.as_bytes()),
                        piece.as_bytes(),
                        true
                    ),
                    Some(id)
                );
                assert!(piece.len() <= LONGEST);
            } else {
                assert!(line.len() <= LONGEST);
            }
        }
        assert_eq!(token(30_522), None);
    }

    #[test]
    fn what_is_no_token_is_not_found() {
        for piece in ["", "zzxqj", "##", "Hello", "hello ", "[sep]"] {
            let hash = hash(Hash::START, piece.as_bytes());
            let known = std::str::from_utf8(TOKENS)
                .unwrap()
                .lines()
                .any(|line| line == piece);
            assert_eq!(
                find(hash, piece.as_bytes(), false).is_some(),
                known,
                "{piece}"
            );
        }
    }
}
