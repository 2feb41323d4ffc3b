//! Alerts of DTLS up to 1.2 (RFC 5246, section 7.2; RFC 4279, section 6).

use crate::words::Words;

const NAMES: &[(u8, &str)] = &[
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (112, "unrecognized_name"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
];

/// The line of an alert: `DTLS alert fatal handshake_failure`.
pub(super) fn alert(body: &[u8]) -> Words {
    // DTLS 0.9 may add the header of the message that it is about.
    let (Some(level), Some(number)) = (body.first(), body.get(1)) else { return "DTLS alert that is malformed".into() };
    let level = match level {
        1 => "warning".to_owned(),
        2 => "fatal".to_owned(),
        other => format!("level {other}"),
    };
    let name = NAMES.iter().find(|(known, _)| known == number);
    Words::new(match name {
        Some((_, name)) => format!("DTLS alert {level} {name}"),
        None => format!("DTLS alert {level} {number}"),
    })
}
