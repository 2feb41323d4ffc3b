//! One-time passwords by time (RFC 6238) from a secret in a file.

use std::path::Path;

use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::error::ClientError;

/// Longest secret file that is read, in bytes.
const MOST: usize = 4096;

/// A source of one-time passwords.
#[derive(Clone)]
pub(crate) struct Otp(Totp);

impl Otp {
    /// Reads the secret: a line of base32, `base32:...`, `0x...` or an `otpauth://totp/` URL; `#` begins a comment.
    pub(crate) fn from_file(path: &Path) -> Result<Self, ClientError> {
        let text = crate::secrets::read_text("the one-time secret", path, MOST)?;
        Self::parse(&text).map_err(|reason| ClientError::unreadable("the one-time secret", path, reason))
    }

    /// Reads the secret from text; an error says what is wrong and never shows the secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .ok_or("there is no secret in it")?;
        if let Some(url) = line.strip_prefix("otpauth://totp/") {
            return from_url(url);
        }
        let secret = match line.strip_prefix("0x") {
            Some(digits) => hex::decode(digits).map_err(|_| "it is not hexadecimal")?,
            None => base32(line.strip_prefix("base32:").unwrap_or(line))?,
        };
        build(Algorithm::SHA1, 6, 30, secret)
    }

    /// The code at `seconds` of Unix time.
    pub(crate) fn code(&self, seconds: u64) -> String {
        self.0.generate(seconds).to_string()
    }
}

fn from_url(url: &str) -> Result<Otp, String> {
    let (_, query) = url.split_once('?').ok_or("the otpauth URL has no secret")?;
    let (mut secret, mut algorithm, mut digits, mut period) = (None, Algorithm::SHA1, 6, 30);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "secret" => secret = Some(base32(value)?),
            "algorithm" => {
                algorithm = match value.to_ascii_uppercase().as_str() {
                    "SHA1" => Algorithm::SHA1,
                    "SHA256" => Algorithm::SHA256,
                    "SHA512" => Algorithm::SHA512,
                    _ => return Err("its algorithm is none of SHA1, SHA256, SHA512".into()),
                };
            }
            "digits" => digits = value.parse().map_err(|_| "its digits are not a number")?,
            "period" => period = value.parse().map_err(|_| "its period is not a number")?,
            _ => {}
        }
    }
    build(algorithm, digits, period, secret.ok_or("the otpauth URL has no secret")?)
}

fn base32(text: &str) -> Result<Vec<u8>, String> {
    let text: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '=')).collect::<String>().to_uppercase();
    Ok(Secret::try_from_base32(text).map_err(|_| "it is not base32")?.as_ref().to_vec())
}

fn build(algorithm: Algorithm, digits: u8, period: u64, secret: Vec<u8>) -> Result<Otp, String> {
    if !(6..=8).contains(&digits) {
        return Err("its digits are not 6, 7 or 8".into());
    }
    if period == 0 {
        return Err("its period is zero".into());
    }
    if secret.is_empty() {
        return Err("it is empty".into());
    }
    // Short secrets are against the standard and in use: the gateway decides.
    let builder = Builder::new().with_algorithm(algorithm).with_digits(digits).with_step_duration(period);
    Ok(Otp(builder.with_secret(secret).build_noncompliant()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B.
    #[test]
    fn the_vectors_of_the_standard() {
        let secrets = [
            ("SHA1", "12345678901234567890"),
            ("SHA256", "12345678901234567890123456789012"),
            ("SHA512", "1234567890123456789012345678901234567890123456789012345678901234"),
        ];
        let expected = [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ];
        for (seconds, codes) in expected {
            for ((algorithm, secret), code) in secrets.iter().zip(codes) {
                let secret = Secret::from(secret.as_bytes()).to_base32();
                let url = format!("otpauth://totp/x:alice?secret={secret}&algorithm={algorithm}&digits=8&issuer=x");
                assert_eq!(Otp::parse(&url).unwrap().code(seconds), code, "{algorithm} at {seconds}");
            }
        }
    }

    #[test]
    fn every_form_of_the_secret_gives_the_same_code() {
        let forms = [
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "# token\n\n gezd gnbv gy3t qojq gezd gnbv gy3t qojq \n",
            "base32:GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ====",
            "0x3132333435363738393031323334353637383930",
        ];
        for form in forms {
            assert_eq!(Otp::parse(form).unwrap().code(59), "287082", "{form}");
        }
    }

    #[test]
    fn a_bad_secret_is_told_and_not_shown() {
        for (text, reason) in [
            ("", "there is no secret in it"),
            ("not!base32", "it is not base32"),
            ("0xzz", "it is not hexadecimal"),
            ("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&digits=12", "its digits are not 6, 7 or 8"),
            ("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&period=0", "its period is zero"),
            ("otpauth://totp/x?issuer=y", "the otpauth URL has no secret"),
        ] {
            assert_eq!(Otp::parse(text).map(|_| ()), Err(reason.to_owned()), "{text}");
        }
    }
}
