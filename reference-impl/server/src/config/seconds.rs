//! Spans of time in the configuration.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// A span of time, written as a number of seconds or with a unit: `30`, `500ms`, `90s`, `5m`, `12h`, `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) Duration);

/// Longest span that makes sense on the wire: what fits 31 bits (AC-RKY-07).
const LONGEST: Duration = Duration::from_secs(i32::MAX as u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds, or a time such as 500ms, 30s, 5m, 12h, 1d")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Seconds, E> {
                limited(Duration::from_secs(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Seconds, E> {
                u64::try_from(value)
                    .map_err(|_| E::custom("a time cannot be negative"))
                    .and_then(|value| self.visit_u64(value))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
                let (number, unit) = text.split_at(split);
                let number: u64 =
                    number.parse().map_err(|_| E::custom(format!("`{text}` is not a time; write 30s, 5m or 12h")))?;
                let millis = match unit.trim() {
                    "ms" => 1,
                    "" | "s" => 1_000,
                    "m" => 60_000,
                    "h" => 3_600_000,
                    "d" => 86_400_000,
                    other => return Err(E::custom(format!("unknown unit `{other}`; use ms, s, m, h or d"))),
                };
                limited(Duration::from_millis(number.saturating_mul(millis)))
            }
        }
        fn limited<E: de::Error>(span: Duration) -> Result<Seconds, E> {
            if span > LONGEST {
                return Err(E::custom("a time above 2147483647 s does not fit the protocol"));
            }
            Ok(Seconds(span))
        }
        deserializer.deserialize_any(Visitor)
    }
}
