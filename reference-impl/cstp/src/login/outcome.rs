//! What a login starts from and what it ends in.

use std::fmt;

use crate::http::{CookieJar, ServerUrl};
use crate::xml::AnnouncedFile;

/// Gives one-time passwords; nothing when there is none at the moment.
pub type OtpSource = Box<dyn FnMut() -> Option<String> + Send>;

/// What the user has given beforehand. What is missing is asked for.
#[derive(Default)]
pub struct Credentials {
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The group, by value or by label.
    pub group: Option<String>,
    /// Where one-time passwords come from; asked once for each form that wants one.
    pub otp: Option<OtpSource>,
    /// Whether a client certificate can be shown.
    pub has_certificate: bool,
}

impl fmt::Debug for Credentials {
    /// Says of secrets only whether they are there.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .field("group", &self.group)
            .field("has_otp", &self.otp.is_some())
            .field("has_certificate", &self.has_certificate)
            .finish()
    }
}

/// What a successful login gives.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginResult {
    /// The value of the cookie `webvpn`, the credential for CONNECT.
    pub cookie: String,
    /// All cookies of the login, for the downloader.
    pub cookies: CookieJar,
    /// Where CONNECT goes: the server of the last reply, which a redirect may have changed.
    pub url: ServerUrl,
    /// The session's id, which is no credential (AC-AUTH-21).
    pub session_id: Option<String>,
    /// The banner to be shown (AC-AUTH-41).
    pub banner: Option<String>,
    /// The hash of the server's certificate, as the server says it.
    pub server_cert_hash: Option<String>,
    /// The profile that the server announces (AC-AUTH-35).
    pub profile: Option<AnnouncedFile>,
    /// Files of the client itself that the server offers.
    pub manifest: Vec<AnnouncedFile>,
    /// The group that was chosen.
    pub group: Option<String>,
}

impl fmt::Debug for LoginResult {
    /// Leaves the credential out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LoginResult")
            .field("cookies", &self.cookies)
            .field("url", &self.url)
            .field("banner", &self.banner)
            .field("profile", &self.profile)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
