//! Text of strangers inside Markdown, for readers that also take HTML in it.

/// Text as text: no markup, no table cell, no HTML, no mention of a user.
pub(crate) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = None;
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' | '!' => out.extend(['\\', c]),
            // A reason that quotes "@team" must not notify the team.
            '@' if !before.is_some_and(char::is_alphanumeric) => out.push_str("@<!-- -->"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Text as code within a line. The fence is longer than any run of backticks inside.
pub(crate) fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace(['\n', '\r'], " "))
}

/// Text as a block of shell code.
pub(crate) fn fence(text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}sh\n{text}\n{fence}\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_a_stranger_is_text() {
        assert_eq!(inline("a|b\nc <b>`x`</b> @team me@x"), "a\\|b c &lt;b&gt;\\`x\\`&lt;/b&gt; @<!-- -->team me@x");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(fence("x ```` y"), "`````sh\nx ```` y\n`````\n");
    }
}
