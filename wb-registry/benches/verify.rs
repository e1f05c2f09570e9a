//! Verification of a repository of 2,000 toolkits, without the disk.
//!
//! `cargo bench -p wb-registry`
#![expect(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wb_manifest::{BuildSrc, Lang, Tree};
use wb_policy::Profiles;
use wb_registry::{CommandTable, Facilities, MemoryStore, Surroundings, verify};

const TOOLKITS: usize = 2_000;

struct EveryLane;

impl Facilities for EveryLane {
    fn can_build(&self, _: &BuildSrc, _: Option<Lang>) -> Result<(), String> {
        Ok(())
    }

    fn has_native(&self, _: &str) -> bool {
        true
    }

    fn conforms(&self, _: &[u8], _: &str, _: &Tree) -> Result<(), Vec<String>> {
        Ok(())
    }
}

/// A toolkit with two skills as people write them, and a source file.
fn toolkit(id: &str) -> Tree {
    let manifest = include_str!("../../fixtures/toolkits/wordfreq/manifest.org");
    let overview = include_str!("../../fixtures/toolkits/wordfreq/skills/overview.org");
    let top = include_str!("../../fixtures/toolkits/wordfreq/skills/top.org");
    let source = include_str!("../../fixtures/toolkits/wordfreq/src/main.c");
    let mut tree = Tree::new();
    let mut add = |path: &str, text: &str| {
        let text = text.replace("wordfreq", id);
        tree.insert(path.parse().unwrap(), text);
    };
    add("manifest.org", manifest);
    add("skills/overview.org", overview);
    add("skills/top.org", top);
    add("src/main.c", source);
    tree
}

fn repository(c: &mut Criterion) {
    let toolkits: Vec<_> = (0..TOOLKITS)
        .map(|i| (format!("tool-{i}"), toolkit(&format!("tool-{i}"))))
        .collect();
    let around = Surroundings {
        table: &CommandTable::default(),
        artifacts: &MemoryStore::default(),
        profiles: &Profiles::built_in(),
        facilities: &EveryLane,
    };
    let mut group = c.benchmark_group("verify");
    group.throughput(Throughput::Elements(TOOLKITS as u64));
    group.sample_size(10);
    group.bench_function("repository", |b| {
        b.iter(|| {
            toolkits
                .iter()
                .filter(|(dir, tree)| black_box(verify(dir, tree, &around)).passed())
                .count()
        });
    });
    group.finish();
}

criterion_group!(benches, repository);
criterion_main!(benches);
