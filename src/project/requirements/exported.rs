//! What an exporter wrote: a requirements file of pinned versions with hashes, and of folders and repositories.

use std::path::Path;

use super::line;
use super::locked::Locked;

/// Options that say where to look. All others of an exporter's would change what pip does with a lock, and there are none.
const PLACES: &[&str] = &["-i", "--index-url", "--extra-index-url", "--find-links", "--trusted-host"];

/// Reads an export. Folders become plain ones: an editable one is a link to this machine. Relative ones are relative to `base`.
pub(super) fn read(text: &str, base: &Path) -> Locked {
    let mut locked = Locked::default();
    for line in logical_lines(text) {
        if let Some(folder) = editable(&line) {
            locked.unhashed.push(absolute(folder, base));
        } else if line.starts_with('-') {
            if PLACES.iter().any(|option| line.strip_prefix(option).is_some_and(|rest| rest.starts_with([' ', '=']))) {
                locked.options.push(line);
            }
        } else if line.contains(" --hash=") {
            locked.hashed.push(line);
        } else {
            locked.unhashed.push(absolute(&line, base));
        }
    }
    locked
}

/// Lines without comments, those that end with a backslash joined to the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut whole = String::new();
    for part in text.lines() {
        if part.trim_start().starts_with('#') {
            continue;
        }
        let part = part.split(" #").next().unwrap_or_default().trim();
        let (part, goes_on) = part.strip_suffix('\\').map_or((part, false), |part| (part.trim_end(), true));
        if !whole.is_empty() && !part.is_empty() {
            whole.push(' ');
        }
        whole.push_str(part);
        if !goes_on && !whole.is_empty() {
            lines.push(std::mem::take(&mut whole));
        }
    }
    lines.extend((!whole.is_empty()).then_some(whole));
    lines
}

fn editable(line: &str) -> Option<&str> {
    ["-e", "--editable"].iter().find_map(|option| {
        let rest = line.strip_prefix(option)?;
        rest.starts_with([' ', '=']).then(|| rest[1..].trim())
    })
}

/// A folder's or file's path as a URL, its marker behind it; anything else as it is.
fn absolute(line: &str, base: &Path) -> String {
    let (place, marker) = match line.split_once(" ;").or_else(|| line.split_once("; ")) {
        Some((place, marker)) => (place.trim(), Some(marker.trim())),
        None => (line, None),
    };
    let is_relative = place.contains('/') && !place.contains([':', '@']);
    if is_relative || place.starts_with(['.', '/']) {
        let url = line::file_url(base, place);
        marker.map_or_else(|| url.clone(), |marker| format!("{url} ; {marker}"))
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXPORT: &str = "\
# written by a tool
--index-url https://host/simple
--no-binary :all:

-e ./libs/one ; python_version >= '3.9'
    # via job
./libs/two words
../three
six==1.17.0 ; python_full_version < '4' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via one
four @ git+https://host/four@abc
five @ file:///srv/five ; python_version >= '3.11'
-e file:///srv/six
seven==1
";

    #[test]
    fn hashes_folders_and_places_are_told_apart() {
        let locked = read(EXPORT, Path::new("/srv/job"));
        assert_eq!(locked.options, ["--index-url https://host/simple"]);
        assert_eq!(locked.hashed, ["six==1.17.0 ; python_full_version < '4' --hash=sha256:aa --hash=sha256:bb"]);
        assert_eq!(
            locked.unhashed,
            [
                "file:///srv/job/libs/one ; python_version >= '3.9'",
                "file:///srv/job/libs/two%20words",
                "file:///srv/job/../three",
                "four @ git+https://host/four@abc",
                "five @ file:///srv/five ; python_version >= '3.11'",
                "file:///srv/six",
                "seven==1",
            ]
        );
        let texts = locked.texts();
        assert_eq!(texts.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["", ".unhashed"]);
        assert!(texts.iter().all(|(_, text)| text.starts_with("--index-url https://host/simple\n")));
    }

    #[test]
    fn an_export_of_nothing_asks_nothing() {
        assert_eq!(read("# nothing\n", Path::new("/")).texts(), []);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a-z0-9 .,<>=@;\\\\#\n/]{0,80}") {
            read(&text, Path::new("/srv")).texts();
        }
    }
}
