//! Erasing what a value leaves behind when it is moved: a copy on the stack, which nobody owns any more.

use std::hint::black_box;
use zeroize::Zeroize;

/// More than any computation with keys needs, in a build that is not optimised as well.
const DEPTH: usize = 32 << 10;

/// Does some work with keys, and then overwrites the stack that it used. The result must hold them in boxes, if at all. Best effort:
/// registers, and what a browser's compiler keeps elsewhere, cannot be reached.
pub fn erasing<R>(work: impl FnOnce() -> R) -> R {
    let result = apart(work);
    erase_stack();
    result
}

/// In a frame of its own, below that of the caller.
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
