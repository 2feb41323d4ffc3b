//! What a server says: a form, the wish for a certificate, or success.

use super::form::{FieldKind, Form};
use super::tree::Element;
use super::writer::Writer;

/// Which of the two forms of the dialogue a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The plain form: the root is `auth`.
    V1,
    /// Aggregate authentication version 2: the root is `config-auth`.
    V2,
}

/// An `opaque` element of the server, kept as the exact text of its document (AC-AUTH-04).
#[derive(Clone, PartialEq, Eq)]
pub struct Opaque(String);

/// A message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// A certificate is wanted, on a fresh connection (`client-cert-request`).
    CertificateRequest {
        /// What to give back.
        opaque: Option<Opaque>,
    },
    /// A form, or a refusal without one.
    Auth(AuthRequest),
    /// The login is complete.
    Complete(Complete),
}

/// A form with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthRequest {
    /// The text of `version who="sg"`.
    pub version: Option<String>,
    /// What to give back.
    pub opaque: Option<Opaque>,
    /// The form; without fields it only says something.
    pub form: Form,
    /// Whether there was a `form` element at all.
    pub has_form: bool,
    /// Whether an empty reply completes the login (`authentication-complete`).
    pub just_reply: bool,
    /// What a single sign-on would need.
    pub sso: Option<Sso>,
    /// Whether the server wants a posture check (`host-scan`, `csd`) to run first (AC-AUTH-34).
    pub host_scan: bool,
}

/// What a server tells of a single sign-on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sso {
    /// The page to open (`sso-v2-login`).
    pub login: Option<String>,
    /// The page on which the token is there (`sso-v2-login-final`).
    pub login_final: Option<String>,
    /// The cookie that holds the token.
    pub token_cookie: Option<String>,
    /// The cookie that tells of an error.
    pub error_cookie: Option<String>,
    /// `external` when the system's browser is to be used.
    pub browser_mode: Option<String>,
}

/// The end of a successful login.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Complete {
    /// The text of `version who="sg"`.
    pub version: Option<String>,
    /// The session's id; it is not that of TLS and no credential (AC-AUTH-21).
    pub session_id: Option<String>,
    /// The value for the cookie `webvpn`, when it is given in the document (AC-AUTH-20).
    pub session_token: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// A message.
    pub message: Option<String>,
    /// The text to be shown after the login (AC-AUTH-41).
    pub banner: Option<String>,
    /// The hash of the server's certificate, as the server says it.
    pub server_cert_hash: Option<String>,
    /// The profile for the client (AC-AUTH-35).
    pub profile: Option<AnnouncedFile>,
    /// Files of the client itself that the server offers (`vpn-core-manifest`).
    pub core: Vec<AnnouncedFile>,
    /// Custom attributes for the client (`opaque is-for="vpn-client"`).
    pub client_opaque: Option<Opaque>,
}

/// A file that the server announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncedFile {
    /// Where it is, mostly a path on the same server.
    pub uri: String,
    /// Its SHA-1 in hexadecimal digits, when one is announced.
    pub sha1: Option<String>,
}

impl Opaque {
    /// Cuts the `opaque` directly within an element out of the document; the one for the gateway, if there are several.
    pub(super) fn find(parent: &Element, document: &[u8]) -> Option<Self> {
        let mut all = parent.children.iter().filter(|child| child.name == "opaque");
        let element = all.clone().find(|child| child.attribute("is-for") == Some("sg")).or_else(|| all.next())?;
        document
            .get(element.span.clone())
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .map(|text| Self(text.to_owned()))
    }

    /// Builds what a server wants to have back: one element per name and text.
    ///
    /// Names have to be names of elements; others are left out.
    pub fn build(entries: &[(&str, &str)]) -> Self {
        let mut writer = Writer::new();
        let start = writer.position();
        writer.open("opaque", &[("is-for", Some("sg"))]);
        for (name, text) in entries.iter().filter(|(name, _)| super::is_name(name)) {
            writer.text(name, &[], text);
        }
        writer.close();
        Self(writer.since(start).trim_end().to_owned())
    }

    /// Returns the element as it stood in the document.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text of an element within.
    pub fn value(&self, name: &str) -> Option<String> {
        Element::parse(self.0.as_bytes(), super::XmlLimits::default()).ok()?.child_content(name)
    }
}

impl std::fmt::Debug for Opaque {
    /// Shows the length only: some servers put handles of the login into it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Opaque({} bytes)", self.0.len())
    }
}

impl std::fmt::Debug for Complete {
    /// Leaves the credential out.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = formatter.debug_struct("Complete");
        out.field("has_token", &self.session_token.is_some())
            .field("banner", &self.banner)
            .field("profile", &self.profile);
        out.finish_non_exhaustive()
    }
}

