//! Reads a server's message as deployed clients do: leniently where servers differ, by the `id` of `auth` rather than by the `type`.

use super::form::{Choice, Field, FieldKind, Form};
use super::server::{AnnouncedFile, AuthRequest, Complete, Dialect, Opaque, ServerMessage, Sso};
use super::tree::{Element, XmlError, XmlLimits};

/// Most fields of a form and choices of a field.
const MAX_FIELDS: usize = 64;
const MAX_CHOICES: usize = 1024;

impl ServerMessage {
    /// Reads a reply's body and says in which form it came.
    ///
    /// # Errors
    /// Fails on what is not well-formed, has another root than `config-auth` or `auth`, or says nothing that a client could act on.
    pub fn parse(document: &[u8]) -> Result<(Dialect, Self), XmlError> {
        let root = Element::parse(document, XmlLimits::default())?;
        match root.name.as_str() {
            "auth" => Ok((Dialect::V1, message(&root, Some(&root), None)?)),
            "config-auth" => Ok((Dialect::V2, message(&root, root.child("auth"), Opaque::find(&root, document))?)),
            other => Err(XmlError::NotAuth(format!("the root is `{other}`"))),
        }
        .map(|(dialect, mut message)| {
            if let (ServerMessage::Complete(complete), Some(config)) = (&mut message, root.child("config")) {
                complete.client_opaque = Opaque::find(config, document);
            }
            (dialect, message)
        })
    }
}

fn message(root: &Element, auth: Option<&Element>, opaque: Option<Opaque>) -> Result<ServerMessage, XmlError> {
    let version = root.child_content("version");
    let id = auth.and_then(|auth| auth.attribute("id"));
    if id == Some("success") || (root.attribute("type") == Some("complete") && auth.is_none()) {
        return Ok(ServerMessage::Complete(complete(root, auth, version)));
    }
    let wants_certificate =
        root.child("client-cert-request").is_some() || root.child("multiple-client-cert-request").is_some();
    if wants_certificate && root.child("cert-authenticated").is_none() {
        return Ok(ServerMessage::CertificateRequest { opaque });
    }
    let outer_error = root.child("error").and_then(text_of);
    let Some(auth) = auth else {
        let Some(error) = outer_error else {
            return Err(XmlError::NotAuth("there is no `auth` element".to_owned()));
        };
        let form = Form { error: Some(error), ..Form::default() };
        return Ok(ServerMessage::Auth(AuthRequest { version, opaque, form, ..AuthRequest::default() }));
    };
    let form_element = auth.child("form");
    let mut form = form_element.map(read_form).transpose()?.unwrap_or_default();
    id.unwrap_or_default().clone_into(&mut form.id);
    form.title = auth.child("title").and_then(text_of);
    form.message = auth.child("message").and_then(text_of);
    form.banner = auth.child("banner").and_then(text_of);
    form.error = auth.child("error").and_then(text_of).or(outer_error);
    Ok(ServerMessage::Auth(AuthRequest {
        version,
        opaque,
        form,
        has_form: form_element.is_some(),
        just_reply: auth.child("authentication-complete").is_some(),
        sso: sso(auth),
        host_scan: root.at(&["host-scan", "host-scan-ticket"]).is_some() || auth.child("csd").is_some(),
    }))
}

fn complete(root: &Element, auth: Option<&Element>, version: Option<String>) -> Complete {
    let config = root.child("config");
    let files = |manifest| {
        let vpn = config.and_then(|config| config.at(&[manifest, "vpn"]));
        vpn.map(|vpn| vpn.children.as_slice()).unwrap_or_default().iter().filter(|file| file.name == "file")
    };
    let is_profile = |file: &&Element| {
        file.attribute("type") == Some("profile") && file.attribute("service-type").is_none_or(|kind| kind == "user")
    };
    Complete {
        version,
        session_id: root.child_content("session-id"),
        session_token: root.child_content("session-token"),
        title: auth.and_then(|auth| auth.child("title")).and_then(text_of),
        message: auth.and_then(|auth| auth.child("message")).and_then(text_of),
        banner: auth.and_then(|auth| auth.child("banner")).and_then(text_of),
        server_cert_hash: config
            .and_then(|config| config.at(&["vpn-base-config", "server-cert-hash"]))
            .and_then(Element::content),
        profile: files("vpn-profile-manifest").find(is_profile).and_then(announced),
        core: files("vpn-core-manifest").filter_map(announced).take(MAX_FIELDS).collect(),
        client_opaque: None,
    }
}

