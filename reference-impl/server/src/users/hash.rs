//! Password hashes as crypt(3) writes them: `$5$` (SHA-256) and `$6$` (SHA-512).

use sha_crypt::{Algorithm, CustomizedPasswordHasher, Params, PasswordHash, PasswordVerifier, ShaCrypt};

/// Most rounds that a hash may ask for: verification stays below some seconds.
const MOST_ROUNDS: u32 = 2_000_000;

/// A hash that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Another scheme, such as MD5 or DES.
    #[error("the hash is neither $5$ nor $6$")]
    Scheme,
    /// The salt, rounds or sum are malformed.
    #[error("the hash is malformed")]
    Malformed,
    /// It would take too long to verify.
    #[error("the hash asks for more than {MOST_ROUNDS} rounds")]
    Rounds,
}

/// Checks that a hash has a form that [`verify_password`] can use.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn check(hash: &str) -> Result<(), HashError> {
    let rest = hash.strip_prefix("$5$").or_else(|| hash.strip_prefix("$6$")).ok_or(HashError::Scheme)?;
    let sum_length = if hash.starts_with("$5$") { 43 } else { 86 };
    let rest =
        match rest.strip_prefix("rounds=").map(|rest| rest.split_once('$').ok_or(HashError::Malformed)).transpose()? {
            Some((rounds, rest)) => {
                let rounds: u32 = rounds.parse().map_err(|_| HashError::Malformed)?;
                if rounds > MOST_ROUNDS {
                    return Err(HashError::Rounds);
                }
                Params::new(rounds).map_err(|_| HashError::Malformed)?;
                rest
            }
            None => rest,
        };
    let (salt, sum) = rest.split_once('$').ok_or(HashError::Malformed)?;
    let is_crypt = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte));
    if salt.len() > 16 || salt.is_empty() || !is_crypt(salt) || sum.len() != sum_length || !is_crypt(sum) {
        return Err(HashError::Malformed);
    }
    Ok(())
}

/// Tells whether a password belongs to a hash. Takes milliseconds on purpose: call it off the threads that serve others.
#[must_use]
pub fn verify_password(password: &str, hash: &str) -> bool {
    check(hash).is_ok() && ShaCrypt::default().verify_password(password.as_bytes(), hash).is_ok()
}

/// Makes a `$6$` hash with a random salt.
///
/// # Errors
///
/// When the library refuses, which it has no reason for.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    // Twelve random bytes are sixteen characters of salt, the most that the scheme uses.
    let salt: [u8; 12] = rand::random();
    let hash: PasswordHash = ShaCrypt::new(Algorithm::Sha512Crypt, Params::RECOMMENDED)
        .hash_password_customized(password.as_bytes(), &salt, None, None, Params::RECOMMENDED)
        .map_err(|_| HashError::Malformed)?;
    Ok(hash.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl passwd -6` and `-5`, with `-salt` as the hash shows it.
    const VECTORS: [(&str, &str); 6] = [
        (
            "Hello world!",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        ),
        (
            "Hello world!",
            "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
        ),
        (
            "pässwörd<>&\"",
            "$6$AbCdEf./01$jQiGCZUv1v4lI4dUc9B8iseBfIg22MLSBOsYZjJJ.U0Dn7MabQKfeKEUnuLfviR5YX00y62vuOFcHwAXMCvA11",
        ),
        ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
        ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
        ("pässwörd<>&\"", "$5$AbCdEf./01$QPpgbzZJ1FA.gf8lmjFGFWQZuW9/nGQlkZ2gxLQALd5"),
    ];

    #[test]
    fn hashes_made_elsewhere_are_verified() {
        for (password, hash) in VECTORS {
            assert_eq!(check(hash), Ok(()), "{hash}");
            assert!(verify_password(password, hash), "{hash}");
            assert!(!verify_password("hello world!", hash), "{hash}");
            assert!(!verify_password("", hash), "{hash}");
        }
    }

    #[test]
    fn what_is_made_here_is_verified_and_salted() {
        let (first, second) = (hash_password("a b:c").unwrap(), hash_password("a b:c").unwrap());
        assert_ne!(first, second);
        assert_eq!(check(&first), Ok(()), "{first}");
        assert!(verify_password("a b:c", &first) && !verify_password("a b:d", &first));
    }

    #[test]
    fn hashes_that_cannot_be_used_are_told_apart() {
        assert_eq!(check("$1$x$9K71P.67DaA10CbI5W4yE0"), Err(HashError::Scheme));
        assert_eq!(check("plain"), Err(HashError::Scheme));
        assert_eq!(check("$6$saltstring$short"), Err(HashError::Malformed));
        assert_eq!(check("$6$saltstring"), Err(HashError::Malformed));
        assert_eq!(check(&format!("$5$rounds=900000000$salt${}", "a".repeat(43))), Err(HashError::Rounds));
        assert!(!verify_password("x", "$6$"));
    }
}
