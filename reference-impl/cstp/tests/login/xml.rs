//! The messages between client and server.

use proptest::prelude::*;
use reference_cstp::xml::{
    AnnouncedFile, AuthReply, AuthRequest, Choice, ClientInfo, ClientMessage, Complete, Dialect, Field, FieldKind,
    Form, Init, Logout, Opaque, ServerMessage, Sso, XmlError,
};

use crate::fixtures::{ASA_FORM, ASA_SUCCESS};

fn client_info() -> ClientInfo {
    ClientInfo {
        version: "v1".into(),
        device: "linux-64".into(),
        device_attributes: vec![("platform-version".into(), "9 & 10".into())],
        capabilities: vec!["single-sign-on-v2".into(), "a<b".into()],
    }
}

fn server_form() -> AuthRequest {
    let mut fields = vec![
        Field::new("username", "Username:", FieldKind::Text(Some("a\"b".into()))),
        Field::new("password", "Passwort für \"x\":", FieldKind::Password),
        Field::new("h", "h:", FieldKind::Hidden("<v>".into())),
        Field::new("sso-token", "sso-token:", FieldKind::SsoToken),
    ];
    fields[1].second_auth = true;
    let choices = vec![
        Choice::new("a", "A & B"),
        Choice { second_auth: true, secondary_username: Some("u".into()), ..Choice::new("b", "B") },
    ];
    fields.push(Field::new("group_list", "Group:", FieldKind::Select { choices, selected: 1 }));
    AuthRequest {
        version: Some("1".into()),
        opaque: Some(Opaque::build(&[("tunnel-group", "x & y"), ("not a name", "z")])),
        form: Form {
            id: "main".into(),
            title: Some("T".into()),
            message: Some("A & B <x>".into()),
            banner: Some("b".into()),
            error: Some("e".into()),
            action: Some("/auth".into()),
            fields,
        },
        has_form: true,
        ..AuthRequest::default()
    }
}

#[test]
fn client_messages_survive_the_way() {
    let init = Init {
        client: client_info(),
        group_access: Some("https://h/?a&b".into()),
        group_select: Some("<g>".into()),
        certificate_failed: true,
    };
    let answers = [("username", "ann"), ("password", " <>&\"'é\u{1F511} "), ("password", "")]
        .map(|(name, value)| (name.into(), value.into()));
    let reply = AuthReply {
        client: client_info(),
        opaque: Some(Opaque::build(&[("a", "b")])),
        answers: answers.into(),
        group_select: None,
    };
    let logout = Logout { client: client_info(), session_token: Some("t".into()) };
    for message in [ClientMessage::Init(init), ClientMessage::AuthReply(reply), ClientMessage::Logout(logout)] {
        assert_eq!(ClientMessage::parse(&message.render()), Ok(message));
    }
}

#[test]
fn server_messages_survive_the_way() {
    let complete = Complete {
        version: Some("1".into()),
        session_id: Some("2".into()),
        session_token: Some("t&".into()),
        title: Some("T".into()),
        message: Some("M".into()),
        banner: Some("<b>".into()),
        server_cert_hash: Some("AB".into()),
        profile: Some(AnnouncedFile { uri: "/p?a&b".into(), sha1: Some("CD".into()) }),
        core: vec![AnnouncedFile { uri: "/c".into(), sha1: None }],
        client_opaque: None,
    };
    for message in [
        ServerMessage::Auth(server_form()),
        ServerMessage::Complete(complete),
        ServerMessage::CertificateRequest { opaque: None },
    ] {
        assert_eq!(ServerMessage::parse(&message.render(Dialect::V2)), Ok((Dialect::V2, message)));
    }
}

#[test]
fn the_plain_form_has_no_more_than_plain_clients_know() {
    let request = AuthRequest { opaque: None, version: None, ..server_form() };
    let document = ServerMessage::Auth(server_form()).render(Dialect::V1);
    assert_eq!(ServerMessage::parse(&document), Ok((Dialect::V1, ServerMessage::Auth(request))));
    let complete = Complete { session_token: Some("secret".into()), title: Some("T".into()), ..Complete::default() };
    let document = ServerMessage::Complete(complete.clone()).render(Dialect::V1);
    assert!(!String::from_utf8_lossy(&document).contains("secret"));
    let expected = Complete { session_token: None, ..complete };
    assert_eq!(ServerMessage::parse(&document), Ok((Dialect::V1, ServerMessage::Complete(expected))));
}

