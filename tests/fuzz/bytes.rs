//! Changes inputs byte by byte, without knowledge of their format.

use super::dice::Dice;

pub fn mutate(bytes: &mut Vec<u8>, donor: &[u8], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    match dice.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        1 if at < bytes.len() => {
            bytes[at] = *dice.pick(&[
                0, 1, 2, 5, 6, 0x7f, 0x80, 0xff, b'"', b'\\', b'{', b'[', b']', b'}', b',', b':', b' ', b'0', b'-', b'e',
            ])
        }
        2 => bytes.insert(at, dice.next() as u8),
        3 if at < bytes.len() => drop(bytes.remove(at)),
        4 => bytes.truncate(at),
        5 => {
            let length = dice.below(bytes.len().saturating_sub(at).min(64) + 1);
            let copy = bytes[at..at + length].to_vec();
            bytes.splice(at..at, copy);
        }
        6 => {
            let from = dice.below(donor.len() + 1);
            let length = dice.below((donor.len() - from).min(256) + 1);
            bytes.splice(at..at, donor[from..from + length].iter().copied());
        }
        7 => {
            let length = dice.below(bytes.len().saturating_sub(at) + 1);
            bytes.drain(at..at + length);
        }
        // A varint that claims a far too large value.
        _ => drop(bytes.splice(at..at, *dice.pick(&[[0xff; 4], [0x80; 4], [0xff, 0xff, 0xff, 0x7f], [0; 4]]))),
    }
}
