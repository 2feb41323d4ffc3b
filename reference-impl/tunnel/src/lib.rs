//! The shell around the protocol cores: TLS channels, TUN device, data plane, routes and resolver.

