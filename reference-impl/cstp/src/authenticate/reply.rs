//! How the server's replies look: forms, success, refusals.

use super::GroupInfo;
use super::options::LoginOptions;
use crate::http::{Request, Response, Version, percent_encode};
use crate::profile::ServerProfile;
use crate::xml::{
    AnnouncedFile, AuthRequest, Choice, Complete, Dialect, Field, FieldKind, Form, GROUP_FIELD, Opaque, ServerMessage,
};

const ENDED: &str = "expires=Thu, 01 Jan 1970 22:00:00 GMT; path=/; Secure; HttpOnly";

/// Which form is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// User name, and the password too when the profile asks for both at once.
    User,
    /// The password alone.
    Password,
    /// The answer to a challenge; the number counts them from 1.
    Challenge { message: String, label: String, number: u32 },
}

/// Builds the replies of one login.
pub(super) struct Replies<'a> {
    pub(super) profile: &'a ServerProfile,
    pub(super) options: &'a LoginOptions,
    pub(super) context_id: &'a str,
    pub(super) dialect: Dialect,
    pub(super) version: Version,
}

/// The groups as a form shows them.
pub(super) struct GroupList<'a> {
    pub(super) groups: &'a [GroupInfo],
    pub(super) chosen: Option<&'a str>,
    /// The group is given by the URL and not shown.
    pub(super) forced: bool,
}

impl Replies<'_> {
    /// Returns a form and what is to come back with its answers.
    pub(super) fn form(&self, asked: &Asked, list: &GroupList<'_>, error: Option<&str>) -> (Response, Option<Opaque>) {
        let asa = self.profile.opaque;
        let mut fields = Vec::new();
        let (id, message) = match asked {
            Asked::User => {
                fields.push(Field::new("username", "Username:", FieldKind::Text(None)));
                if self.profile.one_form {
                    fields.push(Field::new("password", "Password:", FieldKind::Password));
                    ("main", "Please enter your username and password.".to_owned())
                } else {
                    ("main", "Please enter your username.".to_owned())
                }
            }
            Asked::Password => {
                fields.push(Field::new("password", "Password:", FieldKind::Password));
                ("main", "Please enter your password.".to_owned())
            }
            Asked::Challenge { message, label, .. } if asa => {
                fields.push(Field::new("answer", label, FieldKind::Password));
                ("challenge", message.clone())
            }
            Asked::Challenge { message, label, number } => {
                let label = if label.is_empty() { format!("Password{}:", number + 1) } else { label.clone() };
                fields.push(Field::new("secondary_password", &label, FieldKind::Password));
                ("main", message.clone())
            }
        };
        if *asked == Asked::User && !list.forced && !list.groups.is_empty() {
            fields.push(group_field(list));
        }
        let opaque = (asa && self.dialect == Dialect::V2).then(|| self.opaque(list));
        let form = Form {
            id: id.to_owned(),
            title: Some(self.options.title.clone()),
            message: Some(message),
            banner: self.options.pre_login_banner.clone().filter(|_| *asked == Asked::User),
            error: error.map(str::to_owned),
            action: Some("/auth".to_owned()),
            fields,
        };
        let version = Some(self.profile.version.clone());
        let message = AuthRequest { version, opaque: opaque.clone(), form, has_form: true, ..AuthRequest::default() };
        let mut response = self.document(&ServerMessage::Auth(message));
        self.context(&mut response, Some(self.options.context_max_age));
        self.body(&mut response);
        (response, opaque)
    }

    /// Returns what the client has to give back: the group, and a hash that belongs to this login.
    fn opaque(&self, list: &GroupList<'_>) -> Opaque {
        let group = list.groups.iter().find(|group| Some(group.name.as_str()) == list.chosen);
        let name = group.map_or("DefaultWEBVPNGroup", |group| &group.name);
        let alias = group.map_or("", |group| &group.label);
        let hash = crate::download::sha1_hex(format!("{}\n{name}", self.context_id).as_bytes());
        Opaque::build(&[("tunnel-group", name), ("group-alias", alias), ("config-hash", &hash[..16])])
    }

    /// Returns the wish for a client certificate.
    pub(super) fn certificate_request(&self) -> Response {
        let mut response = self.document(&ServerMessage::CertificateRequest { opaque: None });
        self.context(&mut response, Some(self.options.context_max_age));
        self.body(&mut response);
        response
    }

    /// Returns the end of a successful login (AC-AUTH-20, AC-HTTP-20).
    pub(super) fn complete(&self, cookie: &str, session_id: &str) -> Response {
        let in_xml = self.profile.token_in_xml && self.dialect == Dialect::V2;
        let profile = self.options.profile.as_ref();
        let complete = Complete {
            version: Some(self.profile.version.clone()),
            session_id: in_xml.then(|| session_id.to_owned()),
            session_token: in_xml.then(|| cookie.to_owned()),
            title: Some(self.options.title.clone()),
            message: None,
            banner: self.options.banner.clone(),
            server_cert_hash: self.options.server_cert_sha1.clone().filter(|_| in_xml),
            profile: profile
                .map(|profile| AnnouncedFile { uri: profile.uri.clone(), sha1: Some(profile.sha1.clone()) }),
            core: Vec::new(),
            client_opaque: None,
        };
        let mut response = self.document(&ServerMessage::Complete(complete));
        self.context(&mut response, None);
        if self.profile.set_cookie || !in_xml {
            response.headers.push("Set-Cookie", format!("webvpn={cookie}; Secure; HttpOnly"));
        }
        response.headers.push("Set-Cookie", deleted("webvpnc"));
        response.headers.push("Set-Cookie", format!("webvpnc={}; path=/; Secure; HttpOnly", self.hints()));
        self.body(&mut response);
        response
    }

    /// Returns the value of the cookie `webvpnc`, which tells the downloader what there is.
    fn hints(&self) -> String {
        let mut hints = "bu:/&p:t&iu:1/&sh:".to_owned();
        hints.push_str(self.options.server_cert_sha1.as_deref().unwrap_or_default());
        if let Some(profile) = &self.options.profile {
            let file = percent_encode(profile.uri.trim_start_matches('/'));
            hints.push_str("&lu:/+CSCOT+/translation-table?textdomain%3DAnyConnect%26type%3Dmanifest");
            hints.push_str(&format!("&fu:{file}&fh:{}", profile.sha1));
        }
        hints
    }

    fn document(&self, message: &ServerMessage) -> Response {
        let mut response = Response { version: self.version, ..Response::new(200, "OK") };
        response.headers.push("Content-Type", &self.profile.auth_content_type);
        for line in &self.profile.auth_headers {
            if let Some(value) = &line.value {
                response.headers.push(&line.name, value);
            }
        }
        response.body = message.render(self.dialect);
        response
    }

    fn context(&self, response: &mut Response, max_age: Option<u32>) {
        let max_age = max_age.map(|seconds| format!("Max-Age={seconds}; ")).unwrap_or_default();
        response.headers.push("Set-Cookie", format!("webvpncontext={}; {max_age}Secure; HttpOnly", self.context_id));
    }

    /// Says how the body ends; chunks are not for clients of HTTP/1.0.
    fn body(&self, response: &mut Response) {
        if self.profile.chunked_auth && self.version == Version::Http11 {
            response.headers.push("Transfer-Encoding", "chunked");
        } else {
            response.headers.push("Content-Length", response.body.len().to_string());
        }
    }
}

