/// The candidate that `found` is most likely a slip of.
///
/// At most a third of the letters may differ: beyond that a guess confuses
/// more than it helps.
pub(crate) fn nearest<'a>(
    found: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // No known word is that long; the distance costs the product of lengths.
    if found.len() > 64 {
        return None;
    }
    let found = found.to_ascii_lowercase();
    let limit = found.chars().count().max(3) / 3;
    candidates
        .into_iter()
        .map(|known| {
            (
                strsim::osa_distance(&found, &known.to_ascii_lowercase()),
                known,
            )
        })
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_leaves_strangers() {
        let known = ["browse", "vfs", "net", "CLI_BIN"];
        assert_eq!(nearest("brwose", known), Some("browse"));
        assert_eq!(nearest("nte", known), Some("net"));
        assert_eq!(nearest("cli-bin", known), Some("CLI_BIN"));
        assert_eq!(nearest("filesystem", known), None);
        assert_eq!(nearest(&"b".repeat(100_000), known), None);
    }
}
