//! Rates, sizes, percentages.

use std::fmt;

use super::number::{bad_unit, format_number, split_unit};
use crate::decode::{Parse, ParseError, words};

/// Packets per second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

impl Parse for Rate {
    const WHAT: &'static str = "a rate";
    const EXAMPLE: &'static str = "50/s";
    const PATTERN: &'static str = r"^[0-9.]+/s$";

    fn parse(text: &str) -> Result<Self, ParseError> {
        let (number, unit) = split_unit(text, Self::WHAT)?;
        match unit {
            "/s" if number > 0.0 && number <= 1e6 => Ok(Self(number)),
            "/s" => Err(ParseError::new(format!("`{text}` is not between 0/s and 1000000/s"))),
            _ => Err(bad_unit(text, unit, &["/s"], ["/s", "0/s"])),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", format_number(self.0))
    }
}

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitrate(pub u64);

const BITRATES: [(&str, f64); 4] = [("bit", 1.0), ("kbit", 1e3), ("Mbit", 1e6), ("Gbit", 1e9)];

impl Parse for Bitrate {
    const WHAT: &'static str = "a bit rate";
    const EXAMPLE: &'static str = "10Mbit";
    const PATTERN: &'static str = r"^[0-9.]+ ?(bit|kbit|Mbit|Gbit)$";

    fn parse(text: &str) -> Result<Self, ParseError> {
        scaled(text, Self::WHAT, &BITRATES, ["Mbit", "kbit"]).map(Self)
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unscaled(self.0, &BITRATES))
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

const SIZES: [(&str, f64); 7] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("KiB", 1024.0),
    ("MB", 1e6),
    ("MiB", 1_048_576.0),
    ("GB", 1e9),
    ("GiB", 1_073_741_824.0),
];

impl Parse for Size {
    const WHAT: &'static str = "a size";
    const EXAMPLE: &'static str = "1MB";
    const PATTERN: &'static str = r"^[0-9.]+ ?(B|kB|KiB|MB|MiB|GB|GiB)$";

    fn parse(text: &str) -> Result<Self, ParseError> {
        scaled(text, Self::WHAT, &SIZES, ["B", "kB"]).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unscaled(self.0, &SIZES))
    }
}

/// Per hundred, from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

impl Percent {
    /// The value as a fraction of one.
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

impl Parse for Percent {
    const WHAT: &'static str = "a percentage";
    const EXAMPLE: &'static str = "0.5%";
    const PATTERN: &'static str = r"^[0-9.]+ ?%$";

    fn parse(text: &str) -> Result<Self, ParseError> {
        let (number, unit) = split_unit(text, Self::WHAT)?;
        match unit {
            "%" if number <= 100.0 => Ok(Self(number)),
            "%" => Err(ParseError::new(format!("`{text}` is more than 100%"))),
            "" => Err(ParseError::new(format!("`{text}` has no unit")).help(format!("write `{text}%`"))),
            _ => Err(bad_unit(text, unit, &["%"], ["%", "%"])),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", format_number(self.0))
    }
}

words!(Rate, Bitrate, Size, Percent);

fn scaled(text: &str, what: &str, units: &[(&str, f64)], examples: [&str; 2]) -> Result<u64, ParseError> {
    let (number, unit) = split_unit(text, what)?;
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        return Err(bad_unit(text, unit, &names, examples));
    };
    let value = (number * factor).round();
    if value > 1e15 {
        return Err(ParseError::new(format!("`{text}` is too large")));
    }
    Ok(value as u64)
}

fn unscaled(value: u64, units: &[(&str, f64)]) -> String {
    let fits = |factor: f64| value != 0 && value.is_multiple_of(factor as u64);
    let (name, factor) = units.iter().rev().find(|(_, factor)| fits(*factor)).unwrap_or(&units[0]);
    format!("{}{name}", value / (*factor as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_printed() {
        assert_eq!(Rate::parse("50/s").unwrap(), Rate(50.0));
        assert_eq!(Bitrate::parse("10Mbit").unwrap().to_string(), "10Mbit");
        assert_eq!(Size::parse("64KiB").unwrap(), Size(65_536));
        assert_eq!(Size::parse("1MB").unwrap().to_string(), "1MB");
        assert_eq!(Size::parse("1500B").unwrap(), Size(1500));
        assert_eq!(Percent::parse("0.5%").unwrap().to_string(), "0.5%");
    }

    #[test]
    fn wrong_units_are_explained() {
        assert_eq!(
            Size::parse("1mb").unwrap_err().help.unwrap(),
            "did you mean `1MB`? known units: `B`, `kB`, `KiB`, `MB`, `MiB`, `GB`, `GiB`"
        );
        assert_eq!(Percent::parse("5").unwrap_err().help.unwrap(), "write `5%`");
        assert!(Percent::parse("101%").is_err());
        assert!(Rate::parse("0/s").is_err());
    }
}
