//! Makes a ciphertext that AES-256-GCM opens under two keys. The tag is a polynomial of the ciphertext's blocks. One block, whose content
//! does not matter, is chosen so that the polynomials of both keys have the same value.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};

/// A block in GCM's representation: the first bit is the coefficient of x⁰.
#[derive(Clone, Copy)]
struct Element(u128);

const ONE: Element = Element(1 << 127);
/// The reduction: x¹²⁸ = x⁷ + x² + x + 1
const REDUCTION: u128 = 0xe1 << 120;

/// The sum of two elements, which is also their difference.
impl std::ops::BitXor for Element {
    type Output = Element;

    fn bitxor(self, other: Element) -> Element {
        Element(self.0 ^ other.0)
    }
}

impl Element {
    fn times(self, other: Element) -> Element {
        let (mut product, mut shifted) = (0, other.0);
        for bit in (0..128).rev() {
            if self.0 >> bit & 1 == 1 {
                product ^= shifted;
            }
            shifted = (shifted >> 1) ^ if shifted & 1 == 1 { REDUCTION } else { 0 };
        }
        Element(product)
    }

    /// By Fermat's little theorem: the power 2¹²⁸ − 2.
    fn inverse(self) -> Element {
        let (mut power, mut result) = (self.times(self), ONE);
        for _ in 1..128 {
            (result, power) = (result.times(power), power.times(power));
        }
        result
    }
}

/// The values that determine a tag besides the ciphertext: the hash key, and the mask of this nonce.
struct Tagging {
    h: Element,
    mask: Element,
}

impl Tagging {
    fn new(key: &[u8; 32], nonce: &[u8; 12]) -> Self {
        let cipher = Aes256::new(key.into());
        let encrypted = |block: u128| {
            let mut block = block.to_be_bytes().into();
            cipher.encrypt_block(&mut block);
            Element(u128::from_be_bytes(block.into()))
        };
        let nonce = nonce.iter().fold(0, |all, byte| all << 8 | u128::from(*byte));
        Tagging {
            h: encrypted(0),
            mask: encrypted(nonce << 32 | 1),
        }
    }

    /// The tag of a ciphertext of two blocks.
    fn tag(&self, blocks: [Element; 2]) -> Element {
        let lengths = Element(2 * 128);
        ((blocks[0].times(self.h) ^ blocks[1]).times(self.h) ^ lengths).times(self.h) ^ self.mask
    }
}

/// Returns `first` ‖ the solved block ‖ the tag. `first` can be chosen freely, for example as the encryption of a given text under one of
/// the keys.
pub fn salamander(keys: [(&[u8; 32], &[u8; 12]); 2], first: [u8; 16]) -> Vec<u8> {
    let [one, other] = keys.map(|(key, nonce)| Tagging::new(key, nonce));
    let first = Element(u128::from_be_bytes(first));
    let without = [first, Element(0)];
    let difference = one.tag(without) ^ other.tag(without);
    let solved = difference.times((one.h.times(one.h) ^ other.h.times(other.h)).inverse());
    let blocks = [first, solved, one.tag([first, solved])];
    blocks.iter().flat_map(|block| block.0.to_be_bytes()).collect()
}

#[test]
fn the_known_salamander_is_made_again() {
    let mut first = [0; 16];
    first[..2].copy_from_slice(b"hi");
    let made = salamander([(&[1; 32], &[9; 12]), (&[2; 32], &[9; 12])], first);
    let made: String = made.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        made,
        "68690000000000000000000000000000262c23e4836f7529edea6f30537214af3a4316afe1d209c08acd532f28009ade"
    );
}
