//! AnyConnect and OpenConnect over TLS, without sockets: HTTP, XML authentication, CONNECT, CSTP frames, timers, compression.

#![forbid(unsafe_code)]
