//! Trees to typed values: every mistake is reported at its place, and the JSON Schema comes from the same declaration.

mod choice;
mod collections;
mod record;
mod scalars;
mod traits;

pub(crate) use choice::{keywords, shapes, verbs};
pub(crate) use collections::only_entry;
pub(crate) use record::{Fields, record};
pub(crate) use scalars::text_of;
pub(crate) use traits::{Decode, Parse, ParseError, Schema, decode_word, word_schema, words};
