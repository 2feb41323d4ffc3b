//! The reference client logs in at the reference server.

use std::collections::VecDeque;

use reference_cstp::authenticate::{AnnouncedProfile, Certificate, LoginOutcome, Method, logout};
use reference_cstp::defects::Mutant;
use reference_cstp::download::{DownloadAction, Downloader, ServedFiles, ServedProfile, sha1_hex};
use reference_cstp::http::Version;
use reference_cstp::login::{Credentials, LoginClient, LoginError, OtpSource, Stage, logout_request};
use reference_cstp::profile::ClientProfile;
use reference_cstp::xml::{AnnouncedFile, Dialect};

use crate::support::{World, client, client_at, credentials, nobody};

const BOTH: [&str; 2] = ["ocserv", "asa"];

#[test]
fn a_login_succeeds_with_one_form_and_with_two() {
    for (profile, one_form) in BOTH.into_iter().flat_map(|profile| [(profile, true), (profile, false)]) {
        let mut world = World::new(profile);
        world.profile.one_form = one_form;
        world.options.banner = Some("Welcome & <enjoy>".into());
        let mut client = client(credentials("bob", "<>&\"'é %"));
        assert_eq!(client.stage(), Stage::GroupSelection);
        let result = world.log_in(&mut client, nobody).unwrap();
        assert_eq!(client.stage(), Stage::Downloader);
        assert_eq!(result.cookie, "Y29va2ll1==");
        assert_eq!(result.banner.as_deref(), Some("Welcome & <enjoy>"));
        assert_eq!(result.group.as_deref(), Some("staff"), "the preselected one");
        assert_eq!(world.requests.len(), if one_form { 2 } else { 3 }, "{profile}");
        assert_eq!(world.connections, 1);
        assert_eq!(world.outcomes, [LoginOutcome::Accepted { user: "bob".into(), group: Some("staff".into()) }]);
        assert_eq!(result.session_id.is_some(), profile == "asa");
        let body = world.bodies().pop().unwrap();
        assert_eq!(body.contains("<tunnel-group>staff</tunnel-group>"), profile == "asa", "{body}");
    }
}

#[test]
fn every_client_profile_logs_in_at_every_server_profile() {
    for name in ClientProfile::names() {
        for profile in BOTH {
            let mut world = World::new(profile);
            let client_profile = ClientProfile::named(name).unwrap();
            let mut client =
                LoginClient::new(client_profile, "vpn.test:4443".parse().unwrap(), credentials("ann", "right"));
            world.log_in(&mut client, nobody).unwrap_or_else(|error| panic!("{name} at {profile}: {error}"));
            assert_eq!(world.requests[0].headers.get("Host"), Some("vpn.test:4443"));
        }
    }
}

#[test]
fn a_group_is_chosen_by_name_and_by_label() {
    for profile in BOTH {
        for wish in ["guests", "Guests & <others>"] {
            let mut world = World::new(profile);
            let wanted = Credentials { group: Some(wish.into()), ..credentials("ann", "right") };
            let result = world.log_in(&mut client(wanted), nobody).unwrap();
            assert_eq!(result.group.as_deref(), Some("guests"));
            assert_eq!(world.users.attempts[0].group.as_deref(), Some("guests"));
        }
    }
}

#[test]
fn a_user_who_changes_the_group_starts_the_dialogue_again() {
    let mut world = World::new("asa");
    let mut client = client(Credentials { password: None, ..credentials("ann", "") });
    let mut stages = Vec::new();
    let result = world.log_in(&mut client, |form, client| {
        stages.push(client.stage());
        if let Some((choices, selected)) = form.groups() {
            assert_eq!((choices.len(), choices[selected].value.as_str()), (2, "staff"));
            client.answer("group_list", "guests".into());
        }
        client.answer("password", "right".into());
    });
    assert_eq!(result.unwrap().group.as_deref(), Some("guests"));
    assert_eq!(stages, [Stage::UserAuthentication; 2], "the new form asks again");
    let bodies = world.bodies();
    assert!(
        bodies[1].contains("type=\"init\"") && bodies[1].contains("<group-select>guests</group-select>"),
        "{}",
        bodies[1]
    );
    assert!(bodies[2].contains("<tunnel-group>guests</tunnel-group>"), "{}", bodies[2]);
}

