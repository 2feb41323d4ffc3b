//! Who may enter: what a program has to answer.

use std::net::IpAddr;

/// A group that users can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// The name that is sent.
    pub name: String,
    /// The name that is shown.
    pub label: String,
}

/// What the TLS connection says of the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// It showed no certificate.
    #[default]
    None,
    /// It showed a valid certificate of this user.
    User(String),
    /// It showed a valid certificate that names no user; it is refused (AC-AUTH-24).
    Unnamed,
}

/// Who begins a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientContext {
    /// The client certificate.
    pub certificate: Certificate,
    /// The path of the URL.
    pub path: String,
    /// The address of the client.
    pub remote: Option<IpAddr>,
    /// The value of `User-Agent`; nothing may depend on it (AC-HTTP-21).
    pub user_agent: Option<String>,
}

/// Whether a login may begin at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Proceed,
    /// It may not, for instance because the address is banned (AC-AUTH-40).
    Refuse {
        /// The HTTP status, 401 or 503 as a rule.
        status: u16,
        /// The reason phrase.
        message: String,
    },
}

/// What a client has given so far.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The user: the one that was typed, or the certificate's when none is asked for.
    pub user: String,
    /// The group, which is one of [`Authority::groups`]; `None` when the client named none, so that the authority chooses.
    pub group: Option<String>,
    /// The password and then the answer to each challenge.
    pub answers: Vec<String>,
    /// Whether the certificate stands for the password: the answers are those to challenges only.
    pub by_certificate: bool,
    /// The user of the certificate.
    pub certificate_user: Option<String>,
    /// The address of the client.
    pub remote: Option<IpAddr>,
}

impl std::fmt::Debug for Attempt {
    /// Shows how many answers there are, and none of them.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = formatter.debug_struct("Attempt");
        out.field("user", &self.user).field("group", &self.group).field("answers", &self.answers.len());
        out.field("by_certificate", &self.by_certificate).field("certificate_user", &self.certificate_user);
        out.finish_non_exhaustive()
    }
}

/// What an attempt leads to.
#[derive(Clone, PartialEq, Eq)]
pub enum Decision {
    /// The user may enter.
    Accept {
        /// The value of the cookie `webvpn`: unguessable (AC-SEC-02), without `;` and control characters.
        cookie: String,
        /// The session's id, which is no credential (AC-AUTH-21).
        session_id: String,
    },
    /// One more answer is needed.
    Challenge {
        /// What the user is told.
        message: String,
        /// What stands before the field.
        label: String,
    },
    /// The user may not enter.
    Reject {
        /// What the user is told.
        message: String,
    },
}

/// Decides who may enter.
pub trait Authority {
    /// Returns the groups that can be chosen; forms preselect the first one. Empty when there are none.
    fn groups(&self) -> Vec<GroupInfo>;
    /// Decides whether a login may begin.
    fn begin(&mut self, context: &ClientContext) -> Admission;
    /// Decides about what a client has given.
    fn check(&mut self, attempt: Attempt) -> Decision;
}
