#![no_main]

// The property tests of `wb_tier::wire` call the same function.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wb_tier::wire::decode_anything(bytes));
