//! The result of a login for a shell, in the form of the program openconnect.

use std::fmt::Write as _;

/// `NAME='value'` lines that a shell can evaluate, the value quoted whatever is in it.
pub(crate) fn shell_lines(values: &[(&str, &str)]) -> String {
    values.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name}={}", quote(value));
        text
    })
}

fn quote(value: &str) -> String {
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        let hostile = "a'b $(touch x) `y` \\ \n\"";
        let text = shell_lines(&[("COOKIE", hostile), ("HOST", "vpn.example.org:8443")]);
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("{text}printf '%s|%s' \"$COOKIE\" \"$HOST\""))
            .output()
            .unwrap();
        let expected = format!("{}|vpn.example.org:8443", hostile.replace('\n', ""));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