#[test]
fn answers_stand_where_plain_text_search_finds_them() {
    let answers =
        ["username", "password", "secondary_password", "a b", "x><y"].map(|name| (name.to_owned(), "v&".to_owned()));
    let message =
        ClientMessage::AuthReply(AuthReply { client: client_info(), answers: answers.into(), ..AuthReply::default() });
    let text = String::from_utf8(message.render()).unwrap();
    assert!(text.starts_with("<?xml"));
    for part in [
        "<username>v&amp;</username>",
        "<password>v&amp;</password>",
        "<secondary_password>v&amp;</secondary_password>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(text.matches("v&amp;").count(), 3, "what is no name is left out: {text}");
}

#[test]
fn a_server_form_is_read_as_it_is_meant() {
    let Ok((Dialect::V2, ServerMessage::Auth(request))) = ServerMessage::parse(ASA_FORM.as_bytes()) else {
        panic!("no form")
    };
    let form = &request.form;
    assert_eq!((form.action.as_deref(), form.banner.as_deref(), form.title.as_deref()), (None, None, Some("Login")));
    assert_eq!(form.message.as_deref(), Some("Please enter your username and password, ann."));
    let (choices, selected) = form.groups().unwrap();
    assert_eq!(choices, [Choice::new("A", "Group A"), Choice::new("B", "B")]);
    assert_eq!(selected, 1);
    assert_eq!(form.fields.len(), 3, "buttons are no fields");
    assert_eq!(request.opaque.as_ref().unwrap().value("config-hash").as_deref(), Some("1595829378234"));
    assert!(!format!("{request:?}").contains("168179266"));
}

#[test]
fn the_attributes_for_the_client_are_kept_apart() {
    let Ok((_, ServerMessage::Complete(complete))) = ServerMessage::parse(ASA_SUCCESS.as_bytes()) else {
        panic!("no success")
    };
    assert!(complete.client_opaque.unwrap().as_str().contains("dynamic-split-include-domains"));
    assert_eq!(complete.core.len(), 1);
}

#[test]
fn parameters_take_the_place_of_percent_s() {
    let message = |text: &str| {
        let document = format!("<auth id='main'><message param1='A' param2='&lt;B&gt;'>{text}</message></auth>");
        let Ok((_, ServerMessage::Auth(request))) = ServerMessage::parse(document.as_bytes()) else {
            panic!("no message")
        };
        request.form.message
    };
    assert_eq!(message("%s and %s, not %s, 100%").as_deref(), Some("A and <B>, not %s, 100%"));
    assert_eq!(message(" plain ").as_deref(), Some("plain"));
    assert_eq!(message("  "), None);
}

#[test]
fn a_single_sign_on_is_recognised() {
    let document = "<config-auth type='auth-request'><auth id='main'><sso-v2-login>u</sso-v2-login><sso-v2-browser-mode>external</sso-v2-browser-mode><form><input type='sso' name='t'/></form></auth></config-auth>";
    let Ok((_, ServerMessage::Auth(request))) = ServerMessage::parse(document.as_bytes()) else { panic!("no form") };
    assert_eq!(
        request.sso,
        Some(Sso { login: Some("u".into()), browser_mode: Some("external".into()), ..Sso::default() })
    );
    assert_eq!(request.form.field("t").unwrap().kind, FieldKind::SsoToken);
}

#[test]
fn what_is_no_message_says_so() {
    for document in ["<x/>", "<config-auth/>", "<config-auth type='hello'/>", "<auth id='main'/>"] {
        assert!(matches!(ClientMessage::parse(document.as_bytes()), Err(XmlError::NotAuth(_))), "{document}");
    }
    for document in
        ["<x/>", "<config-auth/>", "<config-auth type='auth-request'/>", "<auth id='m'><form method='get'/></auth>"]
    {
        assert!(matches!(ServerMessage::parse(document.as_bytes()), Err(XmlError::NotAuth(_))), "{document}");
    }
    let many = format!("<auth id='m'><form>{}</form></auth>", "<input type='text' name='x'/>".repeat(65));
    assert_eq!(ServerMessage::parse(many.as_bytes()), Err(XmlError::TooLarge { what: "fields", limit: 64 }));
    let many =
        format!("<auth id='m'><form><select name='x'>{}</select></form></auth>", "<option>x</option>".repeat(1025));
    assert_eq!(ServerMessage::parse(many.as_bytes()), Err(XmlError::TooLarge { what: "choices", limit: 1024 }));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_message_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(ClientMessage::parse(&bytes).is_err());
        prop_assert!(ServerMessage::parse(&bytes).is_err());
    }

    #[test]
    fn mutated_messages_never_panic(at in 0_usize..4000, byte in any::<u8>(), cut in any::<bool>()) {
        let client = ClientMessage::Init(Init { client: client_info(), ..Init::default() }).render();
        for document in [ASA_FORM.as_bytes(), ASA_SUCCESS.as_bytes(), &client] {
            let mut document = document.to_vec();
            let at = at % document.len();
            document[at] = byte;
            if cut {
                document.truncate(at + 1);
            }
            let _ = ServerMessage::parse(&document);
            let _ = ClientMessage::parse(&document);
        }
    }

    #[test]
    fn any_answer_survives(value in "\\PC{0,40}", group in proptest::option::of("[^\\s\\p{C}](\\PC{0,20}[^\\s\\p{C}])?")) {
        let answers = vec![("password".to_owned(), value)];
        let message = ClientMessage::AuthReply(AuthReply { answers, group_select: group, ..AuthReply::default() });
        prop_assert_eq!(ClientMessage::parse(&message.render()), Ok(message));
    }
}
