//! The packs that we build ourselves, against the lock.

use std::num::NonZeroUsize;

use wb_build::toolchain::{Entry, Lock, recipe, tree_entries};
use wb_build::{Builder, Tools as _};
use wb_manifest::Digest;

use crate::home::{sandbox, toolchains};

/// Fails when a guest or a recipe was changed and the lock was not made anew:
/// `cargo run --release -p wb-host --example relock` does that.
#[test]
fn every_recipe_gives_what_the_lock_pins_from_what_it_says_it_needs() {
    let lock = Lock::pinned();
    for entry in lock.all() {
        let Entry::Derived(derived) = entry else {
            continue;
        };
        let needs: Vec<_> = derived.needs.iter().map(String::as_str).collect();
        let sandbox = sandbox(&needs);
        let sources = |pack: &str, member: &str| {
            let member = lock.member(pack, member)?;
            tree_entries(&member.member, &sandbox.tools().file(&member)?)
        };
        let plan = recipe(&derived.name, &lock, sources).expect("there is a recipe");
        for pack in plan.packs() {
            assert!(needs.contains(&pack), "`{}` needs `{pack}`", derived.name);
        }
        let cache = toolchains().cache();
        let built = Builder::new(&sandbox, &cache)
            .jobs(NonZeroUsize::new(2).expect("two"))
            .run(&plan)
            .unwrap_or_else(|e| panic!("{e}\n{:#?}", e.diagnostics()));
        for member in &derived.members {
            let bytes = &built.products[&member.name];
            assert_eq!(Digest::of(bytes), member.sha256, "{}", member.name);
            assert_eq!(bytes.len() as u64, member.size, "{}", member.name);
        }
        assert_eq!(
            built.products.len(),
            derived.members.len(),
            "{}",
            derived.name
        );
    }
}
