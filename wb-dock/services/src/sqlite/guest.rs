//! What holds back the SQL of guests. See "Defense Against The Dark Arts" in
//! SQLite's documentation (<https://sqlite.org/security.html>).

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::{authorizer, functions};

/// The memory of all connections of the process together, in bytes.
const HEAP: u64 = 256 << 20;

/// What a log may keep of the disk after a large change, in bytes.
const LOG: u64 = 16 << 20;

/// The largest value and the largest row of a guest's table, in bytes.
const MAX_ROW: i32 = 1 << 20;

/// The longest statement, in bytes.
pub(super) const MAX_SQL: i32 = 1 << 20;

/// Sets what holds for every connection, also to tables of our own.
pub(super) fn restrain(connection: &Connection, pages: u64) -> rusqlite::Result<()> {
    // The file may have been damaged: nothing in it is taken on trust.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false)?;
    // Sorting in memory is bounded by the heap; temporary files would not be.
    connection.execute_batch(&format!(
        "PRAGMA hard_heap_limit = {HEAP};
         PRAGMA cell_size_check = ON;
         PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = {LOG};
         PRAGMA max_page_count = {pages};
         PRAGMA foreign_keys = ON;"
    ))
}

/// Confines a connection that runs the SQL of guests. There is no way back.
pub(super) fn confine(connection: &mut Connection) -> rusqlite::Result<()> {
    for off in [
        DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE,
        DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE,
        DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE,
        DbConfig::SQLITE_DBCONFIG_DQS_DDL,
        DbConfig::SQLITE_DBCONFIG_DQS_DML,
    ] {
        connection.set_db_config(off, false)?;
    }
    // Depths are such that SQLite's recursion fits the stack that a service has.
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_ROW),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_SQL),
        (Limit::SQLITE_LIMIT_COLUMN, 256),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_PARSER_DEPTH, 500),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_VDBE_OP, 1_000_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 999),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_TRIGGER_STEPS, 100),
        (Limit::SQLITE_LIMIT_SCHEMA, 1000),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    functions::replace_slow(connection)?;
    connection.authorizer(Some(authorizer::authorize))
}
