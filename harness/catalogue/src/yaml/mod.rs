//! YAML text to a tree in which every key and value knows its place.

mod merge;
mod reader;
mod tree;

pub(crate) use merge::deep_merge;
pub(crate) use reader::read;
pub(crate) use tree::{Content, Key, Mapping, Node, Style};
