//! The in-process services behind the Dock: SQLite files and tables, keys, queues, secrets, guarded network, models.

#[cfg(test)]
mod asker;
mod fill;
mod kv;
mod queue;
mod sqlite;
mod vault;
mod vfs;

pub use fill::{Fill, Filled, Keys};
pub use sqlite::Sqlite;
pub use vault::{Listed, Owner, Secret, SecretKind, Vault, VaultError};
