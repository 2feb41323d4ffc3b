//! Inputs that once failed.

use crate::harness::Case;

/// The kept inputs of a parser, from the file of its name; there is none as long as nothing failed.
pub(crate) fn of(parser: &str) -> Vec<Case> {
    let path = format!("{}/tests/mutations/regressions/{parser}.txt", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{path}: {error}"),
    }
}

/// Reads lines of state, dice and input in hexadecimal digits; what follows `#` is a remark.
pub(crate) fn parse(text: &str) -> Vec<Case> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(line).collect()
}

fn line(line: &str) -> Case {
    let mut words = line.split(' ');
    let (Some(state), Some(dice), input) = (words.next(), words.next(), words.next().unwrap_or_default()) else {
        panic!("no regression: {line}");
    };
    Case { state: state.parse().unwrap(), dice: dice.parse().unwrap(), input: hex::decode(input).unwrap() }
}