/// The chosen group stands first, because some clients look at the place and others at `selected`.
fn group_field(list: &GroupList<'_>) -> Field {
    let is_chosen = |group: &&GroupInfo| Some(group.name.as_str()) == list.chosen;
    let others = list.groups.iter().filter(|group| !is_chosen(group));
    let ordered = list.groups.iter().filter(is_chosen).chain(others);
    let choices = ordered.map(|group| Choice::new(&group.name, &group.label)).collect();
    Field::new(GROUP_FIELD, "Group:", FieldKind::Select { choices, selected: 0 })
}

/// Returns the value of a `Set-Cookie` that deletes a cookie.
pub(super) fn deleted(name: &str) -> String {
    format!("{name}=; {ENDED}")
}

/// Returns a refusal without a body, after which the connection is closed.
pub(super) fn refusal(version: Version, status: u16, message: &str) -> Response {
    let reason: String =
        message.chars().map(|letter| if (' '..='~').contains(&letter) { letter } else { '?' }).take(200).collect();
    let mut response = Response { version, ..Response::new(status, &reason) };
    response.headers.push("Content-Length", "0");
    response.headers.push("Connection", "close");
    response
}

/// Returns a refusal with this status and reason and without a body, after which the connection is closed.
pub fn refuse(request: &Request, status: u16, message: &str) -> Response {
    refusal(request.version, status, message)
}

/// Returns the reply to a request for a URL that means nothing (AC-HTTP-15).
pub fn not_found(request: &Request) -> Response {
    let mut response = Response { version: request.version, ..Response::new(404, "Not Found") };
    response.body = b"<html><body><h1>404 Not Found</h1></body></html>\r\n".to_vec();
    response.headers.push("Content-Type", "text/html");
    response.headers.push("Content-Length", response.body.len().to_string());
    response.headers.push("Connection", "close");
    response
}
