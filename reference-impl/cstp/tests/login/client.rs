//! The client against what deployed servers say, and against servers that misbehave.

use reference_cstp::http::{Limits, Request, Response, ResponseReader};
use reference_cstp::login::{Credentials, LoginAction, LoginClient, LoginError, Notice, Stage};
use reference_cstp::profile::ClientProfile;
use reference_cstp::xml::{AnnouncedFile, Dialect, XmlError};

use crate::fixtures::*;
use crate::support::{client, client_at, credentials};

/// Reads a whole response from what a server wrote.
fn wire(text: &str) -> Response {
    let mut reader = ResponseReader::new(Limits::default());
    reader.push(text.as_bytes());
    reader.close();
    reader.next().unwrap().expect("the response is whole")
}

/// A reply with a document, in chunks as an ASA sends it.
fn document(body: &str) -> Response {
    let mut response = Response::new(200, "OK");
    response.headers.push("Content-Type", "text/xml; charset=utf-8");
    response.headers.push("Transfer-Encoding", "chunked");
    response.body = body.as_bytes().to_vec();
    wire(&String::from_utf8(response.to_bytes()).unwrap())
}

fn status(status: u16, fields: &[(&str, &str)]) -> Response {
    let mut response = Response::new(status, "Reason");
    for (name, value) in fields {
        response.headers.push(name, value);
    }
    response.headers.push("Content-Length", "0");
    response
}

fn redirect(target: &str) -> Response {
    status(302, &[("Location", target)])
}

struct Sent {
    request: Request,
    body: String,
    fresh: bool,
    certificate: bool,
}

fn sent(client: &mut LoginClient) -> Sent {
    match client.next() {
        LoginAction::Send { request, fresh_connection: fresh, with_certificate: certificate } => {
            Sent { body: String::from_utf8(request.body.clone()).unwrap(), request, fresh, certificate }
        }
        other => panic!("something else than a request: {other:?}"),
    }
}

/// Takes what the client sends and gives it a response.
fn turn(client: &mut LoginClient, response: Response) -> Sent {
    let sent = sent(client);
    client.on_response(response);
    sent
}

fn failure(client: &mut LoginClient) -> LoginError {
    match client.next() {
        LoginAction::Failed(error) => error,
        other => panic!("something else than a failure: {other:?}"),
    }
}

fn ann() -> LoginClient {
    client(credentials("ann", "pw"))
}

#[test]
fn the_first_request_is_that_of_openconnect() {
    let request = sent(&mut client_at(
        "https://vpn.test:4443/staff?x",
        Credentials { group: Some("g&".into()), ..Credentials::default() },
    ))
    .request;
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/staff?x"));
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
    let expected = "Host User-Agent Accept Accept-Encoding X-Transcend-Version X-Aggregate-Auth X-Support-HTTP-Auth X-Pad Content-Type Content-Length";
    assert_eq!(names.join(" "), expected);
    assert_eq!(request.headers.get("Host"), Some("vpn.test:4443"));
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert!(body.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config-auth client=\"vpn\" type=\"init\" aggregate-auth-version=\"2\">"));
    for part in [
        "<version who=\"vpn\">",
        "<device-id>linux-64</device-id>",
        "<group-access>https://vpn.test:4443/staff?x</group-access>",
        "<group-select>g&amp;</group-select>",
    ] {
        assert!(body.contains(part), "{part} is missing in {body}");
    }
    assert_eq!(request.headers.get("Content-Length"), Some(body.len().to_string().as_str()));
}

#[test]
fn no_profile_claims_a_single_sign_on() {
    for name in ClientProfile::names() {
        let profile = ClientProfile::named(name).unwrap();
        let body = sent(&mut LoginClient::new(profile, "vpn.test".parse().unwrap(), Credentials::default())).body;
        assert!(body.contains("type=\"init\"") && !body.contains("capabilities"), "{name} (AC-AUTH-33): {body}");
    }
}

