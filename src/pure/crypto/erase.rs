//! Erases the copies of keys that moved values leave on the stack, where nothing owns them any more.

use std::hint::black_box;
use zeroize::Zeroize;

/// How many bytes of stack are overwritten. More than any computation with keys needs, also in a build that is not optimised.
const DEPTH: usize = 32 << 10;

/// Runs `work`, which handles keys, and then overwrites the stack that it used. If the result holds keys, they must be in boxes. This is best
/// effort: it cannot reach registers, or places where a browser's compiler keeps values.
pub fn erasing<R>(work: impl FnOnce() -> R) -> R {
    let result = apart(work);
    erase_stack();
    result
}

/// Runs `work` in a stack frame of its own, below that of the caller.
#[inline(never)]
fn apart<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(never)]
fn erase_stack() {
    let mut below = [0_u64; DEPTH / 8];
    below.zeroize();
    black_box(&below);
}
