//! Requests of the login, and of the logout without a tunnel.

use std::{sync::Arc, time::Instant};

use reference_cstp::{
    authenticate::{Certificate, LoginOptions, LoginOutcome, LoginServer, Reply, context_id, logout, logout_response},
    frame::reason,
    http::Request,
};
use reference_tunnel::plane::{Farewell, SessionId};

use super::{
    authority::{Gate, method},
    connection::{Answer, Peer},
    logins::{Logins, PAUSE},
    shared::{Goodbye, Live, Shared},
};
use crate::{events::Event, guard::Suspect};

/// Answers a request of a login. Passwords are verified on a thread of their own, so that others are served meanwhile.
pub(super) async fn answer(shared: &Arc<Shared>, peer: &Peer, request: Request) -> Answer {
    if let Some(wish) = logout(&request) {
        if let Some(cookie) = wish.cookie {
            end_session(shared, &cookie);
        }
        return Answer { response: logout_response(), close: true };
    }
    let live = shared.live();
    let known = context_id(&request).and_then(|id| shared.logins().take(id, Instant::now()));
    let mut login = known.unwrap_or_else(|| fresh(&live, peer));
    login.set_connection(certificate(peer), Some(peer.remote.ip()));
    let mut gate = Gate::new(shared, live);
    let Ok(_turn) = shared.verifications.acquire().await else { return Answer::last(503, "Service Unavailable") };
    let work = tokio::task::spawn_blocking(move || {
        let reply = login.on_request(&request, &mut gate);
        (login, gate, reply)
    });
    let Ok((login, gate, reply)) = work.await else { return Answer::last(500, "Internal Server Error") };
    let over = matches!(reply.outcome, Some(LoginOutcome::Accepted { .. })) || reply.response.status == 404;
    if !over {
        shared.logins().put(login, Instant::now());
    }
    tell(shared, peer, &reply, gate);
    Answer { response: reply.response, close: reply.close }
}

fn fresh(live: &Live, peer: &Peer) -> Box<LoginServer> {
    let options = LoginOptions {
        method: method(live.config.auth.methods),
        banner: live.config.banner.clone(),
        profile: live.materials.announced.clone(),
        server_cert_sha1: Some(live.materials.acceptor.fingerprint(peer.sni.as_deref())),
        context_max_age: u32::try_from(PAUSE.as_secs()).unwrap_or(u32::MAX),
        ..LoginOptions::default()
    };
    Box::new(LoginServer::new(live.config.profile.clone(), options, Logins::fresh_id()))
}

fn certificate(peer: &Peer) -> Certificate {
    match (&peer.certificate_user, peer.has_certificate) {
        (Some(user), _) => Certificate::User(user.clone()),
        (None, true) => Certificate::Unnamed,
        (None, false) => Certificate::None,
    }
}

/// Counts failures and tells what happened.
fn tell(shared: &Shared, peer: &Peer, reply: &Reply, gate: Gate) {
    let remote = peer.remote.ip();
    match &reply.outcome {
        None => {}
        Some(LoginOutcome::Accepted { user, .. }) => {
            let mut bans = shared.bans();
            bans.succeed(&Suspect::address(remote));
            bans.succeed(&Suspect::User(user.clone()));
            drop(bans);
            let group = gate.group.unwrap_or_default();
            shared.events.emit(&Event::Login { user: user.clone(), group, remote });
        }
        Some(LoginOutcome::Failed { user, reason }) => {
            let why = gate.why.unwrap_or_else(|| reason.clone());
            shared.events.emit(&Event::LoginFailed { user: user.clone(), remote, why });
            if gate.banned {
                return;
            }
            let seconds = shared.live().config.limits.ban.as_secs();
            let now = Instant::now();
            if shared.bans().fail(Suspect::address(remote), now) {
                shared.events.emit(&Event::Banned { who: remote.to_string(), seconds });
            }
            if let Some(user) = user
                && shared.bans().fail(Suspect::User(user.clone()), now)
            {
                shared.events.emit(&Event::Banned { who: format!("user {user}"), seconds });
            }
        }
    }
}

fn end_session(shared: &Shared, cookie: &str) {
    let now = Instant::now();
    let mut registry = shared.registry();
    let Some(id) = registry.find(cookie, now).map(|session| session.id) else { return };
    if let Some(link) = shared.links().get_mut(&id) {
        link.farewell = Some(Goodbye { reason: "logout", keeps: false });
    }
    shared.plane.detach(SessionId(id), Farewell::Disconnect { reason: reason::USER, text: "logout".to_owned() });
    registry.log_out(id, now);
}
