//! From a step to the call that it stands for.

use std::collections::BTreeMap;

use super::names::{ALL_RIGHTS, FD_WRITE, Kind, number, number_of};
use super::text::{Step, Word};
use crate::script::{Arg, BUFFER, KEPT, OUT, Script};

/// The directory that a guest finds open.
const ROOT: i64 = 3;

/// Bytes of a `subscription` and of an `event`.
const SUBSCRIPTION: usize = 48;
pub(super) const EVENT: u32 = 32;

/// What the descriptors that a case opens are called.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, u32>);

impl Names {
    /// Where the number of the descriptor lies.
    fn place(&mut self, name: &str) -> u32 {
        let next = KEPT + 4 * self.0.len() as u32;
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// Adds the call of `step` to `script`.
pub(super) fn add(script: Script, names: &mut Names, step: &Step<'_>) -> Result<Script, String> {
    let mut words = Words {
        step,
        names,
        next: 0,
    };
    let (args, len) = words.call()?;
    if let Some(word) = step.args.get(words.next) {
        return Err(words.wrong(&format!("{word:?} is one too many")));
    }
    Ok(script.wasi(step.function, args, (OUT, len)))
}

/// The arguments of a step, taken one by one.
struct Words<'s, 'n> {
    step: &'s Step<'s>,
    names: &'n mut Names,
    next: usize,
}

impl<'s> Words<'s, '_> {
    /// The arguments as the function has them, and how many bytes of results it has, where
    /// the first sixteen are for counts.
    fn call(&mut self) -> Result<(Vec<Arg>, u32), String> {
        let (out, buffer) = (Arg::Number(OUT.into()), Arg::Number(BUFFER.into()));
        Ok(match self.step.function {
            "path_open" => (self.path_open()?, 0),
            "path_create_directory" | "path_remove_directory" | "path_unlink_file" => {
                (vec![self.fd()?, self.text()?], 0)
            }
            "path_rename" => {
                let args = vec![self.fd()?, self.text()?, self.fd()?, self.text()?];
                (args, 0)
            }
            "path_link" => {
                let (fd, path) = (self.fd()?, self.text()?);
                let (to, name) = (self.fd()?, self.text()?);
                (vec![fd, self.follow(), path, to, name], 0)
            }
            "path_symlink" => (vec![self.text()?, self.fd()?, self.text()?], 0),
            "path_readlink" => {
                let (fd, path, len) = (self.fd()?, self.text()?, self.len()?);
                (vec![fd, path, buffer, len.into(), out], 16 + len)
            }
            "path_filestat_get" => {
                let (fd, path) = (self.fd()?, self.text()?);
                (vec![fd, self.follow(), path, buffer], 16 + 64)
            }
            "path_filestat_set_times" => {
                let (fd, path, times) = (self.fd()?, self.text()?, self.times()?);
                (
                    vec![fd, self.follow(), path]
                        .into_iter()
                        .chain(times)
                        .collect(),
                    0,
                )
            }
            "fd_filestat_set_times" => {
                let (fd, times) = (self.fd()?, self.times()?);
                ([fd].into_iter().chain(times).collect(), 0)
            }
            "fd_filestat_get" => (vec![self.fd()?, buffer], 16 + 64),
            "fd_fdstat_get" => (vec![self.fd()?, buffer], 16 + 24),
            "fd_fdstat_set_flags" => (vec![self.fd()?, self.word(Kind::Fdflags)?], 0),
            "fd_fdstat_set_rights" => {
                let fd = self.fd()?;
                let (base, inheriting) = (self.of(Kind::Rights)?, self.of(Kind::Rights)?);
                (
                    vec![fd, Arg::Long(base.into()), Arg::Long(inheriting.into())],
                    0,
                )
            }
            "fd_filestat_set_size" => (vec![self.fd()?, self.long()?], 0),
            "fd_allocate" => (vec![self.fd()?, self.long()?, self.long()?], 0),
            "fd_advise" => {
                let args = [self.fd()?, self.long()?, self.long()?];
                ([&args[..], &[self.word(Kind::Advice)?]].concat(), 0)
            }
            "fd_read" => {
                let (fd, len) = (self.fd()?, self.len()?);
                (vec![fd, Arg::Room(len), out], 16 + len)
            }
            "fd_pread" => {
                let (fd, len, from) = (self.fd()?, self.len()?, self.long()?);
                (vec![fd, Arg::Room(len), from, out], 16 + len)
            }
            "fd_write" => (vec![self.fd()?, self.vector()?, out], 16),
            "fd_pwrite" => (vec![self.fd()?, self.vector()?, self.long()?, out], 16),
            "fd_seek" => {
                let (fd, by) = (self.fd()?, self.long()?);
                (vec![fd, by, self.word(Kind::Whence)?, out], 16)
            }
            "fd_tell" => (vec![self.fd()?, out], 16),
            "fd_close" | "fd_sync" | "fd_datasync" => (vec![self.fd()?], 0),
            "fd_renumber" => (vec![self.fd()?, self.fd()?], 0),
            "fd_prestat_get" => (vec![self.fd()?, buffer], 16 + 8),
            "fd_prestat_dir_name" => {
                let (fd, len) = (self.fd()?, self.len()?);
                (vec![fd, buffer, len.into()], 16 + len)
            }
            "fd_readdir" => {
                let (fd, len, cookie) = (self.fd()?, self.len()?, self.cookie()?);
                (vec![fd, buffer, len.into(), cookie, out], 16 + len)
            }
            "clock_res_get" => (vec![self.word(Kind::Clock)?, out], 16),
            "clock_time_get" => (vec![self.word(Kind::Clock)?, Arg::Long(0), out], 16),
            "random_get" => {
                let len = self.len()?;
                (vec![buffer, len.into()], 16 + len)
            }
            "args_sizes_get" | "environ_sizes_get" => {
                (vec![out, Arg::Number(i64::from(OUT) + 4)], 16)
            }
            // The strings lie after room for sixteen pointers.
            "args_get" | "environ_get" => (vec![buffer, Arg::Number(i64::from(BUFFER) + 64)], 256),
            "poll_oneoff" => self.poll()?,
            "sched_yield" => (vec![], 0),
            "sock_shutdown" => (vec![self.fd()?, Arg::Number(self.number()?)], 0),
            other => return Err(self.wrong(&format!("`{other}` is not known here"))),
        })
    }

    /// `path_open DIR PATH`, and in any order the names of flags, `follow`, `rights:` and
    /// `inheriting:`. All rights are asked for, but for writing where a directory is.
    fn path_open(&mut self) -> Result<Vec<Arg>, String> {
        let (dir, path) = (self.fd()?, self.text()?);
        let (mut lookup, mut oflags, mut fdflags) = (0, 0, 0);
        let (mut rights, mut inheriting) = (None, None);
        while self.next < self.step.args.len() {
            let word = self.bare()?;
            if word == "follow" {
                lookup = 1;
            } else if let Some(bits) = number(Kind::Oflags, word) {
                oflags |= bits;
            } else if let Some(bits) = number(Kind::Fdflags, word) {
                fdflags |= bits;
            } else if let Some(named) = word.strip_prefix("rights:") {
                rights = number(Kind::Rights, named);
            } else if let Some(named) = word.strip_prefix("inheriting:") {
                inheriting = number(Kind::Rights, named);
            } else {
                return Err(self.wrong(&format!("`{word}` is no flag")));
            }
        }
        let directory = number(Kind::Oflags, "directory").unwrap_or_default();
        let usual = if oflags & directory == 0 {
            ALL_RIGHTS
        } else {
            ALL_RIGHTS & !FD_WRITE
        };
        let name = self.step.name.as_ref().and_then(Word::bare);
        let opened = self.names.place(name.unwrap_or_default());
        Ok(vec![
            dir,
            Arg::Number(lookup),
            path,
            oflags.into(),
            Arg::Long(rights.unwrap_or(usual).into()),
            Arg::Long(inheriting.unwrap_or(ALL_RIGHTS).into()),
            fdflags.into(),
            Arg::Number(opened.into()),
        ])
    }

    /// `poll_oneoff` of `clock:NAME:NANOSECONDS`, `clock:NAME:at:NANOSECONDS`, `fd_read:FD`
    /// and `fd_write:FD`; the place of each in the list is its `userdata`.
    fn poll(&mut self) -> Result<(Vec<Arg>, u32), String> {
        let mut subscriptions = Vec::new();
        while self.next < self.step.args.len() {
            let index = self.next as u64;
            let word = self.bare()?;
            let parts: Vec<&str> = word.split(':').collect();
            let (kind, id, timeout, flags) = match parts[..] {
                ["clock", clock, "at", time] => ("clock", clock, time, 1),
                ["clock", clock, time] => ("clock", clock, time, 0),
                [kind, fd] => (kind, fd, "0", 0),
                _ => return Err(self.wrong(&format!("`{word}` is nothing to wait for"))),
            };
            let id = id.parse().ok().or_else(|| number(Kind::Clock, id));
            let kind = number(Kind::Event, kind).and_then(|kind| u8::try_from(kind).ok());
            let (Some(kind), Some(id), Ok(timeout)) = (kind, id, timeout.parse::<u64>()) else {
                return Err(self.wrong(&format!("`{word}` is nothing to wait for")));
            };
            let mut raw = [0; SUBSCRIPTION];
            raw[0..8].copy_from_slice(&index.to_le_bytes());
            raw[8] = kind;
            raw[16..20].copy_from_slice(&id.to_le_bytes());
            raw[24..32].copy_from_slice(&timeout.to_le_bytes());
            raw[40] = flags;
            subscriptions.extend(raw);
        }
        let count = (subscriptions.len() / SUBSCRIPTION) as u32;
        let args = vec![
            Arg::Placed(subscriptions),
            Arg::Number(BUFFER.into()),
            Arg::Number(count.into()),
            Arg::Number(OUT.into()),
        ];
        Ok((args, 16 + EVENT * count))
    }

    fn take(&mut self) -> Result<&'s Word, String> {
        let word = self.step.args.get(self.next);
        self.next += 1;
        word.ok_or_else(|| self.wrong("an argument is missing"))
    }

