//! One-time codes by time (RFC 6238), from a file in the format of the OATH toolkit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use totp_rs::{Algorithm, Builder, Totp};

use super::passwords::lines;

/// How many steps a clock may be off, either way.
const SKEW: u16 = 1;

/// A line of the file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtpError {
    /// It is not `HOTP/T30 name - hexkey`.
    #[error("line {0} is not `HOTP/T30 name - hexkey`")]
    Form(usize),
    /// The kind is not time based.
    #[error("line {line}: the kind `{kind}` is not supported; use HOTP/T30, HOTP/T60 or HOTP/T30/8")]
    Kind {
        /// Line, from 1.
        line: usize,
        /// The kind as written.
        kind: String,
    },
    /// The key is not hexadecimal or too short.
    #[error("line {0}: the key is not hexadecimal, or shorter than 10 bytes")]
    Key(usize),
}

/// Secrets of users, and which codes were used.
#[derive(Debug, Default)]
pub struct Otp {
    users: BTreeMap<String, Totp>,
    /// Last step whose code was accepted: neither it nor an older one is accepted again.
    used: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Otp {
    /// Reads the text of an OATH users file.
    ///
    /// # Errors
    ///
    /// The first line that cannot be used.
    pub fn parse(text: &str) -> Result<Self, OtpError> {
        let mut users = BTreeMap::new();
        for (line, entry) in lines(text) {
            let fields: Vec<&str> = entry.split_whitespace().collect();
            let [kind, name, pin, key, ..] = fields[..] else { return Err(OtpError::Form(line)) };
            if pin != "-" {
                return Err(OtpError::Form(line));
            }
            let (step, digits) =
                kind_of(kind).ok_or_else(|| OtpError::Kind { line, kind: kind.chars().take(40).collect() })?;
            let key = hex::decode(key).ok().filter(|key| key.len() >= 10).ok_or(OtpError::Key(line))?;
            let totp = Builder::new()
                .with_algorithm(Algorithm::SHA1)
                .with_digits(digits)
                .with_step_duration(step)
                .with_skew(SKEW)
                .with_secret(key)
                .build_noncompliant();
            users.insert(name.to_owned(), totp);
        }
        Ok(Self { users, used: Arc::default() })
    }

    /// Takes over which codes were used, so that a file that is read again does not make them good again.
    #[must_use]
    pub fn after(self, older: &Self) -> Self {
        Self { users: self.users, used: Arc::clone(&older.used) }
    }

    /// Accepts a code at a Unix time in seconds, at most once (RFC 6238 section 5.2).
    #[must_use]
    pub fn accept(&self, name: &str, code: &str, unix: u64) -> bool {
        let code = code.trim();
        if !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let Some(totp) = self.users.get(name) else { return false };
        if code.len() != usize::from(totp.digits()) {
            return false;
        }
        let Some(step) = totp.check(code, unix) else { return false };
        let Ok(mut used) = self.used.lock() else { return false };
        if used.get(name).is_some_and(|&last| step <= last) {
            return false;
        }
        used.insert(name.to_owned(), step);
        true
    }
}

/// `HOTP/T30` or `HOTP/T30/6`: seconds of a step, and digits.
fn kind_of(kind: &str) -> Option<(u64, u8)> {
    let mut parts = kind.split('/');
    let (Some("HOTP"), Some(step)) = (parts.next(), parts.next()) else { return None };
    let step: u64 = step.strip_prefix('T')?.parse().ok().filter(|step| (1..=3600).contains(step))?;
    let digits = match parts.next() {
        None => 6,
        Some(digits) => digits.parse().ok().filter(|digits| (6..=8).contains(digits))?,
    };
    parts.next().is_none().then_some((step, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 appendix B, `12345678901234567890`.
    const FILE: &str = "# test\nHOTP/T30/8 rfc - 3132333435363738393031323334353637383930\n\
                        HOTP/T30 alice - 3132333435363738393031323334353637383930\n";

    #[test]
    fn the_vectors_of_rfc_6238_are_accepted_once() {
        // Appendix B, SHA-1 column, in the order of time.
        let vectors = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        let otp = Otp::parse(FILE).unwrap();
        for (time, code) in vectors {
            assert!(!otp.accept("rfc", "12345678", time));
            assert!(!otp.accept("nobody", code, time));
            assert!(otp.accept("rfc", code, time), "{time}");
            assert!(!otp.accept("rfc", code, time), "{time} a second time");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        // 287082 is the code of step 1: seconds 30 to 59.
        for (time, good) in [(0, true), (29, true), (30, true), (89, true), (90, false), (120, false)] {
            let otp = Otp::parse(FILE).unwrap();
            assert_eq!(otp.accept("alice", "287082", time), good, "{time}");
        }
    }

    #[test]
    fn an_older_code_is_not_accepted_after_a_newer_one() {
        let otp = Otp::parse(FILE).unwrap();
        // Steps 37037036 and 37037037 are next to each other.
        assert!(otp.accept("rfc", "14050471", 1_111_111_111));
        assert!(!otp.accept("rfc", "07081804", 1_111_111_111));
        let again = Otp::parse(FILE).unwrap().after(&otp);
        assert!(!again.accept("rfc", "14050471", 1_111_111_111), "reading the file again must not help");
    }

    #[test]
    fn odd_codes_are_refused() {
        let otp = Otp::parse(FILE).unwrap();
        for code in ["", "28708", "2870820", "28 70 82", "٢٨٧٠٨٢", "94287082"] {
            assert!(!otp.accept("alice", code, 59), "{code}");
        }
        assert!(otp.accept("alice", " 287082 ", 59));
    }

    #[test]
    fn lines_that_cannot_be_used_are_named() {
        let error = |text: &str| Otp::parse(text).unwrap_err().to_string();
        assert_eq!(error("HOTP/T30 alice"), "line 1 is not `HOTP/T30 name - hexkey`");
        assert_eq!(error("HOTP/T30 alice 1234 3132333435363738393031"), "line 1 is not `HOTP/T30 name - hexkey`");
        assert!(error("HOTP alice - 3132333435363738393031").contains("`HOTP` is not supported"));
        assert!(error("\nHOTP/T30 alice - xyz").starts_with("line 2: the key"));
        assert!(error("HOTP/T30 alice - 3132").starts_with("line 1: the key"));
    }
}
