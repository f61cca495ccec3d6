//! Seeded random numbers (SplitMix64), the same on every machine.

#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True with a probability of `rate` per mille.
    pub fn permille(&mut self, rate: usize) -> bool {
        self.below(1000) < rate
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A number from 1 to at most `most`, mostly small and sometimes large.
    pub fn count(&mut self, most: usize) -> usize {
        let bound = 1 << self.below(most.max(1).ilog2() as usize + 1);
        1 + self.below(bound)
    }
}
