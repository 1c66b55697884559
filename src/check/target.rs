//! For which target the compiled files say they are.

use std::collections::BTreeSet;

use super::{Files, LAYERS, TASK};
use crate::error::Result;
use crate::lambda::{Architecture, PythonVersion};

/// WHEEL has a few lines.
const WHEEL_BYTES: u64 = 64 << 10;

/// The one Python and the one machine that extension modules' names and wheels' tags agree on.
pub fn seen(files: &Files) -> Result<(Option<PythonVersion>, Option<Architecture>)> {
    let mut pythons: BTreeSet<String> = BTreeSet::new();
    let mut machines: BTreeSet<Architecture> = BTreeSet::new();
    for (path, file) in [TASK, LAYERS].into_iter().flat_map(|root| files.below(root)) {
        if let Some((python, machine)) = tag_of(path) {
            pythons.insert(python.to_owned());
            machines.extend(machine);
        } else if path.ends_with(".dist-info/WHEEL") && file.size <= WHEEL_BYTES {
            for line in String::from_utf8_lossy(&files.read(file)?).lines() {
                if let Some((python, machine)) = line.strip_prefix("Tag:").and_then(|tag| compiled_for(tag.trim())) {
                    pythons.extend(python.map(str::to_owned));
                    machines.insert(machine);
                }
            }
        }
    }
    let python = if pythons.len() == 1 { pythons.pop_first().and_then(|python| version(&python)) } else { None };
    Ok((python, if machines.len() == 1 { machines.pop_first() } else { None }))
}

/// The Python of a tag's digits: `312`.
pub(super) fn version(digits: &str) -> Option<PythonVersion> {
    format!("3.{}", digits.strip_prefix('3')?).parse().ok()
}

/// The digits of the Python and the machine in an extension module's name: `fast.cpython-312-aarch64-linux-gnu.so`.
pub(super) fn tag_of(path: &str) -> Option<(&str, Option<Architecture>)> {
    let tag = path.strip_suffix("-linux-gnu.so")?.rsplit_once(".cpython-")?.1;
    let (python, name) = tag.split_once('-')?;
    Some((python, [Architecture::X86_64, Architecture::Arm64].into_iter().find(|known| known.machine() == name)))
}

/// What a wheel's tag says that has compiled files for Linux: `cp312-cp312-manylinux_2_28_x86_64`. With the stable ABI
/// it is for any later Python as well.
pub(super) fn compiled_for(tag: &str) -> Option<(Option<&str>, Architecture)> {
    let (python, rest) = tag.split_once('-')?;
    let (abi, platform) = rest.split_once('-')?;
    if !platform.contains("linux") {
        return None;
    }
    let machine = [Architecture::X86_64, Architecture::Arm64]
        .into_iter()
        .find(|known| platform.strip_suffix(known.machine()).is_some_and(|before| before.ends_with('_')))?;
    Some((python.strip_prefix("cp").filter(|_| python == abi), machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags_say_for_what_they_are() {
        let of = |path| tag_of(path).map(|(python, machine)| (python.to_owned(), machine));
        assert_eq!(
            of("/var/task/p/x.y.cpython-312-aarch64-linux-gnu.so"),
            Some(("312".into(), Some(Architecture::Arm64)))
        );
        assert_eq!(of("/var/task/p/x.cpython-313-i386-linux-gnu.so"), Some(("313".into(), None)));
        assert_eq!(of("/var/task/p/x.abi3.so"), None);
        assert_eq!(of("/var/task/p/x.cpython-313-darwin.so"), None);
        assert_eq!(compiled_for("cp312-cp312-manylinux_2_28_x86_64"), Some((Some("312"), Architecture::X86_64)));
        assert_eq!(compiled_for("cp39-abi3-manylinux2014_aarch64"), Some((None, Architecture::Arm64)));
        assert_eq!(compiled_for("py3-none-any"), None);
        assert_eq!(compiled_for("cp313-cp313-macosx_11_0_arm64"), None);
        assert_eq!(version("312"), "3.12".parse().ok());
        assert_eq!((version("27"), version("39"), version("313t")), (None, None, None));
    }
}