#[test]
fn padding_fills_up_to_a_multiple_of_64() {
    let profile = ClientProfile::named("openconnect").unwrap();
    for length in 0..130 {
        let credentials = Credentials { group: Some("x".repeat(length)), ..Credentials::default() };
        for x_pad in [true, false] {
            let profile = ClientProfile { x_pad, ..profile.clone() };
            let request =
                sent(&mut LoginClient::new(profile, "vpn.test".parse().unwrap(), credentials_like(&credentials)))
                    .request;
            match request.headers.get("X-Pad") {
                None => assert!(!x_pad),
                Some(pad) => {
                    assert!(x_pad && (1..=64).contains(&pad.len()) && pad.bytes().all(|byte| byte == b'0'));
                    assert_eq!((pad.len() + request.body.len()) % 64, 0);
                }
            }
        }
    }
}

fn credentials_like(other: &Credentials) -> Credentials {
    Credentials { group: other.group.clone(), ..Credentials::default() }
}

#[test]
fn a_mobile_client_says_so_in_headers_and_document() {
    let profile = ClientProfile::named("anyconnect-ios").unwrap();
    let request = sent(&mut LoginClient::new(profile, "vpn.test".parse().unwrap(), Credentials::default())).request;
    assert!(request.headers.get("X-AnyConnect-Identifier-DeviceType").is_some());
    let body = String::from_utf8(request.body).unwrap();
    assert!(
        body.contains("<device-id platform-version=\"")
            && body.contains(" device-type=\"")
            && body.contains(" unique-id=\""),
        "{body}"
    );
}

#[test]
fn a_login_at_ocserv_takes_two_forms() {
    let mut client = client(Credentials { group: Some("All staff".into()), ..credentials("ann", "p<w") });
    assert!(turn(&mut client, wire(OCSERV_USER)).fresh);
    let changed =
        turn(&mut client, wire(&OCSERV_USER.replace("<option>[Default]</option>\n", "").replace("465", "438")));
    assert!(changed.body.contains("type=\"init\"") && changed.body.contains("<group-select>staff</group-select>"));
    assert!(!changed.fresh, "the connection is kept");
    assert_eq!(changed.request.target, "/");
    let user = turn(&mut client, wire(OCSERV_PASSWORD));
    assert_eq!(user.request.target, "/auth");
    assert!(
        user.body.contains("<auth><username>ann</username>\n</auth>\n<group-select>staff</group-select>"),
        "{}",
        user.body
    );
    let password = turn(&mut client, wire(OCSERV_SUCCESS));
    assert_eq!(password.request.headers.get("Cookie"), Some("webvpncontext=c2lkc2lkc2lk"));
    assert!(password.body.contains("<auth><password>p&lt;w</password>\n</auth>\n</config-auth>"), "{}", password.body);
    let LoginAction::Done(result) = client.next() else { panic!("the login is not complete") };
    assert_eq!(
        (result.cookie.as_str(), result.session_id.as_deref(), result.group.as_deref()),
        ("c2VjcmV0c2VjcmV0", None, Some("staff"))
    );
    assert_eq!(result.banner.as_deref(), Some("Hello"));
    assert_eq!(result.server_cert_hash.as_deref(), Some("0123456789ABCDEF0123456789ABCDEF01234567"));
    let profile = AnnouncedFile {
        uri: "/profiles/profile.xml".into(),
        sha1: Some("89ABCDEF0123456789ABCDEF0123456789ABCDEF".into()),
    };
    assert_eq!(result.profile.as_ref(), Some(&profile));
    assert!(!format!("{result:?}").contains("c2VjcmV0"), "the credential does not show");
}

#[test]
fn an_option_without_value_is_its_text_and_the_first_one_is_preselected() {
    let mut client = ann();
    turn(&mut client, wire(OCSERV_USER));
    assert!(sent(&mut client).body.contains("<group-select>[Default]</group-select>"));
}

#[test]
fn a_refusal_of_ocserv_is_told_with_its_reason() {
    let mut client = ann();
    turn(&mut client, wire(OCSERV_USER));
    turn(&mut client, wire(OCSERV_REFUSAL));
    assert_eq!(failure(&mut client), LoginError::Rejected { reason: "Authentication failed".into() });
    assert_eq!(client.take_notices().pop(), Some(Notice::Error("Authentication failed".into())));
    assert_eq!(client.stage(), Stage::UserAuthentication);
}

