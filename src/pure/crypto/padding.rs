//! A sealed text is as long as its plaintext and a little. So plaintexts are given one of few lengths.

use zeroize::Zeroizing;

const STEP: usize = 1024;
const STEPS_UP_TO: usize = 8 * 1024;

/// The length that a plaintext of `len` bytes is brought to: a multiple of 1 KiB up to 8 KiB, then the next Padmé size.
///
/// A Padmé size has no more significant bits than its logarithm needs: it costs at most 6.3 % here, and lengths up to `n` tell only
/// about `log log n` bits (Nikitin and others, *Reducing Metadata Leakage from Encrypted Files and Communication with PURBs*, 2019).
///
/// ```
/// use essaim::pure::crypto::padding::padded_length;
/// assert_eq!((padded_length(10), padded_length(1025), padded_length(8193)), (1024, 2048, 8704));
/// ```
pub fn padded_length(len: usize) -> usize {
    if len <= STEPS_UP_TO {
        return len.max(1).next_multiple_of(STEP);
    }
    let exponent = len.ilog2();
    let significant = exponent.ilog2() + 1;
    len.next_multiple_of(1 << (exponent - significant))
}

/// The JSON text with spaces after it: JSON still, for whoever opens it without knowing of this.
pub fn pad(json: &str) -> Zeroizing<Vec<u8>> {
    let len = padded_length(json.len());
    // All at once: a vector that grows leaves what it held behind in memory.
    let mut padded = Zeroizing::new(Vec::with_capacity(len));
    padded.extend_from_slice(json.as_bytes());
    padded.resize(len, b' ');
    padded
}
