//! Which parts of SQL guests may use: what is not listed here is refused.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::functions;

/// The one virtual-table module: full-text search. It keeps its index in ordinary
/// tables of the same database, which defensive mode guards from being written directly.
const MODULE: &str = "fts5";

pub(super) fn authorize(context: AuthContext<'_>) -> Authorization {
    let permitted = match context.action {
        // SQLite reports the writing of its schema table as part of `CREATE` and the
        // like; a statement that writes there itself it refuses on its own.
        AuthAction::Select
        | AuthAction::Recursive
        | AuthAction::Read { .. }
        | AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropView { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. }
        // Full-text search asks this to know whether its cache still holds. It says no
        // more than whether somebody else has written.
        | AuthAction::Pragma {
            pragma_name: "data_version",
            pragma_value: None,
        } => true,
        AuthAction::Function { function_name } => functions::is_permitted(function_name),
        AuthAction::CreateVtable { module_name, .. }
        | AuthAction::DropVtable { module_name, .. } => module_name.eq_ignore_ascii_case(MODULE),
        // ATTACH, DETACH, PRAGMA, transactions and savepoints (the next call may
        // have another connection), temporary tables (likewise), and what is new.
        _ => false,
    };
    if permitted {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}
