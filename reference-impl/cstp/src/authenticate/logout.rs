//! The cookie of a login in progress, and the end of a session over HTTP.

use crate::http::{Request, Response, request_cookie};
use crate::xml::ClientMessage;

/// Longest value of a cookie that is looked at, in bytes.
const MAX_COOKIE: usize = 512;

/// A client that ends its session without a tunnel.
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The value of the cookie `webvpn`, from the header or the document, when there is a well-formed one.
    pub cookie: Option<String>,
}

impl std::fmt::Debug for LogoutRequest {
    /// Leaves the credential out.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LogoutRequest").field("has_cookie", &self.cookie.is_some()).finish()
    }
}

/// Returns the id of the login that a request goes on with, from its cookie `webvpncontext`.
///
/// A value that is too long or holds other characters than those of base64 counts as none (AC-AUTH-43).
pub fn context_id(request: &Request) -> Option<&str> {
    request_cookie(&request.headers, "webvpncontext").filter(|value| is_well_formed(value))
}

/// Reads a request that ends a session: `config-auth` of type `logout`, `/logout`, or a page under `/+webvpn+/` that is named so.
pub fn logout(request: &Request) -> Option<LogoutRequest> {
    let path = request.path();
    let by_path = path == "/logout" || (path.starts_with("/+webvpn+/") && path.contains("logout"));
    let from_header = request_cookie(&request.headers, "webvpn").map(str::to_owned);
    let cookie = match ClientMessage::parse(&request.body) {
        Ok(ClientMessage::Logout(logout)) if request.method == "POST" => from_header.or(logout.session_token),
        _ if by_path => from_header,
        _ => return None,
    };
    Some(LogoutRequest { cookie: cookie.filter(|cookie| is_well_formed(cookie)) })
}

/// Returns the reply to [`logout`], which deletes the session's cookies whether there was a session or not.
pub fn logout_response() -> Response {
    let mut response = Response::new(200, "OK");
    response.headers.push("Content-Type", "text/html");
    for name in ["webvpn", "webvpncontext", "webvpnc"] {
        response.headers.push("Set-Cookie", super::reply::deleted(name));
    }
    response.body = b"<html></html>\n".to_vec();
    response.headers.push("Content-Length", response.body.len().to_string());
    response.headers.push("Connection", "close");
    response
}

fn is_well_formed(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_.@".contains(&byte);
    !value.is_empty() && value.len() <= MAX_COOKIE && value.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Logout;

    fn with_cookie(method: &str, target: &str, cookie: &str) -> Request {
        let mut request = Request::new(method, target);
        request.headers.push("Cookie", cookie);
        request
    }

    #[test]
    fn a_context_is_taken_only_when_it_is_well_formed() {
        assert_eq!(context_id(&with_cookie("POST", "/", "a=b; webvpncontext=QUJD+/==")), Some("QUJD+/=="));
        let long = "x".repeat(513);
        for bad in ["", "a b", "a\"b", "\u{e9}", "<x>", &long] {
            assert_eq!(context_id(&with_cookie("POST", "/", &format!("webvpncontext={bad}"))), None, "{bad:.20}");
        }
    }

    #[test]
    fn a_session_ends_by_page_and_by_document() {
        for target in ["/logout", "/+webvpn+/webvpn_logout.html?x", "/+webvpn+/logout"] {
            assert_eq!(
                logout(&with_cookie("GET", target, "webvpn=abc")).unwrap().cookie.as_deref(),
                Some("abc"),
                "{target}"
            );
        }
        let mut request = Request::new("POST", "/");
        request.body =
            ClientMessage::Logout(Logout { session_token: Some("tok".into()), ..Logout::default() }).render();
        assert_eq!(logout(&request).unwrap().cookie.as_deref(), Some("tok"));
        request.method = "GET".into();
        assert_eq!(logout(&request), None);
        assert_eq!(logout(&Request::new("GET", "/logout")).unwrap().cookie, None);
        assert_eq!(logout(&with_cookie("GET", "/logout-now", "webvpn=abc")), None);
    }

    #[test]
    fn the_reply_deletes_the_cookies() {
        let deleted = logout_response().headers.get_all("set-cookie").filter(|line| line.contains("=;")).count();
        assert_eq!(deleted, 3);
    }
}
