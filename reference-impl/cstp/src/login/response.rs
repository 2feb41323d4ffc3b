//! The dialogue as a state machine: what a response leads to.

use super::client::{Kind, LoginClient, Notice, Step};
use super::{LoginError, LoginResult, Stage};
use crate::http::{Response, percent_decode};
use crate::xml::{AnnouncedFile, AuthRequest, Complete, Dialect, FieldKind, Form, ServerMessage};

/// Most redirects of one login.
const MAX_REDIRECTS: u32 = 10;
/// So many redirects to other hosts without a form show that the server knows no XML.
const MAX_XML_REDIRECTS: u32 = 3;
/// Most forms of one login.
const MAX_ROUNDS: u32 = 64;

impl LoginClient {
    /// Takes the response to the request that was to be sent.
    pub fn on_response(&mut self, response: Response) {
        let Step::Waiting(..) = self.step else { return };
        // With HTTP/1.0 and `Connection: close` the dialogue goes on elsewhere, with the same cookies (AC-HTTP-12).
        self.fresh = response.closes();
        self.cookies.absorb(&response.headers);
        let result = match response.status {
            200 => self.on_document(&response.body),
            301 | 302 | 303 | 307 | 308 => self.on_redirect(&response),
            401 | 403 => self.on_refusal(&response),
            status => Err(LoginError::Http { status, reason: response.reason.clone() }),
        };
        match result {
            Ok(()) => {}
            Err(LoginError::Http { .. } | LoginError::NotVpn(_)) if self.dialect == Dialect::V2 && !self.form_seen => {
                self.fall_back();
            }
            Err(error) => self.step = Step::Failed(error),
        }
    }

    fn on_document(&mut self, body: &[u8]) -> Result<(), LoginError> {
        let (dialect, message) = ServerMessage::parse(body)?;
        match message {
            ServerMessage::Complete(complete) => self.complete(complete),
            ServerMessage::CertificateRequest { .. } => self.on_certificate_request(),
            ServerMessage::Auth(request) => self.on_form(dialect, request),
        }
    }

