//! The functions of SQL that guests may call.

use std::borrow::Cow;

use memchr::memmem;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

/// All functions that are permitted, sorted.
///
/// Left out are those that reach out (`load_extension`, `fts3_tokenizer`, `sqlite_log`), that tell of
/// the connection, which another call may not have (`changes`, `last_insert_rowid`,
/// `total_changes`), that serve modules which are not permitted, and
/// `json_patch`, which takes quadratic time without a look at the clock.
#[rustfmt::skip]
const PERMITTED: &[&str] = &[
    "->", "->>", "abs", "avg", "bm25", "char", "coalesce", "concat", "concat_ws", "count",
    "cume_dist", "current_date", "current_time", "current_timestamp", "date", "datetime",
    "dense_rank", "first_value", "format", "fts5", "fts5_source_id", "glob", "group_concat",
    "hex", "highlight", "if", "ifnull", "iif", "instr", "json", "json_array",
    "json_array_insert", "json_array_length", "json_error_position", "json_extract",
    "json_group_array", "json_group_object", "json_insert", "json_object", "json_pretty",
    "json_quote", "json_remove", "json_replace", "json_set", "json_type", "json_valid", "jsonb",
    "jsonb_array", "jsonb_array_insert", "jsonb_extract", "jsonb_group_array",
    "jsonb_group_object", "jsonb_insert", "jsonb_object", "jsonb_remove", "jsonb_replace",
    "jsonb_set", "julianday", "lag", "last_value", "lead", "length", "like", "likelihood",
    "likely", "lower", "ltrim", "match", "max", "min", "nth_value", "ntile", "nullif",
    "octet_length", "percent_rank", "printf", "quote", "random", "randomblob", "rank",
    "replace", "round", "row_number", "rtrim", "sign", "snippet", "soundex", "sqlite_version",
    "strftime", "string_agg", "substr", "substring", "sum", "time", "timediff", "total", "trim",
    "typeof", "unhex", "unicode", "unistr", "unistr_quote", "unixepoch", "unlikely", "upper",
    "zeroblob",
];

/// What SQLite calls on its own for `ALTER TABLE`; a statement that calls one is refused by SQLite.
#[rustfmt::skip]
const INTERNAL: &[&str] = &[
    "sqlite_add_constraint", "sqlite_drop_column", "sqlite_drop_constraint", "sqlite_fail",
    "sqlite_find_constraint", "sqlite_rename_column", "sqlite_rename_quotefix",
    "sqlite_rename_table", "sqlite_rename_test",
];

/// Whether guests may call the function `name`.
pub(super) fn is_permitted(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [PERMITTED, INTERNAL]
        .iter()
        .any(|names| names.binary_search(&name.as_str()).is_ok())
}

/// The most bytes of a text that a function makes: as a row may have.
const MAX_TEXT: usize = 1 << 20;

/// Replaces functions of SQLite that take quadratic time for texts of a megabyte, and
/// cannot be stopped while they do, by linear ones.
///
/// They differ in one point: a real number must be cast to text first.
pub(super) fn replace_slow(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("instr", 2, flags, instr)?;
    connection.create_scalar_function("replace", 3, flags, replace)?;
    for (name, left, right) in [
        ("trim", true, true),
        ("ltrim", true, false),
        ("rtrim", false, true),
    ] {
        connection.create_scalar_function(name, 2, flags, move |context: &Context<'_>| {
            trim(context, left, right)
        })?;
    }
    Ok(())
}

/// Where the second argument is in the first, from 1: in bytes for two blobs, else in characters.
fn instr(context: &Context<'_>) -> rusqlite::Result<Option<i64>> {
    let (Some(hay), Some(needle)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(None);
    };
    let Some(at) = memmem::find(&hay, &needle) else {
        return Ok(Some(0));
    };
    let is_blob = |n| matches!(context.get_raw(n), ValueRef::Blob(_));
    let before = if is_blob(0) && is_blob(1) {
        at
    } else {
        hay[..at].iter().filter(|b| !is_continuation(**b)).count()
    };
    Ok(i64::try_from(before + 1).ok())
}

/// The first argument with each occurrence of the second replaced by the third.
fn replace(context: &Context<'_>) -> rusqlite::Result<Value> {
    let (Some(whole), Some(old)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(Value::Null);
    };
    // As SQLite has it: a text that begins with NUL counts as empty here.
    if old.first().is_none_or(|byte| *byte == 0) {
        return Ok(made(&whole));
    }
    let Some(new) = text(context, 2)? else {
        return Ok(Value::Null);
    };
    let mut result = Vec::with_capacity(whole.len());
    let mut done = 0;
    for at in memmem::find_iter(&whole, &*old) {
        result.extend_from_slice(&whole[done..at]);
        result.extend_from_slice(&new);
        done = at + old.len();
        if result.len() > MAX_TEXT {
            return Err(too_big());
        }
    }
    result.extend_from_slice(&whole[done..]);
    if result.len() > MAX_TEXT {
        return Err(too_big());
    }
    Ok(made(&result))
}

/// The first argument without the characters of the second at its ends.
fn trim(context: &Context<'_>, left: bool, right: bool) -> rusqlite::Result<Value> {
    let (Some(whole), Some(set)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(Value::Null);
    };
    let (whole, set) = (
        String::from_utf8_lossy(&whole),
        String::from_utf8_lossy(&set),
    );
    let mut set: Vec<char> = set.chars().collect();
    set.sort_unstable();
    let is_in = |c: char| set.binary_search(&c).is_ok();
    let mut rest: &str = &whole;
    if left {
        rest = rest.trim_start_matches(is_in);
    }
    if right {
        rest = rest.trim_end_matches(is_in);
    }
    Ok(Value::Text(rest.to_owned()))
}

/// The argument as the bytes of a text; nothing for `NULL`.
fn text<'c>(context: &'c Context<'_>, n: usize) -> rusqlite::Result<Option<Cow<'c, [u8]>>> {
    match context.get_raw(n) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(n) => Ok(Some(Cow::Owned(n.to_string().into_bytes()))),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(Some(Cow::Borrowed(bytes))),
        ValueRef::Real(_) => Err(rusqlite::Error::UserFunctionError(
            "a real number has no fixed text here, wanted cast(x AS TEXT)".into(),
        )),
    }
}

fn made(bytes: &[u8]) -> Value {
    Value::Text(String::from_utf8_lossy(bytes).into_owned())
}

fn too_big() -> rusqlite::Error {
    let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG);
    rusqlite::Error::SqliteFailure(error, None)
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this SQLite can do beyond `PERMITTED`. A new release that brings a function
    /// fails here until somebody has decided about it.
    #[rustfmt::skip]
    const REFUSED: &[&str] = &[
        "changes", "fts3_tokenizer", "fts5_get_locale", "fts5_insttoken", "fts5_locale",
        "json_patch", "jsonb_patch", "last_insert_rowid", "load_extension", "matchinfo",
        "offsets", "optimize", "rtreecheck", "rtreedepth", "rtreenode",
        "sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_log",
        "sqlite_source_id", "subtype", "total_changes",
    ];

    #[test]
    fn every_function_is_decided_about() {
        let connection = Connection::open_in_memory().unwrap();
        let mut names = connection
            .prepare("SELECT DISTINCT lower(name) FROM pragma_function_list ORDER BY 1")
            .unwrap();
        let names: Vec<String> = names
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut decided: Vec<&str> = [PERMITTED, REFUSED].concat();
        decided.sort_unstable();
        assert_eq!(names, decided);
        assert!(PERMITTED.is_sorted() && INTERNAL.is_sorted());
    }
}
