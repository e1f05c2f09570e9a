//! WASI preview 1: what functions on descriptors and paths answer, by the error numbers
//! of its witx file.

use wb_dock::fs::{Image, Mount};
use wb_dock::{Grant, Invocation, Services};

use super::guest;
use crate::case::{Case, Finding, Verdict, ended, same};
use crate::host::Host;
use crate::script::{Answer, Arg, OUT, Script, answers};

/// Every right there is.
pub(crate) const ALL: i64 = 0x1fff_ffff;

/// The directory that a guest finds open, and the first descriptor that is free.
const ROOT: u32 = 3;
const FIRST: u32 = 4;

const CREATE: u32 = 1;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
const FOLLOW: u32 = 1;

const BADF: i32 = 8;
const EXIST: i32 = 20;
const INVAL: i32 = 28;
const ISDIR: i32 = 31;
const LOOP: i32 = 32;
const NOENT: i32 = 44;
const NOTDIR: i32 = 54;
const NOTEMPTY: i32 = 55;

/// Where a count goes that a call returns beside bytes.
const COUNT: u32 = OUT + 0x100;

#[expect(clippy::too_many_lines, reason = "a list of cases")]
pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, about: &str, script: fn() -> Script, expected: &'static [i32]| {
        Case::new("preview1", name, about, move |host| {
            let answers = run(host, &script())?;
            let numbers: Vec<i32> = answers.iter().map(|answer| answer.number).collect();
            same("the error numbers", expected, &numbers)
        })
    };
    vec![
        case(
            "descriptors-that-are-none",
            "a number that is no descriptor is EBADF",
            || {
                Script::default()
                    .wasi("fd_close", [99.into()], (OUT, 4))
                    .wasi("fd_fdstat_get", [99.into(), OUT.into()], (OUT, 24))
                    .wasi("fd_renumber", [99.into(), 98.into()], (OUT, 4))
                    .wasi("fd_read", read(99, 4), (OUT, 4))
            },
            &[BADF, BADF, BADF, BADF],
        ),
        case(
            "create-and-exclude",
            "a file is made once, and not found under another name",
            || {
                open(Script::default(), "new", CREATE | EXCLUSIVE)
                    .and(|script| open(script, "new", CREATE | EXCLUSIVE))
                    .and(|script| open(script, "other", 0))
            },
            &[0, EXIST, NOENT],
        ),
        case(
            "dangling-symlink",
            "a link to nothing is made, not followed, and taken for a link if not to be followed",
            || {
                Script::default()
                    .wasi(
                        "path_symlink",
                        ["nowhere".into(), ROOT.into(), "link".into()],
                        (OUT, 4),
                    )
                    .wasi(
                        "path_open",
                        open_args(ROOT, FOLLOW, "link", 0, ALL, 0),
                        (OUT, 4),
                    )
                    .wasi("path_open", open_args(ROOT, 0, "link", 0, ALL, 0), (OUT, 4))
            },
            &[0, NOENT, LOOP],
        ),
        case(
            "symlink-loop",
            "links that lead in a circle are ELOOP",
            || {
                Script::default()
                    .wasi(
                        "path_symlink",
                        ["b".into(), ROOT.into(), "a".into()],
                        (OUT, 4),
                    )
                    .wasi(
                        "path_symlink",
                        ["a".into(), ROOT.into(), "b".into()],
                        (OUT, 4),
                    )
                    .wasi(
                        "path_open",
                        open_args(ROOT, FOLLOW, "a", 0, ALL, 0),
                        (OUT, 4),
                    )
            },
            &[0, 0, LOOP],
        ),
        case(
            "directories-are-not-files",
            "a directory is not unlinked, a file is not removed as one, a full one stays",
            || {
                on_path("path_unlink_file", Script::default(), "dir")
                    .and(|script| on_path("path_remove_directory", script, "file"))
                    .and(|script| on_path("path_remove_directory", script, "dir"))
                    .and(|script| on_path("path_create_directory", script, "dir"))
            },
            &[ISDIR, NOTDIR, NOTEMPTY, EXIST],
        ),
        case(
            "trailing-slash",
            "a slash after the name of a file is ENOTDIR, after a directory nothing",
            || {
                open(Script::default(), "file/", 0)
                    .and(|script| on_path("path_create_directory", script, "made/"))
                    .and(|script| on_path("path_remove_directory", script, "made/"))
            },
            &[NOTDIR, 0, 0],
        ),
        case(
            "rename",
            "a file that is renamed is under its new name alone",
            || {
                let script = Script::default().wasi(
                    "path_rename",
                    [ROOT.into(), "file".into(), ROOT.into(), "moved".into()],
                    (OUT, 4),
                );
                open(script, "file", 0).and(|script| open(script, "moved", 0))
            },
            &[0, NOENT, 0],
        ),
        case(
            "renumber",
            "a descriptor that is renumbered is under its new number alone",
            || {
                open(Script::default(), "file", 0)
                    .and(|script| open(script, "dir/inner", 0))
                    .wasi("fd_renumber", [FIRST.into(), (FIRST + 1).into()], (OUT, 4))
                    .wasi("fd_close", [FIRST.into()], (OUT, 4))
                    .wasi("fd_close", [(FIRST + 1).into()], (OUT, 4))
            },
            &[0, 0, 0, BADF, 0],
        ),
        case(
            "poll-nothing",
            "waiting for nothing is EINVAL",
            || {
                Script::default().wasi(
                    "poll_oneoff",
                    [OUT.into(), COUNT.into(), 0.into(), COUNT.into()],
                    (OUT, 4),
                )
            },
            &[INVAL],
        ),
        Case::new(
            "preview1",
            "paths-lead-nowhere-else",
            "no path leads out of the directory that is open: EPERM or ENOTCAPABLE",
            nowhere_else,
        ),
        Case::new(
            "preview1",
            "write-seek-read",
            "what was written is read again, and a truncated file is empty",
            write_seek_read,
        ),
        Case::new(
            "preview1",
            "standard-streams",
            "standard input comes to its end, and standard output has what was written",
            |host| {
                let guest = Invocation::new("guest").stdin("in and out");
                let run = host.run(&guest!("echo"), &Grant::none(), &Services::default(), guest);
                same("the output", &b"in and out"[..], &ended(run)?.stdout)
            },
        ),
    ]
}

