//! The in-process services behind the Dock: SQLite files and tables, keys, queues, secrets, guarded network, models.

mod fill;
mod vault;

pub use fill::{Fill, Filled, Keys};
pub use vault::{Listed, Owner, Secret, SecretKind, Vault, VaultError};
