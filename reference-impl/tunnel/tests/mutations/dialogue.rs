//! The two sides of a login, and the downloader.

use reference_cstp::authenticate::{context_id, logout};
use reference_cstp::download::{DownloadAction, sha1_hex};
use reference_cstp::http::{Expect, Limits, RequestReader, ResponseReader};
use reference_cstp::login::{LoginAction, LoginClient};

use crate::conversation::{LOGINS, Recorded, download, downloader, files, request, response};
use crate::dice::Dice;
use crate::harness::{Parser, Verdict};

/// Bytes beside the input: profiles, the state of a dialogue, and its other messages.
const MEMORY: (usize, usize) = (512 << 10, 400);

/// Steps after which a dialogue has to be over, whatever the other side says.
const STEPS: usize = 100;

/// Every turn of every login.
fn states() -> Vec<(usize, usize)> {
    LOGINS.iter().enumerate().flat_map(|(login, it)| (0..it.turns.len()).map(move |turn| (login, turn))).collect()
}

/// The client, which gets one changed response in the middle of a login.
pub(crate) struct ClientSide {
    states: Vec<(usize, usize)>,
}

impl ClientSide {
    pub(crate) fn new() -> Self {
        Self { states: states() }
    }
}

/// Sends what the client wants to send; checks that it is one request and nothing more.
fn sent(client: &mut LoginClient) -> Option<bool> {
    match client.next() {
        LoginAction::Send { request: sent, fresh_connection, .. } => {
            let wire = request(&sent.to_bytes());
            assert_eq!((wire.headers.len(), wire.body.len()), (sent.headers.len(), sent.body.len()), "{sent:?}");
            assert!(!client.url().authority().contains([' ', '/', '@']));
            Some(fresh_connection)
        }
        _ => None,
    }
}

impl Parser for ClientSide {
    fn name(&self) -> &'static str {
        "login-client"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let answer = |&(login, turn): &(usize, usize)| LOGINS[login].turns[turn].2.clone();
        self.states.iter().map(answer).enumerate().collect()
    }

    fn feed(&mut self, state: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let (login, turn) = self.states[state % self.states.len()];
        let Recorded { scene, turns, .. } = &LOGINS[login];
        let mut client = scene.client();
        for (_, _, answer) in &turns[..turn] {
            assert!(sent(&mut client).is_some(), "the dialogue took another way");
            client.on_response(response(answer, Expect::Body));
        }
        assert!(sent(&mut client).is_some(), "the dialogue took another way");
        let mut reader = ResponseReader::new(Limits::default());
        reader.push(input);
        if dice.one_in(2) {
            reader.close();
        }
        match reader.next() {
            Ok(Some(response)) => client.on_response(response),
            Ok(None) => client.on_transport_error("the connection was closed"),
            Err(error) => client.on_transport_error(&error.to_string()),
        }
        // The rest of the dialogue is as it was, and then the server is gone.
        let mut rest = turns[turn + 1..].iter();
        for _ in 0..STEPS {
            let _ = (client.take_notices(), client.stage(), client.group(), client.banner(), client.dialect());
            match client.next() {
                LoginAction::Send { .. } => match rest.next() {
                    Some((_, _, answer)) => {
                        sent(&mut client);
                        client.on_response(response(answer, Expect::Body));
                    }
                    None => client.on_transport_error("the connection was closed"),
                },
                LoginAction::Ask(form) => {
                    for field in form.fields.iter().take(dice.below(4)) {
                        client.answer(&field.name, "answer".into());
                    }
                    client.decline();
                }
                LoginAction::Done(_) => return Verdict::Accepted,
                LoginAction::Failed(error) => return Verdict::Refused(error.to_string()),
            }
        }
        panic!("the login does not end");
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}

/// The server, which gets one changed request in the middle of a login, and then the rest of it.
pub(crate) struct ServerSide {
    states: Vec<(usize, usize)>,
}

impl ServerSide {
    pub(crate) fn new() -> Self {
        Self { states: states() }
    }
}

impl Parser for ServerSide {
    fn name(&self) -> &'static str {
        "login-server"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let answer = |&(login, turn): &(usize, usize)| LOGINS[login].turns[turn].0.clone();
        self.states.iter().map(answer).enumerate().collect()
    }

    fn feed(&mut self, state: usize, input: &[u8], _: &mut Dice) -> Verdict {
        let (login, turn) = self.states[state % self.states.len()];
        let Recorded { scene, turns, .. } = &LOGINS[login];
        let (mut server, mut users) = (scene.server(), scene.users());
        let mut reader = RequestReader::new(Limits::server());
        for (before, with_certificate, _) in &turns[..turn] {
            server.set_connection(scene.certificate(*with_certificate), None);
            server.on_request(&request(before), &mut users);
        }
        server.set_connection(scene.certificate(turns[turn].1), None);
        reader.push(input);
        let after = turns[turn + 1..].iter().map(|turn| request(&turn.0));
        let (mut changed, mut refusal) = (Vec::new(), None);
        loop {
            match reader.next() {
                Ok(Some(request)) => changed.push(request),
                Ok(None) => break,
                Err(error) => {
                    refusal = Some(error.to_string());
                    break;
                }
            }
        }
        let whole = !changed.is_empty();
        for request in changed.into_iter().chain(after) {
            let _ = (context_id(&request), logout(&request), files().answer(&request, |_| true));
            let reply = server.on_request(&request, &mut users);
            let wire = response(&reply.response.to_bytes(), Expect::Body);
            assert_eq!(wire.status, reply.response.status);
            assert_eq!(wire.body, reply.response.body, "the response reads otherwise");
            if wire.status >= 400 {
                refusal.get_or_insert(wire.reason);
            }
        }
        match refusal {
            Some(reason) => Verdict::Refused(reason),
            None if whole => Verdict::Accepted,
            None => Verdict::Waiting,
        }
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}

/// The downloader, which gets one changed response; what is stored must be what was announced.
pub(crate) struct Downloads(Vec<u8>);

impl Downloads {
    pub(crate) fn new() -> Self {
        Self(download().1)
    }
}

impl Parser for Downloads {
    fn name(&self) -> &'static str {
        "downloader"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        vec![(0, self.0.clone())]
    }

    fn feed(&mut self, _: usize, input: &[u8], _: &mut Dice) -> Verdict {
        let mut client = downloader();
        let DownloadAction::Send { .. } = client.next() else { panic!("nothing is sent") };
        let mut reader = ResponseReader::new(Limits::default());
        reader.push(input);
        reader.close();
        match reader.next() {
            Ok(Some(response)) => client.on_response(response),
            Ok(None) => client.on_transport_error("the connection was closed"),
            Err(error) => client.on_transport_error(&error.to_string()),
        }
        match client.next() {
            DownloadAction::Store { name, content, .. } => {
                let expected = LOGINS[0].result.profile.as_ref().and_then(|file| file.sha1.clone()).unwrap();
                assert!(expected.eq_ignore_ascii_case(&sha1_hex(&content)), "something else is stored");
                assert_eq!(name, "p.xml");
                Verdict::Accepted
            }
            DownloadAction::Failed { error, .. } => Verdict::Refused(error.to_string()),
            other => panic!("{other:?}"),
        }
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}
