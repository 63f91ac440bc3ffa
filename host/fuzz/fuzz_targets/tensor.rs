#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleetwright_fuzz::tensor::run(bytes));
