//! Debian's own tools, kept apart from the machine: own lists, own cache, own (empty) list of what is installed.

mod fetch;
mod mirror;
mod private;
mod uris;

pub(crate) use fetch::fetch;
pub(crate) use mirror::machines_mirror;
pub(crate) use private::Apt;
