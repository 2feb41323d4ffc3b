//! Trees to values.

use std::fmt;

use super::{
    Kind,
    parser::{Operator, Tree},
};
use crate::{Params, ScalarValue, decode::ParseError, suggest};

/// Why an expression has no value in a cell. A loaded catalogue has none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    pub(super) expression: String,
    pub(super) error: ParseError,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.expression, self.error.message)
    }
}

impl std::error::Error for EvalError {}

/// A value in the base unit of its kind.
pub(super) struct Value {
    pub(super) kind: Kind,
    pub(super) base: f64,
}

pub(super) fn evaluate(tree: &Tree, params: &Params) -> Result<Value, ParseError> {
    match tree {
        Tree::Value { kind, base } => Ok(Value { kind: *kind, base: *base }),
        Tree::Name { name, from, to } => look_up(name, params).map_err(|error| error.at(*from, *to)),
        Tree::Binary { operator, left, right, from, to } => {
            combine(*operator, &evaluate(left, params)?, &evaluate(right, params)?)
                .map_err(|error| error.at(*from, *to))
        }
    }
}

fn look_up(name: &str, params: &Params) -> Result<Value, ParseError> {
    let Some(scalar) = params.value(name) else {
        let error = ParseError::new(format!("unknown axis or setting `{name}`"));
        let help = match name.split_once('-') {
            Some((first, _)) if params.value(first).is_some() => Some("a minus needs a blank on both sides".to_owned()),
            _ => suggest::help(name, params.names()),
        };
        return Err(error.help(help.unwrap_or_else(|| "declare it under `axes` or `settings`".to_owned())));
    };
    match &scalar.value {
        ScalarValue::Duration(value) => Ok(Value { kind: Kind::Duration, base: value.as_secs_f64() }),
        ScalarValue::Number(value) => Ok(Value { kind: Kind::Number, base: *value }),
        ScalarValue::Percent(value) => Ok(Value { kind: Kind::Percent, base: value.0 }),
        ScalarValue::Bool(_) | ScalarValue::Text(_) => {
            Err(ParseError::new(format!("`{name}` is `{scalar}`, which is no duration, number or percentage")))
        }
    }
}

fn combine(operator: Operator, left: &Value, right: &Value) -> Result<Value, ParseError> {
    let (verb, base) = match operator {
        Operator::Add => ("added to", left.base + right.base),
        Operator::Subtract => ("subtracted from", left.base - right.base),
        Operator::Multiply => ("multiplied by", left.base * right.base),
        Operator::Divide if right.base == 0.0 => return Err(ParseError::new("division by zero")),
        Operator::Divide => ("divided by", left.base / right.base),
    };
    let kind = match (operator, left.kind, right.kind) {
        (Operator::Add | Operator::Subtract, a, b) if a == b => a,
        (Operator::Multiply | Operator::Divide, kind, Kind::Number) | (Operator::Multiply, Kind::Number, kind) => kind,
        (Operator::Divide, a, b) if a == b => Kind::Number,
        (_, a, b) => {
            let (first, second) = if verb.ends_with("by") { (a, b) } else { (b, a) };
            return Err(ParseError::new(format!("{} cannot be {verb} {}", first.what(), second.what())));
        }
    };
    Ok(Value { kind, base })
}
