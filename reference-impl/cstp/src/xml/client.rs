//! What a client says: `init`, `auth-reply` and `logout`.

use super::server::Opaque;
use super::tree::{Element, XmlError, XmlLimits};
use super::writer::{Writer, is_name};

/// A message of a client (AC-AUTH-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// The first message, and the one that changes the group.
    Init(Init),
    /// The answers to a form.
    AuthReply(AuthReply),
    /// The end of a session.
    Logout(Logout),
}

/// What each message says of the client itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The text of `version who="vpn"`.
    pub version: String,
    /// The text of `device-id`.
    pub device: String,
    /// Attributes of `device-id` in order, such as `platform-version`.
    pub device_attributes: Vec<(String, String)>,
    /// The texts of `capabilities/auth-method` in order.
    pub capabilities: Vec<String>,
}

/// The first message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    /// Who asks.
    pub client: ClientInfo,
    /// The URL that the user typed.
    pub group_access: Option<String>,
    /// The group that the user has chosen.
    pub group_select: Option<String>,
    /// Whether the client was asked for a certificate and has none, or none that was accepted (AC-AUTH-22).
    pub certificate_failed: bool,
}

/// The answers to a form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthReply {
    /// Who answers.
    pub client: ClientInfo,
    /// What the server wanted to have back (AC-AUTH-04).
    pub opaque: Option<Opaque>,
    /// The children of `auth` in order.
    pub answers: Vec<(String, String)>,
    /// The group that the user has chosen.
    pub group_select: Option<String>,
}

/// The end of a session.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Logout {
    /// Who leaves.
    pub client: ClientInfo,
    /// The value of the session's cookie, when it stands in the message.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for AuthReply {
    /// Shows the names of the answers only.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.answers.iter().map(|(name, _)| name).collect();
        let mut out = formatter.debug_struct("AuthReply");
        out.field("client", &self.client).field("answers", &names).field("group_select", &self.group_select);
        out.finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Logout {
    /// Leaves the token out.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Logout").field("client", &self.client).finish_non_exhaustive()
    }
}

impl ClientMessage {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Fails on what is no well-formed `config-auth` of a known type.
    pub fn parse(document: &[u8]) -> Result<Self, XmlError> {
        let root = Element::parse(document, XmlLimits::default())?;
        if root.name != "config-auth" {
            return Err(XmlError::NotAuth(format!("the root is `{}`", root.name)));
        }
        let client = client_info(&root);
        let group_select = root.child_content("group-select");
        match root.attribute("type") {
            Some("init") => Ok(Self::Init(Init {
                client,
                group_access: root.child_content("group-access"),
                group_select,
                certificate_failed: root.child("client-cert-fail").is_some(),
            })),
            Some("auth-reply") => {
                let fields = root.child("auth").map(|auth| auth.children.as_slice()).unwrap_or_default();
                let answers = fields.iter().map(|field| (field.name.clone(), field.raw_content())).collect();
                Ok(Self::AuthReply(AuthReply { client, opaque: Opaque::find(&root, document), answers, group_select }))
            }
            Some("logout") => Ok(Self::Logout(Logout { client, session_token: root.child_content("session-token") })),
            other => Err(XmlError::NotAuth(format!("the type is `{}`", other.unwrap_or_default()))),
        }
    }

    /// Returns the document.
    ///
    /// Elements that hold an answer have no attributes, because deployed servers look for `<username>` as plain text; an answer whose
    /// name cannot be the name of an element is left out.
    pub fn render(&self) -> Vec<u8> {
        let (kind, client) = match self {
            Self::Init(init) => ("init", &init.client),
            Self::AuthReply(reply) => ("auth-reply", &reply.client),
            Self::Logout(logout) => ("logout", &logout.client),
        };
        let mut writer = Writer::new();
        let root = [("client", Some("vpn")), ("type", Some(kind)), ("aggregate-auth-version", Some("2"))];
        writer.open("config-auth", &root);
        writer.text("version", &[("who", Some("vpn"))], &client.version);
        let attributes = client.device_attributes.iter().filter(|(name, _)| is_name(name));
        let attributes: Vec<_> = attributes.map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect();
        writer.text("device-id", &attributes, &client.device);
        if !client.capabilities.is_empty() {
            writer.open("capabilities", &[]);
            for method in &client.capabilities {
                writer.text("auth-method", &[], method);
            }
            writer.close();
        }
        match self {
            Self::Init(init) => {
                writer.optional("group-access", init.group_access.as_deref());
                if init.certificate_failed {
                    writer.empty("client-cert-fail", &[]);
                }
                writer.optional("group-select", init.group_select.as_deref());
            }
            Self::AuthReply(reply) => {
                if let Some(opaque) = &reply.opaque {
                    writer.raw(opaque.as_str());
                }
                writer.open("auth", &[]);
                for (name, value) in reply.answers.iter().filter(|(name, _)| is_name(name)) {
                    writer.text(name, &[], value);
                }
                writer.close();
                writer.optional("group-select", reply.group_select.as_deref());
            }
            Self::Logout(logout) => writer.optional("session-token", logout.session_token.as_deref()),
        }
        writer.finish()
    }
}

fn client_info(root: &Element) -> ClientInfo {
    let device = root.child("device-id");
    let methods = root.child("capabilities").map(|list| list.children.as_slice()).unwrap_or_default();
    ClientInfo {
        version: root.child_content("version").unwrap_or_default(),
        device: device.and_then(Element::content).unwrap_or_default(),
        device_attributes: device.map(|device| device.attributes.clone()).unwrap_or_default(),
        capabilities: methods
            .iter()
            .filter(|method| method.name == "auth-method")
            .filter_map(Element::content)
            .collect(),
    }
}