impl Script {
    /// The script with more calls.
    fn and(self, more: impl FnOnce(Self) -> Self) -> Self {
        more(self)
    }
}

/// Runs the script where there is a file, and a directory with another.
fn run(host: &dyn Host, script: &Script) -> Result<Vec<Answer>, Finding> {
    let image = Image::from_files([("file", "content"), ("dir/inner", "inner")])
        .map_err(|error| Finding::failed("a tree of files", error.to_string()))?;
    let guest = Invocation::new("guest").mount(Mount::writable("/", image));
    let run = host.run(&script.wasm(), &Grant::none(), &Services::default(), guest);
    answers(&ended(run)?.stdout)
}

fn open(script: Script, path: &str, oflags: u32) -> Script {
    let args = open_args(ROOT, FOLLOW, path, oflags, ALL, 0);
    script.wasi("path_open", args, (OUT, 4))
}

fn on_path(function: &str, script: Script, path: &str) -> Script {
    script.wasi(function, [ROOT.into(), path.into()], (OUT, 4))
}

fn read(fd: u32, len: u32) -> [Arg; 3] {
    [fd.into(), Arg::Room(len), COUNT.into()]
}

/// The arguments of `path_open`, with as many rights to inherit.
pub(crate) fn open_args(
    dir: u32,
    lookup: u32,
    path: &str,
    oflags: u32,
    rights: i64,
    fdflags: u32,
) -> [Arg; 8] {
    [
        dir.into(),
        lookup.into(),
        path.into(),
        oflags.into(),
        Arg::Long(rights),
        Arg::Long(rights),
        fdflags.into(),
        OUT.into(),
    ]
}

fn nowhere_else(host: &dyn Host) -> Verdict {
    let paths = ["..", "../etc/passwd", "dir/../../etc/passwd", "/etc/passwd"];
    let script = paths
        .iter()
        .fold(Script::default(), |script, path| open(script, path, 0));
    for (path, answer) in paths.iter().zip(run(host, &script)?) {
        let seen = format!("{} for `{path}`", answer.number);
        crate::case::holds(
            matches!(answer.number, 63 | 76),
            "EPERM or ENOTCAPABLE",
            seen,
        )?;
    }
    Ok(())
}

fn write_seek_read(host: &dyn Host) -> Verdict {
    let script = open(Script::default(), "new", CREATE)
        .wasi(
            "fd_write",
            [FIRST.into(), Arg::Vector(b"hello".to_vec()), COUNT.into()],
            (COUNT, 4),
        )
        .wasi(
            "fd_seek",
            [FIRST.into(), Arg::Long(1), 0.into(), OUT.into()],
            (OUT, 8),
        )
        .wasi("fd_read", read(FIRST, 8), (OUT, 8))
        .and(|script| open(script, "new", TRUNCATE))
        .wasi("fd_read", read(FIRST + 1, 8), (OUT, 8));
    let answers = run(host, &script)?;
    let numbers: Vec<i32> = answers.iter().map(|answer| answer.number).collect();
    same("the error numbers", vec![0; 6], numbers)?;
    same("bytes written", &[5, 0, 0, 0][..], &answers[1].value)?;
    same(
        "what is read after the seek",
        &b"ello\0\0\0\0"[..],
        &answers[3].value,
    )?;
    same(
        "what is read when truncated",
        &[0; 8][..],
        &answers[5].value,
    )
}
