//! A number in front of a unit.

use crate::decode::ParseError;

/// Splits `1.5s` into 1.5 and `s`.
pub(crate) fn split_unit<'a>(text: &'a str, what: &str) -> Result<(f64, &'a str), ParseError> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() {
        return Err(ParseError::new(format!("`{text}` is not {what}: it does not begin with a number")));
    }
    let number: f64 = digits.parse().map_err(|_| ParseError::new(format!("`{digits}` is not a number")).at(0, end))?;
    Ok((number, unit.trim_start()))
}

/// A number without useless decimals.
pub(crate) fn format_number(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    format!("{rounded}")
}

/// The error for an unknown or missing unit.
pub(super) fn bad_unit(text: &str, unit: &str, known: &[&str], examples: [&str; 2]) -> ParseError {
    let number = &text[..text.len() - unit.len()].trim_end();
    if unit.is_empty() {
        let examples = examples.map(|unit| format!("`{number}{unit}`"));
        return ParseError::new(format!("`{text}` has no unit"))
            .help(format!("write {} or {}", examples[0], examples[1]));
    }
    ParseError::new(format!("`{text}` has an unknown unit `{unit}`"))
        .help(crate::suggest::closest(unit, known.iter().copied()).map_or_else(
            || format!("known units: {}", crate::suggest::list(known)),
            |close| format!("did you mean `{number}{close}`? known units: {}", crate::suggest::list(known)),
        ))
        .at(text.len() - unit.len(), text.len())
}
