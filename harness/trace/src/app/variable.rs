//! Values that differ from run to run, and those that nobody should read: by the name of a header, an element or a field.

use crate::words::Words;

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As it is, unless it looks as if a machine had made it up.
    Plain,
    /// Made up by one side; a name of this kind stands for it. No kind is one of what is seen without keys: its numbers
    /// must not depend on what was opened.
    Random(&'static str),
    /// The same, written as hexadecimal digits: its bytes count, so that it is found again in other protocols.
    Hex(&'static str),
    /// Seconds to which a server adds some of its own.
    About,
    /// A time of day.
    Moment,
    /// Not at all.
    Hidden,
    /// `NAME=VALUE; NAME=VALUE`.
    Cookies,
    /// `NAME=VALUE; ATTRIBUTE; ATTRIBUTE=VALUE`.
    SetCookie,
    /// A scheme, and behind it what is nobody's business.
    Credentials,
    /// A scheme with its parameters, or with data.
    Challenge,
    /// Filling: what counts is its length.
    Pad,
    /// A document that holds session data.
    Document,
    /// A URL.
    Url,
}

/// Headers, in the order of the alphabet; every other is [`Shown::Plain`].
const HEADERS: &[(&str, Shown)] = &[
    ("authorization", Shown::Credentials),
    ("cookie", Shown::Cookies),
    ("date", Shown::Moment),
    ("etag", Shown::Random("etag")),
    ("expires", Shown::Moment),
    ("last-modified", Shown::Moment),
    ("location", Shown::Url),
    ("proxy-authenticate", Shown::Challenge),
    ("proxy-authorization", Shown::Credentials),
    ("referer", Shown::Url),
    ("set-cookie", Shown::SetCookie),
    ("www-authenticate", Shown::Challenge),
    ("x-anyconnect-identifier-device-uniqueid", Shown::Random("device-id")),
    ("x-anyconnect-strap-dh-pubkey", Shown::Random("strap-dh-key")),
    ("x-anyconnect-strap-pubkey", Shown::Random("strap-key")),
    ("x-anyconnect-strap-verify", Shown::Random("strap-signature")),
    ("x-cstp-lease-duration", Shown::About),
    ("x-cstp-post-auth-xml", Shown::Document),
    // ocserv adds up to 30 seconds to it or takes them off, and has 10 more for DTLS.
    ("x-cstp-rekey-time", Shown::About),
    ("x-cstp-session-id", Shown::Random("login-id")),
    ("x-cstp-session-timeout-remaining", Shown::About),
    ("x-dtls-app-id", Shown::Hex("app-id")),
    ("x-dtls-master-secret", Shown::Hex("dtls-master")),
    ("x-dtls-rekey-time", Shown::About),
    ("x-dtls-session-id", Shown::Hex("app-id")),
    ("x-pad", Shown::Pad),
];

/// Elements of aggregate authentication, in the order of the alphabet.
const ELEMENTS: &[(&str, Shown)] = &[
    ("aggauth-handle", Shown::Random("opaque")),
    ("client-cert", Shown::Random("client-cert")),
    ("client-cert-auth-signature", Shown::Random("signature")),
    ("config-hash", Shown::Random("config-hash")),
    ("hash", Shown::Hex("file-hash")),
    ("host-scan-ticket", Shown::Random("host-scan-ticket")),
    ("host-scan-token", Shown::Random("host-scan-token")),
    ("mac-address", Shown::Random("device-id")),
    ("phone-id", Shown::Random("device-id")),
    ("random", Shown::Random("opaque")),
    ("server-cert-hash", Shown::Hex("cert-hash")),
    ("session-id", Shown::Random("login-id")),
    ("session-token", Shown::Random("cookie")),
    ("sso-token", Shown::Hidden),
    ("unique-id", Shown::Random("device-id")),
    ("unique-id-global", Shown::Random("device-id")),
];

/// Parts of a field's name that tell that its value is a secret.
const SECRET_PARTS: &[&str] =
    &["answer", "code", "credential", "otp", "passphrase", "passw", "passcode", "pin", "pwd", "secret", "token"];

/// Longest value that is shown, in characters; the cipher suites of `X-DTLS12-CipherSuite` have some 200.
const LONGEST_VALUE: usize = 600;

/// How the value of a header is shown.
pub(crate) fn header(name: &str) -> Shown {
    find(HEADERS, name)
}

/// How an element or attribute of aggregate authentication is shown.
pub(crate) fn element(name: &str) -> Shown {
    find(ELEMENTS, name)
}

fn find(table: &[(&str, Shown)], name: &str) -> Shown {
    let known = table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map_or(Shown::Plain, |(_, shown)| *shown)
}

/// How a field of a form is shown.
pub(crate) fn field(name: &str) -> Shown {
    let name = name.to_ascii_lowercase();
    if SECRET_PARTS.iter().any(|part| name.contains(part)) { Shown::Hidden } else { Shown::Plain }
}

/// Adds a value to a line. Seconds and cookies that have a meaning of their own are told from those that have none.
pub(crate) fn add(words: Words, shown: Shown, value: &str) -> Words {
    match shown {
        Shown::Plain => loose(words, value, looks_random(value)),
        Shown::Random(kind) => random(words, kind, value),
        Shown::Hex(kind) => match hex::decode(value) {
            Ok(bytes) if !bytes.is_empty() => words.random(kind, &bytes),
            _ => random(words, kind, value),
        },
        Shown::About => words.text(about(value)),
        Shown::Moment if value.contains(':') => words.text("(a time)"),
        Shown::Moment => words.text(plain(value)),
        Shown::Hidden => words.text("(hidden)"),
        Shown::Cookies => joined(words, value.split("; "), "; ", cookie),
        Shown::SetCookie => set_cookie(words, value),
        Shown::Credentials => credentials(words, value),
        Shown::Challenge => match value.split_once(' ') {
            Some(("Negotiate" | "NTLM" | "Digest", _)) => credentials(words, value),
            _ => words.text(plain(value)),
        },
        Shown::Pad => match value.as_bytes() {
            [first, rest @ ..] if rest.iter().all(|byte| byte == first) => {
                let character = char::from(*first).escape_default().to_string();
                words.text(format!("{} x {character}", value.len()))
            }
            _ => words.text(plain(value)),
        },
        Shown::Document => words.text("(a document)").size(value.len()),
        Shown::Url => url(words, value),
    }
}

/// Text that may come from anyone, in one line of bounded length.
pub(crate) fn plain(text: &str) -> String {
    if text.len() <= LONGEST_VALUE && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST_VALUE {
            shown.push_str("...");
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Adds a value that stands among others: in quotes if it would not be one word, by name if it looks made up.
pub(crate) fn add_quoted(words: Words, value: &str) -> Words {
    if looks_random(value) { words.random("value", value.as_bytes()) } else { words.text(quoted(value)) }
}

/// Plain text, in quotes if it would not be one word.
fn quoted(text: &str) -> String {
    let shown = plain(text);
    let odd = |character: char| character.is_whitespace() || matches!(character, '"' | '=' | ',');
    if shown.is_empty() || shown.contains(odd) { format!("\"{}\"", shown.replace('"', "\\\"")) } else { shown }
}

/// The target of a request, or any URL: values of its query that look made up are named.
pub(crate) fn url(words: Words, text: &str) -> Words {
    let Some((path, query)) = text.split_once('?') else { return words.text(plain(text)) };
    joined(words.text(format!("{}?", plain(path))), query.split('&'), "&", |words, part| match part.split_once('=') {
        Some((name, value)) => {
            let words = words.text(format!("{}=", plain(name)));
            match field(name) {
                Shown::Plain => {
                    let digits = value.len() >= 6 && value.bytes().all(|byte| byte.is_ascii_digit());
                    loose(words, value, digits || looks_random(value))
                }
                shown => add(words, shown, value),
            }
        }
        None => loose(words, part, looks_random(part)),
    })
}

/// Whether a machine made this up: a hash, a key or a token.
fn looks_random(value: &str) -> bool {
    let bytes = value.as_bytes();
    let has = |class: fn(&u8) -> bool| bytes.iter().any(class);
    let all = |class: fn(&u8) -> bool| bytes.iter().all(class);
    let digits = has(u8::is_ascii_digit);
    if bytes.len() >= 32 && all(u8::is_ascii_hexdigit) {
        return true;
    }
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    bytes.len() >= 40 && digits && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && all(base64)
}

fn loose(words: Words, value: &str, made_up: bool) -> Words {
    if made_up { words.random("value", value.as_bytes()) } else { words.text(plain(value)) }
}

fn random(words: Words, kind: &'static str, value: &str) -> Words {
    if value.is_empty() { words.text("(empty)") } else { words.random(kind, value.as_bytes()) }
}

/// Seconds that are meant to be a round number: to the next hundred, from 200 on.
fn about(value: &str) -> String {
    match value.parse::<u64>() {
        Ok(seconds) if seconds >= 200 => format!("about {}", seconds.saturating_add(50) / 100 * 100),
        _ => plain(value),
    }
}

fn credentials(words: Words, value: &str) -> Words {
    match value.split_once(' ') {
        Some((scheme, _)) => words.text(format!("{} (hidden)", plain(scheme))),
        None => words.text("(hidden)"),
    }
}

fn joined<'a>(
    mut words: Words,
    parts: impl Iterator<Item = &'a str>,
    separator: &'static str,
    one: impl Fn(Words, &str) -> Words,
) -> Words {
    for (index, part) in parts.enumerate() {
        if words.0.len() >= MOST_PARTS {
            return words.text("...");
        }
        words = one(if index == 0 { words } else { words.text(separator) }, part);
    }
    words
}

/// Most words of a line that is made of parts.
const MOST_PARTS: usize = 200;

/// One cookie, with its name.
fn cookie(words: Words, pair: &str) -> Words {
    let Some((name, value)) = pair.split_once('=') else { return words.text(plain(pair)) };
    let words = words.text(format!("{}=", plain(name)));
    match value {
        "" => words,
        // Hints for the downloader: `sh` and `fh` are SHA-1 sums of the server's certificate and of the profile.
        _ if name == "webvpnc" => joined(words, value.split('&'), "&", |words, hint| match hint.split_once(':') {
            Some(("sh", hash)) => add(words.text("sh:"), Shown::Hex("cert-hash"), hash),
            Some(("fh", hash)) => add(words.text("fh:"), Shown::Hex("file-hash"), hash),
            _ => words.text(plain(hint)),
        }),
        _ => words.random("cookie", value.as_bytes()),
    }
}

fn set_cookie(words: Words, value: &str) -> Words {
    let mut parts = value.split(';').map(str::trim_start);
    let words = cookie(words, parts.next().unwrap_or_default());
    joined(words, parts, "", |words, part| match part.split_once('=') {
        // What is cleared expires long ago, at the same time in every run.
        Some((name, time)) if name.eq_ignore_ascii_case("expires") && !time.contains(" 1970 ") => {
            words.text(format!("; {name}=(a time)"))
        }
        _ => words.text(format!("; {}", plain(part))),
    })
}

/// A line as it would be shown if each random value had the number 1 of its kind.
#[cfg(test)]
pub(crate) fn shown(words: &Words) -> String {
    use crate::words::Word;

    let word = |word: &Word| match word {
        Word::Text(text) => text.to_string(),
        Word::Random { kind, .. } => format!("<{kind}>"),
        Word::Address(address) => address.to_string(),
        Word::Size(size) => format!(" ({size} bytes)"),
    };
    words.0.iter().map(word).collect()
}

/// The random values of a line.
#[cfg(test)]
pub(crate) fn values(words: &Words) -> Vec<(&'static str, Vec<u8>)> {
    use crate::words::Word;

    let value = |word: &Word| match word {
        Word::Random { kind, value } => Some((*kind, value.clone())),
        _ => None,
    };
    words.0.iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, value: &str) -> String {
        shown(&add(Words::default(), header(name), value))
    }

    #[test]
    fn tables_are_in_order_and_in_lower_case() {
        for table in [HEADERS, ELEMENTS] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0), "{table:?}");
            assert!(table.iter().all(|(name, _)| *name == name.to_ascii_lowercase()));
        }
    }

    #[test]
    fn cookies_are_named_and_their_attributes_stay() {
        assert_eq!(
            line(
                "Set-Cookie",
                "webvpncontext=AJQshR1vWUFqo72klNokThyyVAO40lB1Sbwvk6KcXig=; Max-Age=300; Secure; HttpOnly"
            ),
            "webvpncontext=<cookie>; Max-Age=300; Secure; HttpOnly"
        );
        let cleared = "webvpnc=; expires=Thu, 01 Jan 1970 22:00:00 GMT; path=/; Secure; HttpOnly";
        assert_eq!(line("Set-Cookie", cleared), cleared);
        assert_eq!(line("set-cookie", "a=b; Expires=Sun, 22 Nov 2026 01:23:29 GMT"), "a=<cookie>; Expires=(a time)");
        assert_eq!(
            line("Set-Cookie", "webvpnc=bu:/&p:t&iu:1/&sh:1ADE349E498921E91B07BEF2B92DAAA49EB5051A; path=/"),
            "webvpnc=bu:/&p:t&iu:1/&sh:<cert-hash>; path=/"
        );
        assert_eq!(line("Cookie", "webvpncontext=x; webvpn=y; odd"), "webvpncontext=<cookie>; webvpn=<cookie>; odd");
    }

    #[test]
    fn a_rekey_time_is_round() {
        // What ocserv 1.1.6 sent in several runs of the same cell; 10 more for DTLS.
        for seconds in ["172782", "172792", "172800", "172818", "172828", "172838"] {
            assert_eq!(line("X-CSTP-Rekey-Time", seconds), "about 172800");
        }
        assert_eq!(line("X-DTLS-Rekey-Time", "86400"), "about 86400");
        assert_eq!(line("X-CSTP-Rekey-Time", "8"), "8");
        assert_eq!(line("X-CSTP-Session-Timeout-Remaining", "none"), "none");
        assert_eq!(line("X-CSTP-Rekey-Time", "18446744073709551615"), "about 18446744073709551600");
    }

    #[test]
    fn secrets_are_named_or_hidden() {
        assert_eq!(line("Authorization", "Basic YWxpY2U6c2VjcmV0"), "Basic (hidden)");
        assert_eq!(line("Authorization", "secret"), "(hidden)");
        assert_eq!(line("WWW-Authenticate", "Basic realm=\"VPN\""), "Basic realm=\"VPN\"");
        assert_eq!(line("WWW-Authenticate", "Negotiate YIIB"), "Negotiate (hidden)");
        assert_eq!(line("X-CSTP-Post-Auth-XML", "<config-auth/>"), "(a document) (14 bytes)");
        let words = add(Words::default(), header("X-DTLS-App-ID"), "E0BED3");
        assert_eq!(values(&words), [("app-id", vec![0xe0, 0xbe, 0xd3])]);
    }

    #[test]
    fn values_of_no_known_header_are_looked_at() {
        let hash = "021299ca26dfe5f6bb838bef26513ae09012b7dd14f84debfce00f4e87228dfc";
        assert_eq!(line("x-sha256", hash), "<value>");
        let suites = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256";
        assert_eq!(line("X-DTLS12-CipherSuite", suites), suites);
        assert_eq!(line("X-CSTP-MTU", "1434"), "1434");
        assert_eq!(line("X-Pad", "0000000000000"), "13 x 0");
        assert_eq!(line("Date", "Sun, 22 Nov 2026 01:23:29 GMT"), "(a time)");
        assert_eq!(line("Expires", "-1"), "-1");
    }

    #[test]
    fn queries_of_targets_keep_what_people_wrote() {
        let target = |text: &str| shown(&url(Words::default(), text));
        assert_eq!(target("/bytes/1000000?seed=571324733"), "/bytes/1000000?seed=<value>");
        assert_eq!(target("/auth?group=staff&token=abc&x"), "/auth?group=staff&token=(hidden)&x");
        assert_eq!(target("/CSCOSSLC/tunnel"), "/CSCOSSLC/tunnel");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(plain("a\r\nb\u{1b}"), "a\\r\\nb\\u{1b}");
        assert_eq!(plain(&"x".repeat(9999)).len(), LONGEST_VALUE + 3);
        assert_eq!(quoted("Please \"enter\""), "\"Please \\\"enter\\\"\"");
        assert_eq!(quoted(""), "\"\"");
        let parts = add(Words::default(), Shown::Cookies, &"a=b; ".repeat(9999));
        assert!(parts.0.len() < MOST_PARTS + 9);
    }
}
