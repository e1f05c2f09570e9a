//! The in-process services behind the Dock: files and tables, keys, queues, secrets, guarded network, models.
//!
//! | Service | Fills | By |
//! |---|---|---|
//! | [`Sqlite`] | `Vfs`, `Kv`, `Queue` | one database a tenant, in memory or in a directory |
//! | [`Vault`] | `Secrets`, [`Fill`], [`Keys`] | values that are used and never read |
//! | [`HttpClient`] | `Net` | HTTP under an [`Egress`] policy |
//! | [`HttpBrowse`] | `Browse` | pages through an [`HttpClient`] |
//! | [`HttpLlm`] | `Llm` | the formats of two providers through an [`HttpClient`] |
//! | [`OsSockets`] | `Sockets` | TCP, UDP and TLS under an [`Egress`] policy |
//!
//! Every service keeps tenants apart, returns by the time the run has left, and denies what its
//! settings do not permit.
//!
//! ```
//! use std::sync::Arc;
//!
//! use wb_dock::Services;
//! use wb_services::{Egress, HttpClient, Sqlite, Tls, Vault};
//!
//! let (store, vault) = (Arc::new(Sqlite::in_memory()), Arc::new(Vault::in_memory()));
//! let http = HttpClient::new(Egress::public(), Tls::system()).secrets(vault.clone());
//! let services = Services::default()
//!     .vfs(store.clone())
//!     .kv(store.clone())
//!     .queue(store)
//!     .secrets(vault)
//!     .net(Arc::new(http));
//! ```
//!
//! A program that imports a capability with nothing behind it is not admitted.

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
