//! What is drawn, from a seed: `SplitMix64`, as in the library.

pub(crate) struct Dice(u64);

impl Dice {
    /// A row of its own for each number.
    pub(crate) const fn new(seed: u64, number: usize) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ (number as u64) << 48)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// So many octets, as text.
    pub(crate) fn text(&mut self, count: usize) -> String {
        let start = self.next();
        let digits = format!("{start:020}");
        digits.chars().cycle().take(count).collect()
    }
}
