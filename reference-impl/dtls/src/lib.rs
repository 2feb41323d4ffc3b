//! DTLS in the three families that AnyConnect and OpenConnect use, without sockets.

#![forbid(unsafe_code)]
