//! Suites: named choices of scenarios.

use std::fmt;

use crate::{
    Name, Spanned,
    decode::{Parse, ParseError, record, words},
};

record! {
    /// A named choice of scenarios.
    pub struct Suite {
        /// Names the suite; the same as the file's stem.
        pub id: Name,
        /// What it is for.
        pub title: String,
        /// What one should know about it.
        pub about: Option<String> = None,
        /// Whether it replaces the built-in suite of the same id.
        pub replaces: bool = false,
        /// Ids, or globs over them.
        pub scenarios: Vec<Spanned<Glob>>,
        /// Ids, or globs over them, that are left out.
        pub exclude: Vec<Spanned<Glob>> = Vec::new(),
    }
}

impl Suite {
    /// Whether a scenario belongs to it.
    pub fn contains(&self, scenario: &str) -> bool {
        let any = |globs: &[Spanned<Glob>]| globs.iter().any(|glob| glob.matches(scenario));
        any(&self.scenarios) && !any(&self.exclude)
    }
}

/// A name with `*` for any characters and `?` for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(String);

impl Glob {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a plain name.
    pub fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Whether a name fits.
    pub fn matches(&self, name: &str) -> bool {
        fits(self.0.as_bytes(), name.as_bytes())
    }
}

impl From<&str> for Glob {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Parse for Glob {
    const WHAT: &'static str = "a name or glob";
    const EXAMPLE: &'static str = "udp-*";

    fn parse(text: &str) -> Result<Self, ParseError> {
        match text.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.*?@/".contains(c)) {
            None if !text.is_empty() => Ok(Self(text.to_owned())),
            Some(at) => Err(ParseError::new(format!("`{text}` is not a name or glob"))
                .help("names have letters, digits and hyphens; `*` stands for any characters, `?` for one")
                .at(at, text.len())),
            None => Err(ParseError::new("the name is empty")),
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

words!(Glob);

/// Matches greedily and returns to the last star on a mismatch: linear in practice, no recursion.
fn fits(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    g = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match() {
        for (glob, name, expected) in [
            ("udp-*", "udp-blocked", true),
            ("*-blocked", "udp-blocked", true),
            ("udp-?locked", "udp-blocked", true),
            ("*", "", true),
            ("udp-blocked", "udp-blocked-mid", false),
            ("a*b*c", "axxbxxbxxc", true),
            ("a*b*c", "axxbxx", false),
        ] {
            assert_eq!(Glob::from(glob).matches(name), expected, "{glob} {name}");
        }
    }
}
