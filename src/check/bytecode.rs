//! Bytecode that Python will not load, or should not.
//!
//! Format: PEP 552. A `.pyc` begins with its Python's magic number and flags; then come the source's time and size, or
//! its hash (`SipHash`, keyed with the magic number: `_imp.source_hash`).

use std::hash::Hasher;

use rayon::prelude::*;
use siphasher::sip::{SipHasher13, SipHasher24};

use super::modules::Modules;
use super::reach::Reach;
use super::{File, Files, Finding, Question};
use crate::archive::Modified;
use crate::error::Result;
use crate::lambda::PythonVersion;

const CHECK: &str = "bytecode";

const HEADER: usize = 16;
const HASHED: u32 = 1;
const CHECKED: u32 = 2;

/// Lambda's time zone and the packing machine's differ by quarters of an hour.
const QUARTER: i64 = 15 * 60;

/// What is wrong with one file.
enum Problem {
    /// Another Python's, beside a source or in `__pycache__`.
    Foreign,
    /// Beside its source, where nobody looks.
    Beside,
    /// Another Python's, in place of a source.
    Broken,
    /// In `__pycache__`, without a source.
    Orphan,
    /// Made from another version of the source, and Python will see that.
    Stale,
    /// Made from another version of the source, and Python will not look.
    Different,
}

/// Every `.pyc` that Python might look at.
pub(super) fn check(modules: &Modules, question: &Question, loads: &Reach) -> Result<Vec<Finding>> {
    let files = modules.files;
    let python = question.target.python;
    let mut paths: Vec<(&String, &File)> = question
        .search_path
        .iter()
        .flat_map(|folder| files.below(folder))
        .filter(|(path, _)| path.ends_with(".pyc"))
        .collect();
    paths.sort_unstable_by_key(|(path, _)| *path);
    paths.dedup_by_key(|(path, _)| *path);
    let problems: Vec<(&String, u64, Problem)> = paths
        .into_par_iter()
        .map(|(path, file)| Ok(problem(path, file, files, python)?.map(|problem| (path, file.size, problem))))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    Ok(findings(&problems, python, loads))
}

/// The source of a `.pyc`, and whether it lies in `__pycache__`; none for another Python's.
fn source_of(path: &str, python: PythonVersion) -> Option<(String, bool)> {
    let Some((folder, name)) = path.rsplit_once("__pycache__/") else {
        return Some((path.trim_end_matches('c').to_owned(), false));
    };
    // `hook-PIL.Image.cpython-313.pyc`, `app.cpython-313.opt-1.pyc`
    let (stem, tag) = name.rsplit_once(".cpython-")?;
    let minor = tag.split('.').next()?.strip_prefix('3')?;
    (minor == python.minor().to_string()).then(|| (format!("{folder}{stem}.py"), true))
}

fn problem(path: &str, file: &File, files: &Files, python: PythonVersion) -> Result<Option<Problem>> {
    let Some((source, in_cache)) = source_of(path, python) else { return Ok(Some(Problem::Foreign)) };
    let bytes = files.read(file)?;
    let is_this_pythons = bytes.len() >= HEADER && bytes[..4] == magic(python).to_le_bytes();
    let Some(source_file) = files.files.get(&source) else {
        return Ok(match (in_cache, is_this_pythons) {
            (true, _) => Some(Problem::Orphan),
            (false, true) => None,
            (false, false) => Some(Problem::Broken),
        });
    };
    if !in_cache {
        return Ok(Some(Problem::Beside));
    }
    if !is_this_pythons {
        return Ok(Some(Problem::Foreign));
    }
    let word = |at: usize| bytes[at..at + 4].iter().rev().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    let flags = word(4);
    if flags & HASHED == 0 {
        let is_of_size = u64::from(word(12)) == source_file.size & u64::from(u32::MAX);
        let time = i64::from(word(8));
        let is_of_time = match files.modified(source_file) {
            None => true,
            Some(Modified::Exactly(seconds)) => seconds & i64::from(u32::MAX) == time,
            Some(Modified::Locally(seconds)) => {
                let apart = (time - seconds).rem_euclid(QUARTER);
                (time - seconds).abs() <= 24 * 60 * 60 && (apart <= 2 || apart >= QUARTER - 2)
            }
        };
        return Ok((!is_of_size || !is_of_time).then_some(Problem::Stale));
    }
    let hash = source_hash(&files.read(source_file)?, python);
    if bytes[8..HEADER] == hash.to_le_bytes() {
        return Ok(None);
    }
    Ok(Some(if flags & CHECKED == 0 { Problem::Different } else { Problem::Stale }))
}

/// The first four bytes of a `.pyc`. Source: `Lib/importlib/_bootstrap_external.py` (3.14:
/// `Include/internal/pycore_magic_number.h`).
fn magic(python: PythonVersion) -> u32 {
    let number: u32 = match python.minor() {
        10 => 3439,
        11 => 3495,
        12 => 3531,
        13 => 3571,
        _ => 3627,
    };
    number | u32::from(u16::from_le_bytes(*b"\r\n")) << 16
}

