//! Folders to a checked catalogue.

mod catalogue;
mod files;
mod include;
mod inherit;
mod layers;
mod section;

pub use catalogue::{Catalogue, Entry, LoadOptions, Origin};
pub use section::Section;

pub(crate) use catalogue::Broken;
