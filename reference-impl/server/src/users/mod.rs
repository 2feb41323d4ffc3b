//! Who may log in: passwords, one-time codes, names from certificates.

mod certificate;
mod hash;
mod otp;
mod passwords;

pub use certificate::user_of;
pub use hash::{HashError, hash_password, verify_password};
pub use otp::{Otp, OtpError};
pub use passwords::{Passwords, UsersError, check_name, set_password};
