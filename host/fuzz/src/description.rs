//! What a component says of itself: the guest `idle`, with these bytes in the memory that its description is read from.
//!
//! The first 48 are the record (pairs of address and length: name, version, summary, roles, the schemas of config and
//! answer), the rest the texts, which begin at address 4096.

use std::sync::LazyLock;

use fleetwright_tests::Guest;

use super::component::inspected;

/// Bytes of the record: six pairs of address and length.
const RECORD: usize = 48;
/// Bytes of the texts.
const TEXTS: usize = 2048;
/// A text of this alone is where the texts stand in the component.
const MARK: u8 = b'~';

/// The component, and where record and texts begin in it.
static TEMPLATE: LazyLock<(Vec<u8>, usize, usize)> = LazyLock::new(|| {
    let mut guest = Guest::named("idle").unwrap();
    guest.name = char::from(MARK).to_string().repeat(TEXTS);
    let component = guest.component().unwrap();
    let texts = place(&component, &[MARK; TEXTS]);
    let record = place(
        &component,
        &[4096_u32.to_le_bytes(), 2048_u32.to_le_bytes()].concat(),
    );
    (component, record, texts)
});

fn place(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut windows = bytes.windows(wanted.len());
    windows.position(|window| window == wanted).unwrap()
}

pub fn run(bytes: &[u8]) {
    let (template, record, texts) = &*TEMPLATE;
    let mut component = template.clone();
    let (own_record, own_texts) = bytes.split_at(bytes.len().min(RECORD));
    component[*record..][..own_record.len()].copy_from_slice(own_record);
    let own_texts = &own_texts[..own_texts.len().min(TEXTS)];
    component[*texts..][..own_texts.len()].copy_from_slice(own_texts);
    drop(inspected(&component));
}
