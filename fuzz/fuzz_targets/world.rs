//! Feeds `world` with the fuzzer's octets.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| mongrel2_transceiver_fuzz::world(octets));
