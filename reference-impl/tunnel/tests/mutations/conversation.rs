//! Logins that are recorded by running client and server against each other.

use std::sync::LazyLock;

use reference_cstp::authenticate::{
    Admission, AnnouncedProfile, Attempt, Authority, Certificate, ClientContext, Decision, GroupInfo, LoginOptions,
    LoginServer, Method,
};
use reference_cstp::download::{DownloadAction, DownloadItem, Downloader, ServedFiles, ServedProfile, sha1_hex};
use reference_cstp::http::{Expect, Limits, Request, RequestReader, Response, ResponseReader};
use reference_cstp::login::{Credentials, LoginAction, LoginClient, LoginResult};
use reference_cstp::profile::{ClientProfile, ServerProfile};

/// The profile file that is announced and fetched.
const PROFILE: &[u8] = b"<?xml version=\"1.0\"?>\n<AnyConnectProfile><ServerList/></AnyConnectProfile>\n";

/// The server of another world, which knows no XML: the client goes on in the plain dialogue.
const NO_XML: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/// What a server answers to move the client elsewhere on itself.
const REDIRECT: &[u8] =
    b"HTTP/1.1 302 Found\r\nLocation: /+CSCOE+/logon.html?a=b\r\nContent-Length: 0\r\nSet-Cookie: c=1; path=/\r\n\r\n";

pub(crate) static CLIENTS: LazyLock<Vec<ClientProfile>> =
    LazyLock::new(|| ClientProfile::names().map(|name| ClientProfile::named(name).unwrap()).collect());
pub(crate) static SERVERS: LazyLock<Vec<ServerProfile>> =
    LazyLock::new(|| ServerProfile::names().map(|name| ServerProfile::named(name).unwrap()).collect());
pub(crate) static LOGINS: LazyLock<Vec<Recorded>> = LazyLock::new(record_all);

/// Takes the password `right`, and then as many codes as there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Users {
    codes: usize,
}

impl Authority for Users {
    fn groups(&self) -> Vec<GroupInfo> {
        let group = |name: &str, label: &str| GroupInfo { name: name.into(), label: label.into() };
        vec![group("staff", "All staff"), group("guests", "Guests & <others>")]
    }

    fn begin(&mut self, _: &ClientContext) -> Admission {
        Admission::Proceed
    }

    fn check(&mut self, attempt: Attempt) -> Decision {
        let suffices = attempt.certificate_user.as_ref() == Some(&attempt.user);
        match attempt.answers.as_slice() {
            [] if suffices => Decision::Accept { cookie: "Y2VydA==".into(), session_id: "1".into() },
            [password, ..] if password != "right & <wrong>" => Decision::Reject { message: "Login failed.".into() },
            answers if answers.len() == 1 + self.codes => {
                Decision::Accept { cookie: "Y29va2ll".into(), session_id: "2".into() }
            }
            _ => Decision::Challenge { message: "Enter & <enjoy> the code".into(), label: String::new() },
        }
    }
}

/// What distinguishes one login from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    client: usize,
    server: usize,
    one_form: bool,
    codes: usize,
    certificate: bool,
    /// What the first answer is instead of that of the server.
    instead: Option<&'static [u8]>,
    group: Option<&'static str>,
}

impl Scene {
    pub(crate) fn users(&self) -> Users {
        Users { codes: self.codes }
    }

    pub(crate) fn client(&self) -> LoginClient {
        // The same code is not offered twice.
        let mut codes = 0..;
        let otp = move || codes.next().map(|code| format!("{code:06}"));
        let credentials = Credentials {
            username: Some("ann".into()),
            password: Some("right & <wrong>".into()),
            group: self.group.map(str::to_owned),
            otp: (self.codes > 0).then(|| Box::new(otp) as _),
            has_certificate: self.certificate,
        };
        LoginClient::new(CLIENTS[self.client].clone(), "vpn.test:4443/".parse().unwrap(), credentials)
    }

    pub(crate) fn server(&self) -> LoginServer {
        let options = LoginOptions {
            method: if self.certificate { Method::Certificate } else { Method::Password },
            pre_login_banner: Some("Before & <after>".into()),
            banner: Some("Welcome & <enjoy>\nsecond line".into()),
            profile: Some(AnnouncedProfile { uri: "/profiles/p.xml".into(), sha1: sha1_hex(PROFILE) }),
            server_cert_sha1: Some("0123456789ABCDEF0123456789ABCDEF01234567".into()),
            ..LoginOptions::default()
        };
        let profile = ServerProfile { one_form: self.one_form, ..SERVERS[self.server].clone() };
        LoginServer::new(profile, options, "Y3R4".into())
    }

