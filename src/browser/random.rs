//! Randomness: `crypto.getRandomValues`.

use crate::ports::Rng;

#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserRandom;

impl Rng for BrowserRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Every browser with WebAssembly has it, in every context. Continuing without it would repeat ids and nonces.
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
