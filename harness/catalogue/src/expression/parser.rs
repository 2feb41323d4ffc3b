//! Tokens to a tree, by recursive descent.

use super::{
    Kind,
    lexer::{Lexeme, Token, lex},
};
use crate::decode::ParseError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Value { kind: Kind, base: f64 },
    Name { name: String, from: usize, to: usize },
    Binary { operator: Operator, left: Box<Tree>, right: Box<Tree>, from: usize, to: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

pub(super) fn parse(text: &str) -> Result<Tree, ParseError> {
    let lexemes = lex(text)?;
    let mut parser = Parser { lexemes: &lexemes, length: text.len() };
    let (tree, ..) = parser.sum()?;
    match parser.lexemes {
        [] => Ok(tree),
        [lexeme, ..] => Err(ParseError::new("two values without an operator between them")
            .help("put `+`, `-`, `*` or `/` in front of this")
            .at(lexeme.from, lexeme.to)),
    }
}

struct Parser<'a> {
    lexemes: &'a [Lexeme],
    length: usize,
}

/// A tree and the bytes that it covers.
type Covered = (Tree, usize, usize);

impl Parser<'_> {
    fn sum(&mut self) -> Result<Covered, ParseError> {
        self.chain(Self::product, |token| match token {
            Token::Plus => Some(Operator::Add),
            Token::Minus => Some(Operator::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Covered, ParseError> {
        self.chain(Self::atom, |token| match token {
            Token::Times => Some(Operator::Multiply),
            Token::Over => Some(Operator::Divide),
            _ => None,
        })
    }

    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Covered, ParseError>,
        operator: fn(&Token) -> Option<Operator>,
    ) -> Result<Covered, ParseError> {
        let (mut tree, from, mut to) = operand(self)?;
        while let Some(operator) = self.lexemes.first().and_then(|lexeme| operator(&lexeme.token)) {
            self.lexemes = &self.lexemes[1..];
            let (right, _, end) = operand(self)?;
            to = end;
            tree = Tree::Binary { operator, left: Box::new(tree), right: Box::new(right), from, to };
        }
        Ok((tree, from, to))
    }

    fn atom(&mut self) -> Result<Covered, ParseError> {
        let end = self.length;
        let Some((lexeme, rest)) = self.lexemes.split_first() else {
            let message = if end == 0 { "the expression is empty" } else { "the expression ends too early" };
            return Err(ParseError::new(message).at(end.saturating_sub(1), end));
        };
        self.lexemes = rest;
        let (from, to) = (lexeme.from, lexeme.to);
        match &lexeme.token {
            Token::Value { kind, base } => Ok((Tree::Value { kind: *kind, base: *base }, from, to)),
            Token::Name(name) => Ok((Tree::Name { name: name.clone(), from, to }, from, to)),
            Token::Open => {
                let (tree, ..) = self.sum()?;
                match self.lexemes.split_first() {
                    Some((close, rest)) if close.token == Token::Close => {
                        self.lexemes = rest;
                        Ok((tree, from, close.to))
                    }
                    _ => Err(ParseError::new("this parenthesis is never closed").help("add `)`").at(from, to)),
                }
            }
            _ => Err(ParseError::new("a value is missing here")
                .help("an operator needs a value on both sides")
                .at(from, to)),
        }
    }
}
