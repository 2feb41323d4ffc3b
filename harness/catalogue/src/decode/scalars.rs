//! Words, texts, numbers, booleans.

use serde_json::json;

use super::{Decode, ParseError, Schema};
use crate::{
    Name, Problem, Problems, Spanned,
    yaml::{Content, Node, Style},
};

/// The text of a scalar; `what` and `example` describe what should be there.
pub(crate) fn text_of<'a>(node: &'a Node, what: &str, example: &str, problems: &mut Problems) -> Option<&'a str> {
    if let Some(text) = node.scalar() {
        return Some(text);
    }
    let example = if example.is_empty() { String::new() } else { format!(", like `{example}`") };
    problems.push(if node.is_null() {
        Problem::new(format!("expected {what}, found nothing"), &node.place(), "has no value")
            .help(format!("write {what}{example}, or remove the line"))
    } else {
        Problem::new(format!("expected {what}, found {}", node.kind()), &node.at, format!("not {what}"))
            .help(format!("write {what}{example}"))
    });
    None
}

/// Reads a word with a function of its own, for values whose form depends on their surroundings.
fn parsed<T>(
    node: &Node,
    what: &str,
    problems: &mut Problems,
    parse: impl FnOnce(&str) -> Result<T, ParseError>,
) -> Option<T> {
    let text = text_of(node, what, "", problems)?;
    match parse(text) {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(Problem::new(error.message, &node.at, format!("not {what}")).maybe_help(error.help));
            None
        }
    }
}

impl Decode for String {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        text_of(node, "a text", "", problems).map(str::to_owned)
    }

    fn schema() -> Schema {
        json!({"type": "string"})
    }
}

impl Decode for Name {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = text_of(node, "a name", "", problems)?;
        if text.is_empty() {
            problems.push(Problem::new("a name is empty", &node.at, "empty"));
            return None;
        }
        Some(Self::at(text, &node.at))
    }

    fn schema() -> Schema {
        json!({"type": "string", "minLength": 1})
    }
}

impl Decode for bool {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.content {
            Content::Scalar { text, style: Style::Plain } if text == "true" => Some(true),
            Content::Scalar { text, style: Style::Plain } if text == "false" => Some(false),
            _ => {
                let message = format!("expected `true` or `false`, found {}", node.kind());
                let at = if node.is_null() { node.place() } else { node.at.clone() };
                problems.push(
                    Problem::new(message, &at, "not a yes or no").help("write `true` or `false`, without quotes"),
                );
                None
            }
        }
    }

    fn schema() -> Schema {
        json!({"type": "boolean"})
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                parsed(node, "a whole number", problems, |text| {
                    text.parse().map_err(|_| {
                        ParseError::new(format!("`{text}` is not a whole number from {} to {}", Self::MIN, Self::MAX))
                            .help("write digits only")
                    })
                })
            }

            fn schema() -> Schema {
                json!({"type": "integer", "minimum": Self::MIN, "maximum": Self::MAX})
            }
        }
    )*};
}

integers!(i32, u16, u32);

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(Self { value: T::decode(node, problems)?, at: node.at.clone() })
    }

    fn schema() -> Schema {
        T::schema()
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::decode(node, problems).map(Some)
    }

    fn schema() -> Schema {
        T::schema()
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::decode(node, problems).map(Self::new)
    }

    fn schema() -> Schema {
        T::schema()
    }
}
