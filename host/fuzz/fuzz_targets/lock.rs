#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleetwright_fuzz::lock::run(bytes));
