//! From a host name to a TCP connection: all addresses of both families, in turn, each with a time limit.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use reference_cstp::http::ServerUrl;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::error::ClientError;

/// Most addresses of one name that are tried.
const MOST: usize = 16;

/// `--resolve HOST:ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, address) = text.split_once(':').ok_or("it is not HOST:ADDRESS")?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let address = address.parse().map_err(|_| format!("'{address}' is not an address"))?;
        Ok(Self { host: host.to_owned(), address })
    }
}

/// The addresses of the gateway, those given by hand first and alone.
pub(crate) async fn addresses(
    url: &ServerUrl,
    overrides: &[Override],
    limit: Duration,
) -> Result<Vec<SocketAddr>, ClientError> {
    let by_hand: Vec<SocketAddr> = overrides
        .iter()
        .filter(|one| one.host.eq_ignore_ascii_case(&url.host))
        .map(|one| SocketAddr::new(one.address, url.port))
        .collect();
    if !by_hand.is_empty() {
        return Ok(by_hand);
    }
    let failed = |reason: String| ClientError::Resolve { host: url.host.clone(), reason };
    let found = timeout(limit, lookup_host((url.host.as_str(), url.port)))
        .await
        .map_err(|_| failed(format!("no answer within {} s", limit.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.take(MOST) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(failed("it has none".into())) } else { Ok(addresses) }
}

/// Opens a TCP connection to the first address that answers.
pub(crate) async fn dial(host: &str, addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, ClientError> {
    let mut reasons = Vec::new();
    for &address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => reasons.push(format!("{address}: {}", plain(&error))),
            Err(_) => reasons.push(format!("{address}: no answer within {} s", limit.as_secs())),
        }
    }
    Err(ClientError::Unreachable { host: host.to_owned(), reason: reasons.join(", ") })
}

/// An error without the number of the system.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn an_address_by_hand_wins() {
        let overrides = ["vpn.example.org:192.0.2.1", "vpn.example.org:[2001:db8::1]", "other:192.0.2.2"];
        let overrides: Vec<Override> = overrides.iter().map(|text| text.parse().unwrap()).collect();
        let url = ServerUrl::new("VPN.example.org", 8443);
        let found = runtime().block_on(addresses(&url, &overrides, Duration::from_secs(1))).unwrap();
        assert_eq!(found, ["192.0.2.1:8443".parse().unwrap(), "[2001:db8::1]:8443".parse().unwrap()]);
        assert!("vpn.example.org".parse::<Override>().is_err());
        assert!("vpn.example.org:nowhere".parse::<Override>().unwrap_err().contains("'nowhere'"));
    }

    #[test]
    fn the_next_address_is_tried_and_every_reason_told() {
        let runtime = runtime();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            taken.local_addr().unwrap()
        };
        let limit = Duration::from_secs(5);
        let stream = runtime.block_on(dial("h", &[closed, open], limit)).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let error = runtime.block_on(dial("h", &[closed], limit)).unwrap_err();
        assert_eq!(error.to_string(), format!("reach h: {closed}: Connection refused"));
    }
}
