use serde_json::json;

use crate::args::Gc;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::text::{count, size};

/// `wbx gc [--dry-run]`
pub(crate) fn run(args: &Gc, env: &Env) -> Result<Done, Failure> {
    let collected = env.nexus().collect(args.dry_run)?;
    let mut lines: Vec<_> = collected.removed.iter().map(|d| format!("  {d}")).collect();
    let verb = if args.dry_run {
        "would remove"
    } else {
        "removed"
    };
    let artifacts = count(collected.removed.len(), "artifact");
    let freed = size(collected.bytes);
    let kept = collected.kept;
    lines.insert(0, format!("{verb} {artifacts} ({freed}), {kept} in use"));
    if collected.cached > 0 {
        let files = count(collected.cached, "cached file");
        let freed = size(collected.cached_bytes);
        lines.push(format!(
            "{verb} {files} ({freed}) that a build or a run makes again"
        ));
    }
    let data = json!({
        "dry_run": args.dry_run,
        "removed": collected.removed,
        "kept": kept,
        "bytes": collected.bytes,
        "leftovers": collected.leftovers,
        "cached_files": collected.cached,
        "cached_bytes": collected.cached_bytes,
    });
    Ok(Done::new(lines.join("\n"), data))
}