    pub(crate) fn certificate(&self, shown: bool) -> Certificate {
        if self.certificate && shown { Certificate::User("ann".into()) } else { Certificate::None }
    }
}

/// One login as it was.
pub(crate) struct Recorded {
    pub(crate) scene: Scene,
    /// Request, whether a certificate was shown, response.
    pub(crate) turns: Vec<(Vec<u8>, bool, Vec<u8>)>,
    pub(crate) result: LoginResult,
}

/// Reads one request that is whole.
pub(crate) fn request(bytes: &[u8]) -> Request {
    let mut reader = RequestReader::new(Limits::default());
    reader.push(bytes);
    let request = reader.next().unwrap().expect("the request is not whole");
    assert_eq!(reader.next(), Ok(None), "there is more than one request");
    assert!(!reader.in_progress(), "there is more than one request");
    request
}

/// Reads one response that is whole.
pub(crate) fn response(bytes: &[u8], expect: Expect) -> Response {
    let mut reader = ResponseReader::new(Limits::default());
    reader.expect(expect);
    reader.push(bytes);
    reader.close();
    let response = reader.next().unwrap().expect("the response is not whole");
    assert!(reader.take_rest().is_empty(), "there is more than one response");
    response
}

fn record_all() -> Vec<Recorded> {
    let plain =
        Scene { client: 0, server: 0, one_form: true, codes: 0, certificate: false, instead: None, group: None };
    let mut scenes = Vec::new();
    for server in 0..SERVERS.len() {
        for one_form in [true, false] {
            scenes.push(Scene { server, one_form, group: Some("guests"), ..plain });
            scenes.push(Scene { server, one_form, codes: 2, ..plain });
            scenes.push(Scene { server, one_form, codes: 1, instead: Some(NO_XML), ..plain });
        }
        scenes.push(Scene { server, certificate: true, ..plain });
        scenes.push(Scene { server, instead: Some(REDIRECT), ..plain });
        scenes.extend((1..CLIENTS.len()).map(|client| Scene { client, server, ..plain }));
    }
    scenes.into_iter().map(record).collect()
}

fn record(scene: Scene) -> Recorded {
    let (mut client, mut server, mut users) = (scene.client(), scene.server(), scene.users());
    let (mut turns, mut instead) = (Vec::new(), scene.instead);
    for _ in 0..20 {
        match client.next() {
            LoginAction::Send { request: sent, with_certificate, .. } => {
                let sent = sent.to_bytes();
                let answer = match instead.take() {
                    Some(bytes) => bytes.to_vec(),
                    None => {
                        server.set_connection(scene.certificate(with_certificate), None);
                        // The path of the redirection is no other than the first one for this server.
                        let text = String::from_utf8_lossy(&sent).replace("/+CSCOE+/logon.html?a=b HTTP", "/ HTTP");
                        server.on_request(&request(text.as_bytes()), &mut users).response.to_bytes()
                    }
                };
                client.on_response(response(&answer, Expect::Body));
                turns.push((sent, with_certificate, answer));
            }
            LoginAction::Done(result) => return Recorded { scene, turns, result: *result },
            other => panic!("{scene:?} {other:?}"),
        }
    }
    panic!("the login does not end: {scene:?}");
}

/// The files that the server has.
pub(crate) fn files() -> ServedFiles {
    ServedFiles { profile: Some(ServedProfile { uri: "/profiles/p.xml".into(), content: Some(PROFILE.to_vec()) }) }
}

/// The client's half of the download of the profile.
pub(crate) fn downloader() -> Downloader {
    let login = &LOGINS[0].result;
    let profile = ClientProfile { downloader: true, profile_required: true, ..CLIENTS[0].clone() };
    let items: Vec<DownloadItem> = Downloader::items(&profile, login, |_| None);
    assert_eq!(items.len(), 1, "the profile was not announced");
    Downloader::new(profile, login, items)
}

/// Request and response of the download.
pub(crate) fn download() -> (Vec<u8>, Vec<u8>) {
    let mut client = downloader();
    let DownloadAction::Send { request: sent } = client.next() else { panic!("nothing is sent") };
    let answer = files().answer(&sent, |cookie| !cookie.is_empty()).unwrap();
    client.on_response(answer.clone());
    assert!(matches!(client.next(), DownloadAction::Store { .. }), "what was fetched is not stored");
    (sent.to_bytes(), answer.to_bytes())
}
