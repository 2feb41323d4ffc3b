//! Text to tokens.

use super::Kind;
use crate::{
    decode::ParseError,
    units::{parse_duration, split_unit},
};

/// Longest expression, in bytes; it also bounds the depth of the tree.
const MAX_LENGTH: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Value { kind: Kind, base: f64 },
    Name(String),
    Plus,
    Minus,
    Times,
    Over,
    Open,
    Close,
}

/// A token and the bytes that it covers.
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) from: usize,
    pub(super) to: usize,
}

pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, ParseError> {
    if text.len() > MAX_LENGTH {
        return Err(ParseError::new(format!("the expression is longer than {MAX_LENGTH} characters")));
    }
    let mut lexemes = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((from, c)) = rest.next() {
        let mut take_while = |wanted: fn(char) -> bool| {
            let mut to = from + c.len_utf8();
            while let Some((index, c)) = rest.next_if(|(_, c)| wanted(*c)) {
                to = index + c.len_utf8();
            }
            to
        };
        let (token, to) = match c {
            _ if c.is_whitespace() => continue,
            '+' => (Token::Plus, from + 1),
            '-' => (Token::Minus, from + 1),
            '*' => (Token::Times, from + 1),
            '/' => (Token::Over, from + 1),
            '(' => (Token::Open, from + 1),
            ')' => (Token::Close, from + 1),
            '0'..='9' => {
                let to = take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '%');
                (value(&text[from..to]).map_err(|error| error.at(from, to))?, to)
            }
            'a'..='z' | 'A'..='Z' => {
                let to = take_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
                (Token::Name(text[from..to].to_owned()), to)
            }
            _ => {
                return Err(ParseError::new(format!("`{c}` has no meaning in an expression"))
                    .help("an expression has numbers, durations, names, `+ - * /` and parentheses")
                    .at(from, from + c.len_utf8()));
            }
        };
        lexemes.push(Lexeme { token, from, to });
    }
    Ok(lexemes)
}

fn value(text: &str) -> Result<Token, ParseError> {
    let (number, unit) = split_unit(text, "a number")?;
    Ok(match unit {
        "" => Token::Value { kind: Kind::Number, base: number },
        "%" => Token::Value { kind: Kind::Percent, base: number },
        _ => Token::Value { kind: Kind::Duration, base: parse_duration(text)?.as_secs_f64() },
    })
}
