//! Padding: brings plaintexts to one of few lengths, since the length of an envelope reveals that of its plaintext.

use zeroize::Zeroizing;

const STEP: usize = 1024;
const STEPS_UP_TO: usize = 8 * 1024;

/// The length to which a plaintext of `len` bytes is padded: a multiple of 1 KiB up to 8 KiB, then the next Padmé size.
///
/// A Padmé size has only as many bits after its first one as are needed to write its exponent; all further bits are zero. This costs at most
/// 6.3 % here, and the lengths up to `n` reveal only about `log log n` bits (Nikitin and others, *Reducing Metadata Leakage from Encrypted
/// Files and Communication with PURBs*, 2019).
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

/// The JSON text, padded with spaces. It is still valid JSON for a reader that does not know of padding.
pub fn pad(json: &str) -> Zeroizing<Vec<u8>> {
    let len = padded_length(json.len());
    // Reserved at once: a vector that grows leaves copies of its content in memory.
    let mut padded = Zeroizing::new(Vec::with_capacity(len));
    padded.extend_from_slice(json.as_bytes());
    padded.resize(len, b' ');
    padded
}
