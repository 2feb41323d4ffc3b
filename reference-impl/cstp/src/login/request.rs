//! How the client's requests look: headers in the profile's order, padding, bodies.

use crate::http::{CookieJar, Request, ServerUrl};
use crate::profile::ClientProfile;
use crate::xml::{ClientInfo, ClientMessage, Logout};

/// The block to which padding fills up.
const PAD_BLOCK: usize = 64;

/// Headers that are left out although the profile lists them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Without {
    /// The dialogue is the plain one: `X-Aggregate-Auth` would ask for XML.
    pub(super) aggregate_auth: bool,
    /// HTTP authentication has been given up: `X-Support-HTTP-Auth` would ask for it (AC-AUTH-27).
    pub(super) http_auth: bool,
}

/// A body with its type.
pub(super) struct Body<'a> {
    pub(super) content_type: &'a str,
    pub(super) bytes: Vec<u8>,
}

/// Builds a request: `Host`, `User-Agent`, `Cookie`, the profile's headers, those of a mobile device, `X-Pad`, and those of the body.
pub(super) fn build(
    profile: &ClientProfile,
    url: &ServerUrl,
    cookies: &CookieJar,
    without: Without,
    body: Option<Body<'_>>,
) -> Request {
    let mut request = Request::new(if body.is_some() { "POST" } else { "GET" }, &url.path);
    let headers = &mut request.headers;
    headers.push("Host", url.authority());
    headers.push("User-Agent", &profile.user_agent);
    if let Some(cookies) = cookies.header() {
        headers.push("Cookie", cookies);
    }
    for line in profile.auth_headers.iter().chain(&profile.mobile_headers) {
        let skipped = without.aggregate_auth && line.name.eq_ignore_ascii_case("X-Aggregate-Auth")
            || without.http_auth && line.name.eq_ignore_ascii_case("X-Support-HTTP-Auth");
        if let Some(value) = line.value.as_ref().filter(|_| !skipped) {
            headers.push(&line.name, value);
        }
    }
    if let Some(body) = body {
        if profile.x_pad {
            headers.push("X-Pad", "0".repeat(padding(body.bytes.len())));
        }
        headers.push("Content-Type", body.content_type);
        headers.push("Content-Length", body.bytes.len().to_string());
        request.body = body.bytes;
    }
    request
}

/// Returns how much padding makes padding and body a multiple of 64 bytes, from 1 to 64 (AC-HTTP-04).
fn padding(body: usize) -> usize {
    PAD_BLOCK - body % PAD_BLOCK
}

/// Returns what each XML message says of the client.
pub(super) fn client_info(profile: &ClientProfile) -> ClientInfo {
    let attribute = |name: &str, header| profile.mobile(header).map(|value| (name.to_owned(), value.to_owned()));
    ClientInfo {
        version: profile.version.clone(),
        device: profile.platform.clone(),
        device_attributes: [
            attribute("platform-version", "PlatformVersion"),
            attribute("device-type", "DeviceType"),
            attribute("unique-id", "Device-UniqueID"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        // Single sign-on and a second certificate would be listed here; a server that is told so may insist on them (AC-AUTH-33).
        capabilities: Vec::new(),
    }
}

/// Builds a GET, as the downloader sends it.
pub(crate) fn get_request(profile: &ClientProfile, url: &ServerUrl, cookies: &CookieJar) -> Request {
    build(profile, url, cookies, Without { aggregate_auth: false, http_auth: true }, None)
}

/// Builds the request that ends a session whose tunnel is not up: `config-auth` of type `logout`, with the session's cookie.
pub fn logout_request(profile: &ClientProfile, url: &ServerUrl, cookies: &CookieJar) -> Request {
    let url = ServerUrl { path: "/".to_owned(), ..url.clone() };
    let bytes = ClientMessage::Logout(Logout { client: client_info(profile), session_token: None }).render();
    let body = Body { content_type: &profile.auth_content_type, bytes };
    build(profile, &url, cookies, Without { aggregate_auth: false, http_auth: true }, Some(body))
}
