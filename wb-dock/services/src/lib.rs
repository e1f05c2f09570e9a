//! The in-process services behind the Dock: files and tables, keys, queues, secrets, guarded network, models.

#[cfg(test)]
mod asker;
mod browse;
mod egress;
mod fill;
mod http;
mod kv;
mod llm;
mod queue;
mod sockets;
mod sqlite;
mod stream;
#[cfg(test)]
mod testing;
mod tls;
mod vault;
mod vfs;

pub use browse::HttpBrowse;
pub use egress::{Egress, Network, NetworkError, Resolver, SystemResolver};
pub use fill::{Fill, Filled, Keys};
pub use http::{HttpClient, HttpLimits};
pub use llm::{Format, HttpLlm, Provider};
pub use sockets::OsSockets;
pub use sqlite::Sqlite;
pub use tls::{Tls, TlsError};
pub use vault::{Listed, Owner, Secret, SecretKind, Vault, VaultError};
