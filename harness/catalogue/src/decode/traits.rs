//! What a type does to be read from a catalogue.

use std::fmt;

use serde_json::{Value, json};

use crate::{Problem, Problems, yaml::Node};

/// A JSON Schema.
pub(crate) type Schema = Value;

/// A type that is read from a YAML value.
pub(crate) trait Decode: Sized {
    /// Reads the value, or reports every mistake in it.
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// Describes what [`Self::decode`] accepts.
    fn schema() -> Schema;
}

/// A type that is written as one word: a quantity, a name, an address.
pub(crate) trait Parse: Sized {
    /// What it is, with article, for error messages: `a duration`.
    const WHAT: &'static str;
    /// How it is written: `10s`.
    const EXAMPLE: &'static str;
    /// A regular expression for the schema; empty for any text.
    const PATTERN: &'static str = "";
    /// Whether a bare number is a legal spelling.
    const NUMERIC: bool = false;

    /// Reads the text.
    fn parse(text: &str) -> Result<Self, ParseError>;
}

/// Why a word could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The bytes of the word that are wrong, if not all.
    pub(crate) range: Option<(usize, usize)>,
    /// The line that is wrong, from 1, in a text of several lines.
    pub(crate) line: Option<usize>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl ParseError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, range: None, line: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(mut self, from: usize, to: usize) -> Self {
        self.range = Some((from, to));
        self
    }
}

/// [`Decode::decode`] for a word.
pub(crate) fn decode_word<T: Parse>(node: &Node, problems: &mut Problems) -> Option<T> {
    let text = super::text_of(node, T::WHAT, T::EXAMPLE, problems)?;
    match T::parse(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let at = match (error.line, error.range) {
                (Some(line), _) if node.is_block() => node.line(line),
                (_, Some((from, to))) => node.inside(from, to),
                _ => node.at.clone(),
            };
            let help = error.help.unwrap_or_else(|| format!("write it like `{}`", T::EXAMPLE));
            problems.push(Problem::new(error.message, &at, format!("not {}", T::WHAT)).help(help));
            None
        }
    }
}

/// [`Decode::schema`] for a word.
pub(crate) fn word_schema<T: Parse>() -> Schema {
    let mut schema = json!({"type": "string", "description": format!("{}, like `{}`", T::WHAT, T::EXAMPLE)});
    if T::NUMERIC {
        schema["type"] = json!(["string", "number"]);
    }
    if !T::PATTERN.is_empty() {
        schema["pattern"] = json!(T::PATTERN);
    }
    schema
}

/// Makes [`Parse`] types readable.
macro_rules! words {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::decode::Decode for $type {
            fn decode(node: &$crate::yaml::Node, problems: &mut $crate::Problems) -> Option<Self> {
                $crate::decode::decode_word(node, problems)
            }

            fn schema() -> $crate::decode::Schema {
                $crate::decode::word_schema::<Self>()
            }
        }
    )*};
}

pub(crate) use words;
