//! What keeps one client from taking more than its share: bans after failed logins, and counts of open connections.

mod ban;
mod connections;

pub use ban::{Bans, Suspect};
pub use connections::{Connections, Permit};
