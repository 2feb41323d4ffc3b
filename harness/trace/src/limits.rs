//! What a capture may cost. Beyond these the trace says that it is not whole; it never grows without end.

/// Flows that are followed at a time; the one that was silent longest is given up for a new one.
pub(crate) const MOST_FLOWS: usize = 4096;
/// Bytes of out-of-order segments that are kept for one direction of a TCP stream before a gap is accepted.
pub(crate) const MOST_OUT_OF_ORDER: usize = 256 * 1024;
/// Fragmented packets that wait for their rest at a time.
pub(crate) const MOST_FRAGMENTED: usize = 64;
/// Bytes of a message (HTTP head or body, handshake message, certificate chain) that are kept to read it.
pub(crate) const MOST_MESSAGE: usize = 64 * 1024;
/// Lines of a trace.
pub(crate) const MOST_LINES: usize = 20_000;
/// Bytes that the lines of a trace take until they are written.
pub(crate) const MOST_LINE_BYTES: usize = 32 * 1024 * 1024;
/// Lines of one flow and view that take in repeats at a time.
pub(crate) const MOST_OPEN_FOLDS: usize = 16;
/// Lines of one flow and view that are looked through for what a retransmission repeats.
pub(crate) const MOST_REPEATABLE: usize = 64;
/// Keys in a key store.
pub(crate) const MOST_KEYS: usize = 16 * 1024;
/// Notes of a trace; the rest is counted.
pub(crate) const MOST_NOTES: usize = 100;
/// Bytes of out-of-order segments of all TCP streams together; beyond, gaps are accepted at once.
pub(crate) const MOST_OUT_OF_ORDER_ALL: usize = 16 * 1024 * 1024;
/// Interfaces that are told apart; frames of further ones are left out.
pub(crate) const MOST_WIRES: usize = 1024;
