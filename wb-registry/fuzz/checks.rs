//! What must hold for any bytes. The fuzz targets and the ordinary tests run the same
//! functions.

use wb_manifest::Tree;
use wb_registry::{
    Bundle, UnpackLimits, decode_bundle, encode_bundle, read_registry, write_registry,
};

/// Panics when something does not hold.
type Check = fn(&[u8]);

/// Every check.
pub(crate) const ALL: [Check; 2] = [bundle, registry];

/// As much as a fuzzer's inputs need.
const LIMITS: UnpackLimits = UnpackLimits {
    entry: 1 << 20,
    total: 4 << 20,
    entries: 64,
    ratio: 200,
};

/// What unpacks packs to the same, and a bundle with a byte changed is refused or was
/// changed where it does not matter.
pub(crate) fn bundle(bytes: &[u8]) {
    if let Ok(unpacked) = decode_bundle(bytes, &LIMITS) {
        let packed = encode_bundle(&unpacked).expect("it was a bundle");
        assert_eq!(
            decode_bundle(&packed, &LIMITS).expect("it is one"),
            unpacked
        );
    }
    let [low, high, change, document @ ..] = bytes else {
        return;
    };
    let mut tree = Tree::new();
    let path = "manifest.org".parse().expect("a plain name is a path");
    tree.insert(path, document.to_vec());
    let id = "any".parse().expect("a plain word is a name");
    let parts = Vec::new();
    let whole = Bundle { id, tree, parts };
    let Ok(packed) = encode_bundle(&whole) else {
        return;
    };
    let mut packed = packed.to_vec();
    let at = usize::from(u16::from_le_bytes([*low, *high])) % packed.len();
    packed[at] ^= change;
    if let Ok(unpacked) = decode_bundle(&packed, &LIMITS) {
        assert_eq!(unpacked.tree, whole.tree);
    }
}

/// What is read is written as something that is read as the same.
pub(crate) fn registry(bytes: &[u8]) {
    if let Ok((table, _)) = read_registry(bytes, |_| true) {
        let written = write_registry(&table);
        let (again, skipped) = read_registry(&written, |_| true).expect("it was written so");
        assert!(skipped.is_empty(), "{skipped:?}");
        assert_eq!(again, table);
    }
}
