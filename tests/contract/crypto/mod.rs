//! What the crypto core guarantees on every target: public test vectors, vectors of our own, and a known attack. `tests/crypto` runs these
//! tests natively, `tests/browser` in real browsers.

pub mod commitment;
pub mod vectors;
mod wycheproof;

pub use commitment::{a_text_made_for_two_keys_opens_with_neither, aes_gcm_alone_opens_one_text_with_two_keys};
pub use vectors::*;
pub use wycheproof::*;

/// Passes the name of every test to a macro, which makes a test of it.
#[macro_export]
macro_rules! crypto_contract {
    ($test:ident) => {
        $test!(the_envelope_passes_wycheproof);
        $test!(hkdf_passes_wycheproof);
        $test!(aes_gcm_passes_wycheproof);
        $test!(aes_gcm_alone_opens_one_text_with_two_keys);
        $test!(a_text_made_for_two_keys_opens_with_neither);
        $test!(keys_are_read_and_derived_as_frozen);
        $test!(what_is_no_key_is_refused_without_repeating_it);
        $test!(pages_and_segments_are_sealed_and_opened_as_frozen);
        $test!(what_was_changed_or_moved_opens_with_one_and_the_same_error);
        $test!(dumps_of_rust_and_of_javascript_open);
    };
}
