//! Where clang looks for headers.

use std::collections::BTreeSet;

use wb_manifest::{RelDir, Tree};

use crate::diagnose::SOURCE_ROOT;

/// Extensions that make a folder one of headers.
const HEADERS: [&str; 9] = ["h", "hh", "hpp", "hxx", "inc", "inl", "ipp", "tpp", "def"];

/// `-I` for each folder that holds headers, in path order, the root last.
///
/// A folder with a header named as one of the C library's would hide that from
/// `<…>`, so it is searched for `"…"` only.
pub(super) fn arguments(tree: &Tree) -> Vec<String> {
    let mut folders = BTreeSet::new();
    let mut shadowing = BTreeSet::new();
    for (path, _) in tree {
        let header = path.extension().is_some_and(|e| HEADERS.contains(&e));
        let standard = is_standard(path.file_name());
        if header || standard {
            let folder = path.parent();
            if standard {
                shadowing.insert(folder.clone());
            }
            folders.insert(folder);
        }
    }
    // The root comes last: a path from there, as in `"include/api.h"`, is found
    // from every folder. Without headers of its own it is no folder for `<…>`,
    // where its `sys` would hide the system's.
    if folders.insert(RelDir::ROOT) {
        shadowing.insert(RelDir::ROOT);
    }
    let (root, below): (Vec<_>, Vec<_>) = folders.iter().partition(|folder| folder.is_root());
    below
        .into_iter()
        .chain(root)
        .map(|folder| {
            let flag = if shadowing.contains(folder) {
                "-iquote"
            } else {
                "-I"
            };
            match folder.path() {
                None => format!("{flag}{SOURCE_ROOT}"),
                Some(path) => format!("{flag}{SOURCE_ROOT}/{path}"),
            }
        })
        .collect()
}

/// Whether a header of the C or C++ standard, or of POSIX, has this name.
fn is_standard(name: &str) -> bool {
    match name.strip_suffix(".h") {
        Some(stem) => C_HEADERS.contains(&stem),
        None => CPP_HEADERS.contains(&name),
    }
}

/// C17 7.1.2, C23, and the POSIX headers wasi-libc has, without `.h`.
const C_HEADERS: [&str; 62] = [
    "assert",
    "complex",
    "ctype",
    "dirent",
    "dlfcn",
    "endian",
    "err",
    "errno",
    "fcntl",
    "features",
    "fenv",
    "float",
    "fnmatch",
    "getopt",
    "glob",
    "iconv",
    "ifaddrs",
    "inttypes",
    "iso646",
    "langinfo",
    "libgen",
    "limits",
    "locale",
    "malloc",
    "math",
    "memory",
    "netdb",
    "poll",
    "pthread",
    "pwd",
    "regex",
    "sched",
    "search",
    "semaphore",
    "setjmp",
    "signal",
    "spawn",
    "stdalign",
    "stdarg",
    "stdatomic",
    "stdbit",
    "stdbool",
    "stdckdint",
    "stddef",
    "stdint",
    "stdio",
    "stdlib",
    "stdnoreturn",
    "string",
    "strings",
    "sysexits",
    "syslog",
    "termios",
    "tgmath",
    "threads",
    "time",
    "uchar",
    "unistd",
    "utime",
    "values",
    "wchar",
    "wctype",
];

/// C++20 headers a plain file could be named as: `version` is the common one.
const CPP_HEADERS: [&str; 24] = [
    "algorithm",
    "any",
    "array",
    "atomic",
    "bit",
    "bitset",
    "charconv",
    "chrono",
    "compare",
    "concepts",
    "filesystem",
    "format",
    "functional",
    "list",
    "map",
    "memory",
    "new",
    "queue",
    "random",
    "set",
    "string",
    "tuple",
    "vector",
    "version",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &'static str)]) -> Tree {
        files
            .iter()
            .map(|&(path, text)| (path.parse().unwrap(), text.into()))
            .collect()
    }

    #[test]
    fn folders_with_headers_are_searched_and_shadowing_ones_only_for_quotes() {
        let tree = tree(&[
            ("main.c", "int main(void){}"),
            ("include/lib.h", ""),
            ("compat/string.h", ""),
            ("docs/readme.txt", ""),
            ("top.h", ""),
        ]);
        assert_eq!(
            arguments(&tree),
            ["-iquote/w/compat", "-I/w/include", "-I/w"]
        );
    }

    #[test]
    fn a_folder_named_version_is_no_header_but_a_file_is() {
        assert_eq!(
            arguments(&tree(&[("a.cpp", ""), ("version", "1")])),
            ["-iquote/w"]
        );
        assert_eq!(arguments(&tree(&[("version/a.cpp", "")])), ["-iquote/w"]);
    }
}