#[test]
fn a_group_that_does_not_exist_is_said_to_be_so() {
    let mut world = World::new("ocserv");
    let wanted = Credentials { group: Some("nobody".into()), ..credentials("ann", "right") };
    let error = world.log_in(&mut client(wanted), nobody).unwrap_err();
    assert_eq!(
        error,
        LoginError::UnknownGroup { wish: "nobody".into(), offered: vec!["staff".into(), "guests".into()] }
    );
    assert!(world.users.attempts.is_empty());
}

#[test]
fn the_url_names_a_group() {
    for profile in BOTH {
        let mut world = World::new(profile);
        let result = world.log_in(&mut client_at("vpn.test/guests", credentials("ann", "right")), nobody);
        assert!(result.is_ok(), "{profile}: {result:?}");
        assert_eq!(world.users.attempts[0].group.as_deref(), Some("guests"));
        assert!(!String::from_utf8_lossy(&world.responses[0].body).contains("<select"), "the group is settled");
    }
}

#[test]
fn a_wrong_password_is_told_and_not_offered_again() {
    let mut world = World::new("asa");
    let mut asked = 0;
    let error = world.log_in(&mut client(credentials("ann", "wrong")), |form, client| {
        asked += 1;
        assert_eq!(form.error.as_deref(), Some("Login failed."));
        assert_eq!(form.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["group_list", "password"]);
        client.decline();
    });
    assert_eq!(error.unwrap_err(), LoginError::Rejected { reason: "Login failed.".into() });
    assert_eq!((asked, world.users.attempts.len()), (1, 1));
    let mut world = World::new("ocserv");
    let error = world.log_in(&mut client(credentials("ann", "wrong")), nobody).unwrap_err();
    assert_eq!(error, LoginError::Rejected { reason: "Login failed.".into() });
    assert_eq!(world.responses.last().unwrap().status, 401);
}

#[test]
fn after_a_wrong_password_the_right_one_succeeds() {
    for one_form in [true, false] {
        let mut world = World::new("asa");
        world.profile.one_form = one_form;
        let result = world.log_in(&mut client(credentials("ann", "wrong")), |form, client| {
            for field in form.fields.iter().filter(|field| field.name == "password") {
                client.answer(&field.name, "right".into());
            }
        });
        assert!(result.is_ok(), "{result:?}");
        assert!(
            matches!(&world.outcomes[..], [LoginOutcome::Failed { user: Some(user), .. }, LoginOutcome::Accepted { .. }] if user == "ann")
        );
    }
}

#[test]
fn a_user_who_never_gets_it_right_is_cut_off() {
    let mut world = World::new("asa");
    world.options.attempts = 3;
    let error =
        world.log_in(&mut client(credentials("ann", "wrong")), |_, client| client.answer("password", "wrong".into()));
    assert_eq!(error.unwrap_err(), LoginError::Rejected { reason: "Login failed.".into() });
    assert_eq!(world.users.attempts.len(), 3);
}

#[test]
fn challenges_are_answered_with_fresh_codes() {
    for profile in BOTH {
        let mut world = World::new(profile);
        world.users.challenges = (1..=5).map(|at| format!("00000{at}")).collect();
        let mut count = 0;
        let otp = move || {
            count += 1;
            Some(format!("00000{count}"))
        };
        let credentials = Credentials { otp: Some(Box::new(otp)), ..credentials("ann", "right") };
        let result = world.log_in(&mut client(credentials), nobody);
        assert!(result.is_ok(), "{profile}: {result:?}");
        assert_eq!(world.users.attempts.last().unwrap().answers.len(), 6);
    }
}

