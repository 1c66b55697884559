//! Names of others, as text of a line.

/// A name on one line: nothing in it moves a cursor, turns the direction of the line or cannot be seen, and it begins no command of a
/// CI that reads logs (`::error::`, `##[error]`).
pub fn shown(text: &str) -> String {
    let is_odd = |one: char| {
        one.is_control()
            || matches!(one, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut safe = String::with_capacity(text.len());
    for one in text.chars() {
        if is_odd(one) { safe.extend(one.escape_unicode()) } else { safe.push(one) }
    }
    if safe.trim_start().starts_with("::") {
        safe = safe.replacen("::", ":\\u{3a}", 1);
    }
    safe.replace("##[", "#\\u{23}[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text() {
        for (name, expected) in [
            ("pandas/core/frame.py", "pandas/core/frame.py"),
            ("a\u{1b}[2J\n", "a\\u{1b}[2J\\u{a}"),
            ("\u{202e}x\u{feff}", "\\u{202e}x\\u{feff}"),
            (" ::error::x", " :\\u{3a}error::x"),
            ("std::string", "std::string"),
            ("##[error]x", "#\\u{23}[error]x"),
        ] {
            assert_eq!(shown(name), expected);
        }
    }
}
