#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleetwright_fuzz::history::run(bytes));
