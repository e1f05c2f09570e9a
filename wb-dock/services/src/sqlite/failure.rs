use rusqlite::ErrorCode;
use wb_dock::cap::Failure;

/// The most of SQLite's words that are passed on, in characters: they repeat names of the guest.
const MAX_WORDS: usize = 500;

/// What a failure of SQLite is to a guest. Its own words are passed on where they
/// are about the guest's statement, and kept where they may be about the host.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn failure(error: rusqlite::Error) -> Failure {
    let words = || -> String {
        let words = match &error {
            rusqlite::Error::SqliteFailure(_, Some(words))
            | rusqlite::Error::SqlInputError { msg: words, .. } => words.clone(),
            other => other.to_string(),
        };
        words.chars().take(MAX_WORDS).collect()
    };
    let code = match &error {
        rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        other => other.sqlite_error_code(),
    };
    match code {
        Some(ErrorCode::AuthorizationForStatementDenied) => Failure::refused(
            "the statement does what guests must not: attach a database, set a pragma, open a \
             transaction, make a temporary table, or use an unlisted module",
        ),
        Some(ErrorCode::OperationInterrupted) => {
            Failure::timed_out("the statement ran until the time limit")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Failure::timed_out("others wrote to the store until the time limit")
        }
        Some(ErrorCode::DiskFull) => Failure::limit("the store is full"),
        Some(ErrorCode::OutOfMemory) => Failure::limit("it needs more memory than the store has"),
        Some(ErrorCode::TooBig) => {
            Failure::limit("a statement, value or row has more than 1048576 bytes")
        }
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => Failure::failed(words()),
        // Names of functions that are not permitted come so, as does every fault in SQL.
        Some(ErrorCode::Unknown) if words().starts_with("not authorized") => {
            Failure::refused(words())
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Failure::unavailable("the store is damaged")
        }
        None | Some(ErrorCode::Unknown | ErrorCode::ParameterOutOfRange) => {
            Failure::bad_request(words())
        }
        Some(code) => Failure::unavailable(format!("the store does not answer ({code:?})")),
    }
}
