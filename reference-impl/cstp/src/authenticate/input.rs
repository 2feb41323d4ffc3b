//! What a client's request says, in either form of the dialogue.

use crate::http::{Request, form_decode};
use crate::xml::{ClientMessage, Dialect, GROUP_FIELD, Opaque};

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) dialect: Dialect,
    pub(super) group: Option<String>,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It begins, or begins again.
    Begin {
        /// It was asked for a certificate and has none.
        certificate_failed: bool,
    },
    /// It answers a form.
    Answers { fields: Vec<(String, String)>, opaque: Option<Opaque> },
}

/// Reads a request. What is no XML of this dialogue gets the plain form (AC-AUTH-03); padding is ignored (AC-HTTP-05).
///
/// The body's type does not matter (AC-HTTP-03): a document is recognised by its beginning.
pub(super) fn read(request: &Request) -> Input {
    if request.body.trim_ascii_start().starts_with(b"<") || request.body.starts_with("\u{feff}".as_bytes()) {
        return read_xml(&request.body).unwrap_or_else(|| begin(Dialect::V1, None, false));
    }
    if request.body.is_empty() {
        let aggregate = request.headers.get("X-Aggregate-Auth").is_some_and(|value| value.trim() == "1");
        return begin(if aggregate { Dialect::V2 } else { Dialect::V1 }, None, false);
    }
    let mut fields = form_decode(&String::from_utf8_lossy(&request.body));
    let at = fields.iter().position(|(name, _)| name == GROUP_FIELD || name == "group-select");
    let group = at.map(|at| fields.remove(at).1).filter(|group| !group.is_empty());
    Input { dialect: Dialect::V1, group, kind: Kind::Answers { fields, opaque: None } }
}

fn read_xml(body: &[u8]) -> Option<Input> {
    match ClientMessage::parse(body).ok()? {
        ClientMessage::Init(init) => Some(begin(Dialect::V2, init.group_select, init.certificate_failed)),
        ClientMessage::AuthReply(reply) => Some(Input {
            dialect: Dialect::V2,
            group: reply.group_select,
            kind: Kind::Answers { fields: reply.answers, opaque: reply.opaque },
        }),
        ClientMessage::Logout(_) => None,
    }
}

fn begin(dialect: Dialect, group: Option<String>, certificate_failed: bool) -> Input {
    Input { dialect, group, kind: Kind::Begin { certificate_failed } }
}

/// Returns the user name among the answers; an empty one counts as none.
pub(super) fn user(fields: &[(String, String)]) -> Option<&str> {
    fields.iter().find(|(name, _)| name == "username").map(|(_, value)| value.as_str()).filter(|user| !user.is_empty())
}

/// Returns the first secret among the answers, under whatever name clients give it.
pub(super) fn secret(fields: &[(String, String)]) -> Option<&str> {
    let is_secret =
        |name: &str| name.starts_with("password") || name.ends_with("_password") || matches!(name, "answer" | "otp");
    fields.iter().find(|(name, _)| is_secret(name)).map(|(_, value)| value.as_str())
}
