//! The words of preview 1, by the numbers of its `typenames.witx`.

use super::text::Word;

/// The error numbers that cases name.
const ERRNOS: [(&str, u32); 24] = [
    ("acces", 2),
    ("badf", 8),
    ("busy", 10),
    ("exist", 20),
    ("fault", 21),
    ("fbig", 22),
    ("ilseq", 25),
    ("inval", 28),
    ("isdir", 31),
    ("loop", 32),
    ("mfile", 33),
    ("mlink", 34),
    ("nametoolong", 37),
    ("noent", 44),
    ("nospc", 51),
    ("nosys", 52),
    ("notdir", 54),
    ("notempty", 55),
    ("notsock", 57),
    ("notsup", 58),
    ("perm", 63),
    ("rofs", 69),
    ("spipe", 70),
    ("notcapable", 76),
];

const OFLAGS: [&str; 4] = ["creat", "directory", "excl", "trunc"];
const FDFLAGS: [&str; 5] = ["append", "dsync", "nonblock", "rsync", "sync"];
const FSTFLAGS: [&str; 4] = ["atim", "atim_now", "mtim", "mtim_now"];
const CLOCKS: [&str; 4] = ["realtime", "monotonic", "process_cputime", "thread_cputime"];
const WHENCES: [&str; 3] = ["set", "cur", "end"];
const ADVICES: [&str; 6] = [
    "normal",
    "sequential",
    "random",
    "willneed",
    "dontneed",
    "noreuse",
];
const FILETYPES: [&str; 8] = [
    "unknown",
    "block_device",
    "character_device",
    "directory",
    "regular_file",
    "socket_dgram",
    "socket_stream",
    "symbolic_link",
];
const EVENTTYPES: [&str; 3] = ["clock", "fd_read", "fd_write"];
const RIGHTS: [&str; 28] = [
    "fd_datasync",
    "fd_read",
    "fd_seek",
    "fd_fdstat_set_flags",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "fd_advise",
    "fd_allocate",
    "path_create_directory",
    "path_create_file",
    "path_link_source",
    "path_link_target",
    "path_open",
    "fd_readdir",
    "path_readlink",
    "path_rename_source",
    "path_rename_target",
    "path_filestat_get",
    "path_filestat_set_size",
    "path_filestat_set_times",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "path_symlink",
    "path_remove_directory",
    "path_unlink_file",
    "poll_fd_readwrite",
];

/// Every right of a file or a directory.
pub(super) const ALL_RIGHTS: u32 = (1 << RIGHTS.len()) - 1;
/// The right to write.
pub(super) const FD_WRITE: u32 = 1 << 6;

/// What kind of number a word stands for.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Advice,
    Clock,
    Errno,
    Event,
    Fdflags,
    Filetype,
    Fstflags,
    Oflags,
    Rights,
    Whence,
}

/// The number that a word stands for; parts of a set are joined by `+`.
pub(super) fn number(kind: Kind, word: &str) -> Option<u32> {
    let one = |names: &[&str]| u32::try_from(names.iter().position(|name| *name == word)?).ok();
    let set = |names: &[&str]| match word {
        "none" => Some(0),
        _ => word.split('+').try_fold(0_u32, |bits, part| {
            Some(bits | 1 << names.iter().position(|name| *name == part)?)
        }),
    };
    match kind {
        Kind::Advice => one(&ADVICES),
        Kind::Clock => one(&CLOCKS),
        Kind::Errno if word == "success" => Some(0),
        Kind::Errno => Some(ERRNOS.iter().find(|(name, _)| *name == word)?.1),
        Kind::Event => one(&EVENTTYPES),
        Kind::Fdflags => set(&FDFLAGS),
        Kind::Filetype => one(&FILETYPES),
        Kind::Fstflags => set(&FSTFLAGS),
        Kind::Oflags => set(&OFLAGS),
        Kind::Rights if word == "all" => Some(ALL_RIGHTS),
        Kind::Rights => set(&RIGHTS),
        Kind::Whence => one(&WHENCES),
    }
}

/// The number of a word that is none already.
pub(super) fn number_of(kind: Kind, word: &Word) -> Option<u32> {
    let word = word.bare()?;
    word.parse().ok().or_else(|| number(kind, word))
}

/// An error number as people know it.
pub(super) fn errno(number: i32) -> String {
    let known = ERRNOS
        .iter()
        .find(|(_, errno)| i32::try_from(*errno) == Ok(number));
    match known {
        _ if number == 0 => "success".to_owned(),
        Some((name, _)) => (*name).to_owned(),
        None => number.to_string(),
    }
}
