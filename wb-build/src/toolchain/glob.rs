//! Patterns of paths, as the lock uses them.

/// Whether `path` matches `pattern`: `*` stands for any run of characters
/// within one component, a last component `**` for everything below.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let mut patterns = pattern.split('/').peekable();
    let mut parts = path.split('/');
    loop {
        match (patterns.next(), parts.next()) {
            (Some("**"), Some(_)) if patterns.peek().is_none() => return true,
            (Some(pattern), Some(part)) if component(pattern, part) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// One component against one pattern; linear in both but for the last `*`.
fn component(pattern: &str, part: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else {
        return pattern == part;
    };
    let Some(mut part) = part.strip_prefix(prefix) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return part.ends_with(piece);
        }
        match part.find(piece) {
            Some(at) => part = &part[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stay_within_a_component_and_two_reach_below() {
        assert!(matches("*.h", "a.h"));
        assert!(!matches("*.h", "sub/a.h"));
        assert!(matches("lib/lib.es*.d.ts", "lib/lib.es5.d.ts"));
        assert!(!matches("lib/lib.es*.d.ts", "lib/lib.dom.d.ts"));
        assert!(matches("include/**", "include/a/b.h"));
        assert!(!matches("include/**", "include"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("a*b*c", "a-c-b"));
        assert!(matches("exact", "exact"));
        assert!(!matches("exact", "exactly"));
    }
}
