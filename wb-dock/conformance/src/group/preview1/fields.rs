//! What a call answered, by the names that cases have for its parts.

use std::collections::BTreeMap;

use super::calls::EVENT;
use super::names::{Kind, number};
use super::text::{Check, Relation, Word};
use crate::case::{Finding, Verdict};

/// Names that cases give to what was answered, to compare it with later.
pub(super) type Seen = BTreeMap<String, Value>;

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// The parts of an answer.
#[derive(Default)]
pub(super) struct Fields(BTreeMap<String, (Value, Option<Kind>)>);

impl Fields {
    /// Reads what `function` left: counts, and from byte 16 on what else there is.
    pub(super) fn read(function: &str, raw: &[u8]) -> Self {
        let mut fields = Self::default();
        let (counts, buffer) = raw.split_at(raw.len().min(16));
        match function {
            "fd_read" | "fd_pread" | "path_readlink" => {
                let count = u32_at(counts, 0);
                fields.number("count", count.into());
                let read = buffer.get(..count as usize).unwrap_or_default();
                fields.bytes("bytes", read);
            }
            "fd_write" | "fd_pwrite" => fields.number("count", u32_at(counts, 0).into()),
            "fd_seek" | "fd_tell" => fields.number("at", u64_at(counts, 0)),
            "clock_res_get" | "clock_time_get" => fields.number("time", u64_at(counts, 0)),
            "fd_filestat_get" | "path_filestat_get" => fields.filestat(buffer),
            "fd_fdstat_get" => {
                fields.word("type", Kind::Filetype, u64_at(buffer, 0) & 0xff);
                fields.word("flags", Kind::Fdflags, u64_at(buffer, 0) >> 16 & 0xffff);
                fields.word("rights", Kind::Rights, u64_at(buffer, 8));
                fields.word("inheriting", Kind::Rights, u64_at(buffer, 16));
            }
            "fd_prestat_get" => {
                fields.number("tag", u32_at(buffer, 0).into());
                fields.number("len", u32_at(buffer, 4).into());
            }
            "fd_prestat_dir_name" | "random_get" => fields.bytes("bytes", buffer),
            "fd_readdir" => fields.readdir(u32_at(counts, 0), buffer),
            "args_sizes_get" | "environ_sizes_get" => {
                fields.number("count", u32_at(counts, 0).into());
                fields.number("size", u32_at(counts, 4).into());
            }
            "args_get" | "environ_get" => {
                let texts = buffer.get(64..).unwrap_or_default();
                let end = texts.windows(2).position(|pair| pair == [0, 0]);
                fields.bytes("bytes", &texts[..end.map_or(0, |end| end + 1)]);
            }
            "poll_oneoff" => fields.events(u32_at(counts, 0), buffer),
            _ => {}
        }
        fields
    }

    fn number(&mut self, name: &str, number: u64) {
        self.0
            .insert(name.to_owned(), (Value::Number(number), None));
    }

    fn word(&mut self, name: &str, kind: Kind, number: u64) {
        self.0
            .insert(name.to_owned(), (Value::Number(number), Some(kind)));
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.0
            .insert(name.to_owned(), (Value::Bytes(bytes.to_vec()), None));
    }

    fn filestat(&mut self, raw: &[u8]) {
        self.number("dev", u64_at(raw, 0));
        self.number("ino", u64_at(raw, 8));
        self.word("type", Kind::Filetype, u64_at(raw, 16) & 0xff);
        self.number("nlink", u64_at(raw, 24));
        self.number("size", u64_at(raw, 32));
        self.number("atim", u64_at(raw, 40));
        self.number("mtim", u64_at(raw, 48));
        self.number("ctim", u64_at(raw, 56));
    }

    /// The names in their order, how many there are, and of each its type and its number.
    fn readdir(&mut self, used: u32, raw: &[u8]) {
        self.number("used", used.into());
        let mut rest = raw.get(..used as usize).unwrap_or_default();
        let mut names = Vec::new();
        while rest.len() >= 24 {
            let end = 24 + u32_at(rest, 16) as usize;
            let Some(name) = rest.get(24..end) else { break };
            let name = String::from_utf8_lossy(name).into_owned();
            self.number(&format!("ino({name})"), u64_at(rest, 8));
            let filetype = u64::from(rest[20]);
            self.word(&format!("type({name})"), Kind::Filetype, filetype);
            names.push(name);
            rest = &rest[end..];
        }
        self.number("entries", names.len() as u64);
        names.sort();
        self.bytes("names", names.join(" ").as_bytes());
    }

    /// Which subscriptions are due, by their places in the list, and what is to be told of each.
    fn events(&mut self, count: u32, raw: &[u8]) {
        let mut due = Vec::new();
        for event in raw.chunks_exact(EVENT as usize).take(count as usize) {
            let index = u64_at(event, 0);
            due.push(index.to_string());
            let kind = u64_at(event, 8);
            self.word(&format!("errno({index})"), Kind::Errno, kind & 0xffff);
            self.word(&format!("type({index})"), Kind::Event, kind >> 16 & 0xff);
            self.number(&format!("bytes({index})"), u64_at(event, 16));
        }
        due.sort();
        self.number("count", count.into());
        self.bytes("due", due.join(" ").as_bytes());
    }

    /// That a part is as it must be. A name with a question mark stands for what it was first
    /// seen with.
    pub(super) fn hold(&self, check: &Check, seen: &mut Seen) -> Verdict {
        let wrong = |expected: String, seen: String| Err(Finding::failed(expected, seen));
        let Check {
            field,
            relation,
            wanted,
        } = check;
        let Some((value, kind)) = self.0.get(field) else {
            return wrong(format!("an answer with `{field}`"), "none".to_owned());
        };
        let wanted = match wanted {
            Word::Quoted(bytes) => Some(Value::Bytes(bytes.clone())),
            Word::Bare(name) if name.starts_with('?') => {
                if *relation == Relation::Equal {
                    let first = seen.entry(name.clone()).or_insert_with(|| value.clone());
                    Some(first.clone())
                } else {
                    seen.get(name).cloned()
                }
            }
            Word::Bare(word) => {
                let named = kind.and_then(|kind| number(kind, word));
                let number = word.parse().ok().or(named.map(u64::from));
                number.map(Value::Number)
            }
        };
        let Some(wanted) = wanted else {
            return wrong(
                "a value that can be compared".to_owned(),
                format!("{check:?}"),
            );
        };
        if related(value, *relation, &wanted) {
            return Ok(());
        }
        wrong(
            format!("`{field}` {relation:?} {}", shown(&wanted)),
            shown(value),
        )
    }
}

fn related(value: &Value, relation: Relation, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Number(value), Value::Number(wanted)) => match relation {
            Relation::Equal => value == wanted,
            Relation::NotEqual => value != wanted,
            Relation::Less => value < wanted,
            Relation::Greater => value > wanted,
            Relation::Has => value & wanted == *wanted,
            Relation::Lacks => value & wanted == 0,
        },
        (Value::Bytes(value), Value::Bytes(wanted)) => match relation {
            Relation::Equal => value == wanted,
            Relation::NotEqual => value != wanted,
            _ => false,
        },
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Bytes(bytes) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

fn u32_at(raw: &[u8], at: usize) -> u32 {
    let bytes = raw.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(raw: &[u8], at: usize) -> u64 {
    let bytes = raw.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
