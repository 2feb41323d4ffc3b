//! What a program configures for its logins.

/// How users prove who they are. One-time passwords are challenges of the [`Authority`](super::Authority), and may follow each method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// User name and password.
    #[default]
    Password,
    /// A client certificate alone (AC-AUTH-23).
    Certificate,
    /// A client certificate, and the password of its user (AC-AUTH-25).
    CertificateAndPassword,
    /// A client certificate alone, or else user name and password.
    CertificateOrPassword,
}

impl Method {
    /// Returns whether a certificate has to be there.
    pub fn needs_certificate(self) -> bool {
        matches!(self, Self::Certificate | Self::CertificateAndPassword)
    }

    /// Returns whether a certificate alone suffices.
    pub fn certificate_suffices(self) -> bool {
        matches!(self, Self::Certificate | Self::CertificateOrPassword)
    }
}

/// The profile that is announced to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncedProfile {
    /// The path on this server, such as `/profiles/profile.xml`.
    pub uri: String,
    /// The SHA-1 in hexadecimal digits.
    pub sha1: String,
}

/// What a program configures for its logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginOptions {
    /// How users prove who they are.
    pub method: Method,
    /// The title of the forms.
    pub title: String,
    /// A text before the login.
    pub pre_login_banner: Option<String>,
    /// A text after the login.
    pub banner: Option<String>,
    /// The profile that is announced.
    pub profile: Option<AnnouncedProfile>,
    /// The SHA-1 of the server's certificate in hexadecimal digits.
    pub server_cert_sha1: Option<String>,
    /// How many wrong answers one login may give before its connection is closed whatever the profile says.
    pub attempts: u32,
    /// How long the cookie `webvpncontext` lives, in seconds.
    pub context_max_age: u32,
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self {
            method: Method::Password,
            title: "SSL VPN Service".to_owned(),
            pre_login_banner: None,
            banner: None,
            profile: None,
            server_cert_sha1: None,
            attempts: 5,
            context_max_age: 120,
        }
    }
}