#[test]
fn opaque_goes_back_byte_for_byte() {
    let mut client = ann();
    turn(&mut client, document(ASA_FORM));
    let reply = turn(&mut client, document(ASA_SUCCESS));
    let from = ASA_FORM.find("<opaque").unwrap();
    let to = ASA_FORM.find("</opaque>").unwrap() + "</opaque>".len();
    assert!(reply.body.contains(&ASA_FORM[from..to]), "{}", reply.body);
    assert_eq!(reply.request.target, "/", "a form without action goes to the same URL");
    assert!(
        reply.body.contains(
            "<auth><username>ann</username>\n<password>pw</password>\n</auth>\n<group-select>B</group-select>"
        )
    );
    assert!(client.take_notices().contains(&Notice::Message("Please enter your username and password, ann.".into())));
    let LoginAction::Done(result) = client.next() else { panic!("the login is not complete") };
    assert_eq!((result.cookie.as_str(), result.session_id.as_deref()), ("A1B2C3@32774@9F3B@D0E1", Some("32774")));
    assert_eq!(result.banner.as_deref(), Some("Be <good>"));
    assert_eq!(result.server_cert_hash.as_deref(), Some("240B97A685B2BFA66AD699B90AAC49EA66495D69"));
    assert_eq!(result.profile.unwrap().uri, "/CACHE/stc/profiles/staff.xml");
    assert_eq!(result.manifest[0].uri, "binaries/anyconnect-win-4.10.05095-core-vpn-webdeploy-k9.exe");
}

#[test]
fn the_token_of_the_document_goes_before_the_cookie() {
    let mut client = ann();
    let mut reply = document(ASA_SUCCESS);
    reply.headers.push("Set-Cookie", "webvpn=other; path=/; secure");
    turn(&mut client, reply);
    let LoginAction::Done(result) = client.next() else { panic!("the login is not complete") };
    assert_eq!(result.cookie, "A1B2C3@32774@9F3B@D0E1");
    assert_eq!(result.cookies.get("webvpn"), Some("A1B2C3@32774@9F3B@D0E1"));
}

#[test]
fn success_without_a_credential_is_a_failure() {
    let mut client = ann();
    turn(
        &mut client,
        document("<config-auth type=\"complete\"><session-id>1</session-id><auth id=\"success\"/></config-auth>"),
    );
    assert_eq!(failure(&mut client), LoginError::NoCookie);
}

#[test]
fn an_error_that_never_ends_does_not_get_the_password_again_and_again() {
    let mut client = ann();
    turn(&mut client, document(ASA_FORM));
    let first = turn(&mut client, document(ASA_ERROR));
    assert!(first.body.contains("<password>pw</password>"));
    assert!(client.take_notices().contains(&Notice::Error("Login failed for ann.".into())));
    let LoginAction::Ask(form) = client.next() else { panic!("nobody is asked") };
    assert_eq!(form.error.as_deref(), Some("Login failed for ann."));
    assert_eq!(form.fields.len(), 1);
    let mut count = 0;
    let error = loop {
        client.answer("password", "pw".into());
        match client.next() {
            LoginAction::Send { request, .. } => {
                assert_eq!(request.target, "/+webvpn+/index.html");
                client.on_response(document(ASA_ERROR));
                count += 1;
            }
            LoginAction::Ask(_) => {}
            LoginAction::Failed(error) => break error,
            LoginAction::Done(_) => panic!("the login is complete"),
        }
        assert!(count < 100);
    };
    assert_eq!(error, LoginError::TooManyRounds(64));
}

#[test]
fn many_rounds_are_no_problem() {
    let mut client = ann();
    turn(&mut client, document(ASA_FORM));
    for round in 0..12 {
        turn(
            &mut client,
            document(&ASA_ERROR.replace("name=\"password\"", "name=\"answer\"").replace("\"main\"", "\"challenge\"")),
        );
        let LoginAction::Ask(form) = client.next() else { panic!("nobody is asked in round {round}") };
        assert_eq!(form.fields[0].name, "answer");
        client.answer("answer", format!("{round}"));
    }
    assert!(turn(&mut client, document(ASA_SUCCESS)).body.contains("<password>11</password>"));
    assert!(matches!(client.next(), LoginAction::Done(_)));
}

