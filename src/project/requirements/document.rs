//! Reading a file that says what is required: bounded, and with errors that name a place and never show a line of it, which
//! could hold a credential.

use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The most bytes of such a file. The lock file of a very large project has a few million.
const BYTES: u64 = 64 << 20;

/// Its text.
pub(super) fn text(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = Vec::new();
    file.take(BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > BYTES {
        return Err(Error::requirements(path, "it has more than 64 MiB", "name a file of requirements"));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::requirements(path, "it is not UTF-8 text", "save it as UTF-8, or have its tool write it anew")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A value of a TOML file.
pub(super) fn toml<T: DeserializeOwned>(path: &Path) -> Result<T> {
    parse_toml(path, &text(path)?)
}

pub(super) fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
        // A message of several lines quotes the file.
        let message = error.message().lines().next().unwrap_or("it cannot be read").to_owned();
        unreadable(path, &place, &message)
    })
}

/// A value of a JSON file.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&text(path)?).map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        unreadable(path, &format!("line {}, column {}: ", error.line(), error.column()), message)
    })
}

fn unreadable(path: &Path, place: &str, message: &str) -> Error {
    Error::requirements(path, format!("{place}{message}"), "mend that line, or have the file's own tool write it anew")
}

fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_place_and_shows_no_line() {
        let text = "a = 1\nb = \"https://user:secret@host\n";
        let error = parse_toml::<toml::Table>(Path::new("pylock.toml"), text).unwrap_err().to_string();
        assert!(error.starts_with("pylock.toml: line 2, column "), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