#[test]
fn a_challenge_without_a_source_of_codes_goes_to_the_user() {
    let mut world = World::new("asa");
    world.users.challenges = vec!["123456".into()];
    world.users.challenge_message = "Code from A & B <x>?".into();
    let result = world.log_in(&mut client(credentials("ann", "right")), |form, client| {
        assert_eq!((form.id.as_str(), form.message.as_deref()), ("challenge", Some("Code from A & B <x>?")));
        client.answer("answer", "123456".into());
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_login_spans_connections() {
    for profile in BOTH {
        let mut world = World::new(profile);
        world.one_request_each = true;
        world.users.challenges = vec!["1".into()];
        let result = world.log_in(&mut client(credentials("ann", "right")), |form, client| {
            client.answer(&form.fields[0].name, "1".into());
        });
        assert!(result.is_ok(), "{profile}: {result:?}");
        assert_eq!(world.connections as usize, world.requests.len(), "one connection for each request");
        assert_eq!(world.users.contexts.len(), 1, "and still one login");
    }
}

#[test]
fn a_certificate_alone_completes_without_a_form() {
    for profile in BOTH {
        for method in [Method::Certificate, Method::CertificateOrPassword] {
            let mut world = World::new(profile);
            world.options.method = method;
            world.certificate = Certificate::User("ann".into());
            let shown = Credentials { has_certificate: true, ..Credentials::default() };
            world.log_in(&mut client(shown), nobody).unwrap();
            assert_eq!(world.requests.len(), 1);
            assert!(world.users.attempts[0].answers.is_empty());
        }
    }
}

/// Credentials with a certificate, the right password of ann, and these codes one after the other.
fn with_codes(codes: &[&str]) -> Credentials {
    let mut codes: VecDeque<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    let otp: OtpSource = Box::new(move || codes.pop_front());
    Credentials { has_certificate: true, otp: Some(otp), ..credentials("ann", "right") }
}

/// A server that asks for two codes behind the certificate of ann.
fn world_with_codes(profile: &str, method: Method) -> World {
    let mut world = World::new(profile);
    world.options.method = method;
    world.certificate = Certificate::User("ann".into());
    world.users.challenges = vec!["111111".into(), "222222".into()];
    world
}

#[test]
fn a_certificate_with_challenges_asks_for_the_codes_alone() {
    for profile in BOTH {
        for method in [Method::Certificate, Method::CertificateOrPassword] {
            let mut world = world_with_codes(profile, method);
            world.one_request_each = true;
            let result = world.log_in(&mut client(with_codes(&["111111", "222222"])), nobody);
            assert!(result.is_ok(), "{profile}: {result:?}");
            let last = world.users.attempts.last().unwrap();
            assert_eq!(
                (last.by_certificate, &last.answers[..]),
                (true, &["111111".to_owned(), "222222".to_owned()][..])
            );
            assert_eq!(world.requests.len(), 3, "one for each code behind the first");
            assert!(world.bodies().iter().all(|body| !body.contains("<username>") && !body.contains("right")));
        }
    }
}

#[test]
fn a_certificate_with_password_and_challenges_asks_for_all_in_turn() {
    for (profile, one_form) in BOTH.into_iter().flat_map(|profile| [(profile, true), (profile, false)]) {
        let mut world = world_with_codes(profile, Method::CertificateAndPassword);
        world.profile.one_form = one_form;
        world.one_request_each = true;
        let result = world.log_in(&mut client(with_codes(&["111111", "222222"])), nobody);
        assert!(result.is_ok(), "{profile}: {result:?}");
        let last = world.users.attempts.last().unwrap();
        assert_eq!((last.by_certificate, last.answers.join(" ").as_str()), (false, "right 111111 222222"));
        assert_eq!(last.certificate_user.as_deref(), Some("ann"));
    }
}

#[test]
fn a_wrong_code_behind_a_certificate_is_asked_for_again_or_ends_the_login() {
    let mut world = world_with_codes("asa", Method::Certificate);
    let result = world.log_in(&mut client(with_codes(&["000000", "111111", "222222"])), nobody);
    assert!(result.is_ok(), "{result:?}");
    let again = String::from_utf8_lossy(&world.responses[1].body).into_owned();
    assert!(again.contains("<auth id=\"challenge\">") && again.contains("Login failed."), "{again}");
    assert!(
        matches!(&world.outcomes[..], [LoginOutcome::Failed { user: Some(user), .. }, LoginOutcome::Accepted { .. }] if user == "ann")
    );

    let mut world = world_with_codes("asa", Method::Certificate);
    world.options.attempts = 2;
    let error = world.log_in(&mut client(with_codes(&["000000", "000001", "111111"])), nobody).unwrap_err();
    assert_eq!(error, LoginError::Rejected { reason: "Login failed.".into() });

    let mut world = world_with_codes("ocserv", Method::Certificate);
    let error = world.log_in(&mut client(with_codes(&["000000"])), nobody).unwrap_err();
    assert_eq!(error, LoginError::Rejected { reason: "Login failed.".into() });
    let result = world.log_in(&mut client(with_codes(&["111111", "222222"])), nobody);
    assert!(result.is_ok(), "the next login begins with the certificate again: {result:?}");
}

#[test]
fn a_code_counts_on_connections_of_its_certificate_only() {
    for (profile, stranger) in
        BOTH.into_iter().flat_map(|profile| [(profile, Certificate::None), (profile, Certificate::User("bob".into()))])
    {
        let mut world = world_with_codes(profile, Method::Certificate);
        world.one_request_each = true;
        world.later_certificate = Some(stranger.clone());
        let result = world.log_in(&mut client(with_codes(&["111111", "222222"])), nobody);
        assert!(result.is_err(), "{profile} {stranger:?}: {result:?}");
        assert!(world.users.attempts.iter().all(|attempt| attempt.answers.is_empty() || attempt.user == "bob"));
    }
}

#[test]
fn a_certificate_that_is_missing_is_asked_for_and_then_given_up() {
    let mut world = World::new("asa");
    world.options.method = Method::Certificate;
    let error = world.log_in(&mut client(credentials("ann", "right")), nobody).unwrap_err();
    assert_eq!(error, LoginError::Rejected { reason: "No certificate".into() });
    assert!(world.bodies()[1].contains("<client-cert-fail/>"));
    let shown = Credentials { has_certificate: true, ..Credentials::default() };
    let mut world = World::new("asa");
    world.options.method = Method::Certificate;
    let error = world.log_in(&mut client(shown), nobody).unwrap_err();
    assert_eq!(error, LoginError::Rejected { reason: "No certificate".into() });
    assert_eq!(world.connections, 2, "it is shown on a fresh connection first");
    assert!(!world.bodies()[1].contains("client-cert-fail") && world.bodies()[2].contains("<client-cert-fail/>"));
}

#[test]
fn a_certificate_and_a_password_have_to_be_of_the_same_user() {
    for profile in BOTH {
        let shown = |user| Credentials { has_certificate: true, ..credentials(user, "right") };
        let mut world = World::new(profile);
        world.options.method = Method::CertificateAndPassword;
        world.certificate = Certificate::User("ann".into());
        world.log_in(&mut client(shown("ann")), nobody).unwrap();
        assert_eq!(world.users.attempts[0].certificate_user.as_deref(), Some("ann"));
        world.users.passwords.insert("eve".into(), "right".into());
        world.users.attempts.clear();
        let error = world.log_in(&mut client(shown("eve")), nobody).unwrap_err();
        assert_eq!(error, LoginError::Rejected { reason: "The certificate belongs to another user".into() });
        assert!(world.users.attempts.is_empty(), "the password is not even looked at");
        world.certificate = Certificate::Unnamed;
        let error = world.log_in(&mut client(shown("ann")), nobody).unwrap_err();
        assert_eq!(error, LoginError::Rejected { reason: "The certificate names no user".into() });
    }
}

#[test]
fn a_certificate_that_is_refused_leaves_the_password() {
    let mut world = World::new("asa");
    world.options.method = Method::CertificateOrPassword;
    world.certificate = Certificate::User("stranger".into());
    let shown = Credentials { has_certificate: true, ..credentials("ann", "right") };
    world.log_in(&mut client(shown), nobody).unwrap();
    assert_eq!(
        world.users.attempts.iter().map(|attempt| attempt.user.as_str()).collect::<Vec<_>>(),
        ["stranger", "ann"]
    );
}

#[test]
fn the_announced_profile_comes_by_document_and_by_cookie() {
    for profile in BOTH {
        let mut world = World::new(profile);
        world.options.profile = Some(AnnouncedProfile { uri: "/profiles/p q.xml".into(), sha1: "AB".repeat(20) });
        world.options.server_cert_sha1 = Some("CD".repeat(20));
        let result = world.log_in(&mut client(credentials("ann", "right")), nobody).unwrap();
        let expected = Some(AnnouncedFile { uri: "/profiles/p q.xml".into(), sha1: Some("AB".repeat(20)) });
        assert_eq!(result.profile, expected);
        assert_eq!(result.server_cert_hash, Some("CD".repeat(20)));
        let hints = result.cookies.get("webvpnc").unwrap();
        assert!(hints.contains("&fu:profiles%2Fp%20q.xml&fh:ABAB"), "{hints}");
    }
}

#[test]
fn an_announced_profile_is_fetched_with_the_cookie_of_the_login() {
    let files = ServedFiles {
        profile: Some(ServedProfile { uri: "/profiles/p q.xml".into(), content: Some(b"<p/>".to_vec()) }),
    };
    for name in BOTH {
        let mut world = World::new(name);
        world.options.profile = Some(AnnouncedProfile { uri: "/profiles/p q.xml".into(), sha1: sha1_hex(b"<p/>") });
        let result = world.log_in(&mut client(credentials("ann", "right")), nobody).unwrap();
        let profile = ClientProfile::named("anyconnect-desktop").unwrap();
        let mut stored = None;
        for gets in [1, 0] {
            let items = Downloader::items(&profile, &result, |_| stored.clone());
            let mut downloader = Downloader::new(profile.clone(), &result, items);
            let mut sent = 0;
            loop {
                match downloader.next() {
                    DownloadAction::Send { request } => {
                        sent += 1;
                        downloader.on_response(files.answer(&request, |cookie| cookie == result.cookie).unwrap());
                    }
                    DownloadAction::Store { name, content, .. } => {
                        assert_eq!(name, "p_q.xml");
                        stored = Some(sha1_hex(&content));
                    }
                    DownloadAction::Unchanged { .. } => assert_eq!(gets, 0),
                    DownloadAction::Done => break,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(sent, gets);
        }
    }
}

#[test]
fn a_logout_names_the_session() {
    let mut world = World::new("asa");
    let result = world.log_in(&mut client(credentials("ann", "right")), nobody).unwrap();
    let profile = ClientProfile::named("openconnect").unwrap();
    let request = logout_request(&profile, &result.url, &result.cookies);
    assert_eq!(logout(&request).unwrap().cookie, Some(result.cookie));
}

#[test]
fn a_server_without_groups_shows_no_list() {
    for profile in BOTH {
        let mut world = World::new(profile);
        world.users.groups.clear();
        let result = world.log_in(&mut client(credentials("ann", "right")), nobody).unwrap();
        assert_eq!((result.group, world.users.attempts[0].group.as_deref()), (None, None));
    }
}

#[test]
fn a_client_that_forgets_opaque_is_noticed() {
    let mut world = World::new("asa");
    let mut wrong = client(credentials("ann", "right")).with_defects([Mutant::ForgetsOpaque].into_iter().collect());
    let error = world.log_in(&mut wrong, nobody).unwrap_err();
    assert_eq!(error, LoginError::Rejected { reason: "The form was not sent back whole".into() });
    assert!(world.users.attempts.is_empty());
}

#[test]
fn a_banned_address_is_refused() {
    let mut world = World::new("ocserv");
    world.users.banned = true;
    let error = world.log_in(&mut client(credentials("ann", "right")), nobody).unwrap_err();
    assert_eq!(error, LoginError::Http { status: 503, reason: "Try again later".into() });
    assert_eq!(world.users.contexts[0].remote, Some([192, 0, 2, 1].into()));
}

#[test]
fn the_plain_dialogue_works_to_its_end() {
    for profile in BOTH {
        for one_form in [true, false] {
            let mut world = World::new(profile);
            world.profile.one_form = one_form;
            world.users.challenges = vec!["77".into()];
            let wanted = Credentials { group: Some("Guests & <others>".into()), ..credentials("bob", "<>&\"'é %") };
            let mut client = client(wanted);
            // The server of another world knows no XML.
            let reference_cstp::login::LoginAction::Send { .. } = client.next() else { panic!("nothing is sent") };
            let mut refusal = reference_cstp::http::Response::new(400, "Bad Request");
            refusal.headers.push("Content-Length", "0");
            client.on_response(refusal);
            let result = world.log_in(&mut client, |form, client| client.answer(&form.fields[0].name, "77".into()));
            assert!(result.is_ok(), "{profile}: {result:?}");
            assert_eq!(client.dialect(), Dialect::V1);
            assert_eq!((world.requests[0].method.as_str(), world.requests[0].target.as_str()), ("GET", "/"));
            assert_eq!(world.users.attempts[0].group.as_deref(), Some("guests"));
            assert!(world.requests.iter().all(|request| request.headers.get("X-Aggregate-Auth").is_none()));
            assert!(String::from_utf8_lossy(&world.responses[0].body).contains("\n<auth id=\"main\">"));
        }
    }
}

#[test]
fn http_1_0_gets_no_chunks() {
    let mut world = World::new("asa");
    let mut client = client(credentials("ann", "right"));
    let reference_cstp::login::LoginAction::Send { mut request, .. } = client.next() else { panic!("nothing is sent") };
    request.version = Version::Http10;
    let response = world.exchange(&request, true, false).unwrap();
    assert_eq!(response.version, Version::Http10);
    assert!(response.headers.get("Transfer-Encoding").is_none() && response.headers.get("Content-Length").is_some());
    request.version = Version::Http11;
    let response = world.exchange(&request, true, false).unwrap();
    assert!(response.headers.get("Transfer-Encoding").is_some() && response.headers.get("Content-Length").is_none());
}
