//! The in-process services behind the Dock: SQLite files and tables, keys, queues, secrets, guarded network, models.

mod fill;

pub use fill::{Fill, Filled, Keys};
