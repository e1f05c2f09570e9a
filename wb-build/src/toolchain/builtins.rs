//! The built-in commands, by the same lanes as anybody's.

use wb_manifest::{Digest, Tree};

use super::Lock;
use super::archive::{check, unpack_tgz_where};
use super::recipe::{below, compile, path_of, plan, product, words};
use crate::error::Error;
use crate::guest;
use crate::lane::c::{self, Options, Target};
use crate::lane::javascript;
use crate::plan::Plan;
use crate::step::{Input, Source, SourceTree};

/// Upstream's release of jq, as it is.
const JQ: &str = "jq-1.8.2";
const JQ_SHA256: &str = "71b8d6e8f5fe81f6c6d0d110e3892251f6ce76ed095abd315e26e6e1193af3af";

/// The folders of the release that the command is made of.
const JQ_FOLDERS: [&str; 3] = ["src/", "vendor/decNumber/", "vendor/oniguruma/src/"];

/// The library and the command; the rest of the release is tests and tables for
/// other encodings than UTF-8.
const JQ_SOURCES: &str = "src/main src/builtin src/bytecode src/compile src/execute src/jq_test \
    src/jv src/jv_alloc src/jv_aux src/jv_dtoa src/jv_dtoa_tsd src/jv_file src/jv_parse \
    src/jv_print src/jv_unicode src/lexer src/linker src/locfile src/parser src/util \
    vendor/decNumber/decContext vendor/decNumber/decNumber vendor/oniguruma/src/ascii \
    vendor/oniguruma/src/onig_init vendor/oniguruma/src/regcomp vendor/oniguruma/src/regenc \
    vendor/oniguruma/src/regerror vendor/oniguruma/src/regexec vendor/oniguruma/src/regext \
    vendor/oniguruma/src/reggnu vendor/oniguruma/src/regparse vendor/oniguruma/src/regsyntax \
    vendor/oniguruma/src/regtrav vendor/oniguruma/src/regversion vendor/oniguruma/src/st \
    vendor/oniguruma/src/unicode vendor/oniguruma/src/unicode_fold1_key \
    vendor/oniguruma/src/unicode_fold2_key vendor/oniguruma/src/unicode_fold3_key \
    vendor/oniguruma/src/unicode_unfold_key vendor/oniguruma/src/utf8";

/// Plans those that are written in C, in one graph: their sources compile side by side.
pub(super) fn builtins(lock: &Lock) -> Result<Plan, Error> {
    let (jq_tree, grep_tree, wbox_tree) =
        (jq_tree()?, guest::sources("grep"), guest::sources("wbox"));
    let mut whole = below("grep", &grep_tree);
    whole.extend(below("jq", &jq_tree));
    whole.extend(below("wbox", &wbox_tree));
    let mut plan = plan("builtins", whole.digest());

    jq(&mut plan, &jq_tree, lock)?;
    ours(&mut plan, "grep.wasm", &grep_tree, lock)?;
    ours(&mut plan, "wbox.wasm", &wbox_tree, lock)?;
    Ok(plan)
}

/// Plans the one that is written in JavaScript; it needs no bundling.
pub(super) fn upper(lock: &Lock) -> Result<Plan, Error> {
    let tree = guest::sources("upper");
    let mut plan = plan("upper", tree.digest());
    let source = Input::new("/w", Source::Tree(SourceTree::new(tree)));
    let (inputs, product) = (vec![source], "upper.wasm");
    javascript::finish(&mut plan, "/w", "upper.js", inputs, product, lock)?;
    Ok(plan)
}

/// A command of our own in C: every source of its folder.
fn ours(plan: &mut Plan, name: &str, tree: &Tree, lock: &Lock) -> Result<(), Error> {
    let options = Options {
        extra: words("-std=gnu23 -D_GNU_SOURCE -ffunction-sections"),
        ..Options::default()
    };
    let objects = c::objects(plan, tree, &c::units(tree), &options, lock)?;
    let linked = c::link(plan, &objects, false, false, &Target::default(), lock)?;
    plan.products.push(product(name, linked));
    Ok(())
}

/// jq's release in `jq/`, and in `config/` what its `configure` and `make` would
/// have generated.
fn jq_tree() -> Result<Tree, Error> {
    let carried = guest::sources("jq");
    let name = format!("{JQ}.tar.gz");
    let archive = carried
        .get(&name)
        .expect("the release is among the guest's sources");
    let pinned: Digest = JQ_SHA256.parse().expect("64 hex digits");
    check(&format!("`{name}`"), archive, pinned)?;
    let kept = |path: &str| {
        path.strip_prefix(JQ)
            .and_then(|path| path.strip_prefix('/'))
            .is_some_and(|path| JQ_FOLDERS.iter().any(|folder| path.starts_with(folder)))
    };
    let release = unpack_tgz_where(&name, archive, kept)?;
    let mut tree = below("jq", &release.under(&path_of(JQ).into()));
    let config: Tree = carried
        .into_iter()
        .filter(|(path, _)| path.as_str() != name)
        .collect();
    tree.extend(below("config", &config));
    Ok(tree)
}

fn jq(plan: &mut Plan, tree: &Tree, lock: &Lock) -> Result<(), Error> {
    let options = Options {
        extra: words(
            "-std=gnu11 -DNDEBUG -w -ffunction-sections -fdata-sections -include config.h \
             -I/w/config -I/w/config/src -I/w/jq -I/w/jq/src -I/w/jq/vendor \
             -I/w/jq/vendor/oniguruma/src --embed-dir=/w/jq/src",
        ),
        ..Options::default()
    };
    let files: Vec<_> = JQ_SOURCES
        .split_ascii_whitespace()
        .map(|stem| format!("jq/{stem}.c"))
        .collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let objects = compile(plan, tree, &files, &options, lock)?;
    let target = Target {
        // Its interpreter recurses with the nesting of its input.
        stack: 3 << 20,
        ..Target::default()
    };
    let linked = c::link(plan, &objects, false, false, &target, lock)?;
    plan.products.push(product("jq.wasm", linked));
    Ok(())
}
