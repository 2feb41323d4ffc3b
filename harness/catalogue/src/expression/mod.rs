//! Tiny arithmetic on a scenario's axes and settings: `2 * dpd + 3s`.
//!
//! Numbers, durations and percentages, names, `+ - * /` and parentheses; typed, so that a duration times a duration is a
//! mistake. A minus needs blanks around it, because names may contain hyphens.

mod evaluate;
mod lexer;
mod parser;

use std::{fmt, marker::PhantomData, time::Duration};

use serde_json::json;

pub use evaluate::EvalError;
use parser::Tree;

use crate::{
    Params, Percent, Problem, Problems, Span,
    decode::{Decode, ParseError, Schema, text_of},
    units::format_duration,
    yaml::Node,
};

/// What an expression can yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Seconds.
    Duration,
    /// No unit.
    Number,
    /// Per hundred.
    Percent,
}

impl Kind {
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Duration => "a duration",
            Self::Number => "a number",
            Self::Percent => "a percentage",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Duration => "2 * dpd + 3s",
            Self::Number => "2 * retries",
            Self::Percent => "0.5%",
        }
    }
}

/// The Rust type of a [`Kind`].
pub trait Quantity: Sized {
    /// The kind.
    const KIND: Kind;

    /// The value from its base unit: seconds, one, per hundred. `None` if out of range.
    fn from_base(value: f64) -> Option<Self>;
}

impl Quantity for Duration {
    const KIND: Kind = Kind::Duration;

    fn from_base(value: f64) -> Option<Self> {
        // Whole microseconds: thresholds are compared with measurements, and no binary fraction should decide.
        let micros = (value * 1e6).round();
        (0.0..=3.2e15).contains(&micros).then(|| Self::from_micros(micros as u64))
    }
}

impl Quantity for f64 {
    const KIND: Kind = Kind::Number;

    fn from_base(value: f64) -> Option<Self> {
        value.is_finite().then_some(value)
    }
}

impl Quantity for Percent {
    const KIND: Kind = Kind::Percent;

    fn from_base(value: f64) -> Option<Self> {
        (0.0..=100.0).contains(&value).then_some(Self(value))
    }
}

/// An expression that yields a `T` in each cell.
#[derive(Clone, Debug)]
pub struct Expr<T> {
    text: String,
    at: Option<Span>,
    tree: Tree,
    yields: PhantomData<fn() -> T>,
}

impl<T: Quantity> Expr<T> {
    /// The value in the cell with these parameters.
    pub fn eval(&self, params: &Params) -> Result<T, EvalError> {
        evaluate::evaluate(&self.tree, params)
            .and_then(|value| {
                if value.kind != T::KIND {
                    let message = format!("this is {}, but {} is needed", value.kind.what(), T::KIND.what());
                    return Err(ParseError::new(message).at(0, self.text.len()));
                }
                T::from_base(value.base).ok_or_else(|| {
                    ParseError::new(format!("the value is out of range for {}", T::KIND.what())).at(0, self.text.len())
                })
            })
            .map_err(|error| EvalError { expression: self.text.clone(), error })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reports an expression that cannot be evaluated with these parameters.
    pub(crate) fn check(&self, params: &Params, problems: &mut Problems) -> bool {
        let Err(EvalError { error, .. }) = self.eval(params) else { return true };
        if let Some(at) = &self.at {
            let (from, to) = error.range.unwrap_or((0, self.text.len()));
            let quote = usize::from(at.slice().starts_with(['"', '\'']));
            let place = at.part(from + quote, to + quote);
            problems.push(Problem::new(error.message, &place, "here").maybe_help(error.help));
        }
        false
    }
}

impl Expr<Duration> {
    /// A fixed duration, for defaults.
    pub fn fixed(duration: Duration) -> Self {
        let tree = Tree::Value { kind: Kind::Duration, base: duration.as_secs_f64() };
        Self { text: format_duration(duration), at: None, tree, yields: PhantomData }
    }
}

impl<T> PartialEq for Expr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> fmt::Display for Expr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<T: Quantity> Decode for Expr<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = text_of(node, T::KIND.what(), T::KIND.example(), problems)?;
        let tree = parser::parse(text).and_then(|tree| match tree {
            // `within: 10` can be told without knowing the axes, and with a better hint than in an evaluation.
            Tree::Value { kind: Kind::Number, .. } if T::KIND != Kind::Number => {
                let units = if T::KIND == Kind::Duration { ["s", "ms"] } else { ["%", ".5%"] };
                Err(ParseError::new(format!("`{text}` has no unit"))
                    .help(format!("write `{text}{}` or `{text}{}`", units[0], units[1])))
            }
            tree => Ok(tree),
        });
        match tree {
            Ok(tree) => Some(Self { text: text.to_owned(), at: Some(node.at.clone()), tree, yields: PhantomData }),
            Err(error) => {
                let at = error.range.map_or_else(|| node.at.clone(), |(from, to)| node.inside(from, to));
                let label = format!("not {}", T::KIND.what());
                let help = error.help.unwrap_or_else(|| format!("write it like `{}`", T::KIND.example()));
                problems.push(Problem::new(error.message, &at, label).help(help));
                None
            }
        }
    }

    fn schema() -> Schema {
        let description =
            format!("{}, or arithmetic on axes and settings, like `{}`", T::KIND.what(), T::KIND.example());
        match T::KIND {
            Kind::Number => json!({"type": ["string", "number"], "description": description}),
            _ => json!({"type": "string", "description": description}),
        }
    }
}

#[cfg(test)]
mod tests;
