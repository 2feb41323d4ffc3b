//! Where events go: standard error for people, a file or standard output for programs.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::error::ClientError;
use crate::events::Event;

/// Tells every event; a sink that is gone is no reason to end a session.
#[derive(Clone)]
pub(crate) struct Reporter {
    start: Instant,
    timestamp: bool,
    json: Option<Arc<Mutex<Box<dyn Write + Send>>>>,
}

#[derive(Serialize)]
struct Line<'a> {
    at_ms: u64,
    #[serde(flatten)]
    event: &'a Event,
}

impl Reporter {
    /// Tells people only.
    pub(crate) fn plain() -> Self {
        Self { start: Instant::now(), timestamp: false, json: None }
    }

    /// Tells people, and programs through `events` (`-`: standard output).
    pub(crate) fn new(events: Option<&Path>, timestamp: bool) -> Result<Self, ClientError> {
        let json = match events {
            None => None,
            Some(path) => Some(Arc::new(Mutex::new(open(path)?))),
        };
        Ok(Self { start: Instant::now(), timestamp, json })
    }

    pub(crate) fn tell(&self, event: &Event) {
        let mut text = String::new();
        for line in event.to_string().lines() {
            if self.timestamp {
                text.push_str(&rfc3339(SystemTime::now()));
                text.push(' ');
            }
            text.push_str(line);
            text.push('\n');
        }
        // One write, so that lines of several processes in one file stay whole.
        let _ = io::stderr().write_all(text.as_bytes());
        let Some(json) = &self.json else { return };
        let at_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let (Ok(mut line), Ok(mut sink)) = (serde_json::to_vec(&Line { at_ms, event }), json.lock()) {
            line.push(b'\n');
            let _ = sink.write_all(&line).and_then(|()| sink.flush());
        }
    }

    /// Tells what ended the run.
    pub(crate) fn error(&self, error: &ClientError) {
        self.tell(&Event::Error {
            phase: error.phase(),
            message: error.to_string(),
            hint: error.hint(),
            exit: error.exit().code(),
        });
    }
}

fn open(path: &Path) -> Result<Box<dyn Write + Send>, ClientError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdout()));
    }
    let file = File::create(path).map_err(|reason| ClientError::Unwritable {
        what: "events",
        path: path.to_owned(),
        reason: reason.to_string(),
    })?;
    Ok(Box::new(file))
}

/// A time in UTC with milliseconds: `2026-07-01T12:00:00.000Z`.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{:03}Z", second % 60, since.subsec_millis())
}

/// Year, month and day of a number of days since 1970 in the Gregorian calendar, counted in eras of 400 years that
/// begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_700_000_000, "2023-11-14T22:13:20.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_program_gets_the_time_since_start_and_the_event() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let reporter = Reporter::new(Some(file.path()), false).unwrap();
        reporter.tell(&Event::Transport { channel: "tls" });
        let text = std::fs::read_to_string(file.path()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((value["event"].as_str(), value["channel"].as_str()), (Some("transport"), Some("tls")));
        assert!(value["at_ms"].as_u64().is_some_and(|at| at < 60_000), "{text}");
    }
}
