//! Percent-encoding and the form encoding of the plain (version 1) login.

/// Encodes every byte that is not unreserved in a URL as `%XX`.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Decodes `%XX`; a percent sign without two hexadecimal digits stays, and bytes that are no UTF-8 become U+FFFD.
pub fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        match digits.and_then(|digits| hex::decode(digits).ok()) {
            Some(byte) => {
                out.extend(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Encodes names and values as `application/x-www-form-urlencoded`.
pub fn form_encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<_> =
        fields.into_iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
    pairs.join("&")
}

/// Decodes `application/x-www-form-urlencoded`; at most 64 fields are kept.
pub fn form_decode(text: &str) -> Vec<(String, String)> {
    let plain = |part: &str| percent_decode(&part.replace('+', " "));
    let pairs = text.trim_end_matches(['\r', '\n']).split('&').filter(|pair| !pair.is_empty());
    let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split.map(|(name, value)| (plain(name), plain(value))).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difficult_password_survives_the_form() {
        let password = "<>&\"'é+% =\u{1F511}";
        let encoded = form_encode([("user name", "a&b"), ("password", password)]);
        assert!(encoded.is_ascii() && !encoded.contains(' ') && encoded.matches('&').count() == 1, "{encoded}");
        let decoded = form_decode(&encoded);
        assert_eq!(decoded, [("user name".to_owned(), "a&b".to_owned()), ("password".to_owned(), password.to_owned())]);
    }

    #[test]
    fn decoding_is_lenient_and_bounded() {
        assert_eq!(percent_decode("%zz%4%41%c3%a9%ff"), "%zz%4Aé\u{fffd}");
        assert_eq!(
            form_decode("a=1+2&&b&c=%3d\r\n"),
            [("a", "1 2"), ("b", ""), ("c", "=")].map(|(n, v)| (n.into(), v.into()))
        );
        assert_eq!(form_decode(&"x=1&".repeat(1000)).len(), 64);
        assert_eq!(form_decode(""), []);
    }
}
