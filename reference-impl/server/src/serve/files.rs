//! Files that clients ask for: the announced profile, and what deployed clients expect to be there.

use std::time::Instant;

use reference_cstp::http::{Request, percent_decode};

use super::{connection::Answer, shared::Shared};
use crate::events::Event;

/// Answers a request for a file; `None` when it is for something else.
pub(super) fn answer(shared: &Shared, request: &Request) -> Option<Answer> {
    let live = shared.live();
    let is_valid = |cookie: &str| shared.registry().find(cookie, Instant::now()).is_some();
    let response = live.materials.files.answer(request, is_valid)?;
    let announced =
        live.materials.announced.as_ref().is_some_and(|profile| profile.uri == percent_decode(request.path()));
    if announced {
        shared.events.emit(&Event::Profile { uri: request.path().to_owned(), status: response.status });
    }
    let close = response.closes() || request.closes();
    Some(Answer { response, close })
}
