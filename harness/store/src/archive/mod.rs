//! A store in one file, for machines without a network and for versions that a mirror drops.
//!
//! A plain tar archive with the same paths as in the store: first the records of the releases, then the manifests of their roots, then
//! the roots.

mod export;
mod import;
#[cfg(test)]
mod tests;

pub use export::{Exported, export};
pub use import::{Imported, import};