#[test]
fn a_group_that_the_server_never_takes_ends_the_login() {
    let mut client = client(Credentials { group: Some("Group A".into()), ..credentials("ann", "pw") });
    for _ in 0..6 {
        assert!(turn(&mut client, document(ASA_FORM)).body.contains("type=\"init\""));
    }
    assert_eq!(failure(&mut client), LoginError::GroupNotAccepted(5));
}

#[test]
fn a_server_that_refuses_xml_gets_plain_forms() {
    let html = document("<html><body>It works!</body></html>");
    let text = document("no document at all");
    for refusal in [status(400, &[]), status(404, &[]), redirect("/+CSCOE+/logon.html"), html, text, status(200, &[])] {
        let mut client = client_at("https://vpn.test/start", credentials("ann", "p&w"));
        turn(&mut client, refusal);
        let start = turn(&mut client, document(PLAIN_FORM));
        assert_eq!(
            (start.request.method.as_str(), start.request.target.as_str(), start.body.as_str()),
            ("GET", "/start", "")
        );
        assert!(start.fresh && start.request.headers.get("X-Aggregate-Auth").is_none());
        assert!(start.request.headers.get("X-Pad").is_none() && start.request.headers.get("Content-Type").is_none());
        let mut success = document("<auth id=\"success\"><title>ok</title></auth>");
        success.headers.push("Set-Cookie", "webvpn=abc; secure");
        let post = turn(&mut client, success);
        assert_eq!((post.request.method.as_str(), post.request.target.as_str()), ("POST", "/+webvpn+/index.html"));
        assert_eq!(post.request.headers.get("Content-Type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(post.body, "username=ann&password=p%26w&tgcookieset=1%20%26%202");
        assert!(matches!(client.next(), LoginAction::Done(result) if result.cookie == "abc"));
        assert_eq!(client.dialect(), Dialect::V1);
    }
}

#[test]
fn what_is_no_vpn_server_is_told_so_after_both_dialogues() {
    let mut client = ann();
    for _ in 0..2 {
        turn(&mut client, document("<html/>"));
    }
    assert_eq!(failure(&mut client), LoginError::NotVpn(XmlError::NotAuth("the root is `html`".into())));
    let mut client = ann();
    for _ in 0..2 {
        turn(&mut client, status(503, &[]));
    }
    assert_eq!(failure(&mut client), LoginError::Http { status: 503, reason: "Reason".into() });
}

#[test]
fn a_document_that_breaks_off_in_a_later_round_is_an_error() {
    let mut client = ann();
    turn(&mut client, document(ASA_FORM));
    turn(&mut client, document("<config-auth type=\"auth-request\"><auth"));
    assert!(matches!(failure(&mut client), LoginError::NotVpn(XmlError::Malformed { .. })));
}

#[test]
fn a_redirect_to_another_host_drops_what_belongs_to_the_first() {
    let mut client = client_at("https://a.test/g", credentials("ann", "pw"));
    let mut away = redirect("https://b.test:444/x");
    away.headers.push("Set-Cookie", "webvpncontext=old");
    turn(&mut client, away);
    assert_eq!(client.url().to_string(), "https://b.test:444/x");
    let second = turn(&mut client, document(ASA_FORM));
    assert!(second.fresh && second.request.headers.get("Cookie").is_none());
    assert_eq!((second.request.headers.get("Host"), second.request.target.as_str()), (Some("b.test:444"), "/x"));
    assert!(second.body.contains("<group-access>https://b.test:444/x</group-access>"));
    turn(&mut client, redirect("https://c.test/"));
    let third = sent(&mut client);
    assert!(
        third.body.contains("type=\"init\"") && !third.body.contains("opaque") && !third.body.contains("pw"),
        "{}",
        third.body
    );
}

#[test]
fn an_endless_chain_of_redirects_ends() {
    let mut client = ann();
    let mut count = 0;
    let error = loop {
        match client.next() {
            LoginAction::Send { .. } => client.on_response(redirect(&format!("https://h{count}.test/"))),
            LoginAction::Failed(error) => break error,
            other => panic!("{other:?}"),
        }
        count += 1;
    };
    assert_eq!((error, count), (LoginError::TooManyRedirects(10), 11));
}

#[test]
fn three_redirects_to_other_hosts_end_the_xml_dialogue_where_it_began() {
    let mut client = ann();
    for host in ["b", "c", "d"] {
        assert_eq!(turn(&mut client, redirect(&format!("https://{host}.test/"))).request.method, "POST");
    }
    let plain = sent(&mut client).request;
    assert_eq!((plain.method.as_str(), plain.headers.get("Host")), ("GET", Some("vpn.test")));
}

#[test]
fn a_redirect_that_leads_nowhere_is_an_error() {
    let mut client = ann();
    turn(&mut client, redirect("http://vpn.test/"));
    assert!(matches!(failure(&mut client), LoginError::Redirect(_)), "no credential goes out in the clear");
    let mut client = ann();
    turn(&mut client, status(302, &[]));
    assert_eq!(failure(&mut client), LoginError::RedirectWithoutTarget);
}

#[test]
fn within_the_host_a_redirect_is_followed_once_there_is_a_form() {
    for (code, method) in [(302, "GET"), (307, "POST"), (308, "POST")] {
        let mut client = ann();
        turn(&mut client, document(ASA_FORM));
        let reply = turn(&mut client, status(code, &[("Location", "/next")]));
        let followed = turn(&mut client, document(ASA_SUCCESS));
        assert_eq!((followed.request.method.as_str(), followed.request.target.as_str()), (method, "/next"));
        assert_eq!(followed.body == reply.body, method == "POST");
        assert!(matches!(client.next(), LoginAction::Done(_)));
    }
}

#[test]
fn a_form_is_not_sent_to_another_server() {
    let mut client = ann();
    turn(&mut client, document(&ASA_ERROR.replace("/+webvpn+/index.html", "https://evil.test/steal")));
    assert_eq!(failure(&mut client), LoginError::ForeignForm("evil.test".into()));
}

#[test]
fn closed_connections_and_old_versions_go_on_with_the_cookies() {
    let mut client = ann();
    let mut old = wire(&format!("HTTP/1.0 200 OK\r\nSet-Cookie: a=b\r\n\r\n{ASA_FORM}"));
    assert!(turn(&mut client, old.clone()).fresh);
    let second = sent(&mut client);
    assert!(second.fresh);
    assert_eq!(second.request.headers.get("Cookie"), Some("a=b"));
    old.version = reference_cstp::http::Version::Http11;
    old.headers.push("Content-Length", "1");
    let mut client = ann();
    turn(&mut client, old);
    assert!(!sent(&mut client).fresh);
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_replaced_once() {
    let mut client = ann();
    turn(&mut client, document(ASA_FORM));
    let first = sent(&mut client);
    assert!(!first.fresh);
    client.on_transport_error("reset");
    let second = sent(&mut client);
    assert!(second.fresh && second.request == first.request);
    client.on_transport_error("reset");
    assert_eq!(failure(&mut client), LoginError::Transport("reset".into()));
    let mut client = ann();
    sent(&mut client);
    client.on_transport_error("no route");
    assert_eq!(failure(&mut client), LoginError::Transport("no route".into()));
}

#[test]
fn a_certificate_is_shown_on_a_fresh_connection_and_then_given_up() {
    let wish = || document("<config-auth client=\"vpn\" type=\"auth-request\"><client-cert-request/></config-auth>");
    let mut client = client(Credentials { has_certificate: true, ..credentials("ann", "pw") });
    assert!(turn(&mut client, wish()).certificate);
    let second = turn(&mut client, wish());
    assert!(second.fresh && second.certificate && !second.body.contains("client-cert-fail"));
    let third = turn(&mut client, wish());
    assert!(!third.certificate && third.body.contains("<client-cert-fail/>"));
    assert_eq!(failure(&mut client), LoginError::CertificateRequired);
    let mut client = ann();
    assert!(!turn(&mut client, wish()).certificate);
    let second = turn(&mut client, document(ASA_FORM));
    assert!(second.body.contains("<client-cert-fail/>"));
    assert!(sent(&mut client).body.contains("<password>pw</password>"), "a form may follow");
}

#[test]
fn what_needs_more_than_a_form_is_told_clearly() {
    let mut client = ann();
    turn(&mut client, document(SSO_ONLY));
    let page = Some("https://vpn.test/+CSCOE+/saml/sp/login?tgname=x".into());
    assert_eq!(failure(&mut client), LoginError::SsoRequired { page });
    let mut client = ann();
    let scan = "<host-scan><host-scan-ticket>t</host-scan-ticket><host-scan-token>u</host-scan-token></host-scan><auth id=\"main\">";
    turn(&mut client, document(&ASA_ERROR.replace("<auth id=\"main\">", scan)));
    assert_eq!(failure(&mut client), LoginError::HostScanRequired);
    let mut client = ann();
    turn(&mut client, status(401, &[("WWW-Authenticate", "Negotiate")]));
    assert_eq!(failure(&mut client), LoginError::HttpAuth("Negotiate".into()));
}

#[test]
fn a_form_beside_the_single_sign_on_is_used() {
    let form = "<input type=\"text\" name=\"username\"/><input type=\"password\" name=\"password\"/>";
    let mut client = ann();
    turn(&mut client, document(&SSO_ONLY.replace("<input type=\"sso\" name=\"sso-token\"></input>", form)));
    assert!(sent(&mut client).body.contains("<username>ann</username>"));
}

#[test]
fn http_authentication_is_given_up_when_the_server_hints_at_forms() {
    for hint in ["X-HTTP-Auth-Support", "X-Support-HTTP-Auth"] {
        let mut client = ann();
        let first = turn(&mut client, status(401, &[("WWW-Authenticate", "Negotiate"), (hint, "fallback")]));
        assert!(first.request.headers.get("X-Support-HTTP-Auth").is_some());
        let second = turn(&mut client, document(ASA_FORM));
        assert!(second.request.headers.get("X-Support-HTTP-Auth").is_none());
        assert!(second.body.contains("type=\"init\""));
        assert!(sent(&mut client).body.contains("<password>pw</password>"));
    }
}

#[test]
fn a_reply_without_a_form_is_a_refusal_in_the_servers_words() {
    let mut client = ann();
    turn(
        &mut client,
        document(
            "<config-auth type=\"auth-request\"><error id=\"98\" param1=\"\" param2=\"\">VPN Server could not parse request.</error></config-auth>",
        ),
    );
    assert_eq!(failure(&mut client), LoginError::Rejected { reason: "VPN Server could not parse request.".into() });
    let mut client = ann();
    turn(
        &mut client,
        document(
            "<config-auth type=\"auth-request\"><auth id=\"failure\"><message>Go away</message></auth></config-auth>",
        ),
    );
    assert_eq!(failure(&mut client), LoginError::Rejected { reason: "Go away".into() });
    let mut client = ann();
    turn(
        &mut client,
        document(
            "<config-auth type=\"auth-request\"><auth id=\"main\"><authentication-complete/></auth></config-auth>",
        ),
    );
    assert!(sent(&mut client).body.contains("type=\"auth-reply\""), "an empty reply completes this one");
}

#[test]
fn nothing_is_known_without_asking() {
    let mut client = client(Credentials::default());
    turn(&mut client, document(ASA_FORM));
    let LoginAction::Ask(form) = client.next() else { panic!("nobody is asked") };
    assert_eq!(
        form.fields.iter().map(|field| field.label.as_str()).collect::<Vec<_>>(),
        ["GROUP:", "Username:", "Password:"]
    );
    client.answer("username", "eve".into());
    let LoginAction::Ask(form) = client.next() else { panic!("the rest is not asked for") };
    assert_eq!(form.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["group_list", "password"]);
    client.decline();
    assert_eq!(failure(&mut client), LoginError::Unanswered { fields: vec!["Password:".into()] });
}

#[test]
fn debug_output_hides_secrets() {
    let shown = format!("{:?}", Credentials { otp: Some(Box::new(|| None)), ..credentials("ann", "s3cret") });
    assert!(shown.contains("ann") && !shown.contains("s3cret"), "{shown}");
}
