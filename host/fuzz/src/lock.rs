//! `fleet.lock`: pins that are written as they were read, or what is wrong with them.

use fleetwright_fleet::Pins;

use super::MESSAGE;

pub fn run(bytes: &[u8]) {
    // The host reads the file as text, and refuses another.
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Pins::parse(text) {
        Ok(pins) => {
            let written = pins.to_text().unwrap();
            assert_eq!(Pins::parse(&written).unwrap(), pins);
        }
        Err(why) => assert!(
            !why.is_empty() && why.len() <= MESSAGE,
            "{} bytes",
            why.len()
        ),
    }
}
