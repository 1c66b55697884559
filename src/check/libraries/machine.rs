//! Files for another machine, another Python or another system.
//!
//! Wheels that serve several of them are sound: `fast.cpython-312-….so` beside `fast.cpython-313-….so`, `helper_amd64.so`
//! beside `helper_arm64.so`, the Windows launchers of setuptools. So a file is only an error if it is what an import
//! would look for and nothing beside it can take its place.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Binary, Survey};
use super::naming::{Suffix, comes_later, has_alternative, meaning, module, musl_tag};
use super::search::machine_of;
use super::{and_more, is_ours, name, package};
use crate::check::Question;
use crate::check::files::Files;
use crate::check::finding::Finding;
use crate::check::reach::Reach;
use crate::check::target::{tag_of, version};
use crate::elf::dynamic::{Kind, Machine};
use crate::elf::is_library_name;
use crate::lambda::Architecture;

pub(super) fn check(
    survey: &Survey,
    files: &Files,
    pure: &BTreeSet<String>,
    question: &Question,
    loads: &Reach,
) -> Vec<Finding> {
    let target = question.target;
    let own = machine_of(target.architecture);
    let usable = |path: &str| match survey.binaries.get(path) {
        Some(Binary::Elf(library)) => library.machine == own,
        Some(Binary::Broken(machine, _)) => *machine == own,
        Some(Binary::Windows | Binary::Mac) | None => false,
    };
    let names: BTreeSet<&str> = survey.binaries.keys().filter(|path| usable(path)).map(|path| name(path)).collect();

    let mut wrong: BTreeMap<(&str, &str, String), Vec<&str>> = BTreeMap::new();
    for (path, binary) in &survey.binaries {
        if !is_ours(path) || pure.contains(&package(path).to_ascii_lowercase()) {
            continue;
        }
        let of_module = module(path, target);
        let (check, of) = match (binary, &of_module) {
            (Binary::Windows, _) => ("foreign-system", "Windows".to_owned()),
            (Binary::Mac, _) => ("foreign-system", "macOS".to_owned()),
            (Binary::Elf(library), _) if is_wrong(library.machine, library.kind, own) => {
                ("library-machine", words(library.machine))
            }
            (Binary::Broken(machine, kind), _) if is_wrong(*machine, *kind, own) => {
                ("library-machine", words(*machine))
            }
            (_, Some((_, Suffix::Other(tag)))) if survey.is_image && *tag == musl_tag(target) => continue,
            (_, Some((_, Suffix::Other(tag)))) => ("extension-version", meaning(tag)),
            _ => continue,
        };
        let matters = match of_module {
            // No import looks for another's file; if one of the target's own stands beside it, that one is judged.
            Some((stem, Suffix::Other(_))) => !has_alternative(files, path, stem, target),
            Some((stem, _)) if comes_later(path, stem, target, usable) => false,
            // Only `.pyd` and `.so` are what an import looks for; `.dll`, `.dylib` and `.exe` are the package's own business.
            of_module if check == "foreign-system" => {
                let stem = name(path).split('.').next().unwrap_or_default();
                of_module.is_some() || (path.ends_with(".pyd") && !has_alternative(files, path, stem, target))
            }
            _ => !names.contains(name(path)) && !says_its_machine(path, binary) && is_library_name(path),
        };
        if matters {
            wrong.entry((package(path), check, of)).or_default().push(path);
        }
    }
    wrong.into_iter().map(|((_, check, of), paths)| finding(check, &of, &paths, question, loads)).collect()
}

fn finding(check: &'static str, of: &str, paths: &[&str], question: &Question, loads: &Reach) -> Finding {
    let target = question.target;
    // To Python there is no such module, which only matters to who imports it.
    let loaded = paths.iter().find(|path| check != "extension-version" || loads.others.contains_key(**path));
    let path = loaded.unwrap_or(&paths[0]);
    let (python, machine) = tag_of(path).map_or((None, None), |(python, machine)| (version(python), machine));
    let by_header = [Architecture::X86_64, Architecture::Arm64].into_iter().find(|known| known.to_string() == of);
    let or_say = question.or_say(python, machine.or(by_header));
    let more = and_more(paths.len() - 1);
    let architecture = target.architecture;
    let python = target.python;
    let (reason, hint) = match check {
        "extension-version" => (
            format!("it is for {of}{more}, and Python {python} on {architecture} looks for files of its own only"),
            format!("install the package for {target}: pip with --python-version {python}, or pack{or_say}"),
        ),
        "foreign-system" => (
            format!("it is for {of}{more}, and Lambda runs Linux"),
            format!("install the package for {target} rather than for this machine: pip with --platform, or pack"),
        ),
        _ => (
            format!("it is for {of}{more}, and the function runs on {architecture}"),
            format!("install the package for {architecture}, or change the function's architecture{or_say}"),
        ),
    };
    let finding = if loaded.is_some() { Finding::error } else { Finding::warning };
    finding(check, path, reason).with_hint(hint)
}

/// Machines that Python itself runs on. Code for a GPU or a kernel (`EM_CUDA`, `EM_AMDGPU`, `EM_BPF`) is data here.
const MACHINES: &[(u16, bool, &str)] = &[
    (3, false, "32-bit x86"),
    (8, true, "MIPS"),
    (20, false, "32-bit PowerPC"),
    (21, true, "PowerPC"),
    (22, true, "s390x"),
    (40, false, "32-bit Arm"),
    (62, true, "x86_64"),
    (62, false, "x32"),
    (183, true, "arm64"),
    (243, true, "RISC-V"),
    (258, true, "LoongArch"),
];

fn known(machine: Machine) -> Option<&'static str> {
    MACHINES.iter().find(|(number, wide, _)| (*number, *wide) == (machine.number, machine.wide)).map(|(.., name)| *name)
}

fn words(machine: Machine) -> String {
    known(machine).unwrap_or("another machine").to_owned()
}

fn is_wrong(machine: Machine, kind: Kind, own: Machine) -> bool {
    kind != Kind::Other && machine != own && known(machine).is_some()
}

/// Words by which paths choose among machines.
const SPOKEN: &[(u16, &[&str])] = &[
    (3, &["x86", "i386", "i686", "ia32", "32", "linux32"]),
    (62, &["x86_64", "amd64", "x64", "x86", "64", "linux64"]),
    (40, &["arm", "armv6l", "armv7l", "armhf", "armv7"]),
    (183, &["aarch64", "arm64", "arm"]),
    (21, &["ppc64le", "ppc64"]),
    (22, &["s390x"]),
    (243, &["riscv64"]),
];

/// Whether the path names the file's machine, as a package does that picks a file by the machine it runs on. Python's own
/// tag in a module's name does not count: every wheel has it.
fn says_its_machine(path: &str, binary: &Binary) -> bool {
    let machine = match binary {
        Binary::Elf(library) => library.machine,
        Binary::Broken(machine, _) => *machine,
        Binary::Windows | Binary::Mac => return false,
    };
    let path = path.to_ascii_lowercase().replace("x86_64", "amd64");
    let named = path.split(".cpython-").next().unwrap_or_default();
    let spoken: Vec<&str> = named.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    SPOKEN.iter().any(|(number, words)| *number == machine.number && words.iter().any(|word| spoken.contains(word)))
}