    fn on_form(&mut self, dialect: Dialect, request: AuthRequest) -> Result<(), LoginError> {
        let form = &request.form;
        self.tell(form);
        if request.host_scan {
            return Err(LoginError::HostScanRequired);
        }
        let wants_sso = form.fields.iter().any(|field| field.kind == FieldKind::SsoToken);
        let answerable = form.fields.iter().any(|field| matches!(field.kind, FieldKind::Text(_) | FieldKind::Password));
        if wants_sso || (request.sso.is_some() && !answerable) {
            return Err(LoginError::SsoRequired { page: request.sso.and_then(|sso| sso.login) });
        }
        if form.fields.is_empty() && !request.just_reply {
            let reason =
                form.error.clone().or_else(|| form.message.clone()).unwrap_or_else(|| "there is no form".to_owned());
            return Err(LoginError::Rejected { reason });
        }
        let target = match &form.action {
            Some(action) => self.url.join(action)?,
            None => self.url.clone(),
        };
        if !target.same_host(&self.url) {
            return Err(LoginError::ForeignForm(target.authority()));
        }
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            return Err(LoginError::TooManyRounds(MAX_ROUNDS));
        }
        if !self.form_seen {
            self.entry = self.url.clone();
        }
        self.url = target;
        self.form_seen = true;
        // A server that answers with the plain form understands plain replies; after a fallback they stay plain.
        if dialect == Dialect::V1 {
            self.dialect = Dialect::V1;
        }
        self.opaque = request.opaque.clone();
        self.stage = Stage::UserAuthentication;
        self.begin_form(request);
        Ok(())
    }

    fn tell(&mut self, form: &Form) {
        if let Some(banner) = &form.banner {
            self.banner = Some(banner.clone());
        }
        self.notices.extend(form.banner.clone().map(Notice::Banner));
        self.notices.extend(form.message.clone().map(Notice::Message));
        self.notices.extend(form.error.clone().map(Notice::Error));
    }

    /// Tries with the certificate on a fresh connection, and else says that there is none (AC-AUTH-22).
    fn on_certificate_request(&mut self) -> Result<(), LoginError> {
        if self.answerer.has_certificate() && !self.certificate_tried {
            self.certificate_tried = true;
            self.fresh = true;
        } else if self.certificate_failed {
            return Err(LoginError::CertificateRequired);
        } else {
            self.certificate_failed = true;
        }
        self.step = Step::Send(Kind::Init);
        Ok(())
    }

    fn on_refusal(&mut self, response: &Response) -> Result<(), LoginError> {
        let schemes: Vec<_> = response.headers.get_all("WWW-Authenticate").collect();
        if !schemes.is_empty() && !self.form_seen {
            // The draft and the deployed servers name this hint differently (AC-AUTH-28).
            let hint = |name| response.headers.has_token(name, "fallback");
            if self.http_auth && (hint("X-HTTP-Auth-Support") || hint("X-Support-HTTP-Auth")) {
                self.http_auth = false;
                self.step = Step::Send(if self.dialect == Dialect::V2 { Kind::Init } else { Kind::Get });
                return Ok(());
            }
            let names: Vec<_> = schemes.iter().filter_map(|scheme| scheme.split(' ').next()).collect();
            return Err(LoginError::HttpAuth(names.join(", ")));
        }
        let said = match ServerMessage::parse(&response.body) {
            Ok((_, ServerMessage::Auth(request))) => request.form.error.or(request.form.message),
            _ => None,
        };
        let phrase = Some(response.reason.clone()).filter(|reason| !reason.is_empty());
        let reason = said.or(phrase).unwrap_or_else(|| format!("HTTP status {}", response.status));
        self.notices.push(Notice::Error(reason.clone()));
        Err(LoginError::Rejected { reason })
    }

    /// Follows a redirect: within the host only in the plain dialogue, to another host from the start (AC-HTTP-14).
    fn on_redirect(&mut self, response: &Response) -> Result<(), LoginError> {
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            return Err(LoginError::TooManyRedirects(MAX_REDIRECTS));
        }
        let location = response.headers.get("Location").ok_or(LoginError::RedirectWithoutTarget)?;
        let target = self.url.join(location)?;
        if target.same_host(&self.url) {
            if self.dialect == Dialect::V2 && !self.form_seen {
                self.fall_back();
                return Ok(());
            }
            self.url = target;
            let sent = std::mem::replace(&mut self.step, Step::Send(Kind::Get));
            if let (Step::Waiting(mut request, _), 307 | 308) = (sent, response.status) {
                self.url.path.clone_into(&mut request.target);
                self.step = Step::Resend(request);
            }
            return Ok(());
        }
        self.foreign_redirects += 1;
        self.forget();
        if self.dialect == Dialect::V2 && self.foreign_redirects >= MAX_XML_REDIRECTS {
            self.fall_back();
            return Ok(());
        }
        self.entry = target.clone();
        self.url = target;
        self.step = Step::Send(if self.dialect == Dialect::V2 { Kind::Init } else { Kind::Get });
        Ok(())
    }

    /// Drops what belongs to the server that was left.
    fn forget(&mut self) {
        self.cookies.clear();
        self.opaque = None;
        self.answers.clear();
        self.form_seen = false;
        self.group = None;
        self.group_changes = 0;
        self.certificate_tried = false;
        self.certificate_failed = false;
        self.fresh = true;
        self.stage = Stage::GroupSelection;
    }

    /// Starts the plain dialogue on the host that the user typed (AC-AUTH-03).
    fn fall_back(&mut self) {
        self.forget();
        self.dialect = Dialect::V1;
        self.url = self.origin.clone();
        self.entry = self.origin.clone();
        self.step = Step::Send(Kind::Get);
    }

    fn complete(&mut self, complete: Complete) -> Result<(), LoginError> {
        if let Some(token) = &complete.session_token {
            self.cookies.set("webvpn", token);
        }
        let cookie = self.cookies.get("webvpn").ok_or(LoginError::NoCookie)?.to_owned();
        let hints = Hints::read(self.cookies.get("webvpnc").unwrap_or_default());
        self.notices.extend(complete.message.map(Notice::Message));
        self.notices.extend(complete.banner.clone().map(Notice::Banner));
        if let Some(banner) = &complete.banner {
            self.banner = Some(banner.clone());
        }
        self.stage = Stage::Downloader;
        self.step = Step::Done(Box::new(LoginResult {
            cookie,
            cookies: self.cookies.clone(),
            url: self.url.clone(),
            session_id: complete.session_id,
            banner: complete.banner,
            server_cert_hash: complete.server_cert_hash.or(hints.server_cert_hash),
            profile: complete.profile.or(hints.profile),
            manifest: complete.core,
            group: self.group.clone().or_else(|| self.wish.clone()),
        }));
        Ok(())
    }
}

/// What the cookie `webvpnc` tells the downloader: `bu:/&p:t&iu:1/&sh:<hash>&lu:...&fu:<file>&fh:<sha1>`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hints {
    server_cert_hash: Option<String>,
    profile: Option<AnnouncedFile>,
}

impl Hints {
    fn read(cookie: &str) -> Self {
        let part = |key: &str| {
            let value = cookie.split('&').filter_map(|part| part.split_once(':')).find(|(found, _)| *found == key);
            value.map(|(_, value)| percent_decode(value)).filter(|value| !value.is_empty())
        };
        let profile = match (part("bu"), part("fu"), part("fh")) {
            (Some(base), Some(file), sha1 @ Some(_)) => Some(AnnouncedFile { uri: format!("{base}{file}"), sha1 }),
            _ => None,
        };
        Self { server_cert_hash: part("sh"), profile }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hints_name_profile_and_certificate() {
        let cookie = "bu:/&p:t&iu:1/&sh:AB12&lu:/+CSCOT+/translation-table?textdomain%3DAnyConnect%26type%3Dmanifest&fu:profiles%2Fp.xml&fh:99FF";
        let hints = Hints::read(cookie);
        assert_eq!(hints.server_cert_hash.as_deref(), Some("AB12"));
        assert_eq!(hints.profile, Some(AnnouncedFile { uri: "/profiles/p.xml".into(), sha1: Some("99FF".into()) }));
        assert_eq!(Hints::read("bu:/&p:t&iu:1/&sh:AB").profile, None);
        assert_eq!(Hints::read(""), Hints::default());
    }
}