fn announced(file: &Element) -> Option<AnnouncedFile> {
    let uri = file.child_content("uri").or_else(|| file.attribute("uri").map(str::to_owned))?;
    Some(AnnouncedFile { uri, sha1: file.child_content("hash") })
}

fn sso(auth: &Element) -> Option<Sso> {
    let text = |name| auth.child_content(name);
    let sso = Sso {
        login: text("sso-v2-login"),
        login_final: text("sso-v2-login-final"),
        token_cookie: text("sso-v2-token-cookie-name"),
        error_cookie: text("sso-v2-error-cookie-name"),
        browser_mode: text("sso-v2-browser-mode"),
    };
    sso.login.is_some().then_some(sso)
}

/// Returns the text of a message or error, with `param1` and `param2` in place of the first two `%s`.
fn text_of(element: &Element) -> Option<String> {
    let text = element.content()?;
    let mut parts = text.split("%s");
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut params = ["param1", "param2"].into_iter();
    for part in parts {
        let param = params.next().and_then(|name| element.attribute(name));
        out.push_str(param.unwrap_or("%s"));
        out.push_str(part);
    }
    Some(out)
}

fn read_form(element: &Element) -> Result<Form, XmlError> {
    if let Some(method) = element.attribute("method").filter(|method| !method.eq_ignore_ascii_case("post")) {
        return Err(XmlError::NotAuth(format!("the form has the method `{method}`")));
    }
    let action = element.attribute("action").map(str::trim).filter(|action| !action.is_empty());
    let mut fields = Vec::new();
    for child in &element.children {
        fields.extend(read_field(child)?);
        if fields.len() > MAX_FIELDS {
            return Err(XmlError::TooLarge { what: "fields", limit: MAX_FIELDS });
        }
    }
    Ok(Form { action: action.map(str::to_owned), fields, ..Form::default() })
}

/// Reads one field; buttons and what is no field of a known kind are left out.
fn read_field(element: &Element) -> Result<Option<Field>, XmlError> {
    let Some(name) = element.attribute("name").filter(|name| !name.is_empty()) else { return Ok(None) };
    let value = || element.attribute("value").map(str::to_owned);
    let kind = match (element.name.as_str(), element.attribute("type")) {
        ("select", _) => match read_choices(element)? {
            Some(kind) => kind,
            None => return Ok(None),
        },
        ("input", Some("text" | "email" | "tel" | "number")) => {
            FieldKind::Text(value().filter(|value| !value.is_empty()))
        }
        ("input", Some("password")) => FieldKind::Password,
        ("input", Some("hidden")) => FieldKind::Hidden(value().unwrap_or_default()),
        ("input", Some("sso")) => FieldKind::SsoToken,
        _ => return Ok(None),
    };
    let label = element.attribute("label").map_or_else(|| format!("{name}:"), str::to_owned);
    let second_auth = element.attribute("second-auth") == Some("1");
    Ok(Some(Field { name: name.to_owned(), label, kind, second_auth }))
}

fn read_choices(element: &Element) -> Result<Option<FieldKind>, XmlError> {
    let options = || element.children.iter().filter(|child| child.name == "option");
    if options().count() > MAX_CHOICES {
        return Err(XmlError::TooLarge { what: "choices", limit: MAX_CHOICES });
    }
    let mut choices = Vec::new();
    let mut selected = 0;
    for option in options() {
        let label = option.content().unwrap_or_default();
        // An option without a value means its text (AC-AUTH-16).
        let value = option.attribute("value").map_or_else(|| label.clone(), str::to_owned);
        if value.is_empty() {
            continue;
        }
        if option.attribute("selected").is_some_and(|selected| selected.eq_ignore_ascii_case("true")) {
            selected = choices.len();
        }
        let label = if label.is_empty() { value.clone() } else { label };
        choices.push(Choice {
            value,
            label,
            second_auth: option.attribute("second-auth") == Some("1"),
            secondary_username: option
                .attribute("secondary_username")
                .map(str::to_owned)
                .filter(|name| !name.is_empty()),
        });
    }
    Ok((!choices.is_empty()).then_some(FieldKind::Select { choices, selected }))
}
