use std::sync::Arc;

/// The system's random source, for guests that are not builds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl SystemRandom {
    /// The source.
    pub fn shared() -> Arc<dyn wb_dock::Random> {
        Arc::new(Self)
    }
}

impl wb_dock::Random for SystemRandom {
    /// # Panics
    ///
    /// When the system has no random source, which happens only inside a jail
    /// that hides it: a guest must not go on with numbers that can be guessed.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has a random source");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_dock::Random as _;

    #[test]
    fn two_draws_differ() {
        let draw = || {
            let mut bytes = [0; 32];
            SystemRandom.fill(&mut bytes);
            bytes
        };
        assert_ne!(draw(), draw());
    }
}