/// `_imp.source_hash`: SipHash-2-4 up to 3.10, SipHash-1-3 since.
fn source_hash(source: &[u8], python: PythonVersion) -> u64 {
    let key = u64::from(magic(python));
    if python.minor() <= 10 {
        let mut hasher = SipHasher24::new_with_keys(key, 0);
        hasher.write(source);
        hasher.finish()
    } else {
        let mut hasher = SipHasher13::new_with_keys(key, 0);
        hasher.write(source);
        hasher.finish()
    }
}

/// What breaks and is loaded is said file by file, all else is counted.
fn findings(problems: &[(&String, u64, Problem)], python: PythonVersion, loads: &Reach) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_loaded = |path: &str| {
        loads.others.contains_key(path)
            || source_of(path, python).is_some_and(|(source, _)| loads.sources.contains_key(&source))
    };
    let recompile = format!("ship the source, or compile with Python {python}");
    let again = "compile it again, or leave it out";
    let (loaded, others): (Vec<_>, Vec<_>) = problems.iter().partition(|(path, ..)| is_loaded(path));
    for (path, _, problem) in &loaded {
        findings.extend(match problem {
            Problem::Broken => Some(
                Finding::error(CHECK, path, format!("it is not bytecode of Python {python}, and there is no source beside it: \"bad magic number\""))
                    .with_hint(&recompile),
            ),
            Problem::Different => Some(
                Finding::error(CHECK, path, "it was compiled from another version of its source, and Python will run it without looking (unchecked hash)")
                    .with_hint(again),
            ),
            _ => None,
        });
    }
    let count_of = |problems: &[&(&String, u64, Problem)], wanted: fn(&Problem) -> bool, what: &str, hint: &str| {
        let of_these: Vec<_> = problems.iter().filter(|(.., problem)| wanted(problem)).collect();
        let (first, ..) = of_these.first()?;
        let bytes: u64 = of_these.iter().map(|(_, bytes, _)| bytes).sum();
        let number = of_these.len();
        let files = if number == 1 { "1 file of bytecode".to_owned() } else { format!("{number} files of bytecode") };
        Some(Finding::warning(CHECK, first, format!("{files} ({bytes} bytes) {what}")).with_hint(hint))
    };
    findings.extend(count_of(
        &others,
        |problem| matches!(problem, Problem::Broken),
        &format!("of another Python than {python} and without a source: an import fails with \"bad magic number\""),
        &recompile,
    ));
    findings.extend(count_of(
        &others,
        |problem| matches!(problem, Problem::Different),
        "compiled from another version of the source, and Python will run it without looking (unchecked hash)",
        again,
    ));
    let all: Vec<_> = problems.iter().collect();
    let count = |wanted, what: &str, hint: &str| count_of(&all, wanted, what, hint);
    let delete = "leave __pycache__ out, or let pack zip compile";
    findings.extend(count(
        |problem| matches!(problem, Problem::Foreign),
        &format!("of another Python than {python}: dead weight"),
        delete,
    ));
    findings.extend(count(
        |problem| matches!(problem, Problem::Beside),
        "beside the source, where Python never looks for it (compileall -b): dead weight",
        "leave it out, or leave the source out",
    ));
    findings.extend(count(|problem| matches!(problem, Problem::Orphan), "without a source: never loaded", delete));
    findings.extend(count(
        |problem| matches!(problem, Problem::Stale),
        "older than the source as it is packed: every cold start compiles it again",
        "compile with an unchecked hash (python -m compileall --invalidation-mode unchecked-hash), or let pack zip compile",
    ));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytecode_is_of_the_source_that_its_name_says() {
        let of = |path: &str| source_of(path, "3.13".parse().unwrap());
        let cached = |path: &str| Some((path.to_owned(), true));
        assert_eq!(of("/var/task/p/__pycache__/a.cpython-313.pyc"), cached("/var/task/p/a.py"));
        assert_eq!(of("/var/task/__pycache__/hook-PIL.Image.cpython-313.pyc"), cached("/var/task/hook-PIL.Image.py"));
        assert_eq!(of("/var/task/__pycache__/a.cpython-313.opt-2.pyc"), cached("/var/task/a.py"));
        assert_eq!(of("/var/task/a.pyc"), Some(("/var/task/a.py".to_owned(), false)));
        for other in ["a.cpython-312.pyc", "a.cpython-3130.pyc", "a.pypy310.pyc", "a.pyc"] {
            assert_eq!(of(&format!("/var/task/__pycache__/{other}")), None, "{other}");
        }
    }

    /// As `_imp.source_hash` of CPython 3.10.13, 3.11.7, 3.12.1 and 3.13.0 has it for `x = 1\n`.
    #[test]
    fn sources_are_hashed_as_cpython_does() {
        for (python, hash) in [
            ("3.10", "d94aade28c8cbebf"),
            ("3.11", "4c0372aa93f75252"),
            ("3.12", "1522561917f5df08"),
            ("3.13", "e786e2893651120e"),
        ] {
            let ours = source_hash(b"x = 1\n", python.parse().unwrap()).to_le_bytes();
            assert_eq!(data_encoding::HEXLOWER.encode(&ours), hash, "{python}");
        }
    }
}
