use super::bindings::wasi::random::{insecure, insecure_seed, random};
use crate::guest::Guest;
use crate::limits::Stop;

impl Guest {
    fn random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        // The host holds them too until the guest has them.
        let budget = self.wasi.meter.budget();
        let _held = budget.reserve_memory(len).map_err(Stop::Limit)?;
        let mut bytes = vec![0; usize::try_from(len)?];
        self.wasi.random.fill(&mut bytes);
        Ok(bytes)
    }

    fn random_word(&mut self) -> u64 {
        let mut word = [0; 8];
        self.wasi.random.fill(&mut word);
        u64::from_le_bytes(word)
    }
}

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random_word())
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random_word())
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_word(), self.random_word()))
    }
}