impl ServerMessage {
    /// Returns the document.
    pub fn render(&self, dialect: Dialect) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::CertificateRequest { opaque } => {
                open_root(&mut writer, "auth-request", None);
                if let Some(opaque) = opaque {
                    writer.raw(opaque.as_str());
                }
                writer.empty("client-cert-request", &[]);
            }
            Self::Auth(request) => {
                if dialect == Dialect::V2 {
                    open_root(&mut writer, "auth-request", request.version.as_deref());
                    if let Some(opaque) = &request.opaque {
                        writer.raw(opaque.as_str());
                    }
                }
                render_form(&mut writer, request);
            }
            Self::Complete(complete) => {
                if dialect == Dialect::V2 {
                    open_root(&mut writer, "complete", complete.version.as_deref());
                    writer.optional("session-id", complete.session_id.as_deref());
                    writer.optional("session-token", complete.session_token.as_deref());
                }
                writer.open("auth", &[("id", Some("success"))]);
                writer.optional("title", complete.title.as_deref());
                writer.optional("message", complete.message.as_deref());
                writer.optional("banner", complete.banner.as_deref());
                writer.close();
                if dialect == Dialect::V2 {
                    render_config(&mut writer, complete);
                }
            }
        }
        writer.finish()
    }
}

fn open_root(writer: &mut Writer, kind: &str, version: Option<&str>) {
    let root = [("client", Some("vpn")), ("type", Some(kind)), ("aggregate-auth-version", Some("2"))];
    writer.open("config-auth", &root);
    if let Some(version) = version {
        writer.text("version", &[("who", Some("sg"))], version);
    }
}

fn render_form(writer: &mut Writer, request: &AuthRequest) {
    let form = &request.form;
    writer.open("auth", &[("id", Some(&form.id))]);
    writer.optional("title", form.title.as_deref());
    writer.optional("banner", form.banner.as_deref());
    writer.optional("message", form.message.as_deref());
    if let Some(error) = &form.error {
        writer.text("error", &[("id", Some("13")), ("param1", Some("")), ("param2", Some(""))], error);
    }
    if request.has_form {
        writer.open("form", &[("method", Some("post")), ("action", form.action.as_deref())]);
        for field in &form.fields {
            let second = field.second_auth.then_some("1");
            let input = |kind| {
                [
                    ("type", Some(kind)),
                    ("name", Some(field.name.as_str())),
                    ("label", Some(field.label.as_str())),
                    ("second-auth", second),
                ]
            };
            match &field.kind {
                FieldKind::Text(None) => writer.empty("input", &input("text")),
                FieldKind::Text(Some(value)) => {
                    writer.empty("input", &[&input("text")[..], &[("value", Some(value))]].concat())
                }
                FieldKind::Password => writer.empty("input", &input("password")),
                FieldKind::SsoToken => writer.empty("input", &input("sso")),
                FieldKind::Hidden(value) => {
                    writer.empty("input", &[&input("hidden")[..], &[("value", Some(value))]].concat())
                }
                FieldKind::Select { choices, selected } => {
                    writer.open("select", &[("name", Some(&field.name)), ("label", Some(&field.label))]);
                    for (at, choice) in choices.iter().enumerate() {
                        let attributes = [
                            ("value", Some(choice.value.as_str())),
                            ("selected", (at == *selected).then_some("true")),
                            ("second-auth", choice.second_auth.then_some("1")),
                            ("secondary_username", choice.secondary_username.as_deref()),
                        ];
                        writer.text("option", &attributes, &choice.label);
                    }
                    writer.close();
                }
            }
        }
        writer.close();
    }
    writer.close();
}

fn render_config(writer: &mut Writer, complete: &Complete) {
    let Complete { server_cert_hash, profile, core, .. } = complete;
    if server_cert_hash.is_none() && profile.is_none() && core.is_empty() {
        return;
    }
    writer.open("config", &[("client", Some("vpn")), ("type", Some("private"))]);
    if let Some(hash) = server_cert_hash {
        writer.open("vpn-base-config", &[]);
        writer.text("server-cert-hash", &[], hash);
        writer.close();
    }
    if !core.is_empty() {
        writer.open("vpn-core-manifest", &[]);
        render_files(writer, core, "app", None);
        writer.close();
    }
    if let Some(profile) = profile {
        writer.open("vpn-profile-manifest", &[]);
        render_files(writer, std::slice::from_ref(profile), "profile", Some("user"));
        writer.close();
    }
    writer.close();
}

fn render_files(writer: &mut Writer, files: &[AnnouncedFile], kind: &str, service: Option<&str>) {
    writer.open("vpn", &[("rev", Some("1.0"))]);
    for file in files {
        writer.open("file", &[("type", Some(kind)), ("service-type", service)]);
        writer.text("uri", &[], &file.uri);
        if let Some(sha1) = &file.sha1 {
            writer.text("hash", &[("type", Some("sha1"))], sha1);
        }
        writer.close();
    }
    writer.close();
}
