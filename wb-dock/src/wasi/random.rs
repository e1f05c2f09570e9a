use std::fmt;
use std::sync::Arc;

use super::{Answer, GuestMemory, Wasi};

/// Randomness for guests, when the host does not want a repeatable run.
///
/// Without one, a run draws from a generator with a fixed seed: good for hash
/// tables and test data, worthless for keys.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

#[derive(Clone)]
pub(crate) enum RandomSource {
    /// The state of `SplitMix64`.
    Seeded(u64),
    Host(Arc<dyn Random>),
}

impl Default for RandomSource {
    fn default() -> Self {
        Self::Seeded(0)
    }
}

impl fmt::Debug for RandomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seeded(state) => f.debug_tuple("Seeded").field(state).finish(),
            Self::Host(_) => f.write_str("Host"),
        }
    }
}

impl RandomSource {
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Host(random) => random.fill(bytes),
            Self::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = split_mix(state).to_le_bytes();
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
            }
        }
    }
}

/// `SplitMix64`, Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014; constants as in its Java and Vigna's C version.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bytes filled between two looks at the deadline.
const PIECE: usize = 1 << 20;

impl Wasi {
    pub(super) fn random_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        ptr: u32,
        len: u32,
    ) -> Answer {
        for piece in memory.bytes_mut(ptr, len)?.chunks_mut(PIECE) {
            self.random.fill(piece);
            if piece.len() == PIECE {
                self.meter.check_time()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_source_is_the_published_generator() {
        // The first outputs for seed 1234567, from Rosetta Code's reference run.
        let mut state = 1_234_567;
        let first: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }
}
