//! Lays `data/vocab.txt` out as tables that need no work at start (feature `wordpiece` alone).
//!
//! `slots.bin` is an open-addressed hash table of token ids (`u16`, little-endian, [`EMPTY`] where free);
//! `starts.bin` says where in `vocab.txt` each token starts, modulo 65,536, and `bases.bin` adds the rest for each
//! 256 tokens. `src/tokenizer/vocabulary.rs` reads them; the hash here and there must agree, which its tests hold.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const SLOTS: usize = 1 << 16;
const EMPTY: u16 = u16::MAX;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=data/vocab.txt");
    if env::var_os("CARGO_FEATURE_WORDPIECE").is_none() {
        return Ok(());
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let vocabulary = fs::read_to_string("data/vocab.txt")?;
    let mut slots = vec![EMPTY; SLOTS];
    let (mut starts, mut bases) = (Vec::new(), Vec::new());
    let mut start = 0usize;
    for (id, token) in vocabulary.split_terminator('\n').enumerate() {
        let id = u16::try_from(id)?;
        place(&mut slots, token, id)?;
        if id.is_multiple_of(256) {
            bases.extend_from_slice(&u32::try_from(start)?.to_le_bytes());
            starts.extend_from_slice(&0u16.to_le_bytes());
        } else {
            let base = bases
                .last_chunk()
                .map_or(0, |base| u32::from_le_bytes(*base));
            starts.extend_from_slice(&u16::try_from(u32::try_from(start)? - base)?.to_le_bytes());
        }
        start += token.len() + 1;
    }
    fs::write(
        out.join("slots.bin"),
        slots
            .iter()
            .flat_map(|id| id.to_le_bytes())
            .collect::<Vec<_>>(),
    )?;
    fs::write(out.join("starts.bin"), starts)?;
    fs::write(out.join("bases.bin"), bases)?;
    Ok(())
}

/// Puts `id` into the first free slot from the token's hash on.
fn place(slots: &mut [u16], token: &str, id: u16) -> Result<(), Box<dyn Error>> {
    let mut hash = 0x811c_9dc5_u32;
    for byte in token.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let first = usize::try_from((hash ^ (hash >> 16)) & 0xffff)?;
    let free = (0..SLOTS)
        .map(|step| (first + step) % SLOTS)
        .find(|slot| slots.get(*slot) == Some(&EMPTY));
    let slot = free
        .and_then(|slot| slots.get_mut(slot))
        .ok_or("data/vocab.txt has more tokens than slots")?;
    *slot = id;
    Ok(())
}
