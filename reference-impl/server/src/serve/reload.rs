//! Reading files again while the server runs.

use std::sync::Arc;

use super::{
    news,
    shared::{Live, Shared},
};
use crate::{
    config::{self, Config},
    events::Event,
    failure::Failure,
};

/// SIGHUP: certificates, keys, revocation list, users and client profile; the configuration stays.
pub(super) async fn materials(shared: &Arc<Shared>) {
    let again = Arc::clone(shared);
    let read = blocking(move || {
        let live = again.live();
        let materials = live.materials.reload(&live.config, again.key_log.as_ref(), again.defects)?;
        Ok(Live { config: live.config.clone(), materials })
    });
    match read.await {
        Ok(live) => {
            live.materials.warn(&shared.events);
            shared.replace(live);
            shared.events.emit(&Event::Reloaded { by: "signal" });
        }
        Err(failure) => shared.events.emit(&Event::ReloadFailed { why: failure.message }),
    }
}

/// `restart`: the configuration and everything it names; then all clients are sent away to come back with their cookies.
pub(super) async fn everything(shared: &Arc<Shared>) -> Result<(), String> {
    let again = Arc::clone(shared);
    let read = blocking(move || {
        let live = again.live();
        let config = config::load(&live.config.path)?;
        let materials = live.materials.reload(&config, again.key_log.as_ref(), again.defects)?;
        Ok(Live { config, materials })
    });
    let checked = read.await.map_err(|failure| failure.message).and_then(|live| {
        match fixed(&shared.live().config, &live.config) {
            None => Ok(live),
            Some(what) => Err(format!("`{what}` changed, which takes a stop and a start")),
        }
    });
    match checked {
        Ok(live) => {
            live.materials.warn(&shared.events);
            shared.replace(live);
            shared.events.emit(&Event::Reloaded { by: "restart" });
            news::send_all_away(shared);
            Ok(())
        }
        Err(why) => {
            shared.events.emit(&Event::ReloadFailed { why: why.clone() });
            Err(why)
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::internal("read files again", error)).flatten()
}

/// What a running server cannot change: sockets, device and pools.
fn fixed(old: &Config, new: &Config) -> Option<&'static str> {
    let listen = |config: &Config| (config.listen.addresses.clone(), config.listen.tcp_port, config.listen.udp_port);
    let network = |config: &Config| (config.network.device.clone(), config.network.mtu, config.network.source_nat);
    if listen(old) != listen(new) {
        Some("listen")
    } else if old.pools != new.pools {
        Some("network.ipv4, network.ipv6 or groups.pool")
    } else if network(old) != network(new) {
        Some("network.device, mtu or source-nat")
    } else if old.dtls.families.is_empty() != new.dtls.families.is_empty()
        || old.dtls.hello_verify != new.dtls.hello_verify
    {
        Some("dtls.enabled or hello-verify")
    } else if old.control_socket != new.control_socket {
        Some("control-socket")
    } else if old.tls.key_log != new.tls.key_log {
        Some("tls.key-log")
    } else {
        None
    }
}
