use std::io;

/// Bytes from the system's random source, for seeds that a guest must not guess.
///
/// # Errors
///
/// What the system said: on the platforms in use this happens only inside a
/// jail that hides the source.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_seeds_differ() {
        assert_ne!(super::seed().unwrap(), super::seed().unwrap());
    }
}
