//! Values of axes, settings and fault arguments.

use std::{fmt, time::Duration};

use serde_json::json;

use crate::{
    Percent, Problems,
    decode::{Decode, Parse, Schema, text_of},
    units::parse_duration,
    yaml::{Content, Node, Style},
};

/// A value as it was written, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The spelling in the file; part of a cell's identity.
    pub text: String,
    /// The meaning.
    pub value: ScalarValue,
}

/// What a [`Scalar`] means.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalarValue {
    /// `true` or `false`.
    Bool(bool),
    /// `3s`.
    Duration(Duration),
    /// `30`, `0.5`.
    Number(f64),
    /// `1%`.
    Percent(Percent),
    /// Everything else, and what stands in quotes.
    Text(String),
}

impl Scalar {
    fn plain(text: &str) -> Self {
        let value = match text {
            "true" => ScalarValue::Bool(true),
            "false" => ScalarValue::Bool(false),
            _ => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => ScalarValue::Number(number),
                _ => Self::with_unit(text),
            },
        };
        Self { text: text.to_owned(), value }
    }

    fn with_unit(text: &str) -> ScalarValue {
        if let Ok(duration) = parse_duration(text) {
            return ScalarValue::Duration(duration);
        }
        match Percent::parse(text) {
            Ok(percent) => ScalarValue::Percent(percent),
            Err(_) => ScalarValue::Text(text.to_owned()),
        }
    }

    /// The value for a configuration template of a peer: a duration is its number of seconds, a percentage its number,
    /// a whole number has no decimals.
    pub fn template_value(&self) -> minijinja::Value {
        match &self.value {
            ScalarValue::Bool(value) => minijinja::Value::from(*value),
            ScalarValue::Duration(value) => number_value(value.as_secs_f64()),
            ScalarValue::Number(value) => number_value(*value),
            ScalarValue::Percent(value) => number_value(value.0),
            ScalarValue::Text(value) => minijinja::Value::from(value.clone()),
        }
    }
}

fn number_value(number: f64) -> minijinja::Value {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return minijinja::Value::from(number as i64);
    }
    minijinja::Value::from(number)
}

impl From<&str> for Scalar {
    /// As if written without quotes.
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Decode for Scalar {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = text_of(node, "a single value", "3s", problems)?;
        Some(match &node.content {
            Content::Scalar { style: Style::Plain, .. } => Self::plain(text),
            _ => Self { text: text.to_owned(), value: Self::with_unit(text) },
        })
    }

    fn schema() -> Schema {
        json!({"type": ["string", "number", "boolean"]})
    }
}
