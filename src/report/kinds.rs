//! What a file is, by its name.

use super::model::FileKind;

/// The kind of a file at a path.
pub(crate) fn kind(path: &str) -> FileKind {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.ends_with(".pyc") {
        FileKind::Bytecode
    } else if name.ends_with(".py") {
        FileKind::Source
    } else if is_library(name) {
        FileKind::Library
    } else {
        FileKind::Data
    }
}

/// `x.so`, and `libx.so.1.2`.
fn is_library(name: &str) -> bool {
    let is_version = |rest: &str| rest.is_empty() || rest.starts_with('.');
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    name.rsplit_once(".so").is_some_and(|(_, rest)| is_version(rest) && is_number(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_the_name() {
        for (path, expected) in [
            ("a/x.py", FileKind::Source),
            ("a/__pycache__/x.cpython-313.pyc", FileKind::Bytecode),
            ("a/x.cpython-313-x86_64-linux-gnu.so", FileKind::Library),
            ("a.libs/libz-1234.so.1.2.3", FileKind::Library),
            ("a/x.so.txt", FileKind::Data),
            ("a/x.pyi", FileKind::Data),
            ("x.sofa", FileKind::Data),
            ("x.source.so", FileKind::Library),
            ("", FileKind::Data),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
