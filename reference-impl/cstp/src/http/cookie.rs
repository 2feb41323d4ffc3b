//! Cookies as the client keeps them and as the server reads them.

use super::Headers;

/// Most cookies that a server can make the client keep.
const MAX_COOKIES: usize = 64;
/// Longest name and value that are kept, in bytes.
const MAX_NAME: usize = 256;
const MAX_VALUE: usize = 8192;

/// The cookies of one login, in the order in which they came (AC-HTTP-19).
///
/// Attributes such as `path` and `expires` are ignored: a jar belongs to one host and lives as long as one attempt.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CookieJar(Vec<(String, String)>);

impl std::fmt::Debug for CookieJar {
    /// Shows names only: values are credentials.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl CookieJar {
    /// Creates an empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes every `Set-Cookie` in order: a value replaces the old one, an empty value deletes.
    ///
    /// Cookies that are nameless, too long, hold control characters or are one too many are left out.
    pub fn absorb(&mut self, headers: &Headers) {
        for line in headers.get_all("Set-Cookie") {
            let pair = line.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.set(name.trim(), value.trim());
            }
        }
    }

    /// Sets or, with an empty value, deletes a cookie.
    pub fn set(&mut self, name: &str, value: &str) {
        let odd = |text: &str| text.chars().any(|letter| letter.is_control() || letter == ';');
        if name.is_empty() || name.len() > MAX_NAME || value.len() > MAX_VALUE || odd(name) || odd(value) {
            return;
        }
        let at = self.0.iter().position(|(found, _)| found == name);
        match at {
            Some(at) if value.is_empty() => drop(self.0.remove(at)),
            Some(at) => value.clone_into(&mut self.0[at].1),
            None if value.is_empty() || self.0.len() >= MAX_COOKIES => {}
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Returns the value of a cookie.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Forgets all cookies.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the value of the `Cookie` header, `a=b; c=d`; `None` when the jar is empty.
    pub fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// Returns the value of a cookie that a request carries, without quotes around it; an empty one counts as none.
pub fn request_cookie<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all("Cookie").flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(found, _)| found.trim() == name).map(|(_, value)| value.trim()).next()?;
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Some(inner.unwrap_or(value)).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absorbed(lines: &[&str]) -> CookieJar {
        let mut jar = CookieJar::new();
        jar.absorb(&lines.iter().map(|line| ("set-cookie", *line)).collect());
        jar
    }

    #[test]
    fn clear_then_set_in_one_response_leaves_the_value() {
        let jar = absorbed(&[
            "webvpncontext=Y29udGV4dA==; Secure; HttpOnly",
            "webvpn=s3cr=t; Secure; HttpOnly",
            "webvpnc=; expires=Thu, 01 Jan 1970 22:00:00 GMT; path=/; Secure; HttpOnly",
            "webvpnc=bu:/&p:t&iu:1/&sh:AB; path=/; Secure; HttpOnly",
        ]);
        assert_eq!(jar.header().unwrap(), "webvpncontext=Y29udGV4dA==; webvpn=s3cr=t; webvpnc=bu:/&p:t&iu:1/&sh:AB");
    }

    #[test]
    fn an_empty_value_deletes_and_a_second_one_replaces_in_place() {
        let mut jar = absorbed(&["a=1", "b=2", "a=3", "b="]);
        assert_eq!(jar.header().as_deref(), Some("a=3"));
        jar.set("a", "");
        assert_eq!(jar.header(), None);
    }

    #[test]
    fn what_is_no_cookie_and_what_is_too_much_is_left_out() {
        let long = format!("l={}", "x".repeat(MAX_VALUE + 1));
        let jar = absorbed(&["nonsense", "=x", &long, "; Secure", ""]);
        assert_eq!(jar, CookieJar::new());
        let many: Vec<_> = (0..200).map(|at| format!("c{at}=1")).collect();
        let jar = absorbed(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(jar.0.len(), MAX_COOKIES);
    }

    #[test]
    fn debug_output_hides_values() {
        let shown = format!("{:?}", absorbed(&["webvpn=s3cret"]));
        assert!(shown.contains("webvpn") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_server_finds_one_cookie_among_others() {
        let headers: Headers =
            [("Cookie", "webvpncontext=c; webvpn=\"v=\"; webvpnlogin=1"), ("cookie", "tg=; e=2")].into_iter().collect();
        assert_eq!(request_cookie(&headers, "webvpn"), Some("v="));
        assert_eq!(request_cookie(&headers, "e"), Some("2"));
        assert_eq!(request_cookie(&headers, "tg"), None);
        assert_eq!(request_cookie(&headers, "web"), None);
    }
}