    fn wrong(&self, why: &str) -> String {
        format!("`{}`: {why}", self.step.line)
    }

    fn bare(&mut self) -> Result<&'s str, String> {
        let word = self.take()?.bare();
        word.ok_or_else(|| self.wrong("a word without quotes was wanted"))
    }

    /// A descriptor: `root`, a number, or the name of what was opened.
    fn fd(&mut self) -> Result<Arg, String> {
        let word = self.bare()?;
        Ok(match (word, word.parse()) {
            ("root", _) => Arg::Number(ROOT),
            (_, Ok(number)) => Arg::Number(number),
            (name, _) => Arg::Kept(self.names.place(name)),
        })
    }

    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        match self.take()? {
            Word::Quoted(bytes) => Ok(bytes.clone()),
            Word::Bare(_) => Err(self.wrong("a text in quotes was wanted")),
        }
    }

    fn text(&mut self) -> Result<Arg, String> {
        self.quoted().map(Arg::Bytes)
    }

    fn vector(&mut self) -> Result<Arg, String> {
        self.quoted().map(Arg::Vector)
    }

    fn number(&mut self) -> Result<i64, String> {
        let number = self.bare()?.parse();
        number.map_err(|_| self.wrong("a number was wanted"))
    }

    fn len(&mut self) -> Result<u32, String> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| self.wrong("a length was wanted"))
    }

    fn long(&mut self) -> Result<Arg, String> {
        self.number().map(Arg::Long)
    }

    /// A cookie of `fd_readdir`: a number, or `before+OFFSET` for the one that lies so far into
    /// the list that the call before gave.
    fn cookie(&mut self) -> Result<Arg, String> {
        let word = self.bare()?;
        let cookie = match word.strip_prefix("before+") {
            Some(offset) => offset.parse().map(|offset: u32| Arg::Before(16 + offset)),
            None => word.parse().map(Arg::Long),
        };
        cookie.map_err(|_| self.wrong("a cookie was wanted"))
    }

    fn of(&mut self, kind: Kind) -> Result<u32, String> {
        let number = number_of(kind, self.take()?);
        number.ok_or_else(|| self.wrong("another word was wanted"))
    }

    fn word(&mut self, kind: Kind) -> Result<Arg, String> {
        self.of(kind).map(Arg::from)
    }

    fn follow(&mut self) -> Arg {
        let follows = self.step.args.get(self.next).and_then(Word::bare) == Some("follow");
        self.next += usize::from(follows);
        Arg::Number(follows.into())
    }

    /// Two times, and which of them count.
    fn times(&mut self) -> Result<[Arg; 3], String> {
        Ok([self.long()?, self.long()?, self.word(Kind::Fstflags)?])
    }
}
