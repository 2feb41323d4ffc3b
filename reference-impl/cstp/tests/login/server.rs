//! The server against requests as they come from the wire.

use reference_cstp::authenticate::{Certificate, GroupInfo, LoginOutcome, Method, not_found};
use reference_cstp::http::{Request, Response};

use crate::support::World;

const REPLY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><config-auth client=\"vpn\" type=\"auth-reply\" aggregate-auth-version=\"2\">";
const INIT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><config-auth client=\"vpn\" type=\"init\" aggregate-auth-version=\"2\">\
    <version who=\"vpn\">v9.01</version><device-id>linux-64</device-id><group-access>https://vpn.test</group-access></config-auth>";

fn post(target: &str, body: &str) -> Request {
    let mut request = Request::new("POST", target);
    request.headers.push("Host", "vpn.test");
    request.headers.push("X-Aggregate-Auth", "1");
    request.headers.push("Content-Type", "application/xml; charset=utf-8");
    request.headers.push("Content-Length", body.len().to_string());
    request.body = body.as_bytes().to_vec();
    request
}

fn reply(parts: &str) -> Request {
    post("/auth", &format!("{REPLY}{parts}</config-auth>"))
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

/// Sends all requests on one connection and returns the last response.
fn talk(world: &mut World, requests: &[Request]) -> Response {
    let mut last = None;
    for request in requests {
        let fresh = last.is_none() || last.as_ref().is_some_and(Response::closes);
        last = world.exchange(request, fresh, false);
    }
    last.unwrap()
}

#[test]
fn each_known_path_accepts_the_init_and_an_unknown_one_is_404() {
    for profile in ["ocserv", "asa"] {
        for path in ["/", "/auth", "/VPN", "/?secret", "/staff", "/All%20staff"] {
            let response = talk(&mut World::new(profile), &[post(path, INIT)]);
            assert_eq!(response.status, 200, "{path}");
            assert!(text(&response).contains("type=\"auth-request\" aggregate-auth-version=\"2\""));
        }
        for path in ["/nowhere", "/auth/x", "/../etc/passwd", "/staff/x", "*"] {
            let response = talk(&mut World::new(profile), &[post(path, INIT)]);
            assert_eq!((response.status, response.closes()), (404, true), "{path}");
        }
    }
    assert_eq!(talk(&mut World::new("asa"), &[Request::new("PUT", "/")]).status, 405);
    assert_eq!(not_found(&Request::new("GET", "/x")).status, 404);
}

#[test]
fn the_dialogue_of_openconnect_passes() {
    let mut world = World::new("ocserv");
    let user = "<opaque/><auth><username>bob</username></auth><group-select>guests</group-select>";
    let password = "<auth><password>&lt;&gt;&amp;&quot;&apos;&#xE9; %</password></auth>";
    let response = talk(&mut world, &[post("/", INIT), reply(user), reply(password)]);
    assert!(text(&response).contains("<auth id=\"success\">"));
    assert_eq!(world.outcomes, [LoginOutcome::Accepted { user: "bob".into(), group: Some("guests".into()) }]);
    let cookies: Vec<_> = response.headers.get_all("Set-Cookie").collect();
    assert!(
        cookies.len() >= 4 && cookies.iter().all(|cookie| cookie.contains("; Secure") && cookie.contains("; HttpOnly")),
        "{cookies:?}"
    );
    let hints: Vec<_> = cookies.iter().filter(|cookie| cookie.starts_with("webvpnc=")).collect();
    assert!(hints[0].starts_with("webvpnc=;") && hints[1].starts_with("webvpnc=bu:/"), "cleared, then set: {hints:?}");
    assert!(!text(&response).contains("session-token"), "the cookie alone is the credential");
}

#[test]
fn padding_of_any_size_and_any_type_of_body_are_accepted() {
    for pad in [1, 64, 8000] {
        let mut request = post("/", INIT);
        request.headers.push("X-Pad", "0".repeat(pad));
        assert_eq!(talk(&mut World::new("asa"), &[request]).status, 200);
    }
    for kind in ["text/xml", "application/xml", "application/x-www-form-urlencoded"] {
        let mut request = post("/", INIT);
        request.headers.push("Content-Type", kind);
        assert!(text(&talk(&mut World::new("asa"), &[request])).contains("<config-auth"));
    }
}

#[test]
fn clients_without_xml_get_the_plain_form() {
    for request in [Request::new("GET", "/"), post("/", "<config-auth"), post("/", "<html/>"), post("/", "username=")] {
        for profile in ["ocserv", "asa"] {
            let body = text(&talk(&mut World::new(profile), std::slice::from_ref(&request)));
            assert!(
                body.contains("?>\n<auth id=\"main\">") && !body.contains("config-auth") && !body.contains("opaque"),
                "{body}"
            );
        }
    }
    let mut request = Request::new("GET", "/");
    request.headers.push("x-aggregate-auth", "1");
    assert!(text(&talk(&mut World::new("asa"), &[request])).contains("<config-auth"));
}

#[test]
fn everything_is_escaped_and_nothing_is_cut() {
    let mut world = World::new("asa");
    let long = "x".repeat(200);
    world.users.groups = vec![GroupInfo { name: long.clone(), label: "<&\">".into() }];
    world.users.reject_message = "A & B <x>".into();
    world.options.pre_login_banner = Some("C & D <y>".into());
    world.options.title = "E & F".into();
    let form = text(&talk(&mut world, &[post("/", INIT)]));
    for part in [
        "C &amp; D &lt;y&gt;",
        "E &amp; F",
        &format!("<option value=\"{long}\" selected=\"true\">&lt;&amp;&quot;&gt;</option>"),
    ] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let hash = form.split("<config-hash>").nth(1).unwrap().split('<').next().unwrap();
    let opaque = format!("<opaque><tunnel-group>{long}</tunnel-group><config-hash>{hash}</config-hash></opaque>");
    let wrong = reply(&format!("{opaque}<auth><username>a</username><password>b</password></auth>"));
    let answer = text(&world.exchange(&wrong, false, false).unwrap());
    assert!(answer.contains(">A &amp; B &lt;x&gt;</error>"), "{answer}");
}

#[test]
fn a_wrong_password_never_completes() {
    let wrong = "<auth><username>ann</username><password>wrong</password></auth>";
    for (profile, status) in [("ocserv", 401), ("asa", 200)] {
        let mut world = World::new(profile);
        world.profile.opaque = false;
        let response = talk(&mut world, &[post("/", INIT), reply(wrong)]);
        assert_eq!(response.status, status);
        assert!(!text(&response).contains("success") && !text(&response).contains("complete"));
        assert!(response.headers.get_all("Set-Cookie").all(|cookie| !cookie.starts_with("webvpn=")));
        assert_eq!(response.reason, if status == 401 { "Login failed." } else { "OK" });
        let right = "<auth><username>ann</username><password>right</password></auth>";
        let response = talk(&mut world, &[post("/", INIT), reply(wrong), reply(right)]);
        assert!(text(&response).contains("<auth id=\"success\">"), "the right one in the same session succeeds");
    }
}

#[test]
fn a_reason_phrase_stays_one_line() {
    let mut world = World::new("ocserv");
    world.users.reject_message = "no\r\nSet-Cookie: webvpn=x\u{e9}".into();
    let response = talk(&mut world, &[reply("<auth><username>a</username><password>b</password></auth>")]);
    assert_eq!(response.reason, "no??Set-Cookie: webvpn=x?");
    assert_eq!(response.headers.get("Set-Cookie"), None);
}

#[test]
fn an_unknown_group_hides_no_list_and_is_not_accepted() {
    let init = INIT.replace("</config-auth>", "<group-select>old</group-select></config-auth>");
    for profile in ["ocserv", "asa"] {
        let mut world = World::new(profile);
        world.profile.opaque = false;
        let form = text(&talk(&mut world, &[post("/", &init)]));
        assert!(
            form.contains("<option value=\"staff\" selected=\"true\">") && form.contains("<option value=\"guests\">"),
            "{form}"
        );
        let right = "<auth><username>ann</username><password>right</password></auth>";
        let response = talk(&mut world, &[post("/", INIT), reply(&format!("{right}<group-select>old</group-select>"))]);
        assert!(!text(&response).contains("success"));
        assert!(world.users.attempts.is_empty());
        let response =
            talk(&mut world, &[post("/", INIT), reply(&format!("{right}<group-select>All staff</group-select>"))]);
        assert!(text(&response).contains("success"), "the label is as good as the name");
        world.users.groups.clear();
        let response = talk(&mut world, &[post("/", INIT), reply(&format!("{right}<group-select>old</group-select>"))]);
        assert!(!text(&response).contains("success"), "there are no groups at all");
    }
}

#[test]
fn a_group_that_is_chosen_stands_first_and_is_selected() {
    let init = INIT.replace("</config-auth>", "<group-select>Guests &amp; &lt;others&gt;</group-select></config-auth>");
    let form = text(&talk(&mut World::new("asa"), &[post("/", &init)]));
    let guests = form.find("<option value=\"guests\" selected=\"true\">").unwrap();
    assert!(guests < form.find("<option value=\"staff\">").unwrap());
    assert!(
        form.contains("<tunnel-group>guests</tunnel-group>\n<group-alias>Guests &amp; &lt;others&gt;</group-alias>"),
        "{form}"
    );
}

#[test]
fn a_login_that_began_in_a_group_can_begin_again_without_one() {
    let mut world = World::new("asa");
    let first = text(&talk(&mut world, &[post("/guests", INIT)]));
    assert!(first.contains("<tunnel-group>guests</tunnel-group>") && !first.contains("<select"), "{first}");
    let again = text(&world.exchange(&post("/", INIT), false, false).unwrap());
    assert!(again.contains("<tunnel-group>staff</tunnel-group>") && again.contains("<select"), "{again}");
}

#[test]
fn a_user_without_password_is_asked_for_it_and_an_empty_reply_for_the_user() {
    let mut world = World::new("asa");
    world.profile.opaque = false;
    let body = text(&talk(&mut world, &[post("/", INIT), reply("<auth><username>ann</username></auth>")]));
    assert!(body.contains("name=\"password\"") && !body.contains("name=\"username\""), "{body}");
    let body = text(&talk(&mut world, &[post("/", INIT), reply("<auth/>")]));
    assert!(body.contains("name=\"username\""));
    assert!(world.users.attempts.is_empty());
}

#[test]
fn secrets_are_found_under_each_name_that_clients_use() {
    for name in ["password", "passwordx", "secondary_password", "answer", "otp"] {
        let mut world = World::new("ocserv");
        talk(&mut world, &[reply(&format!("<auth><username>ann</username><{name}>right</{name}></auth>"))]);
        assert!(matches!(world.outcomes[..], [LoginOutcome::Accepted { .. }]), "{name}");
    }
}

#[test]
fn too_many_challenges_end_in_a_failure() {
    let mut world = World::new("ocserv");
    world.users.challenges = vec!["x".into(); 100];
    let mut requests = vec![reply("<auth><username>ann</username><password>right</password></auth>")];
    requests.extend(vec![reply("<auth><secondary_password>x</secondary_password></auth>"); 32]);
    talk(&mut world, &requests[..32]);
    assert!(world.outcomes.is_empty(), "a login of many steps is no failure");
    assert_eq!(talk(&mut world, &requests).status, 401);
}

#[test]
fn a_challenge_on_another_connection_needs_the_certificate_too() {
    let mut world = World::new("ocserv");
    world.options.method = Method::CertificateAndPassword;
    world.certificate = reference_cstp::authenticate::Certificate::User("ann".into());
    world.users.challenges = vec!["1".into()];
    let first =
        world.exchange(&reply("<auth><username>ann</username><password>right</password></auth>"), true, true).unwrap();
    assert!(text(&first).contains("secondary_password"));
    let second =
        world.exchange(&reply("<auth><secondary_password>1</secondary_password></auth>"), false, false).unwrap();
    assert_eq!(second.status, 401);
}

#[test]
fn answers_of_any_length_are_not_kept() {
    let mut world = World::new("ocserv");
    for (user, password) in [(1024, 8192), (1025, 1), (1, 8193)] {
        let fields = format!("<username>{}</username><password>{}</password>", "u".repeat(user), "p".repeat(password));
        talk(&mut world, &[reply(&format!("<auth>{fields}</auth>"))]);
    }
    assert_eq!(world.users.attempts.len(), 1, "only the first one is looked at");
    assert_eq!(world.outcomes.len(), 3);
}

#[test]
fn connection_close_is_answered_in_kind() {
    let mut request = post("/", INIT);
    request.headers.push("Connection", "close");
    assert!(talk(&mut World::new("ocserv"), &[request]).headers.has_token("Connection", "close"));
}

#[test]
fn a_login_that_was_refused_begins_with_the_certificate_again() {
    let mut world = World::new("ocserv");
    world.options.method = Method::Certificate;
    world.certificate = Certificate::User("ann".into());
    world.users.challenges = vec!["111111".into()];
    let asks_for_the_code = |response: &Response| text(response).contains("name=\"secondary_password\"");
    let first = world.exchange(&post("/", INIT), true, true).unwrap();
    assert!(asks_for_the_code(&first), "{first:?}");
    let wrong = reply("<auth><secondary_password>000000</secondary_password></auth>");
    assert_eq!(world.exchange(&wrong, false, true).unwrap().status, 401);
    let cookie = first.headers.get("Set-Cookie").unwrap().split(';').next().unwrap().to_owned();
    let mut again = post("/", INIT);
    again.headers.push("Cookie", cookie);
    let again = world.exchange(&again, true, true).unwrap();
    assert!(asks_for_the_code(&again), "{again:?}");
    let right = reply("<auth><secondary_password>111111</secondary_password></auth>");
    assert_eq!(world.exchange(&right, false, true).unwrap().status, 200);
    assert!(matches!(world.outcomes.last(), Some(LoginOutcome::Accepted { user, group: None }) if user == "ann"));
}

#[test]
fn the_authority_learns_whether_the_client_named_a_group() {
    let mut world = World::new("ocserv");
    let answers = "<auth><username>ann</username><password>right</password></auth>";
    let named = format!("{answers}<group-select>guests</group-select>");
    for (answers, group) in [(answers, None), (named.as_str(), Some("guests"))] {
        talk(&mut world, &[post("/", INIT), reply(answers)]);
        assert_eq!(world.users.attempts.last().unwrap().group.as_deref(), group);
    }
}
